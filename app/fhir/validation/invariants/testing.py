"""The invariants of https://hl7.org/fhir/R4/testscript.html#invs and https://hl7.org/fhir/R4/testreport.html#invs

A test script says the same of its setup, tests and teardown, under keys of their own.
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


def _operation(key: str) -> Invariant:
    return rule(
        key,
        "An operation needs a sourceId, exactly one of targetId, url and params, or a type that needs none of them.",
        one_target,
    )


def _assert(single: str, comparison: str, direction: str) -> tuple[Invariant, ...]:
    return (
        rule(single, "An assert makes a single assertion.", one_assertion),
        rule(
            comparison,
            "A compareToSourceId needs a compareToSourceExpression or a compareToSourcePath, and these need it.",
            whole_comparison,
        ),
        rule(direction, "An assert about the request has no response and no responseCode.", of_response, "direction"),
    )


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "TestReport.setup.action": (_action("inv-1"),),
    "TestReport.test.action": (_action("inv-2"),),
    "TestScript.metadata": (rule("tst-4", "A capability must be required or validated.", tst_4),),
    "TestScript.variable": (
        rule("tst-3", "A variable may not have an expression, a headerField and a path at once.", tst_3, "expression"),
    ),
    "TestScript.setup.action": (_action("tst-1"),),
    "TestScript.setup.action.operation": (_operation("tst-7"),),
    "TestScript.setup.action.assert": _assert("tst-5", "tst-10", "tst-12"),
    "TestScript.test.action": (_action("tst-2"),),
    "TestScript.test.action.operation": (_operation("tst-8"),),
    "TestScript.test.action.assert": _assert("tst-6", "tst-11", "tst-13"),
    "TestScript.teardown.action.operation": (_operation("tst-9"),),
}
