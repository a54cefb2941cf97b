"""The results of questionnaires of one person, by questionnaire: the newest, and the one before.

https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.database import Reader
from app.fhir.resource import Resource
from app.questionnaires.instruments import Instrument, shipped
from app.questionnaires.library import Held, Numbered, QuestionnaireLibrary
from app.questionnaires.names import Names
from app.questionnaires.scoring.program import Dimension, Words
from app.questionnaires.scoring.results import program_of
from app.questionnaires.scoring.shown import Shown, shown

_VOID: Final = ("entered-in-error", "cancelled")


@dataclass(frozen=True, slots=True)
class Answered:
    """The results of one time: ``parts`` in the order of the key, without the panel ``first`` that holds them, which
    is a result itself where it holds none.
    """

    first: Shown
    effective: str
    parts: Sequence[Shown]

    def find(self, shown: Shown) -> Shown | None:
        """The result of the same dimension."""
        return next((each for each in self.parts if each.code == shown.code), None)


@dataclass(frozen=True, slots=True)
class Told:
    """One questionnaire: what it is called, what it says and is not, and its results. ``held`` is None for one that is
    not here, as of a result that was obtained elsewhere. ``dimensions``: by the code of a result.
    """

    title: Words
    says: Words | None
    held: Held | None
    dimensions: Mapping[tuple[str, str], Dimension]
    meanings: Mapping[tuple[str, str], Words]
    now: Answered
    before: Answered | None


@dataclass(frozen=True, slots=True)
class Profile:
    """Tells results apart by questionnaire, for one installation."""

    library: QuestionnaireLibrary
    names: Names

    async def told(
        self, server: Numbered, reader: Reader, catalogues: tuple[int, int], observations: Sequence[Resource]
    ) -> list[Told]:
        """Every questionnaire that has results among these, which are the newest first."""
        listed = (shown(each, self.names) for each in observations)
        found = [each for each in listed if each is not None and each.status not in _VOID]
        by_form: dict[str, list[tuple[Shown, Answered]]] = {}
        for first, answered in _times(found):
            by_form.setdefault(self._form(first), []).append((first, answered))
        return [
            self._one(await self.library.find(server, reader, catalogues, name), name, times)
            for name, times in by_form.items()
        ]

    def _form(self, of: Shown) -> str:
        """What the results of one questionnaire have in common: its URL; of a result that was obtained elsewhere that
        of the instrument that has its code, else the name that was told.
        """
        canonical = str(of.basis.get("questionnaire", "")).partition("|")[0]
        if canonical:
            return canonical
        for url, instrument in shipped(self.names.base).items():
            if of.code in _codes(instrument):
                return url
        return str(of.basis.get("form", "")) or of.words.nl

    def _one(self, held: Held | None, name: str, listed: Sequence[tuple[Shown, Answered]]) -> Told:
        instrument = held.instrument if held is not None else shipped(self.names.base).get(name)
        program = program_of(held, self.names.base) if held is not None else None
        dimensions = {each.code: each for each in (program.dimensions if program is not None else ())}
        row: Mapping[str, Any] = {} if instrument is None else instrument.row
        says = row.get("says")
        first = listed[0][0]
        form = str(first.basis.get("form") or row.get("name") or first.words.nl)
        return Told(
            Words(form, form) if held is None else _title(held, form),
            None if says is None else Words(says["nl"], says["en"]),
            held,
            dimensions,
            {
                **({} if instrument is None else dict(_meanings(instrument))),
                **{code: each.meaning for code, each in dimensions.items()},
            },
            listed[0][1],
            listed[1][1] if len(listed) > 1 else None,
        )


def _times(found: Sequence[Shown]) -> Iterator[tuple[Shown, Answered]]:
    """What belongs together, the newest first: a panel with its parts; a result that no panel has, by itself. Of what
    was scored again only what was scored by the newest key.
    """
    by_id = {each.id: each for each in found}
    within = {part for each in found for part in each.parts}
    seen: set[tuple[str, str]] = set()
    for each in found:
        if each.id in within:
            continue
        parts = [by_id[part] for part in each.parts if part in by_id] if each.parts else [each]
        key = str(each.basis.get("questionnaire") or each.code), each.effective
        if not parts or key in seen:
            continue
        seen.add(key)
        yield each, Answered(each, each.effective, parts)


def _title(held: Held, form: str) -> Words:
    resource = held.form.resource
    dutch = str(resource.get("title") or resource.get("name") or form)
    english = dutch
    for extension in resource.get("_title", {}).get("extension", ()):
        said = {each.get("url"): each for each in extension.get("extension", ())}
        if said.get("lang", {}).get("valueCode") == "en":
            english = str(said.get("content", {}).get("valueString", dutch))
    return Words(dutch, english)


def _dimensions(instrument: Instrument) -> Iterator[Mapping[str, Any]]:
    """Those of its key, and those that only a key that is installed computes."""
    for program in (instrument.scoring or {}, instrument.row.get("keyed") or {}):
        yield from program.get("dimensions", ())


def _codes(instrument: Instrument) -> set[tuple[str, str]]:
    return {_key(str(each["code"])) for each in _dimensions(instrument) if "code" in each}


def _meanings(instrument: Instrument) -> Iterator[tuple[tuple[str, str], Words]]:
    for each in _dimensions(instrument):
        if "code" in each and "meaning" in each:
            yield _key(str(each["code"])), Words(each["meaning"]["nl"], each["meaning"]["en"])


def _key(written: str) -> tuple[str, str]:
    system, _, code = written.rpartition("|")
    return system, code
