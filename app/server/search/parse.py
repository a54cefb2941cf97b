"""From the query string to a typed search, with every problem named. https://hl7.org/fhir/R4/search.html"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_plus

from app.errors import Invalid, Issue
from app.server.search.criteria import Criteria
from app.server.search.query import SearchQuery, SortKey
from app.server.search.registry import Registry

DEFAULT_COUNT: Final = 50
MOST_CONDITIONS: Final = 20
"""Parameters of one search. PostgreSQL takes 0.1 s to plan this many, and 20 s to plan 200."""
LARGEST_COUNT: Final = 1000
MOST_SORTS: Final = 5
_RESULT: Final = frozenset({"_sort", "_count", "_page", "_format", "_pretty"})


Part = tuple[str, str, str]
"""Name and value of one parameter, decoded, and both as they were written."""


def split_query(query: str) -> list[Part]:
    """The parameters of a query string in their order."""
    parts = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            if "%" in part or "+" in part:
                name, value = unquote_plus(name), unquote_plus(value)
            parts.append((name, value, part))
    return parts


class Parser:
    """Reads searches against the registry. ``base`` is this server's address."""

    def __init__(self, registry: Registry, *, base: str) -> None:
        self._registry = registry
        self._criteria = Criteria(registry, base=base)

    def parse(self, resource_type: str, parts: Iterable[Part], *, lenient: bool) -> SearchQuery:
        """A typed search. Raises ``Invalid`` with an issue per bad parameter; ``lenient`` passes over unknown ones."""
        query = SearchQuery(resource_type)
        issues: list[Issue] = []
        understood = []
        for name, value, written in parts:
            try:
                known = self._read(query, name, value)
            except Invalid as error:
                issues += [
                    Issue(each.code, f"{name}: {each.diagnostics}", (f"http.{name}",)) for each in error.all_issues()
                ]
                continue
            if known:
                if name not in ("_page", "_format", "_pretty"):
                    query.asked.append(name)
                    understood.append(written)
            elif not lenient:
                text = self._criteria.unknown(resource_type, name)
                issues.append(Issue("not-supported", text, (f"http.{name}",)))
        count = len(query.conditions) + len(query.ids) + len(query.updated)
        if count > MOST_CONDITIONS:
            issues.append(
                Issue("too-costly", f"The search has {count} parameters; it takes {MOST_CONDITIONS} at a time.")
            )
        if issues:
            raise Invalid("The search has parameters that cannot be used.", issues=tuple(issues))
        query.self_query = "&".join(understood)
        return query

    def parse_condition(self, resource_type: str, text: str) -> SearchQuery:
        """What If-None-Exist asks, with or without the type before it. Raises ``Invalid``, also if that is nothing."""
        query = self.parse(resource_type, split_query(text.partition("?")[2] or text), lenient=False)
        if not (query.conditions or query.ids or query.updated or query.patient or query.nothing):
            raise Invalid("If-None-Exist must name a search parameter; without one it would find anything.", "required")
        return query

    def _read(self, query: SearchQuery, name: str, value: str) -> bool:
        if "\0" in value:
            raise Invalid("has a character that no value in FHIR has.", "value")
        if name in _RESULT:
            self._result(query, name, value)
            return True
        return self._criteria.read(query, name, value)

    def _result(self, query: SearchQuery, name: str, value: str) -> None:
        if name == "_count":
            if not value.isdecimal() or int(value) == 0:
                raise Invalid("takes a whole number of at least 1.", "value")
            query.count = min(int(value), LARGEST_COUNT)
        elif name == "_page":
            query.cursor = value
        elif name == "_sort":
            query.sort = (*query.sort, *(self._sort_key(query.resource_type, each) for each in value.split(",")))
            if len(query.sort) > MOST_SORTS:
                raise Invalid(f"sorts by at most {MOST_SORTS} parameters.", "too-costly")

    def _sort_key(self, resource_type: str, text: str) -> SortKey:
        descending, code = text.startswith("-"), text.removeprefix("-")
        if code in ("_lastUpdated", "_id"):
            return SortKey(None, descending, by_id=code == "_id")
        param = self._registry.offered(resource_type).get(code)
        if param is None or not self._criteria.sorts(param):
            offered = self._registry.offered(resource_type).values()
            known = sorted(["_id", "_lastUpdated", *(each.code for each in offered if self._criteria.sorts(each))])
            raise Invalid(
                f"'{code}' cannot be sorted by; possible are {', '.join(known)}, with - for descending.",
                "not-supported",
            )
        return SortKey(param, descending)
