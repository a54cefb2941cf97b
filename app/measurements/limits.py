"""What is asked of a measurement as it comes in: its unit, its limits, its parts and its time (MODEL 3).

Limits are there for typing errors and wrong units; a value within them may still be bad news, of which nothing is said.
An error refuses what a person or an app enters; what a system delivers is stored, with a flag where a limit was passed.
https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from app.database import Reader
from app.errors import Gone, Issue, NotFound, Severity
from app.fhir.dates import bounds
from app.fhir.resource import Resource, decode
from app.fhir.ucum import SYSTEM
from app.measurements.confirming import flags_of
from app.measurements.kinds import Kind, Limit, Value, keys_of, kind_of, part_of
from app.measurements.measuring import performer_of
from app.measurements.readings import VOID, value_in
from app.measurements.refusals import issue, notice
from app.server.access import Access
from app.server.intake.findings import Finding, IntakeCheck
from app.server.intake.flags import BEYOND_LIMIT, TO_CONFIRM, UNLIKELY
from app.server.server import FhirServer
from app.server.store.read import read

SKEW: Final = 10 * 60_000_000
"""µs by which a clock may be fast."""
DAY_LINE: Final = 14 * 3_600_000_000
"""µs by which a date may begin earlier elsewhere than here."""
_SYSTOLIC: Final = "systolic"
_DIASTOLIC: Final = "diastolic"


@dataclass(frozen=True, slots=True)
class _Part:
    """An element that should have a value: the Observation or one of its components; ``path`` of that value."""

    element: Resource
    value: Value
    path: str


def limits_check(canonical_base: str) -> IntakeCheck:
    """For the server's intake."""

    def concerns(observation: Resource) -> bool:
        return kind_of(observation, canonical_base) is not None or part_of(observation, canonical_base) is not None

    async def check(
        server: FhirServer, reader: Reader, access: Access, resource: Resource, patient: int | None
    ) -> list[Finding]:
        found = list(findings_of(resource, canonical_base, now=server.clock()))
        if not any(TO_CONFIRM in each.flags for each in found):
            return found
        if access.is_system or await _is_confirmed(server, reader, access, resource, patient):
            return [_without_asking(each) for each in found]
        return found

    return IntakeCheck("measurement-limits", frozenset({"Observation"}), check, concerns, performer_of(canonical_base))


def findings_of(observation: Resource, canonical_base: str, *, now: int) -> Iterator[Finding]:
    """Everything that there is to say of an Observation whose shape is right; nothing of one entered in error."""
    if observation.get("status") in VOID:
        return
    kind = kind_of(observation, canonical_base)
    if kind is None:
        part = part_of(observation, canonical_base)
        if part is None:
            return
        parts = [_Part(observation, part[1], "Observation.value")]
    else:
        parts = list(_parts(observation, kind, canonical_base))
        yield from map(Finding, _missing(observation, kind, parts))
    for each in parts:
        yield from _of_value(each)
    yield from _order(parts)
    yield from map(Finding, _of_time(observation, now))


def _parts(observation: Resource, kind: Kind, canonical_base: str) -> Iterator[_Part]:
    """What of the Observation is a value of its kind. A panel of one value may have that as a component too."""
    if kind.value is not None and _has_value(observation):
        yield _Part(observation, kind.value, "Observation.value")
    for number, component in enumerate(observation.get("component", ())):
        value = kind.find(tuple(keys_of(component.get("code"), canonical_base)))
        if value is not None:
            yield _Part(component, value, f"Observation.component[{number}].value")


def _missing(observation: Resource, kind: Kind, parts: list[_Part]) -> Iterator[Issue]:
    """Parts that the kind is nothing without, and parts that are there twice."""
    if "dataAbsentReason" not in observation and "hasMember" not in observation:
        if kind.value is not None and not parts:
            element = "valueInteger" if kind.value.integer else "valueQuantity"
            yield issue("not-a-value", "Observation", name=_names(kind), element=element)
        for value in kind.components:
            if value.needed and not any(each.value is value for each in parts):
                code = value.codes[0].code
                yield issue(
                    "component-missing", "Observation.component", kind=_names(kind), name=_names(value), coding=code
                )
    for value in kind.values:
        given = [each for each in parts if each.value is value]
        if len(given) > 1:
            yield issue("component-twice", given[1].path, kind=_names(kind), name=_names(value))


