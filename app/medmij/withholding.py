"""What a data service never gives, whatever the record has: the lines S and O of a GP's journal (service 49), and what
was computed of measurements.

A journal line is a section of an encounter report and the Observation that it refers to. Its code is one of four, S, O,
E and P, and must be there; a section that has none is not known to be E or P, and so is not given.
https://simplifier.net/packages/nictiz.fhir.nl.stu3.zib2017 (gp-EncounterReport, gp-JournalEntry)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from app.fhir.resource import Resource, parse_reference, walk_dicts
from app.medmij.services import LINES_HIDDEN, NO_COMPUTED, Row, Service

LINES: Final = "http://fhir.nl/fhir/NamingSystem/journaalregeltypen"
SHOWN: Final = frozenset({"E", "P"})
"""The lines that are given: assessment and plan. What is not known to be one of them is not given."""
HIDDEN: Final = frozenset({"S", "O"})
LOINC: Final = "http://loinc.org"
REPORT: Final = "67781-5"
"""The type of an encounter report, in LOINC: each of its sections is a line of the journal."""
MEANS: Final = frozenset({"96607-7", "96608-5", "96609-3"})
"""Mean blood pressure and its parts."""
COMPUTED: Final = "/CodeSystem/computed"
"""Our own codes of what is computed, below the canonical base."""
NO_LINE: Final = ("code:not", f"{LINES}|,|{',|'.join(sorted(HIDDEN))}")
"""By which a search of Observations passes over the lines of the journal: they are no results, whatever else they are
coded as, and only what refers to one leads to it.
"""


def not_computed(canonical_base: str) -> tuple[str, str]:
    """By which a search of Observations passes over what was computed."""
    means = (f"{LOINC}|{each}" for each in sorted(MEANS))
    return "code:not", ",".join((*means, f"{canonical_base}{COMPUTED}|"))


def passed_over(service: Service, row: Row, canonical_base: str) -> list[tuple[str, str]]:
    """What a search of Observations is asked besides, in R4, so that neither pages nor numbers tell of what is kept
    back.
    """
    if row.type != "Observation":
        return []
    by_code = "code" in row.fixed or "code" in row.limited
    found = [NO_LINE] if LINES_HIDDEN in service.checks else []
    return [*found, *([not_computed(canonical_base)] if NO_COMPUTED in service.checks and not by_code else [])]


def is_hidden_line(coded: Mapping[str, Any]) -> bool:
    """Whether a section or an Observation is a line of the journal that is not given; a code S or O without a system is
    taken to be one.
    """
    return any(
        each.get("code") not in SHOWN if each.get("system") == LINES else "system" not in each and _is_hidden(each)
        for each in _codings(coded.get("code"))
    )


def _is_hidden(coding: Mapping[str, Any]) -> bool:
    return coding.get("code") in HIDDEN


def is_shown_section(section: Mapping[str, Any], report: Resource) -> bool:
    """Whether a section of ``report`` is given. Of an encounter report those that say of themselves that they are a
    line E or P, and no others; of what is no such report all but the lines S and O.
    """
    if is_hidden_line(section):
        return False
    return not is_report(report) or any(each.get("system") == LINES for each in _codings(section.get("code")))


def is_report(document: Resource) -> bool:
    """Whether a Composition is an encounter report."""
    return any(each.get("system") == LOINC and each.get("code") == REPORT for each in _codings(document.get("type")))


def is_computed(resource: Resource) -> bool:
    """Whether an Observation was computed of others."""
    return resource.get("resourceType") == "Observation" and any(
        (each.get("system") == LOINC and each.get("code") in MEANS) or str(each.get("system")).endswith(COMPUTED)
        for each in _codings(resource.get("code"))
    )


def _codings(concept: Any) -> Sequence[Mapping[str, Any]]:
    found = concept.get("coding", ()) if isinstance(concept, dict) else ()
    return [each for each in found if isinstance(each, dict)]


def hidden_entries(report: Resource) -> frozenset[str]:
    """``Type/id`` or ``#id`` of what the sections refer to that are not given of an encounter report."""
    return frozenset(
        target
        for section in _hidden_sections(report, report)
        for each in walk_dicts(section)
        if (target := target_of(each.get("reference")))
    )


def _hidden_sections(part: Mapping[str, Any], report: Resource) -> Iterator[Mapping[str, Any]]:
    """With all that is within them."""
    for each in part.get("section", ()):
        if isinstance(each, dict):
            if is_shown_section(each, report):
                yield from _hidden_sections(each, report)
            else:
                yield each


def target_of(reference: Any) -> str:
    """``Type/id`` or ``#id`` of a literal reference, "" for any other."""
    if not isinstance(reference, str):
        return ""
    if reference.startswith("#"):
        return reference
    found = parse_reference(reference)
    return "" if found is None else found.relative


def _sections(report: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for each in report.get("section", ()):
        if isinstance(each, dict):
            yield each
            yield from _sections(each)


def without_hidden_lines(report: Resource) -> None:
    """Take what is not given out of an encounter report, with what is contained for it, in place: only what something
    refers to that is left stays contained. The narrative is made anew of what is left, whether anything was taken out
    or not: it may say what no section says.
    """
    gone = {each for each in hidden_entries(report) if each.startswith("#")}
    _prune(report, report)
    contained = {
        f"#{each.get('id')}": each
        for each in report.pop("contained", ())
        if not (each.get("resourceType") == "Observation" and is_hidden_line(each))
    }
    kept: dict[str, Resource] = {}
    left: list[Resource] = [report]
    while left:
        named = {str(each.get("reference")) for part in left for each in walk_dicts(part)} - gone
        left = [contained[each] for each in contained if each in named and each not in kept]
        kept |= {f"#{each['id']}": each for each in left}
    if kept:
        report["contained"] = [each for name, each in contained.items() if name in kept]
    report["text"] = {"status": "generated", "div": _narrative(report)}


def _prune(part: Resource, report: Resource) -> None:
    if "section" not in part:
        return
    kept = [each for each in part["section"] if is_shown_section(each, report)]
    for each in kept:
        _prune(each, report)
    if kept:
        part["section"] = kept
    else:
        del part["section"]


def _narrative(report: Resource) -> str:
    """The titles of what is left; what the lines say stands in their sections."""
    titles = [each["title"] for each in _sections(report) if isinstance(each.get("title"), str)]
    listed = "".join(f"<li>{escape(each)}</li>" for each in titles)
    title = escape(str(report.get("title", "")))
    return f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{title}</p>{f"<ul>{listed}</ul>" if listed else ""}</div>'


def is_withheld(resource: Resource, checks: Collection[str], hidden: Collection[str]) -> bool:
    """Whether a resource does not leave. ``hidden``: what lines S and O refer to."""
    if NO_COMPUTED in checks and is_computed(resource):
        return True
    if LINES_HIDDEN not in checks or resource.get("resourceType") != "Observation":
        return False
    return is_hidden_line(resource) or f"Observation/{resource.get('id')}" in hidden
