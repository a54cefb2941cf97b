"""What every patch has in common: the copy it works on, and what it may not change.

https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from app.errors import Issue, TooLarge, Unprocessable
from app.fhir.patching.json_values import copied
from app.fhir.resource import Resource

MOST_OPERATIONS: Final = 1000
"""Operations in one patch."""
_SHOWN: Final = 200  # characters of what the caller sent, in a text
_OWNED: Final = ("versionId", "lastUpdated")  # members of meta that the server gives


@dataclass(eq=False)
class Inapplicable(Exception):
    """An operation that this resource cannot undergo: a code of IssueType, and a text that begins in lower case."""

    code: str
    text: str


@dataclass(eq=False)
class Malformed(Exception):
    """An operation that no resource can undergo: a code of IssueType, and what is wrong, which follows its name."""

    code: str
    text: str


class Operation(Protocol):
    """One operation of a patch, as far as it must be told apart from the others."""

    @property
    def name(self) -> str:
        """``Operation [2] (remove /name/0)``: its place in the patch, counted from 0, and what it asks."""
        ...

    @property
    def expression(self) -> tuple[str, ...]:
        """Where it stands in the patch, as a FHIRPath, when the patch is a resource."""
        ...


Each = TypeVar("Each", bound=Operation)


def named(index: int, kind: str, path: str) -> str:
    """How texts call an operation."""
    return f"Operation [{index}] ({kind} {path if len(path) <= _SHOWN else path[:_SHOWN] + '…'})"


def refuse_too_many(operations: Sequence[Any]) -> None:
    """Raises ``TooLarge`` for a patch of more than ``MOST_OPERATIONS``."""
    if len(operations) > MOST_OPERATIONS:
        raise TooLarge(f"The patch has {len(operations)} operations; at most {MOST_OPERATIONS} are applied at once.")


def patched(resource: Resource, operations: Sequence[Each], apply: Callable[[Resource, Each], Resource]) -> Resource:
    """A copy of ``resource`` after all ``operations``, with the type, id, version and time of the original.

    ``apply`` changes the copy in place and gives the resource, or raises ``Inapplicable``. Raises ``Unprocessable`` at
    the first operation that cannot be applied or that leaves another type or id.
    """
    try:
        result: Resource = copied(resource)
        for operation in operations:
            try:
                result = apply(result, operation)
            except Inapplicable as refusal:
                raise _refused(operation, refusal.code, refusal.text) from refusal
            for member in ("resourceType", "id"):
                if result.get(member) != resource.get(member):
                    raise _refused(operation, "business-rule", f"a patch cannot change the {member}.")
    except RecursionError as error:
        raise Unprocessable("Objects are nested too deeply.", "structure") from error
    _restore_version(resource, result)
    return result


def _refused(operation: Operation, code: str, text: str) -> Unprocessable:
    return Unprocessable(issues=(Issue(code, f"{operation.name}: {text}", operation.expression),))


def _restore_version(before: Resource, after: Resource) -> None:
    """The server owns version and time, so what a patch says of them has no effect."""
    old, new = before.get("meta", {}), after.get("meta", {})
    if not isinstance(new, dict):  # not valid, which validation will say
        return
    kept = {name: each for name, each in new.items() if name.removeprefix("_") not in _OWNED}
    kept = {name: each for name, each in old.items() if name.removeprefix("_") in _OWNED} | kept
    if kept:
        after["meta"] = kept
    else:
        after.pop("meta", None)
