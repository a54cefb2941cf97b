"""Slow and obvious comparisons for every kind of search parameter, on what its path finds in a resource.

https://hl7.org/fhir/R4/search.html#ptypes

The paths are those of HL7; that our walkers evaluate them rightly is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from app.fhir.definitions import Definitions, SearchParameter
from app.fhir.paths import compile_walker
from app.fhir.resource import Resource, parse_reference
from app.fhir.ucum import SYSTEM, canonical
from tests.server.reference_search import folded, matches_date, range_of, ranges

Found = list[tuple[str, Any]]
PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
FOREVER: Final = Decimal("1e400")
CURRENCIES: Final = "urn:iso:std:iso:4217"


@dataclass(frozen=True, slots=True)
class Language:
    definitions: Definitions
    resource_type: str
    base: str

    def parameter(self, code: str) -> SearchParameter:
        return self.definitions.search_parameters[self.resource_type][code]

    def found(self, code: str, resource: Resource) -> Found:
        walker = compile_walker(self.parameter(code).expression, self.resource_type, self.definitions)
        return [each for item in walker.walk(resource) for each in opened(*item)]

    def together(self, code: str, resource: Resource) -> list[tuple[Found, ...]]:
        """What the components of a composite find, per element in which they stand together."""
        parameter = self.parameter(code)
        roots = compile_walker(parameter.expression, self.resource_type, self.definitions).walk(resource)
        result = []
        for kind, root in roots:
            parts = []
            for _, expression in parameter.components:
                walker = compile_walker(expression, kind, self.definitions)
                parts.append(walker.walk(resource if walker.whole_resource else root))
            if all(parts):
                result.append(tuple(parts))
        return result


def opened(kind: str, value: Any) -> Found:
    """An extension is its value."""
    if kind != "Extension":
        return [(kind, value)]
    return [(name.removeprefix("value"), part) for name, part in value.items() if name.startswith("value")]


# --- tokens -----------------------------------------------------------------------------------------------------------


def tokens(kind: str, value: Any) -> list[tuple[str, str]]:
    """(system, code); a system that is not there is ""."""
    if kind == "CodeableConcept":
        return [pair for coding in value.get("coding", ()) for pair in tokens("Coding", coding)]
    if kind == "Coding":
        return [(value.get("system", ""), value["code"])] if "code" in value else []
    if kind == "Identifier":
        return [(value.get("system", ""), value["value"])] if "value" in value else []
    if kind == "ContactPoint":
        return [("", value["value"])] if "value" in value else []
    if isinstance(value, bool):
        return [("", str(value).lower())]
    return [("", value)] if isinstance(value, str) else []


def texts(kind: str, value: Any) -> list[str]:
    if kind == "CodeableConcept":
        displays = [text for coding in value.get("coding", ()) for text in texts("Coding", coding)]
        return displays + ([value["text"]] if "text" in value else [])
    if kind == "Coding":
        return [value["display"]] if "display" in value else []
    if kind == "Identifier":
        return [value["type"]["text"]] if "text" in value.get("type", {}) else []
    return []


def is_token(kind: str, value: Any, wanted: str, modifier: str) -> bool:
    if modifier == "text":
        return any(folded(each).startswith(folded(wanted)) for each in texts(kind, value))
    if modifier == "of-type":
        system, code, text = wanted.split("|")
        typed = kind == "Identifier" and (system, code) in tokens("CodeableConcept", value.get("type", {}))
        return typed and bool(value.get("value") == text)
    if "|" not in wanted:
        return any(code == wanted for _, code in tokens(kind, value))
    system, _, code = wanted.partition("|")
    return any(found == system and code in ("", own) for found, own in tokens(kind, value))


# --- numbers and quantities -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """What is between ``low`` and ``high``, which belong to it unless they are open."""

    low: Decimal
    high: Decimal
    system: str = ""
    code: str = ""
    unit: str = ""
    open: bool = False

    def in_canonical_unit(self) -> Measured | None:
        low = high = None
        if self.system == SYSTEM:
            low, high = (
                canonical(each, self.code) if abs(each) < FOREVER else (each, "") for each in (self.low, self.high)
            )
        if low is None or high is None:
            return None
        return Measured(low[0], high[0], SYSTEM, low[1] or high[1], open=self.open)


def measured(kind: str, value: Any) -> Measured | None:
    if isinstance(value, int | Decimal):
        return Measured(Decimal(value), Decimal(value))
    if kind == "Money":
        value = {"value": value.get("value"), "system": CURRENCIES, "code": value.get("currency", "")}
    if kind == "SampledData":
        value = sampled(value)
        kind = "Range"
    if kind == "Range":
        ends = [value.get(name, {}) for name in ("low", "high")]
        known = next((each for each in ends if "value" in each), None)
        if known is None:
            return None
        unit = {name: known.get(name, "") for name in ("system", "code", "unit")}
        return Measured(Decimal(ends[0].get("value", -FOREVER)), Decimal(ends[1].get("value", FOREVER)), **unit)
    if not isinstance(value, dict) or not isinstance(value.get("value"), int | Decimal):
        return None
    amount, unit = Decimal(value["value"]), {name: value.get(name, "") for name in ("system", "code", "unit")}
    comparator = value.get("comparator", "")
    low = -FOREVER if comparator.startswith("<") else amount
    high = FOREVER if comparator.startswith(">") else amount
    return Measured(low, high, **unit, open=comparator in ("<", ">"))


def sampled(value: Any) -> Resource:
    """From the least to the greatest sample, as a Range; where there are no samples, of what could be measured."""
    limits = {"L": value.get("lowerLimit"), "U": value.get("upperLimit")}
    data = [limits.get(word, word) for word in value.get("data", "").split()] or list(limits.values())
    numbers = [Decimal(each) for each in data if each not in (None, "E")]
    if not numbers or "value" not in value["origin"]:
        return {}
    samples = [value["origin"]["value"] + Decimal(value.get("factor", 1)) * each for each in numbers]
    return {"low": {**value["origin"], "value": min(samples)}, "high": {**value["origin"], "value": max(samples)}}


def stands_for(text: str) -> tuple[Decimal, Decimal, Decimal]:
    """First, exact and end of a number as it is written, without an exponent."""
    exact = Decimal(text)
    half = Decimal(1).scaleb(-len(text.partition(".")[2])) / 2
    return exact - half, exact, exact + half


def compares(found: Measured, prefix: str, first: Decimal, exact: Decimal, end: Decimal) -> bool:
    above = found.high > exact
    below = found.low < exact
    touches = found.low <= exact <= found.high and not (found.open and exact in (found.low, found.high))
    if prefix == "ap":
        return found.low <= end and found.high >= first
    equals = first <= found.low and found.high < end
    return {
        "eq": equals,
        "ne": not equals,
        "gt": above,
        "lt": below,
        "ge": above or touches,
        "le": below or touches,
        "sa": found.low > exact or (found.open and found.low == exact),
        "eb": found.high < exact or (found.open and found.high == exact),
    }[prefix]


def prefixed(text: str) -> tuple[str, str]:
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def is_number(kind: str, value: Any, wanted: str) -> bool:
    found = measured(kind, value)
    prefix, text = prefixed(wanted)
    first, exact, end = widened(prefix, *stands_for(text))
    return found is not None and compares(found, prefix, first, exact, end)


def widened(prefix: str, first: Decimal, exact: Decimal, end: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    if prefix != "ap":
        return first, exact, end
    tenth = abs(exact) / 10
    return min(first, exact - tenth), exact, max(end, exact + tenth)


def is_quantity(kind: str, value: Any, wanted: str) -> bool:
    number, *unit = wanted.split("|")
    prefix, text = prefixed(number)
    bounds = widened(prefix, *stands_for(text))
    found = measured(kind, value)
    if found is None:
        return False
    if not unit:
        return compares(found, prefix, *bounds)
    system, code = unit
    if not system:
        return code in (found.code, found.unit) and compares(found, prefix, *bounds)
    if system == SYSTEM and all(canonical(each, code) is not None for each in bounds):
        common = found.in_canonical_unit()
        converted = [canonical(each, code) or (Decimal(0), "") for each in bounds]
        if common is None or common.code != converted[0][1]:
            return False
        first, exact, end = (amount for amount, _ in converted)
        return compares(common, prefix, first, exact, end)
    return (system, code) == (found.system, found.code) and compares(found, prefix, *bounds)


# --- the others -------------------------------------------------------------------------------------------------------


def is_uri(kind: str, value: Any, wanted: str, modifier: str) -> bool:
    forms = {value, value.partition("|")[0]} if kind == "canonical" else {value}
    if modifier == "below":
        return any(form.startswith(wanted) for form in forms)
    if modifier == "above":
        return any(form == wanted or is_step(form, wanted) for form in forms)
    return wanted in forms


def is_step(above: str, below: str) -> bool:
    rest = below[len(above) :] if above and below.startswith(above) else ""
    return bool(rest) and (above[-1] in "/?#|" or rest[0] in "/?#|")


def is_string(kind: str, value: Any, wanted: str, modifier: str) -> bool:
    if kind in ("HumanName", "Address"):
        names = {"use", "type", "period", "extension", "id"}
        parts = [value[name] for name in value if name not in names and not name.startswith("_")]
        lists = [each if isinstance(each, list) else [each] for each in parts]
        return any(is_string("string", part, wanted, modifier) for each in lists for part in each if part)
    if not isinstance(value, str):
        return False
    if modifier == "exact":
        return value == wanted
    plain, sought = (" ".join(folded(text).split()) for text in (value, wanted))
    return sought in plain if modifier == "contains" else plain.startswith(sought)


def is_date(kind: str, value: Any, wanted: str) -> bool:
    if kind == "Timing":
        period = value.get("repeat", {}).get("boundsPeriod")
        moments = ranges(*value.get("event", ()), *([period] if period else []))
        if not moments:
            return False
        return matches_date((min(low for low, _ in moments), max(high for _, high in moments)), wanted)
    if kind in ("date", "dateTime", "instant"):
        return matches_date(range_of(value), wanted)
    if kind == "Period" and value.keys() & {"start", "end"}:
        return matches_date(ranges(value)[0], wanted)
    return False


def is_reference(kind: str, value: Any, wanted: str, modifier: str, language: Language) -> bool:
    if modifier == "identifier":
        return kind == "Reference" and is_token("Identifier", value.get("identifier", {}), wanted, "")
    text = value.get("reference", "") if kind == "Reference" else value
    if not isinstance(text, str) or text.startswith("#"):
        return False
    forms = {text, text.partition("|")[0]} if kind != "Reference" else {text}
    local = {parse_reference(form.removeprefix(f"{language.base}/")) for form in forms}
    plain = {literal.relative for literal in local if literal is not None and not literal.base}
    sought = parse_reference(wanted.removeprefix(f"{language.base}/"))
    if sought is not None and not sought.base:
        return sought.relative in plain
    if "/" in wanted or ":" in wanted:
        return wanted in forms
    return any(each.partition("/")[2] == wanted and modifier in ("", each.partition("/")[0]) for each in plain)


def matches(language: Language, code: str, resource: Resource, modifier: str, wanted: Sequence[str]) -> bool:
    """Whether ``code:modifier=wanted`` finds the resource."""
    parameter = language.parameter(code)
    if parameter.type == "composite":
        groups = language.together(code, resource)
        if modifier == "missing":
            return (not groups) == (wanted[0] == "true")
        return any(are_together(language, parameter, group, each) for group in groups for each in wanted)
    found = language.found(code, resource)
    if modifier == "missing":
        return (not found) == (wanted[0] == "true")
    hit = any(is_one(language, parameter.type, item, each, modifier=modifier) for item in found for each in wanted)
    return hit != (modifier == "not")


def are_together(language: Language, parameter: SearchParameter, group: tuple[Found, ...], wanted: str) -> bool:
    kinds = component_kinds(language, parameter)
    return all(
        any(is_one(language, kind, item, part) for item in found)
        for kind, found, part in zip(kinds, group, wanted.split("$"), strict=True)
    )


def component_kinds(language: Language, parameter: SearchParameter) -> list[str]:
    """The types of a composite's components; HL7 has those of ``relationship`` in the wrong order."""
    known = {each.url: each.type for each in language.definitions.search_parameters[language.resource_type].values()}
    kinds = [known[url] for url, _ in parameter.components]
    return sorted(kinds, reverse=True) if parameter.code == "relationship" else kinds


def is_one(language: Language, parameter_type: str, item: tuple[str, Any], wanted: str, *, modifier: str = "") -> bool:
    kind, value = item
    tests: dict[str, Callable[[], bool]] = {
        "token": lambda: is_token(kind, value, wanted, modifier),
        "quantity": lambda: is_quantity(kind, value, wanted),
        "number": lambda: is_number(kind, value, wanted),
        "uri": lambda: is_uri(kind, value, wanted, modifier),
        "string": lambda: is_string(kind, value, wanted, modifier),
        "date": lambda: is_date(kind, value, wanted),
        "reference": lambda: is_reference(kind, value, wanted, modifier, language),
    }
    return tests[parameter_type]()
