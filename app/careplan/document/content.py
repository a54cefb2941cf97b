"""What the document says: sections of items in plain words, the same for the narrative and for paper.

https://hl7.org/fhir/R4/composition.html; MODEL 3, "Emptiness": what is not here is not known to be absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.careplan.document.dates import Language, day, day_at
from app.careplan.document.gather import Gathered, Key
from app.careplan.document.people import human_name
from app.careplan.document.texts import Texts
from app.careplan.names import Names
from app.careplan.plan import CLOSED, Cycle, cycle_of
from app.fhir.resource import Resource

Tone = Literal["", "green", "yellow", "orange", "red"]


@dataclass(frozen=True, slots=True)
class Line:
    """What is said of an item; ``label`` empty: the text says it all."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One goal, agreement, zone, person … ``lines`` belong to it in brief, ``more`` in full only; ``keys`` are the
    resources that it was made of, the main one first. ``phone``: whom to call on it.
    """

    title: str
    lines: tuple[Line, ...] = ()
    more: tuple[Line, ...] = ()
    keys: tuple[Key, ...] = ()
    tone: Tone = ""
    phone: str = ""

    def all_lines(self) -> tuple[Line, ...]:
        return (*self.lines, *self.more)


@dataclass(frozen=True, slots=True)
class Section:
    """One section. Without items it says so in ``empty``, and never that there is nothing."""

    code: str
    title: str
    items: tuple[Item, ...]
    empty: str = ""

    def keys(self) -> list[Key]:
        """What the section refers to, each once."""
        return list(dict.fromkeys(key for item in self.items for key in item.keys))


@dataclass(frozen=True, slots=True)
class Content:
    """The whole document in words. ``facts`` stand below the title, ``remarks`` are what the reader has to know."""

    language: Language
    title: str
    name: str
    person: str
    revision: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    source: str
    remarks: tuple[str, ...]
    current: str


@dataclass(frozen=True, slots=True)
class Telling:
    """What the sections are made with."""

    gathered: Gathered
    names: Names
    texts: Texts

    def line(self, label: str, text: str) -> Iterator[Line]:
        """A line, where there is anything to say."""
        if text.strip():
            yield Line(self.texts(label) if label else "", text.strip())


def head_of(gathered: Gathered, names: Names, texts: Texts, now: int) -> dict[str, object]:
    """What stands above the sections."""
    plan, language = gathered.plan, texts.language
    patient = gathered.resources.get(("Patient", gathered.patient_id), {})
    name = human_name(patient.get("name")) or plan.get("subject", {}).get("display", "")
    born = patient.get("birthDate")
    remarks = []
    if gathered.left_out:
        remarks.append(texts("remark.left-out"))
    if gathered.erased:
        remarks.append(texts("remark.erased"))
    return {
        "language": language,
        "title": plan.get("title", "").strip() or texts("head.title"),
        "name": name,
        "person": ", ".join(filter(None, (name, texts("head.born", day=day(born, language)) if born else ""))),
        "revision": _revision(gathered, texts),
        "facts": tuple(_facts(plan, cycle_of(plan, names), texts)),
        "source": texts("remark.source", name=name or "…", day=day_at(now, language)),
        "remarks": tuple(remarks),
        "current": texts("remark.current"),
    }


def _revision(gathered: Gathered, texts: Texts) -> str:
    revision = gathered.revision
    when = day_at(revision.at, texts.language)
    if not revision.number:
        return texts("head.no-revision", day=when)
    key = "head.revision" if revision.seq is None else "head.revision-as-it-was"
    return texts(key, number=revision.number, day=when)


def _facts(plan: Resource, cycle: Cycle | None, texts: Texts) -> Iterator[str]:
    status = plan.get("status", "")
    if status == "draft":
        yield texts("head.draft")
    elif status == "on-hold":
        yield texts("head.on-hold")
    elif status in CLOSED:
        yield texts("head.closed")
    if cycle is None:
        return
    yield texts("head.cycle", cycle=cycle.cycle, phase=texts.known(f"phase.{cycle.phase}"))
    if status not in CLOSED:
        review = cycle.next_review
        yield texts("head.next-review", day=day(review, texts.language)) if review else texts("head.no-review")
