"""One entry of the record in words: what it is, what is said of it, from when, and from which source.

The tables are data: ``telling.yaml`` says of each type what is told. https://hl7.org/fhir/R4/resourcelist.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from app.bgz.sources import Origin
from app.bgz.telling.values import Find, Saying, elements, value_of
from app.careplan.document.content import Line
from app.careplan.document.dates import Language, day
from app.careplan.document.texts import Texts
from app.careplan.plan import local
from app.fhir.resource import Resource
from app.server.intake.flags import BEYOND_LIMIT, TO_CONFIRM, intake_system

WORDS: Final = Path(__file__).with_name("words.yaml")
_PERSON: Final = "Patient"
NO_LONGER: Final = "no-longer-delivered"
"""The flag of what a source gave before, and no longer when it was asked for all of it again."""
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """How a type is told, as ``telling.yaml`` has it."""

    title: tuple[str, ...]
    lines: Mapping[str, tuple[str, ...]]
    dates: tuple[str, ...]
    by: tuple[str, ...]


@cache
def forms() -> Mapping[str, Form]:
    """By type."""
    table: dict[str, Any] = yaml.load(Path(__file__).with_name("telling.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return MappingProxyType(
        {
            name: Form(
                tuple(row["title"]),
                MappingProxyType({key: tuple(paths) for key, paths in row["lines"].items()}),
                tuple(row["dates"]),
                tuple(row.get("by", ())),
            )
            for name, row in table.items()
        }
    )


@dataclass(frozen=True, slots=True)
class Told:
    """An entry in words. ``date``: as FHIR writes it, "" where it has none; ``source``: its name; ``own``: it is from
    the person; ``marks``: what is to be known of it, such as that its source no longer delivers it.
    """

    key: Key
    title: str
    lines: tuple[Line, ...]
    date: str
    day: str
    source: str
    own: bool
    marks: tuple[str, ...]

    @property
    def origin(self) -> str:
        """Source and day, as they stand beside it."""
        return f"{self.source}, {self.day}"


class Teller:
    """Tells entries in one language. ``find``: what references lead to."""

    def __init__(self, language: Language, find: Find, canonical_base: str) -> None:
        self.texts = Texts(language, WORDS)
        self._saying = Saying(self.texts, Texts(language), find)
        self._find = find
        self._base = canonical_base

    def told(self, resource: Resource, origin: Origin) -> Told:
        """A resource of a type that ``forms`` has."""
        form, texts = forms()[resource["resourceType"]], self.texts
        title = next(filter(None, (self._at(resource, path) for path in form.title)), "")
        lines = []
        for name, paths in form.lines.items():
            parts = [self._at(resource, path) for path in paths]
            text = ", ".join(dict.fromkeys(filter(None, parts)))
            if text and text != title:
                lines.append(Line(texts(f"line.{name}"), text))
        date = date_of(resource)
        shown = day(date, texts.language) if date else texts("entry.no-date")
        return Told(
            (resource["resourceType"], resource["id"]),
            title or texts("entry.nameless"),
            tuple(lines),
            date,
            shown,
            origin.called(texts),
            origin.is_person or _is_by_person(resource, form),
            tuple(self._marks(resource)),
        )

    def _at(self, resource: Resource, path: str) -> str:
        if path == "value":
            return self._saying.said(value_of(resource))
        found = (self._saying.said(each) for each in elements(resource, path, self._find))
        return ", ".join(dict.fromkeys(filter(None, found)))

    def _marks(self, resource: Resource) -> Iterator[str]:
        """What the service's flags say of it."""
        meta, texts = resource.get("meta", {}), self.texts
        system = intake_system(self._base)
        flags = {each.get("code") for each in meta.get("tag", ()) if each.get("system") == system}
        for flag in (TO_CONFIRM, BEYOND_LIMIT):
            if flag in flags:
                yield texts(f"entry.{flag}")
        if NO_LONGER in flags:
            url = f"{self._base}/StructureDefinition/no-longer-delivered-since"
            since = next((value_of(each) for each in meta.get("extension", ()) if each.get("url") == url), None)
            yield texts("entry.gone", day=day(since, texts.language)) if since else texts("entry.gone-some-time")


def date_of(resource: Resource) -> str:
    """The date of an entry as FHIR writes it; of a period its beginning."""
    form = forms().get(resource["resourceType"])
    for name in form.dates if form is not None else ():
        found = resource.get(name)
        if isinstance(found, dict):
            found = found.get("start") or found.get("end")
        if isinstance(found, str):
            return found
    return ""


def _is_by_person(resource: Resource, form: Form) -> bool:
    """Whether it names the person as who said or measured it."""
    for name in form.by:
        value = resource.get(name)
        for each in value if isinstance(value, list) else [value]:
            key = local(each)
            if key is not None and key[0] == _PERSON:
                return True
    return False