def _of_value(part: _Part) -> Iterator[Finding]:
    element, value, names = part.element, part.value, _names(part.value)
    if not _has_value(element):
        if "dataAbsentReason" not in element:
            shape = "valueInteger" if value.integer else "valueQuantity"
            yield Finding(issue("not-a-value", part.path, name=names, element=shape))
        return
    found = value_in(element, value)
    if found is None:
        quantity = element.get("valueQuantity")
        if quantity is None:
            shape = "valueInteger" if value.integer else "valueQuantity"
            yield Finding(issue("not-a-value", part.path, name=names, element=shape))
        elif not _has_unit(quantity, value):
            yield Finding(issue("unit", part.path, name=names, system=SYSTEM, units=", ".join(value.units)))
        return
    if value.integer and found.denominator != 1:
        yield Finding(issue("whole-number", part.path, name=names))
    if not value.hard.holds(found):
        yield Finding(_beyond("beyond-limit", part, value.hard, "error"), (BEYOND_LIMIT,))
    elif not value.unlikely.holds(found):
        yield Finding(_beyond("unlikely", part, value.unlikely, "warning"), (UNLIKELY, TO_CONFIRM))


def _beyond(code: str, part: _Part, limit: Limit, severity: Severity) -> Issue:
    value = part.value
    return notice(
        severity,
        code,
        part.path,
        name=_names(value),
        low=_number(limit.low),
        high=_number(limit.high),
        unit={"nl": value.unit_nl, "en": value.unit_en},
    )


def _order(parts: list[_Part]) -> Iterator[Finding]:
    known = {each.value.name: each for each in parts}
    if _SYSTOLIC not in known or _DIASTOLIC not in known:
        return
    systolic, diastolic = (value_in(known[name].element, known[name].value) for name in (_SYSTOLIC, _DIASTOLIC))
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        said = notice("warning", "diastolic-above-systolic", "Observation.component")
        yield Finding(said, (UNLIKELY, TO_CONFIRM))


def _of_time(observation: Resource, now: int) -> Iterator[Issue]:
    period = observation.get("effectivePeriod", {})
    told = {
        "Observation.effective": observation.get("effectiveDateTime") or observation.get("effectiveInstant"),
        "Observation.effective.start": period.get("start"),
        "Observation.effective.end": period.get("end"),
    }
    if not any(told.values()) and "effectiveTiming" not in observation:
        yield notice("information", "no-time", "Observation")
    for path, text in told.items():
        if text and bounds(text)[0] > now + (SKEW if "T" in text else DAY_LINE):
            yield issue("in-the-future", path)


async def _is_confirmed(
    server: FhirServer, reader: Reader, access: Access, resource: Resource, patient: int | None
) -> bool:
    """Whether the person said of the version that is there that it is right, and the values are still the same."""
    resource_id = resource.get("id")
    if not isinstance(resource_id, str) or patient is None:
        return False
    try:
        stored = await read(
            reader,
            access,
            "Observation",
            resource_id,
            registry=server.registry,
            now=server.clock(),
            partition=patient,
        )
    except (NotFound, Gone):
        return False
    before = decode(stored.body)
    flags = flags_of(before, server.canonical_base)
    if UNLIKELY not in flags or TO_CONFIRM in flags:
        return False
    return values_of(before, server.canonical_base) == values_of(resource, server.canonical_base)


def values_of(observation: Resource, canonical_base: str) -> Mapping[tuple[str, str], Fraction] | None:
    """The values by the names of kind and value, whatever the status and the time; None where there are none, or one
    that cannot be compared.
    """
    kind = kind_of(observation, canonical_base)
    part = part_of(observation, canonical_base) if kind is None else None
    if kind is not None:
        parts = list(_parts(observation, kind, canonical_base))
    elif part is not None:
        kind, parts = part[0], [_Part(observation, part[1], "")]
    else:
        return None
    found: dict[tuple[str, str], Fraction] = {}
    for each in parts:
        value = value_in(each.element, each.value)
        if value is None:
            return None
        found[kind.name, each.value.name] = value
    return found or None


def _without_asking(finding: Finding) -> Finding:
    return Finding(finding.issue, tuple(each for each in finding.flags if each != TO_CONFIRM))


def _has_value(element: Resource) -> bool:
    return any(name.startswith("value") for name in element)


def _has_unit(quantity: Resource, value: Value) -> bool:
    """Whether it is in an accepted unit: then it says "less than" or "more than", which no limit is held against."""
    return quantity.get("system") == SYSTEM and quantity.get("code") in value.units and "value" in quantity


def _names(of: Kind | Value) -> Mapping[str, str]:
    return {"nl": of.nl, "en": of.en}


def _number(value: Fraction) -> Mapping[str, str]:
    """A limit as it is written in each language."""
    text = f"{float(value):g}" if value.denominator != 1 else str(value.numerator)
    return {"nl": text.replace(".", ","), "en": text}
