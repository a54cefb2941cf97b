"""The document in words: where it comes from, that it may be incomplete, and then every section with its entries.

MODEL 3, "Emptiness": what is not here is not known to be absent, and that there is nothing is only said where a source
says so. https://hl7.org/fhir/R4/composition.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.bgz.parts import Key as Code
from app.bgz.parts import bgz_sections
from app.bgz.summary.gathering import Entry, Gathered
from app.bgz.summary.table import summary_sections
from app.bgz.telling.entries import Teller, Told
from app.careplan.document.content import Item, Line, Section
from app.careplan.document.dates import Language, day, day_at
from app.careplan.document.people import human_name
from app.careplan.document.texts import Texts
from app.fhir.resource import Resource


@dataclass(frozen=True, slots=True)
class Chapter:
    """A section with what a FHIR document has of it. ``nothing``: a source says that there is nothing of this."""

    name: str
    loinc: str
    words: Section
    told: tuple[Told, ...]
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """The whole document. ``told_first``: what stands before all else."""

    language: Language
    title: str
    name: str
    person: str
    told_first: tuple[str, ...]
    sources: tuple[str, ...]
    chapters: tuple[Chapter, ...]


def summary_content(gathered: Gathered, language: Language, canonical_base: str, now: int) -> Content:
    """The summary: its sections, those that are always there also when they are empty."""
    teller = teller_of(gathered, language, canonical_base)
    chapters = []
    for section in summary_sections().values():
        entries = [each for each in gathered.entries if each.section == section.name]
        title = teller.texts(f"section.{section.name}")
        if entries or section.always:
            chapters.append(
                _chapter(section.name, title, entries, teller, loinc=section.loinc, nothing=section.nothing)
            )
    return _content("summary", gathered, teller, chapters, now)


def bgz_content(gathered: Gathered, language: Language, canonical_base: str, now: int, names: Sequence[str]) -> Content:
    """The BgZ: every section that was asked for."""
    teller = teller_of(gathered, language, canonical_base)
    chapters = []
    for name in names:
        section = bgz_sections()[name]
        entries = [each for each in gathered.entries if each.section == name]
        chapters.append(_chapter(name, section.title(language), entries, teller))
    return _content("bgz", gathered, teller, chapters, now)


def teller_of(gathered: Gathered, language: Language, canonical_base: str) -> Teller:
    """Tells the entries of a document."""
    return Teller(language, gathered.find, canonical_base)


def _chapter(
    name: str,
    title: str,
    entries: Sequence[Entry],
    teller: Teller,
    *,
    loinc: str = "",
    nothing: frozenset[Code] = frozenset(),
) -> Chapter:
    """The section; what only says that there is nothing is told, and is no entry."""
    saying = [each for each in entries if not nothing.isdisjoint(codes_of(each.resource))]
    listed = [each for each in entries if each not in saying]
    told = tuple(teller.told(each.resource, each.origin) for each in listed)
    texts = teller.texts
    items = [_item(each, texts) for each in told]
    empty = texts("empty.unavailable")
    if saying:
        said = [teller.told(each.resource, each.origin) for each in saying]
        empty = texts("empty.said", what="; ".join(f"{each.title} ({each.origin})" for each in said))
        if items:
            items.append(Item("", (Line("", empty),)))
    return Chapter(name, loinc, Section(name, title, tuple(items), empty), told, bool(saying))


def codes_of(resource: Resource) -> Iterable[Code]:
    """System and code of what it is about."""
    for name in ("code", "medicationCodeableConcept", "vaccineCode"):
        concept = resource.get(name)
        if isinstance(concept, dict):
            for each in concept.get("coding", ()):
                yield each.get("system", ""), each.get("code", "")


def _item(told: Told, texts: Texts) -> Item:
    marks = [Line("", each) for each in (texts("entry.own") if told.own else "", *told.marks) if each]
    source = Line(texts("line.source"), told.origin)
    return Item(told.title, (*told.lines, source, *marks), (), (told.key,))


def _content(kind: str, gathered: Gathered, teller: Teller, chapters: Sequence[Chapter], now: int) -> Content:
    texts, language = teller.texts, teller.texts.language
    person = gathered.person or {}
    name, born = human_name(person.get("name")), person.get("birthDate")
    shown = ", ".join(filter(None, (name, texts("head.born", day=day(born, language)) if born else "")))
    first = (texts("head.made", day=day_at(now, language)), texts("head.incomplete"))
    return Content(language, texts(f"head.{kind}"), name, shown, first, sources_told(gathered, texts), tuple(chapters))


def sources_told(gathered: Gathered, texts: Texts) -> tuple[str, ...]:
    """Each source with how much it gave and when that was last updated, the largest first."""
    counts: dict[str, list[Entry]] = {}
    for each in gathered.entries:
        counts.setdefault(each.origin.called(texts), []).append(each)
    ordered = sorted(counts.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(
        texts(
            "head.from",
            name=name,
            count=len(listed),
            day=day_at(max(each.updated for each in listed), texts.language),
        )
        for name, listed in ordered
    ) or (texts("head.nothing"),)
