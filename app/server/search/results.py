"""What a search asks of its answer: order, page, total, form, and what is to come with the matches.
https://hl7.org/fhir/R4/search.html#Result
"""

from __future__ import annotations

from typing import Final

from app.errors import Invalid
from app.server.search.kinds import KINDS
from app.server.search.query import Include, SearchQuery, SortKey
from app.server.search.registry import Param, Registry

LARGEST_COUNT: Final = 1000
MOST_SORTS: Final = 5
MOST_INCLUDES: Final = 20
_SUMMARIES: Final = ("true", "text", "data", "count", "false")
_TOTALS: Final = ("none", "estimate", "accurate")
_UNLINKED: Final = frozenset({"_page", "_format", "_pretty"})
"""What a page link does not repeat."""


def is_linked(name: str) -> bool:
    """Whether a parameter is part of what the self link says."""
    return name not in _UNLINKED


class Results:
    """Reads the result parameters of a search."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def read(self, query: SearchQuery, name: str, value: str) -> bool:
        """Take a result parameter into ``query``; False for a name that is none. Raises ``Invalid``."""
        match name.partition(":")[0]:
            case "_count":
                self._count(query, value)
            case "_page":
                query.cursor = value
            case "_sort":
                self._sort(query, value)
            case "_total":
                if value not in _TOTALS:
                    raise Invalid(f"takes one of {', '.join(_TOTALS)}.", "value")
                query.total = query.total or value != "none"
            case "_summary":
                if value not in _SUMMARIES:
                    raise Invalid(f"takes one of {', '.join(_SUMMARIES)}.", "value")
                query.only_count = query.only_count or value == "count"
            case "_include" | "_revinclude":
                return self._include(query, name, value)
            case "_elements":
                self._elements(query, value)
            case "_type":
                return bool(query.types)
            case _:
                return name in _UNLINKED
        return ":" not in name

    def _count(self, query: SearchQuery, value: str) -> None:
        if not value.isdecimal():
            raise Invalid("takes a whole number; 0 asks for the number of matches only.", "value")
        asked = int(value[-4:]) if not value[:-4].strip("0") else LARGEST_COUNT
        if asked:
            query.count = min(asked, LARGEST_COUNT)
        else:
            query.only_count = True

    def _elements(self, query: SearchQuery, value: str) -> None:
        types = query.types or (query.resource_type,)
        known = {
            element.choice or name for each in types for name, element in self._registry.definitions.types[each].items()
        } | {"id", "meta", "resourceType"}
        for text in value.split(","):
            name = text.strip().removeprefix(f"{query.resource_type}.").partition(".")[0].removesuffix("[x]")
            if name not in known and not any(name in self._registry.definitions.types[each] for each in types):
                raise Invalid("names an element that the type does not have.", "value")

    def sorts(self, param: Param) -> bool:
        """Whether rows can be sorted by it."""
        return KINDS[param.kind].order is not None

    def _sort(self, query: SearchQuery, value: str) -> None:
        query.sort += tuple([self._sort_key(query, each) for each in value.split(",")])
        if len(query.sort) > MOST_SORTS:
            raise Invalid(f"sorts by at most {MOST_SORTS} parameters.", "too-costly")

    def _sort_key(self, query: SearchQuery, text: str) -> SortKey:
        descending, code = text.startswith("-"), text.removeprefix("-")
        if code in ("_lastUpdated", "_id"):
            return SortKey(None, descending, by_id=code == "_id")
        offered = {} if query.types else self._registry.offered(query.resource_type)
        param = offered.get(code)
        if param is None or not self.sorts(param):
            known = sorted(["_id", "_lastUpdated", *(each.code for each in offered.values() if self.sorts(each))])
            raise Invalid(
                f"sorts by one or more of {', '.join(known)}, each with - before it for descending.", "not-supported"
            )
        return SortKey(param, descending)

    def _include(self, query: SearchQuery, name: str, value: str) -> bool:
        base, _, modifier = name.partition(":")
        if modifier not in ("", "iterate"):
            return False
        for text in value.split(","):
            query.includes.append(self._one_include(text, iterate=bool(modifier), reverse=base == "_revinclude"))
        if len(query.includes) > MOST_INCLUDES:
            raise Invalid(f"is there more than {MOST_INCLUDES} times.", "too-costly")
        return True

    def _one_include(self, text: str, *, iterate: bool, reverse: bool) -> Include:
        if text == "*":
            return Include("", None, "", iterate, reverse)
        source, colon, rest = text.partition(":")
        code, _, target = rest.partition(":")
        if not colon or not code:
            raise Invalid("is written as <type>:<reference parameter>, <type>:* or *.", "value")
        for each in (source, *((target,) if target else ())):
            if each not in self._registry.stored:
                raise Invalid(f"'{each}' is not a resource type that is served here.", "not-supported")
        if code == "*":
            return Include(source, None, target, iterate, reverse)
        param = self._registry.offered(source).get(code)
        if param is None or param.kind != "reference":
            known = sorted(each.code for each in self._registry.offered(source).values() if each.kind == "reference")
            raise Invalid(
                f"'{code}' is not a reference parameter of {source}; those are {', '.join(known)}.", "not-supported"
            )
        if target and param.definition.targets and target not in param.definition.targets:
            raise Invalid(f"{source}'s '{code}' does not refer to {target}.", "value")
        return Include(source, param, target, iterate, reverse)
