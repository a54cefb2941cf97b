"""Checks of one JSON object and of one JSON array: https://hl7.org/fhir/R4/json.html.

Members that the type does not have, cardinality, choices, extensions of primitives, invariants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.fhir.definitions import Element
from app.fhir.validation.invariants import Invariant
from app.fhir.validation.problems import Check, Collected, MissingItems, Problem, Problems, joined, unknown

EMPTY = "An array may not be empty: leave the element out instead."
NO_ARRAY = "This element repeats: put the value in an array, also when there is one: [ … ]."


class Shape:
    """What a type's object may look like.

    ``exact`` has the check of each member, ``quick`` one that may be quicker (see ``quick``), ``beside``
    those of the extensions beside primitives (``_birthDate``). ``steps`` says where each member leads in a path.
    """

    __slots__ = ("beside", "choices", "exact", "invariants", "name", "needed", "quick", "required_choices", "steps")

    def __init__(self, name: str, elements: Mapping[str, Element], invariants: tuple[Invariant, ...]) -> None:
        self.name = name
        self.invariants = invariants
        self.exact: dict[str, Check] = {}
        self.quick: dict[str, Callable[[Any], object]] = {}
        self.beside: dict[str, tuple[Element, Check]] = {}
        self.steps = {member: "." + (each.choice or member) for member, each in elements.items()}
        self.choices = {member: each.choice for member, each in elements.items() if each.choice}
        self.needed = frozenset(member for member, each in elements.items() if each.min and not each.choice)
        self.required_choices = frozenset(each.choice for each in elements.values() if each.min and each.choice)

    def doubted(self, name: str, item: Any, found: object, *, problems: Collected | None) -> Collected | None:
        """Adds what is wrong with a member of which a quick check did not answer None."""
        exact = found if isinstance(found, list) else self.exact[name](item)
        return joined(problems, exact, self.steps[name]) if exact else problems

    def rest(self, value: dict[str, Any], names: list[str], problems: Collected | None) -> Collected | None:
        """Adds what is wrong with members that are not elements: unknown ones and the extensions of primitives."""
        for name in names:
            if problems is not None and problems.enough:
                break
            if name not in self.beside:
                problems = joined(problems, [unknown(name, self.name, self.steps)], "")
                continue
            element, check = self.beside[name]
            step = self.steps[name[1:]]
            if found := check(value[name]):
                problems = joined(problems, found, step)
            elif element.many:
                problems = _aligned(value.get(name[1:]), value[name], step=step, problems=problems)
            elif name[1:] not in value and "extension" not in value[name]:
                problems = joined(problems, [_void()], step)
        return problems

    def absent(self, value: dict[str, Any], problems: Collected | None) -> Collected | None:
        """Adds the required elements that are not there, not even with extensions only."""
        for name, step in self.steps.items():
            if name in self.needed and name not in value and not ("_" + name in value and "_" + name in self.beside):
                problems = joined(problems, [_required(name)], step)
        return problems

    def chosen(self, value: dict[str, Any], problems: Collected | None) -> Collected | None:
        """Adds the choices that were made twice, and the required ones that were not."""
        if not self.choices:
            return problems
        made = {member.removeprefix("_") for member in value}
        bases = [base for member, base in self.choices.items() if member in made]
        for base in dict.fromkeys(self.choices.values()):
            if bases.count(base) > 1:
                text = f"{base}[x] is there as more than one type: keep one of them."
                problems = joined(problems, [Problem("structure", text, kind="one-choice")], f".{base}")
            elif base in self.required_choices and base not in bases:
                problems = joined(problems, [_required(f"{base}[x]")], f".{base}")
        return problems

    def broken(self, value: dict[str, Any], problems: Collected | None) -> Collected | None:
        """Adds the invariants that do not hold."""
        for invariant in self.invariants:
            if invariant.about and value.keys().isdisjoint(invariant.about):
                continue
            try:
                holds = invariant.holds(value)
            except (AttributeError, KeyError, TypeError):
                # Only an object that is not well-formed can cause this, and its problems are known.
                holds = problems is not None
            if not holds:
                found = Problem("invariant", invariant.text, rule=invariant.key, severity=invariant.severity)
                problems = joined(problems, [found], "")
        return problems


def _aligned(values: Any, extensions: list[Any], *, step: str, problems: Collected | None) -> Collected | None:
    """Takes back the problems of nulls that have extensions at their place, and adds places that have neither."""
    extended = {index for index, each in enumerate(extensions) if each is not None and "extension" in each}
    left: Collected | None = None
    for problem in problems or ():
        if not isinstance(problem, MissingItems) or problem.path[-1] != step:
            left = joined(left, [problem], "")
        elif void := [index for index in problem.indexes if index not in extended]:
            left = joined(left, [MissingItems(void)], step)
    for index in range(len(values) if isinstance(values, list) else 0, len(extensions)):
        if index not in extended and not (left and left.enough):
            left = joined(left, [_void()], f"{step}[{index}]")
    return left


def _void() -> Problem:
    return Problem("structure", "An element must have a value or extensions: fill it, or leave it out.", rule="ele-1")


def _required(name: str) -> Problem:
    return Problem("required", f"The element {name} is required and is not there.")


def object_check(shape: Shape) -> Check:
    """The check of one object. This is where the time goes: nothing is built unless something is wrong."""
    find, needed = shape.quick.get, shape.needed
    # What stands beside a primitive may have an id alone: the value is elsewhere.
    lonely = frozenset({"id"} if shape.name != "Element" else ())

    def members(value: Any) -> Collected | None:
        if type(value) is not dict:
            text = f"The JSON must have an object (of type {shape.name}) here: {{ … }}."
            return joined(None, [Problem("structure", text, kind="not-an-object")], "")
        if len(value) < 2 and value.keys() <= lonely:
            return joined(None, [_void()], "")
        problems: Collected | None = None
        others: list[str] | None = None
        for name, item in value.items():
            member = find(name)
            if member is None:
                others = others or []
                others.append(name)
                continue
            try:
                found = member(item)
            except TypeError:  # not a text, which a quick check wants
                found = True
            if found is not None:
                problems = shape.doubted(name, item, found, problems=problems)
                if problems is not None and problems.enough:
                    return problems
        if others is not None:
            problems = shape.rest(value, others, problems)
        if needed and not needed <= value.keys():
            problems = shape.absent(value, problems)
        return problems

    return _ruled(shape, members) if shape.choices or shape.invariants else members


def _ruled(shape: Shape, members: Callable[[Any], Collected | None]) -> Check:
    """The check of an object whose ``members`` may exclude or depend on each other."""
    choices = shape.choices | {"_" + name: base for name, base in shape.choices.items()}
    required, least = shape.required_choices, len(shape.needed)
    every = tuple(invariant.holds for invariant in shape.invariants)
    always = tuple(invariant.holds for invariant in shape.invariants if not invariant.about)
    concerned = frozenset[str]().union(*(invariant.about for invariant in shape.invariants))

    def check(value: Any) -> Problems | None:
        problems = members(value)
        if problems is None:
            clear = True
            if required or len(value) - least > 1:  # beside what is needed there is more than one that may be a choice
                made = choices.keys() & value.keys()
                if len(made) > 1 or required:
                    bases = {choices[name] for name in made}
                    clear = len(bases) == len(made) and required <= bases
            if clear:
                for each in always if value.keys().isdisjoint(concerned) else every:
                    if not each(value):
                        break
                else:
                    return None
        elif type(value) is not dict:
            return problems
        return shape.broken(value, shape.chosen(value, problems))

    return check


def array_check(check: Check, *, primitives: bool) -> Check:
    """The check of an array whose items ``check`` is for; in one of primitives a null stands for extensions only."""

    def checked(value: Any) -> Problems | None:
        if type(value) is not list:
            return [Problem("structure", NO_ARRAY, kind="not-an-array")]
        if not value:
            return [Problem("structure", EMPTY, kind="empty-array")]
        problems: Collected | None = None
        missing: list[int] = []
        for index, item in enumerate(value):
            found = check(item)
            if found is not None:
                if item is None and primitives:
                    missing.append(index)
                    continue
                problems = joined(problems, found, f"[{index}]")
                if problems.enough:
                    break
        return joined(problems, [MissingItems(missing)], "") if missing else problems

    return checked


def beside_array_check(check: Check) -> Check:
    """The check of the array of extensions beside one of primitives."""

    def checked(value: Any) -> Problems | None:
        if type(value) is not list:
            return [Problem("structure", NO_ARRAY, kind="not-an-array")]
        problems: Collected | None = None
        for index, item in enumerate(value):
            if item is not None and (found := check(item)):
                problems = joined(problems, found, f"[{index}]")
                if problems.enough:
                    break
        if all(item is None for item in value):
            problems = joined(problems, [Problem("structure", EMPTY, kind="empty-array")], "")
        return problems

    return checked
