"""From the query string to a typed search, with every problem named. https://hl7.org/fhir/R4/search.html"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus

from app.errors import Invalid, Issue
from app.server.search.criteria import Criteria
from app.server.search.query import SearchQuery
from app.server.search.registry import Registry
from app.server.search.results import Results, is_linked

MOST_CONDITIONS: Final = 20
"""Parameters of one search. PostgreSQL takes 0.1 s to plan this many, and 20 s to plan 200."""
_LONGEST_KEPT: Final = 200
"""Characters of a text whose decoded form is remembered."""

Part = tuple[str, str, str]
"""Name and value of one parameter, decoded, and both as they were written."""


def split_query(query: str) -> list[Part]:
    """The parameters of a query string in their order."""
    parts = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            if "%" in part or "+" in part:
                decoded = _decoded if len(part) <= _LONGEST_KEPT else unquote_plus
                name, value = decoded(name), decoded(value)
            parts.append((name, value, part))
    return parts


@lru_cache(maxsize=4096)
def _decoded(text: str) -> str:
    """Apps ask for the same codes again and again, each with a ``|`` and slashes that are percent-encoded."""
    return unquote_plus(text)


class Parser:
    """Reads searches against the registry. ``base`` is this server's address."""

    def __init__(self, registry: Registry, *, base: str) -> None:
        self._registry = registry
        self._criteria = Criteria(registry, base=base)
        self._results = Results(registry)

    def parse(
        self, resource_type: str, parts: Iterable[Part], *, lenient: bool, types: tuple[str, ...] = ()
    ) -> SearchQuery:
        """A typed search. Raises ``Invalid`` with an issue per bad parameter; ``lenient`` passes over unknown ones.

        ``types`` is for a search over several types, whose ``resource_type`` is "".
        """
        query = SearchQuery(resource_type, types)
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
                if is_linked(name):
                    query.asked.append(name)
                    understood.append(written)
            elif not lenient:
                text = self._criteria.unknown(query.types or (resource_type,), name)
                issues.append(Issue("not-supported", text, (f"http.{name}",), kind="unknown-parameter"))
        count = len(query.conditions) + len(query.ids) + len(query.updated)
        if count > MOST_CONDITIONS:
            issues.append(
                Issue("too-costly", f"The search has {count} parameters; it takes {MOST_CONDITIONS} at a time.")
            )
        if issues:
            raise Invalid("The search has parameters that cannot be used.", issues=tuple(issues))
        query.self_query = "&".join(understood)
        return query

    def parse_condition(self, resource_type: str, parts: Iterable[Part]) -> SearchQuery:
        """What a conditional interaction or reference asks. Raises ``Invalid``, also if that is nothing."""
        query = self.parse(resource_type, parts, lenient=False)
        if not (query.conditions or query.ids or query.updated or query.patient or query.nothing):
            text = "The condition must name a search parameter; without one it would find anything."
            raise Invalid(text, "required", kind="no-condition")
        return query

    def _read(self, query: SearchQuery, name: str, value: str) -> bool:
        if "\0" in value:
            raise Invalid("has a character that no value in FHIR has.", "value")
        is_result = name[:1] == "_" and self._results.read(query, name, value)
        return is_result or self._criteria.read(query, name, value)
