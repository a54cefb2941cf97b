"""Objects made to break or keep one rule: they have mostly what its expression names, with values that it names."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from app.fhir.definitions import Definitions, Element
from app.fhir.validation.invariants.rule import UCUM
from tests.fhir.constraints import Constraint, rewritten
from tests.fhir.generated import Maker

_CONCRETE: Final = {"DomainResource": "Basic", "Element": "HumanName"}
_TEXTS: Final = frozenset({"canonical", "code", "id", "markdown", "string", "uri", "url"})
_WHOLE: Final = (-1, 0, 1, 2, 100, 101)
_DATES: Final = ("2026", "2026-02", "2026-02-28", "2026-03-01", "2027-01")
_MOMENTS: Final = ("2026-02-28T10:00:00Z", "2026-02-28T10:00:00.250Z", "2026-03-01T10:00:00+01:00")
_CHOSEN: Final[Mapping[str, tuple[Any, ...]]] = {
    "boolean": (False, True),
    "date": _DATES,
    "dateTime": _DATES + _MOMENTS,
    "decimal": (*_WHOLE, Decimal("0.5"), Decimal("2.0")),
    "instant": _MOMENTS,
    "integer": _WHOLE,
    "positiveInt": _WHOLE,
    "unsignedInt": _WHOLE,
}
_PATHS: Final = ["Alfa", "Alfa.bravo", "Alfa.delta", "Bravo.x", "Alfa.bravo_x", "Alfa.een twee"]
_MAXIMA: Final = ["0", "1", "*", "-1", "veel"]


def focused(constraint: Constraint, owner: str, definitions: Definitions, chance: random.Random) -> dict[str, Any]:
    """An object of ``owner``; its structure is valid but for codes, and it may keep or break any invariant."""
    return _Focused(definitions, chance, constraint, owner).object(_CONCRETE.get(owner, owner))


class _Focused(Maker):
    _most = 3

    def __init__(self, definitions: Definitions, chance: random.Random, constraint: Constraint, owner: str) -> None:
        super().__init__(definitions, chance, beside=0)
        expression = rewritten(constraint)
        named = constraint.path.removeprefix(owner) + " " + expression
        self._words = set(re.findall(r"[A-Za-z]+", re.sub(r"'[^']*'", "", named)))
        self._literals = [each for each in re.findall(r"'([^']*)'", expression) if len(each) > 1]
        self._texts = [*self._literals, "Alfa", "Bravo"]
        if "ucum" in expression:
            self._texts.append(UCUM)
        self._much = chance.choice((0.3, 0.5, 0.8))

    def object(self, name: str, *, depth: int = 0) -> dict[str, Any]:
        return self._attempt(name, depth, likely=0)

    def _members(self, name: str, elements: Mapping[str, Element], likely: float, *, deep: bool) -> list[str]:
        options: dict[str, list[str]] = {}
        for member, element in elements.items():
            options.setdefault(element.name.removesuffix("[x]"), []).append(member)
        found = []
        for label, listed in options.items():
            named = self._words & {label, *listed} or (label == "extension" and "hasValue" in self._words)
            likely = 0 if deep else self._much if named else 0.03
            if elements[listed[0]].type == name:
                likely /= 2
            if elements[listed[0]].min or self._chance.random() < likely:
                found.append(self._chance.choice(self._first(listed, elements)))
        return found or [next(iter(elements))]

    def _first(self, listed: list[str], elements: Mapping[str, Element]) -> list[str]:
        """Of a choice, the types that the expression names, if any."""
        types = {word.lower() for word in self._words}
        return [
            each for each in listed if elements[each].type.lower() in types and self._chance.random() < 0.7
        ] or listed

    def value(self, owner: str, member: str, element: Element, *, depth: int) -> Any:
        if element.type in _TEXTS:
            return self._text(member, element)
        if element.type in _CHOSEN:
            return self._chance.choice(_CHOSEN[element.type])
        if element.type == "Resource":
            return self._contained() if member == "contained" else self._entry()
        if element.type == "CodeableConcept" and element.binding and element.binding in self._definitions.codes:
            return self._concept(element.binding)
        if element.is_primitive or element.type == "Reference":
            return super().value(owner, member, element, depth=depth)
        return self._attempt(element.type, depth + 1, likely=0)

    def _text(self, member: str, element: Element) -> str:
        texts: list[str] = self._texts
        if element.binding and element.binding in self._definitions.codes:
            allowed = sorted(self._definitions.codes[element.binding])
            named = [each for each in self._literals if each in allowed]
            texts = named if named and self._chance.random() < 0.6 else [*allowed[:3], allowed[-1]]
        elif member in ("path", "type") and "path" in self._words:
            texts = _PATHS
        elif member == "max":
            texts = _MAXIMA
        return self._chance.choice(texts)

    def _concept(self, binding: str) -> dict[str, Any]:
        concepts = sorted(self._definitions.concepts[binding])
        named = [each for each in concepts if each[1] in self._literals]
        system, code = self._chance.choice(named if named and self._chance.random() < 0.6 else concepts)
        return {"coding": [{"system": system, "code": code}]}

    def _reference(self, targets: tuple[str, ...]) -> dict[str, Any]:
        target = self._chance.choice(targets or ("Patient", "Device"))
        references = (f"{target}/1", "Practitioner/1", *(("#", "#a", "#b") if "contained" in self._words else ()))
        return {"reference": self._chance.choice(references)}

    def _entry(self) -> dict[str, Any]:
        named = sorted(self._words & self._definitions.resource_types)
        kind = self._chance.choice([*named, "Basic"])
        return {"resourceType": kind, "meta": {"versionId": self._chance.choice("12")}} if kind else {}

    def _contained(self) -> dict[str, Any]:
        made: dict[str, Any] = {"resourceType": "Basic", "id": self._chance.choice("ab"), "code": {"text": "x"}}
        meta = {name: value for name, value in _META.items() if self._chance.random() < 0.2}
        if meta:
            made["meta"] = meta
        if self._chance.random() < 0.4:
            made["subject"] = self._reference(())
        if self._chance.random() < 0.3:
            made["contained"] = [{"resourceType": "Basic", "id": "c"}]
        return made


_META: Final = {
    "versionId": "1",
    "lastUpdated": "2026-02-28T10:00:00Z",
    "security": [{"code": "R"}],
    "tag": [{"code": "x"}],
}
