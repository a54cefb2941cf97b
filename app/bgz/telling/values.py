"""What an element says, whatever its type: by the shape that a type has in JSON. https://hl7.org/fhir/R4/datatypes.html"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final

from app.careplan.document.dates import Language, day, period
from app.careplan.document.people import human_name
from app.careplan.document.texts import Texts
from app.careplan.document.values import number_text, quantity_text, range_text
from app.fhir.resource import Resource
from app.measurements.kinds import kinds, recognised

_DATE: Final = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2}(?:T\S+)?)?)?")
_HL7: Final = "http://terminology.hl7.org/"
Find = Callable[[Any], Resource | None]
"""From a Reference to what it refers to, where that was read."""


def elements(value: Any, path: str, find: Find) -> Iterator[Any]:
    """What is at a path of ``telling.yaml``, what is in lists one by one."""
    name, _, rest = path.partition(".")
    if isinstance(value, list):
        for each in value:
            yield from elements(each, path, find)
        return
    if not isinstance(value, dict):
        return
    if name.startswith("~"):
        for each in _listed(value.get(name[1:])):
            yield from elements(find(each) or {}, rest, find)
        return
    chosen = [name] if not name.endswith("*") else [each for each in value if _is_choice(each, name[:-1])]
    for each in chosen:
        for found in _listed(value.get(each)):
            if rest:
                yield from elements(found, rest, find)
            else:
                yield found


def _is_choice(member: str, name: str) -> bool:
    return member.startswith(name) and member[len(name) :][:1].isupper()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


@dataclass(frozen=True, slots=True)
class Saying:
    """Says values in one language. ``find``: what references lead to; ``amounts``: the words of quantities."""

    texts: Texts
    amounts: Texts
    find: Find

    @property
    def language(self) -> Language:
        return self.texts.language

    def said(self, value: Any) -> str:
        """A value in words, "" where it says nothing."""
        match value:
            case bool():
                return self.texts("entry.yes" if value else "entry.no")
            case str():
                return self._text(value)
            case int() | Decimal() | float():
                return number_text(Decimal(value), self.texts)
            case dict():
                return self._complex(value)
            case list():
                return ", ".join(filter(None, map(self.said, value)))
        return ""

    def _text(self, text: str) -> str:
        if _DATE.fullmatch(text):
            return day(text, self.language)
        return self.texts.known(f"code.{text}") or text.strip()

    def _complex(self, value: Mapping[str, Any]) -> str:
        if "coding" in value or "code" in value:
            found = self._coded(value)
            if found is not None:
                return found
        if "start" in value or "end" in value:
            return self.period(value)
        if "low" in value or "high" in value:
            return range_text(dict(value), self.amounts) or str(value.get("text", ""))
        if "value" in value:
            return quantity_text(value, self.amounts)
        if "family" in value or "given" in value:
            return human_name([value])
        if "reference" in value or "display" in value:
            return self.reference(value)
        if "numerator" in value:
            return " / ".join(filter(None, (self.said(value.get(each)) for each in ("numerator", "denominator"))))
        return str(value.get("text") or value.get("patientInstruction") or value.get("name") or "").strip()

    def _coded(self, value: Mapping[str, Any]) -> str | None:
        """A CodeableConcept or Coding; a component with its value. None for what is neither."""
        code = value.get("code")
        if isinstance(code, dict):
            named, amount = self.said(code), self.said(value_of(value))
            return f"{named}: {amount}" if named and amount else named or amount
        if "value" in value:  # a Quantity has a code, too
            return None
        codings = value.get("coding", [value] if code else [])
        ours = (self.texts.known(f"code.{each.get('code')}") for each in codings if _is_plain(each))
        shown = (each.get("display") for each in codings)
        known = (measured(each.get("system"), each.get("code"), self.language) for each in codings)
        bare = (each.get("code") for each in codings)
        return next(filter(None, (value.get("text"), *ours, *shown, *known, *bare)), "")

    def period(self, value: Mapping[str, Any]) -> str:
        """From when to when."""
        start, end = period(dict(value), self.language)
        if start and end:
            return self.texts("entry.both", start=start, end=end)
        return self.texts("entry.from", day=start) if start else self.texts("entry.until", day=end) if end else ""

    def reference(self, value: Mapping[str, Any]) -> str:
        """Whom or what a Reference names; never an id, which tells a reader nothing."""
        found = self.find(value)
        if found is not None:
            name = found.get("name")
            said = name if isinstance(name, str) else human_name(name)
            said = said or self.said(found.get("code") or found.get("type"))
            if said:
                return said
        return str(value.get("display", ""))


def value_of(resource: Mapping[str, Any]) -> Any:
    """``value[x]``."""
    return next((each for name, each in resource.items() if _is_choice(name, "value")), None)


def measured(system: Any, code: Any, language: Language) -> str:
    """What a measurement of this code is called, "" for any other code."""
    names = _measurements().get((system, code))
    return "" if names is None else names[language == "en"]


@cache
def _measurements() -> Mapping[tuple[str, str], tuple[str, str]]:
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for kind in kinds().values():
        named = [(kind.codes, kind.nl, kind.en), *((each.codes, each.nl, each.en) for each in kind.values)]
        for codes, dutch, english in named:
            for each in recognised(codes):
                found.setdefault(each.key, (dutch, english))
    return found


def _is_plain(coding: Mapping[str, Any]) -> bool:
    """Whether a code is one of HL7's own, which are told in our words."""
    return str(coding.get("system", _HL7)).startswith((_HL7, "http://hl7.org/fhir/"))
