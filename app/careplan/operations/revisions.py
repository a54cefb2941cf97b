"""``CarePlan/$revisions``: what happened to the plan, newest first, one readable sentence for each revision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.careplan.cycle import events
from app.careplan.history import LAST, History
from app.careplan.names import Names
from app.careplan.opening import history_of
from app.careplan.past import Revision
from app.careplan.refusals import refused
from app.careplan.telling import sentences_of
from app.careplan.words import Words, preferred, remark, translations
from app.errors import Invalid, Issue
from app.fhir.dates import OPEN_END, OPEN_START, bounds
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server.bundles import Entry, match_entry, outcome_entry, searchset
from app.server.interactions.addresses import bases_of
from app.server.interactions.codings import BY_LANGUAGE, DISPLAY_LANGUAGE, languages_of
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.search.cursor import Cursor, read_cursor, write_cursor
from app.server.server import FhirServer
from app.server.store.removal import removed

DEFAULT_COUNT: Final = 20
LARGEST_COUNT: Final = 100
REVISIONS_PARAMETERS: Final = (
    Parameter("since", "in", 0, "1", "dateTime", "Only what was recorded at or after this time."),
    Parameter("until", "in", 0, "1", "dateTime", "Only what was recorded until the end of this day or other time."),
    Parameter("event", "in", 0, "*", "code", "Only these events, such as agree, evaluate or decide."),
    Parameter("from", "in", 0, "1", "positiveInt", "The lowest number of a revision."),
    Parameter("to", "in", 0, "1", "positiveInt", "The highest number of a revision."),
    Parameter(
        "_count", "in", 0, "1", "integer", f"Revisions per page: {DEFAULT_COUNT} if not said, at most {LARGEST_COUNT}."
    ),
    DISPLAY_LANGUAGE,
    Parameter(
        "return",
        "out",
        1,
        "1",
        "Bundle",
        "PlanRevisions, newest first, of type searchset; activity.text says in a sentence what was done, in both"
        " languages.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Numbers and times (µs) within which revisions are wanted; ``events`` empty for all."""

    low: int
    high: int
    since: int
    before: int
    events: frozenset[str]
    count: int


def revisions_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def revisions(server: FhirServer, request: Request, target: Target) -> Answer:
        return await _revisions(server, request, target, names)

    return Operation(
        "revisions",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-revisions",
        "What happened to the individual care plan, newest first: who did what and when, in a sentence in Dutch and"
        " English.",
        revisions,
        parameters=REVISIONS_PARAMETERS,
    )


async def _revisions(server: FhirServer, request: Request, target: Target, names: Names) -> Answer:
    inputs = inputs_of(server, request, REVISIONS_PARAMETERS)
    async with server.database.snapshot() as reader:
        history = await history_of(server, reader, request, target, names)
        what = f"CarePlan/{history.place.plan}/$revisions"
        signed = f"{what}?{inputs.query}"
        cursor = None if inputs.page is None else read_cursor(inputs.page, server.page_key, signed)
        asked = _asked(inputs, cursor)
        found, following = await _page(history, asked)
        told = [each for each in found if each.seen and not each.erased]
        sentences = await sentences_of(history, told, names)
    (base,) = await bases_of(server, request, [(history.place.patient, "CarePlan", history.place.plan)])
    language = preferred(languages_of(request, inputs))
    entries = [_entry(base, each, sentences[each.number], language) for each in told]
    remarks = _remarks(found)
    if remarks:
        entries.append(outcome_entry(encode(outcome(remarks))))
    url = f"{base}{what}"
    links = [("self", f"{url}?{inputs.query}" if inputs.query else url)]
    if following is not None:
        link = write_cursor(Cursor(1, 0, (), history.place.patient, following), server.page_key, signed)
        links.append(("next", f"{url}?{inputs.query}{'&' if inputs.query else ''}_page={link}"))
    return Answer(
        200,
        searchset(links, entries),
        [BY_LANGUAGE],
        interaction="$revisions",
        type="CarePlan",
        patients=(history.place.patient,),
        resources=(f"CarePlan/{history.place.plan}",),
        parameters=inputs.names,
        rows=len(told),
    )


def _asked(inputs: Inputs, cursor: Cursor | None) -> _Asked:
    low, high, count = inputs.first("from"), inputs.first("to"), inputs.first("_count")
    since, until = inputs.first("since"), inputs.first("until")
    named = frozenset(inputs.all("event"))
    if not named <= events().keys():
        raise refused(Invalid, "event-unknown", "event", as_type="value", events=", ".join(events()))
    return _Asked(
        max(1, low or 1),
        min(LAST, LAST if high is None else high, LAST if cursor is None else cursor.n - 1),
        OPEN_START if since is None else bounds(since)[0],
        OPEN_END if until is None else bounds(until)[1],
        named,
        DEFAULT_COUNT if count is None else max(1, min(count, LARGEST_COUNT)),
    )


async def _page(history: History, asked: _Asked) -> tuple[list[Revision], int | None]:
    """The revisions of one page, those that can only be told of too, and the number behind which the next begins."""
    found: list[Revision] = []
    high = asked.high
    while True:
        batch = await history.revisions(asked.low, high, limit=asked.count + 1, since=asked.since, before=asked.before)
        for each in batch:
            if asked.events and each.seen and not each.erased and each.event not in asked.events:
                continue
            if len(found) == asked.count:
                return found, found[-1].number
            found.append(each)
        if len(batch) <= asked.count:
            return found, None
        high = batch[-1].number - 1


def _entry(base: str, revision: Revision, words: Words, language: str) -> Entry:
    activity = {**revision.activity, "text": words[language], "_text": translations(words)}
    return match_entry(base, "Provenance", revision.id, revision.with_activity(activity))


def _remarks(found: Sequence[Revision]) -> list[Issue]:
    """What of the page is not shown."""
    remarks = [
        Issue("deleted", removed(f"Revision {each.number}", each.updated), severity="information", kind="erased")
        for each in found
        if each.erased
    ]
    hidden = [str(each.number) for each in found if not each.seen and not each.erased]
    if hidden:
        text = remark("revisions-left-out", numbers=", ".join(hidden))
        remarks.append(Issue("suppressed", text, severity="information"))
    return remarks
