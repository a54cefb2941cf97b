"""What the queries of a token's scopes ask: of a search, as more criteria in its statement, and of one resource, by the
index rows that it has or would have, so that both say the same.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from app.errors import Invalid
from app.fhir.resource import Resource
from app.fhir.scopes import Action, Query, Scopes
from app.server.placement import named_patient
from app.server.search.criteria import Criteria
from app.server.search.index import Indexer
from app.server.search.matching import Indexed, meets
from app.server.search.query import AllOf, AnyOf, Chain, Condition, Criterion, Has, Ids, PerType, SearchQuery
from app.server.search.registry import Registry
from app.server.search.rows import Rows

NOTHING_MEETS: Final = Ids(())
"""Stands for a query that this server cannot hold a resource to, and for what no scope allows."""
_MOST_KEPT: Final = 1000


@lru_cache(maxsize=4)
def narrowing_of(registry: Registry) -> Narrowing:
    """The one of a server's registry; made when the first token comes that needs it."""
    return Narrowing(registry)


class Narrowing:
    """Reads queries of scopes as criteria, once, and holds searches and resources to them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._criteria = Criteria(registry, base=registry.base)
        self._indexers: dict[str, Indexer] = {}
        self._kept: dict[tuple[str, tuple[Query, ...]], Criterion] = {}

    def criterion(self, resource_type: str, scopes: Scopes, action: int) -> Criterion | None:
        """What ``action`` asks of a resource of the type; None where that is nothing."""
        queries = scopes.limits(resource_type, action)
        if queries is None:
            return None
        found = self._kept.get((resource_type, queries))
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[resource_type, queries] = self._any_of(resource_type, queries)
        return found

    def _any_of(self, resource_type: str, queries: tuple[Query, ...]) -> Criterion:
        found = [each for each in (self._all_of(resource_type, query) for query in queries) if each is not None]
        if not found:
            return NOTHING_MEETS
        return found[0] if len(found) == 1 else AnyOf(tuple(found))

    def _all_of(self, resource_type: str, query: Query) -> Criterion | None:
        """None for a query that cannot be read: nothing meets it."""
        parts = []
        for name, values in query:
            try:
                part = self._criteria.plain(resource_type, name, ",".join(values))
            except Invalid:
                part = None
            if part is None:
                return None
            parts.append(part)
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def narrow(self, query: SearchQuery, scopes: Scopes) -> None:
        """Add to a search what its types, and the types that it leads to, are narrowed by."""
        query.conditions = [self._led(each, scopes) for each in query.conditions]
        if query.types:
            asked = self.per_type(query.types, scopes, Action.SEARCH)
            query.conditions += () if asked is None else (asked,)
            return
        criterion = self.criterion(query.resource_type, scopes, Action.SEARCH)
        if criterion is not None:
            # One after the other, so that each may be what leads the statement.
            query.conditions += criterion.criteria if isinstance(criterion, AllOf) else (criterion,)

    def per_type(self, types: tuple[str, ...], scopes: Scopes, action: int) -> PerType | None:
        """What ``action`` asks of resources of these types; None where that is nothing. Types of which the same is
        asked, such as a tag, are one group.
        """
        groups: dict[object, tuple[list[str], Criterion]] = {}
        free = []
        for each in types:
            criterion = self.criterion(each, scopes, action)
            if criterion is None:
                free.append(each)
            else:
                groups.setdefault(_meaning(criterion), ([], criterion))[0].append(each)
        if not groups:
            return None
        return PerType(tuple((tuple(names), criterion) for names, criterion in groups.values()), tuple(free))

    def _led(self, criterion: Criterion, scopes: Scopes) -> Criterion:
        """With what the resources must meet that a chain or ``_has`` leads to."""
        match criterion:
            case AnyOf():
                return AnyOf(tuple(self._led(each, scopes) for each in criterion.criteria))
            case AllOf():
                return AllOf(tuple(self._led(each, scopes) for each in criterion.criteria))
            case Chain():
                inner = self._inner(criterion.inner, criterion.target_type, scopes)
                return Chain(criterion.param, criterion.target_type, inner)
            case Has():
                return Has(criterion.param, self._inner(criterion.inner, criterion.param.resource_type, scopes))
        return criterion

    def _inner(self, inner: Criterion, resource_type: str, scopes: Scopes) -> Criterion:
        asked = self.criterion(resource_type, scopes, Action.SEARCH)
        led = self._led(inner, scopes)
        return led if asked is None else AllOf((led, asked))

    def allows(self, scopes: Scopes, action: int, resource: Resource) -> bool:
        """Whether the scopes allow ``action`` on this very resource, as it is stored."""
        criterion = self.criterion(resource["resourceType"], scopes, action)
        return criterion is None or meets(criterion, self.index(resource))

    def allows_rows(self, scopes: Scopes, action: int, resource: Resource, rows: Rows, *, owned: bool) -> bool:
        """The same of one whose index rows were made; ``owned``: it names its partition's patient as subject."""
        criterion = self.criterion(resource["resourceType"], scopes, action)
        named = self._named(resource) if owned else None
        return criterion is None or meets(criterion, Indexed(self._registry, rows, named))

    def index(self, resource: Resource) -> Indexed:
        """A stored resource as the searches see it."""
        resource_type: str = resource["resourceType"]
        indexer = self._indexers.get(resource_type)
        if indexer is None:
            indexer = self._indexers[resource_type] = Indexer(self._registry, resource_type, base=self._registry.base)
        named = self._named(resource)
        return Indexed(self._registry, indexer.rows(resource, owned=named is not None), named)

    def _named(self, resource: Resource) -> str | None:
        place = self._registry.placement[resource["resourceType"]]
        return named_patient(resource, place, base=self._registry.base, entries={})


def _meaning(criterion: Criterion) -> object:
    """What a criterion asks, whatever the type that it asks it of."""
    match criterion:
        case Condition():
            return criterion.param.numbers, tuple(criterion.values)
        case AllOf() | AnyOf():
            return type(criterion), tuple(map(_meaning, criterion.criteria))
    return criterion
