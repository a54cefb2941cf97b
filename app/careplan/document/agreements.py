"""The section of what was agreed: who does what, how, how often and when.

https://hl7.org/fhir/R4/careplan-definitions.html#CarePlan.activity
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.careplan.document.content import Item, Line, Telling
from app.careplan.document.dates import period
from app.careplan.document.gather import Key
from app.careplan.document.goals import concept_text_or
from app.careplan.document.people import who
from app.careplan.document.values import concept_text, number_text
from app.fhir.resource import Resource


def agreements(telling: Telling) -> list[Item]:
    """Every agreement; what was entered in error is none."""
    found = (_agreement(each, telling) for each in telling.gathered.plan.get("activity", ()))
    return [each for each in found if each is not None]


def timing_text(timing: Any, telling: Telling) -> str:
    """How often, of a Timing: ``3 keer per week``."""
    if not isinstance(timing, dict):
        return ""
    texts, repeat = telling.texts, timing.get("repeat", {})
    unit = repeat.get("periodUnit", "")
    words = texts.known(f"unit.{unit}")
    if concept_text(timing.get("code")) or not words:
        return concept_text(timing.get("code"))
    number = repeat.get("period", 1)
    several = texts.known(f"units.{unit}")
    span = words if number == 1 else texts("timing.several", number=number_text(number, texts), unit=several)
    times, most = repeat.get("frequency", 1), repeat.get("frequencyMax")
    if most is not None and most != times:
        return texts("timing.range", low=times, high=most, period=span)
    return texts("timing.once", period=span) if times == 1 else texts("timing.often", times=times, period=span)


def period_text(value: Any, telling: Telling) -> str:
    """From when to when, in words."""
    start, end = period(value, telling.texts.language)
    if start and end:
        return telling.texts("agreement.from-to", start=start, end=end)
    if start:
        return telling.texts("agreement.from", start=start)
    return telling.texts("agreement.until", end=end) if end else ""


def _agreement(activity: Resource, telling: Telling) -> Item | None:
    detail = activity.get("detail", {})
    meant = telling.gathered.find(activity.get("reference"))
    source = detail or meant or {}
    if source.get("status") == "entered-in-error":
        return None
    said = _said(activity, telling)
    title = _words(detail) or _words(meant or {}) or activity.get("reference", {}).get("display", "")
    scheduled = detail.get("scheduledPeriod")
    often = [
        *said.get("frequency", []),
        timing_text(detail.get("scheduledTiming"), telling),
        detail.get("scheduledString", ""),
    ]
    people = [
        *said.get("who", []),
        *(who(each, telling.gathered, telling.texts) for each in _performers(detail, meant)),
    ]
    when = [
        *said.get("period", []),
        period_text(scheduled, telling),
        period_text((meant or {}).get("executionPeriod"), telling),
    ]
    brief = [
        *telling.line("agreement.who", ", ".join(dict.fromkeys(filter(None, people)))),
        *telling.line("agreement.form", ", ".join(said.get("agreedForm", []))),
        *telling.line("agreement.often", ", ".join(filter(None, often))),
        *telling.line("agreement.period", ", ".join(filter(None, when))),
    ]
    more = list(_more(activity, source, said, telling))
    keys: list[Key] = [(meant["resourceType"], meant["id"])] if meant is not None else []
    return Item(title or telling.texts("agreement.unnamed"), tuple(brief), tuple(more), tuple(keys))


def _more(activity: Resource, source: Resource, said: dict[str, list[str]], telling: Telling) -> Iterator[Line]:
    texts, gathered = telling.texts, telling.gathered
    if said.get("preferredForm", []) != said.get("agreedForm", []):
        yield from telling.line("agreement.preferred", ", ".join(said.get("preferredForm", [])))
    yield from telling.line("agreement.instead", ", ".join(said.get("replacedContact", [])))
    for reference in activity.get("detail", {}).get("goal", ()):
        goal = gathered.find(reference)
        if goal is not None:
            yield from telling.line("agreement.goal", concept_text(goal.get("description")))
    yield from telling.line("agreement.status", texts.known(f"activity-status.{source.get('status', '')}"))
    for note in activity.get("progress", ()):
        yield from telling.line("agreement.progress", note.get("text", ""))
    for note in source.get("note", ()):
        yield from telling.line("goal.note", note.get("text", ""))


def _words(source: Resource) -> str:
    """What it is about: a description, else a code; of a Task, a request or an appointment alike."""
    text: str = source.get("description", "")
    kinds = [concept_text(each) for each in source.get("serviceType", ())] if source else []
    found = text or concept_text(source.get("code")) or concept_text_or(source.get("title", ""))
    return found or ", ".join(filter(None, kinds))


def _performers(detail: Resource, meant: Resource | None) -> list[Any]:
    listed = list(detail.get("performer", ()))
    if meant is not None:
        performer = meant.get("performer", ())
        listed += performer if isinstance(performer, list) else []
        listed += [meant["owner"]] if "owner" in meant else []
    return listed


def _said(activity: Resource, telling: Telling) -> dict[str, list[str]]:
    """What our extension says, in words, by the name of its part."""
    found: dict[str, list[str]] = {}
    url = telling.names.extension("agreement")
    for extension in activity.get("extension", ()):
        if extension.get("url") != url:
            continue
        for part in extension.get("extension", ()):
            for name, value in part.items():
                if name.startswith("value") and (text := _part(name, value, telling)):
                    found.setdefault(part["url"], []).append(text)
    return found


def _part(name: str, value: Any, telling: Telling) -> str:
    match name:
        case "valueReference":
            return who(value, telling.gathered, telling.texts)
        case "valueCode":
            return telling.texts.known(f"form.{value}") or str(value)
        case "valueTiming":
            return timing_text(value, telling)
        case "valuePeriod":
            return period_text(value, telling)
        case "valueCodeableConcept":
            return concept_text(value)
    return value if isinstance(value, str) else ""
