"""``Observation/$lastn``: the newest Observations of each code. https://hl7.org/fhir/R4/observation-operation-lastn.html

Observations are of one group when they share a coding, also by way of a third that shares one with each; without any
coding, when their text is the same. What was entered in error is left out. Each patient has groups of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.errors import Forbidden, Invalid, Issue
from app.server.interactions.groups import Observations, newest
from app.server.interactions.parameters import search_parts
from app.server.interactions.search import answer_page, included
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.search import page
from app.server.search.parse import Part
from app.server.search.permitted import within_scopes
from app.server.search.query import SearchQuery
from app.server.server import FhirServer

MOST_OBSERVATIONS: Final = 200_000
"""That are looked through, in the index."""
MOST_GIVEN: Final = 20_000
"""That one answer has."""
LASTN_PARAMETERS: Final = (
    Parameter("max", "in", 0, "1", "positiveInt", "How many of each code; 1 if not said."),
    Parameter(
        "patient", "in", 0, "1", "string", "Whose Observations, as in a search; not needed for a single patient."
    ),
    Parameter("category", "in", 0, "*", "string", "As in a search; every other search parameter can be given, too."),
    Parameter("code", "in", 0, "*", "string", "As in a search."),
    Parameter("return", "out", 1, "1", "Bundle", "The Observations by code, newest first, of type searchset."),
)
_OF_PAGES: Final = frozenset({"_sort", "_count", "_page", "_total"})
_SORTED: Final[Part] = ("_sort", "-date", "_sort=-date")
_RIGHT: Final[Part] = ("status:not", "entered-in-error", "status:not=entered-in-error")


async def lastn(server: FhirServer, request: Request, target: Target) -> Answer:
    """A searchset in one page: group after group, the one with the newest Observation first."""
    parts = search_parts(server, request)
    most = _most(parts)
    query = _query(server, request, target, parts)
    async with server.database.snapshot() as reader:
        places, sole = await page.places(server, reader, request.access, query, now=request.now)
        if len(places) > MOST_OBSERVATIONS:
            raise Forbidden(
                f"This would look through more than {MOST_OBSERVATIONS} Observations; ask for fewer with code,"
                " category or date.",
                "too-costly",
            )
        observations = Observations(server, reader, request)
        chosen = newest(places, await observations.marks(places), most)
        if len(chosen) > MOST_GIVEN:
            raise Forbidden(
                f"This would give more than {MOST_GIVEN} Observations; ask for fewer with max, code or date.",
                "too-costly",
            )
        found = page.Page(await observations.rows(chosen), "", sole)
        brought = await included(server, reader, request, query, found) if query.includes and found.rows else None
    answer = await answer_page(server, request, query, found, brought)
    answer.interaction, answer.parameters = "$lastn", tuple(dict.fromkeys(name for name, _, _ in parts))
    return answer


def _most(parts: Sequence[Part]) -> int:
    """``max``. Raises ``Invalid``."""
    given = [value for name, value, _ in parts if name == "max"]
    if not given:
        return 1
    text = given[0]
    if len(given) > 1 or not (text.isascii() and text.isdecimal()) or not text.strip("0"):
        raise Invalid("", issues=(Issue("value", "max takes one whole number of at least 1.", ("http.max",)),))
    return min(int(text.lstrip("0")[:9]), MOST_OBSERVATIONS)


def _query(server: FhirServer, request: Request, target: Target, parts: Sequence[Part]) -> SearchQuery:
    """The search for the Observations to choose from, newest first. Raises ``Invalid`` or ``Forbidden``."""
    refused = [name for name, _, _ in parts if name.partition(":")[0] in _OF_PAGES]
    if refused:
        text = "$lastn gives all in one page, newest first; this is for searches."
        raise Invalid(
            "", issues=tuple(Issue("not-supported", f"{each}: {text}", (f"http.{each}",)) for each in refused)
        )
    searched = [part for part in parts if part[0] != "max"]
    lenient = request.prefers("handling=lenient")
    query = server.parser.parse("Observation", [*searched, _RIGHT, _SORTED], lenient=lenient)
    if query.only_count:
        raise Invalid("_summary=count is for searches.", "not-supported")
    within_scopes(query, request.access.scopes)
    query.count = MOST_OBSERVATIONS + 1
    query.where = "Observation/$lastn"
    if target.patient_id is not None:
        query.nothing = query.nothing or bool(query.patient and query.patient[0] != target.patient_id)
        query.patient = [target.patient_id]
        query.where = f"Patient/{target.patient_id}/Observation/$lastn"
    query.self_query = "&".join(written for name, _, written in parts if name not in ("_format", "_pretty"))
    return query
