"""An invariant, and the forms that most of them have: https://hl7.org/fhir/R4/conformance-rules.html#constraints

Names of elements that end on ``[x]`` stand for any type of that choice. An element is there, as FHIRPath's ``exists()``
has it, also when it has extensions only. A rule may assume that its object is well-formed: problems of structure are
found without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

UCUM: Final = "http://unitsofmeasure.org"
_KEPT: Final = 1024
"""Names of members that are remembered per choice; those of all types are some hundreds."""

Value = dict[str, Any]
Holds = Callable[[Value], bool]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule with HL7's key; ``text`` says it in our words.

    ``about`` are members without all of which the rule holds, so that it need not be asked; empty when it must be.
    """

    key: str
    text: str
    holds: Holds
    about: frozenset[str] = frozenset()
    severity: Literal["error", "warning"] = "error"


def members(*names: str) -> frozenset[str]:
    """The JSON members that say that one of these elements, no choices, is there."""
    return frozenset(names) | {f"_{name}" for name in names}


class _Choices(dict[str, bool]):
    """Whether a member is a choice such as ``value[x]``, itself or as extensions only; known for those met before."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __missing__(self, member: str) -> bool:
        plain, name = member.removeprefix("_"), self._name
        found = plain.startswith(name) and plain[len(name) : len(name) + 1].isupper()
        if len(self) >= _KEPT:
            self.clear()
        self[member] = found
        return found


@cache
def _choices(name: str) -> Callable[[str], bool]:
    return _Choices(name).__getitem__


def has_choice(value: Mapping[str, Any], name: str) -> bool:
    """Whether a choice such as ``value[x]`` is there, also with extensions only."""
    return any(map(_choices(name), value))


def present(name: str) -> Holds:
    """Whether the element is there."""
    if name.endswith("[x]"):
        chosen = _choices(name.removesuffix("[x]"))
        return lambda value: any(map(chosen, value))
    beside = "_" + name
    return lambda value: name in value or beside in value


def any_present(*names: str) -> Holds:
    """Whether one of the elements is there, or several."""
    if len(names) == 1:
        return present(names[0])
    if not any(name.endswith("[x]") for name in names):
        named = members(*names)
        return lambda value: not named.isdisjoint(value)
    found = [present(name) for name in names]
    return lambda value: any(there(value) for there in found)


def rule(key: str, text: str, holds: Holds, *about: str, severity: Literal["error", "warning"] = "error") -> Invariant:
    """An invariant that holds when none of the elements ``about`` is there; it is always asked when these have a
    choice, or there are none.
    """
    named = frozenset[str]() if any(name.endswith("[x]") for name in about) else members(*about)
    return Invariant(key, text, holds, named, severity)


def at_least_one(key: str, text: str, *names: str, severity: Literal["error", "warning"] = "error") -> Invariant:
    """One of the elements is there, or several."""
    return rule(key, text, any_present(*names), severity=severity)


def exactly_one(key: str, text: str, *names: str) -> Invariant:
    """One of the elements is there, and no other."""
    found = [present(name) for name in names]
    return rule(key, text, lambda value: sum(there(value) for there in found) == 1)


def not_both(key: str, text: str, first: str, second: str) -> Invariant:
    """The two elements exclude each other."""
    one, other = present(first), present(second)
    return rule(key, text, lambda value: not (one(value) and other(value)), first)


def both_or_neither(key: str, text: str, first: str, second: str) -> Invariant:
    """One of the two elements asks for the other."""
    one, other = present(first), present(second)
    return rule(key, text, lambda value: one(value) == other(value), first, second)


def if_then(key: str, text: str, given: str, *wanted: str) -> Invariant:
    """Where the element ``given`` is, one of those ``wanted`` must be."""
    condition, found = present(given), any_present(*wanted)
    return rule(key, text, lambda value: found(value) or not condition(value), given)


def only_when(key: str, text: str, name: str, code: str, *codes: str) -> Invariant:
    """The element ``name`` may be there only when the element ``code`` has one of these codes."""
    there, allowed = present(name), frozenset(codes)
    return rule(key, text, lambda value: value.get(code) in allowed or not there(value), name)


def without(key: str, text: str, code: str, unwanted: str, *names: str) -> Invariant:
    """When the element ``code`` has the code ``unwanted``, none of the elements is there."""
    found = any_present(*names)
    return rule(key, text, lambda value: value.get(code) != unwanted or not found(value), *names)


def every(path: str, holds: Holds) -> Holds:
    """Whether it holds for each object at the end of a path such as ``group.stratifier``."""
    return lambda value: all(holds(each) for each in objects(value, path))


def distinct(path: str, *names: str) -> Holds:
    """Whether no two objects at the end of the path have the same in these members, of which one at least is there."""

    def holds(value: Value) -> bool:
        keys = [tuple(each.get(name) for name in names) for each in objects(value, path)]
        return all_differ(key for key in keys if any(part is not None for part in key))

    return holds


def all_differ(items: Iterable[Any]) -> bool:
    """Whether no two of the (hashable) items are the same."""
    listed = list(items)
    return len(set(listed)) == len(listed)


def objects(value: Value, path: str) -> Iterator[Value]:
    """The objects at the end of a path of members, in order."""
    name, _, rest = path.partition(".")
    found = value.get(name)
    for each in found if isinstance(found, list) else () if found is None else (found,):
        if rest:
            yield from objects(each, rest)
        else:
            yield each


def nested(value: Value, name: str) -> Iterator[Value]:
    """The objects in the member ``name`` and in that member of theirs, at any depth."""
    stack = list(value.get(name, ()))
    while stack:
        each = stack.pop()
        yield each
        stack.extend(each.get(name, ()))


def has_code(concept: Value | None, system: str, *codes: str) -> bool:
    """Whether a CodeableConcept has one of the codes of the system."""
    return concept is not None and any(
        coding.get("system") == system and coding.get("code") in codes for coding in concept.get("coding", ())
    )
