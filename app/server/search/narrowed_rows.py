"""What the queries of scopes ask, as SQL on the row of a resource in a statement that is no search: includes and
``$everything``.
"""

from __future__ import annotations

from typing import Any, Final

from app.server.access import Access
from app.server.search.build import Ask, Build, Row
from app.server.search.conditions import condition_on
from app.server.search.narrowing import narrowing_of
from app.server.search.query import SearchQuery
from app.server.search.reach import Reach
from app.server.search.registry import Registry

_NOWHERE: Final = Reach((), ())


def rows_within(
    registry: Registry, dialect: str, access: Access, action: int, *, alias: str, first: int, now: int
) -> tuple[str, list[Any]]:
    """SQL that begins with AND and holds for the rows ``alias`` of ``resource`` on which the scopes allow ``action``,
    and its binds, whose placeholders are counted from ``first``; "" where no query narrows them.
    """
    scopes = access.scopes
    if scopes.narrowed is None:
        return "", []
    allowed = tuple(sorted(each for each in registry.stored if scopes.allow(each, action)))
    asked = narrowing_of(registry).per_type(allowed, scopes, action)
    if asked is None:
        return "", []
    query = SearchQuery("", allowed)
    build = Build(query, registry, dialect, everyone=False, alike=False, operator=False)
    build.gets += [lambda _: None] * (first - 1)
    row = Row(alias, f"{alias}.patient", f"{alias}.type", "", f"{alias}.n", f"{alias}.date", "0", single=True)
    sql = condition_on(build, row, asked, lambda _: asked)
    ask = Ask(query, _NOWHERE, access, now, 0, None)
    return f" AND {sql}", [get(ask) for get in build.gets[first - 1 :]]
