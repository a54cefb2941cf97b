"""The invariants of https://hl7.org/fhir/R4/testscript.html#invs and https://hl7.org/fhir/R4/testreport.html#invs

The operations and asserts of a test and of the teardown are defined as those of the setup: tst-7 is also tst-8 and
tst-9, tst-5, tst-10 and tst-12 are also tst-6, tst-11 and tst-13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.validation.invariants.rule import Invariant, Value, exactly_one, members, present, rule

_ASSERTIONS: Final = (
    "contentType",
    "expression",
    "headerField",
    "minimumId",
    "navigationLinks",
    "path",
    "requestMethod",
    "resource",
    "responseCode",
    "response",
    "validateProfileId",
)
_WITHOUT_TARGET: Final = frozenset({"capabilities", "search", "transaction", "history"})
_assertions = [present(name) for name in _ASSERTIONS]
_targets = [present(name) for name in ("targetId", "url", "params")]
_compared = [present(name) for name in ("compareToSourceExpression", "compareToSourcePath")]


def one_assertion(asserted: Value) -> bool:
    """Only one thing is asserted at a time."""
    return "extension" in asserted or sum(there(asserted) for there in _assertions) <= 1


def whole_comparison(asserted: Value) -> bool:
    """Another source and what is looked for in it."""
    return present("compareToSourceId")(asserted) == any(there(asserted) for there in _compared)


def of_response(asserted: Value) -> bool:
    """A request has no response."""
    return asserted.get("direction") != "request" or members("response", "responseCode").isdisjoint(asserted)


def one_target(operation: Value) -> bool:
    """It is known what the operation is carried out on."""
    return (
        present("sourceId")(operation)
        or sum(there(operation) for there in _targets) == 1
        or operation.get("type", {}).get("code") in _WITHOUT_TARGET
    )


def tst_3(variable: Value) -> bool:
    """Not an expression, a header and a path at once."""
    return any(members(name).isdisjoint(variable) for name in ("expression", "headerField", "path"))


def tst_4(metadata: Value) -> bool:
    """Some capability is required or validated."""
    return any(members("required", "validated") & each.keys() for each in metadata.get("capability", ()))


def _action(key: str) -> Invariant:
    return exactly_one(key, "An action has either an operation or an assert.", "operation", "assert")


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "TestReport.setup.action": (_action("inv-1"),),
    "TestReport.test.action": (_action("inv-2"),),
    "TestScript.metadata": (rule("tst-4", "A capability must be required or validated.", tst_4),),
    "TestScript.variable": (
        rule("tst-3", "A variable may not have an expression, a headerField and a path at once.", tst_3, "expression"),
    ),
    "TestScript.setup.action": (_action("tst-1"),),
    "TestScript.setup.action.operation": (
        rule(
            "tst-7",
            "An operation needs a sourceId, exactly one of targetId, url and params, or a type that needs none.",
            one_target,
        ),
    ),
    "TestScript.setup.action.assert": (
        rule("tst-5", "An assert makes a single assertion.", one_assertion),
        rule(
            "tst-10",
            "A compareToSourceId needs a compareToSourceExpression or a compareToSourcePath, and these need it.",
            whole_comparison,
        ),
        rule("tst-12", "An assert about the request has no response and no responseCode.", of_response, "direction"),
    ),
    "TestScript.test.action": (_action("tst-2"),),
}
