"""``Observation/$lastn``: the newest Observations of each code. https://hl7.org/fhir/R4/observation-operation-lastn.html

Observations are of one group when they share a coding, also by way of a third that shares one with each; without any
coding, when their text is the same. What was entered in error is left out. Each patient has groups of their own.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from app.database import Row
from app.errors import Forbidden, Invalid, Issue
from app.server.interactions.parameters import search_parts
from app.server.interactions.search import answer_page, included
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.search import page
from app.server.search.parse import Part
from app.server.search.permitted import within_scopes
from app.server.search.query import SearchQuery
from app.server.server import FhirServer

MOST_OBSERVATIONS: Final = 20_000
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


class _Coding(msgspec.Struct):
    system: str = ""
    code: str = ""


class _Concept(msgspec.Struct):
    coding: list[_Coding] = msgspec.field(default_factory=list)
    text: str = ""


class _Observation(msgspec.Struct):
    status: str
    code: _Concept


_read = msgspec.json.Decoder(_Observation).decode


async def lastn(server: FhirServer, request: Request, target: Target) -> Answer:
    """A searchset in one page: group after group, the one with the newest Observation first."""
    parts = search_parts(server, request)
    most = _most(parts)
    query = _query(server, request, target, parts)
    async with server.database.snapshot() as reader:
        found = await page.run(server, reader, request.access, query, now=request.now)
        if len(found.rows) > MOST_OBSERVATIONS:
            raise Forbidden(
                f"This would look through more than {MOST_OBSERVATIONS} Observations; ask for fewer with code,"
                " category or date.",
                "too-costly",
            )
        newest = replace(found, rows=_newest(found, most), next="", walk=None)
        brought = await included(server, reader, request, query, newest) if query.includes and newest.rows else None
    answer = await answer_page(server, request, query, newest, brought)
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
    query = server.parser.parse("Observation", [*searched, _SORTED], lenient=lenient)
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


def _newest(found: page.Page, most: int) -> list[Row]:
    """At most ``most`` rows of each group, in the order of the newest of each."""
    joined = _Groups()
    kept: list[tuple[Row, Hashable]] = []
    for row in found.rows:
        observation = _read(row[1])
        if observation.status != "entered-in-error":
            owner = found.patient if found.patient is not None else row[2]
            marks: list[Hashable] = [(owner, each.system, each.code) for each in observation.code.coding if each.code]
            marks = marks or [(owner, observation.code.text)]
            joined.join(marks)
            kept.append((row, marks[0]))
    groups: dict[Hashable, list[Row]] = {}
    for row, mark in kept:
        group = groups.setdefault(joined.find(mark), [])
        if len(group) < most:
            group.append(row)
    return [row for group in groups.values() for row in group]


class _Groups:
    """Sets that grow together: what was joined once stays so (union-find)."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def find(self, mark: Hashable) -> Hashable:
        """What stands for the set of a mark."""
        above = self._above.setdefault(mark, mark)
        while above != mark:
            self._above[mark] = above = self._above[above]
            mark, above = above, self._above[above]
        return mark

    def join(self, marks: Sequence[Hashable]) -> None:
        """Make one set of all."""
        first = self.find(marks[0])
        for each in marks[1:]:
            self._above[self.find(each)] = first
