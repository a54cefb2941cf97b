"""A search may only ask about types that the token's scopes allow to search, also within chains and ``_has``."""

from __future__ import annotations

from app.fhir.scopes import Action, Scopes
from app.server.challenges import beyond_scopes
from app.server.search.query import AnyOf, Chain, Criterion, Has, SearchQuery


def within_scopes(query: SearchQuery, scopes: Scopes) -> None:
    """Leave out the types of a chain that may not be asked about. Raises ``Forbidden`` where none is left."""
    if scopes.every_type & Action.SEARCH:
        return
    kept = []
    for criterion in query.conditions:
        allowed = _allowed(criterion, scopes)
        if allowed is None:
            text = "The token's scopes do not allow to search the types that the search leads to."
            raise beyond_scopes(scopes, text)
        kept.append(allowed)
    query.conditions = kept


def _allowed(criterion: Criterion, scopes: Scopes) -> Criterion | None:
    if isinstance(criterion, AnyOf):
        parts = tuple(each for each in (_allowed(part, scopes) for part in criterion.criteria) if each is not None)
        return AnyOf(parts) if parts else None
    if isinstance(criterion, Chain):
        asked = criterion.target_type
    elif isinstance(criterion, Has):
        asked = criterion.param.resource_type
    else:
        return criterion
    if not scopes.allow(asked, Action.SEARCH):
        return None
    inner = _allowed(criterion.inner, scopes)
    if inner is None:
        return None
    return Chain(criterion.param, asked, inner) if isinstance(criterion, Chain) else Has(criterion.param, inner)
