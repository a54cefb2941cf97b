"""How a questionnaire was answered by all people of a tenant together: counts, and never who. For the operator; so that
those who cannot see an answer by name can still learn from all of them.

What fewer than ten people said is not told, and neither is what would let it be worked out: each person counts once, by
their last complete answers, and where hidden counts would add up to fewer than ten the smallest of the others is hidden
too. Words, dates and measured values are never listed. https://hl7.org/fhir/R4/questionnaireresponse.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import NotFound
from app.fhir.resource import Resource, decode
from app.questionnaires.answers.intake import COMPLETE
from app.questionnaires.items import Form, Item, answers_of, value_in
from app.questionnaires.library import QuestionnaireLibrary
from app.server.ids import catalogues
from app.server.server import FhirServer

LEAST: Final = 10
"""People, in whatever is told."""
AT_A_TIME: Final = 500
ANSWERED: Final = "answered"
NOT_ANSWERED: Final = "not answered"
_LISTED: Final = frozenset({"choice", "open-choice", "boolean", "integer"})
"""Types of questions whose answers are told one by one."""
_RESPONSES: Final = (
    "SELECT p.patient, r.n, r.body FROM partition p JOIN resource r ON r.patient = p.patient"
    " WHERE p.tenant = $1 AND p.state = 'live' AND (p.patient > $2 OR (p.patient = $2 AND r.n > $3))"
    " AND r.type = $4 AND r.deleted = 0 ORDER BY p.patient, r.n LIMIT $5"
)


@dataclass(frozen=True, slots=True)
class Question:
    """One question: ``cells`` are (answer, people), None where it is not told."""

    link_id: str
    text: str
    cells: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What can be told. ``respondents`` None: fewer than ten, and nothing else is told."""

    canonical: str
    respondents: int | None
    questions: tuple[Question, ...] = ()


@dataclass(slots=True)
class _Tally:
    """Of one question: how many people gave each answer, how many any, and whether somebody gave several."""

    given: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    several: bool = False

    def add(self, answers: Iterable[Resource]) -> None:
        cells = {_cell(each) for each in answers}
        self.given.update(cells)
        self.answered += bool(cells)
        self.several = self.several or len(cells) > 1


async def counts_of(server: FhirServer, canonical: str, *, tenant: int) -> Counts:
    """How a questionnaire (``url`` or ``url|version``) was answered. Raises ``NotFound`` for one that is not held."""
    library = QuestionnaireLibrary(server.canonical_base)
    held = await library.find(server, server.database, catalogues(tenant), canonical)
    if held is None:
        raise NotFound("This questionnaire is not in the catalogue of the tenant.")
    people = 0
    tallies: dict[str, _Tally] = {each.link_id: _Tally() for each in held.form.walk() if each.is_question}
    async for response in _last_of_each(server, canonical, tenant=tenant):
        people += 1
        answers = answers_of(response)
        for link_id, tally in tallies.items():
            tally.add(answers.get(link_id, ()))
    return told(held.form, canonical, people, tallies)


def told(form: Form, canonical: str, people: int, tallies: Mapping[str, _Tally]) -> Counts:
    """What can be told of what was counted."""
    if people < LEAST:
        return Counts(canonical, None)
    asked = (each for each in form.walk() if each.is_question)
    return Counts(canonical, people, tuple(_question(each, tallies[each.link_id], people) for each in asked))


def _question(item: Item, tally: _Tally, people: int) -> Question:
    if item.type not in _LISTED:
        cells = _hidden([(ANSWERED, tally.answered), (NOT_ANSWERED, people - tally.answered)])
        return Question(item.link_id, item.raw.get("text", ""), tuple(cells))
    options = _options(item)
    listed = [(label, tally.given[cell]) for cell, label in options.items()]
    # What is no option of the questionnaire was somebody's own: a number only, and only of many.
    if item.type == "integer":
        numbers = [each for each in tally.given if each not in options]
        listed += [(each, tally.given[each]) for each in sorted(numbers, key=int) if tally.given[each] >= LEAST]
    if tally.several or item.repeats:
        return Question(item.link_id, item.raw.get("text", ""), tuple(_alone(listed, people)))
    listed.append((NOT_ANSWERED, people - tally.answered))
    rest = people - sum(number for _, number in listed)
    return Question(item.link_id, item.raw.get("text", ""), tuple(_hidden(listed, beside=rest)))


def _hidden(cells: list[tuple[str, int]], *, beside: int = 0) -> Iterable[tuple[str, int | None]]:
    """Cells of which each person is in one; ``beside``: people in none that is listed."""
    hidden = {name for name, number in cells if number < LEAST}
    left = beside + sum(number for name, number in cells if name in hidden)
    if 0 < left < LEAST:
        shown = [(number, name) for name, number in cells if name not in hidden]
        if shown:
            hidden.add(min(shown)[1])
    return [(name, None if name in hidden else number) for name, number in cells]


def _alone(cells: list[tuple[str, int]], people: int) -> Iterable[tuple[str, int | None]]:
    """Cells of which a person can be in several: each is told where neither those in it nor the others are few."""
    for name, number in cells:
        few = number < LEAST or 0 < people - number < LEAST
        yield name, None if few else number


def _options(item: Item) -> dict[str, str]:
    """What can be chosen: the answer as it is counted, and its words."""
    if item.type == "boolean":
        return {"true": "true", "false": "false"}
    found = {}
    for each in item.raw.get("answerOption", ()):
        cell = _cell(each)
        coding: dict[str, Any] = each.get("valueCoding", {})
        found[cell] = str(coding.get("display") or coding.get("code") or cell)
    return found


def _cell(answer: Resource) -> str:
    """An answer as one that is counted."""
    name, value = value_in(answer)
    if name == "valueCoding":
        return f"{value.get('system', '')}|{value.get('code', '')}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


async def _last_of_each(server: FhirServer, canonical: str, *, tenant: int) -> AsyncIterator[Resource]:
    """The last complete answers of everybody who gave any."""
    url, _, version = canonical.partition("|")
    number, mark = server.registry.number("QuestionnaireResponse"), url.encode()
    patient, n, last, whose = 0, 0, None, 0
    while rows := await server.database.fetch(_RESPONSES, tenant, patient, n, number, AT_A_TIME):
        for patient, _, body in rows:
            if body is None or mark not in body:
                continue
            response = decode(body)
            named, _, of = str(response.get("questionnaire", "")).partition("|")
            if named != url or (version and of != version) or response.get("status") not in COMPLETE:
                continue
            if last is not None and whose != patient:
                yield last
                last = None
            if last is None or str(response.get("authored", "")) >= str(last.get("authored", "")):
                last, whose = response, patient
        n = rows[-1][1]
    if last is not None:
        yield last
