"""The values of a search as the parser understood them. ``shape``: what of a value the statement's text depends on."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.server.search.registry import Param
from app.server.search.strings import HEAD, fold, prefix_end


@dataclass(frozen=True, slots=True)
class TokenValue:
    """A token: ``hash`` where the one token that it means is known, else any ``code`` of whatever system, or any code
    of ``system``.
    """

    system: str | None
    code: str | None
    hash: int | None = None

    @property
    def shape(self) -> object:
        return "hash" if self.hash is not None else "code" if self.system is None else "system"


@dataclass(frozen=True, slots=True)
class DateValue:
    """A prefix and the interval that the written date stands for."""

    prefix: str
    low: int
    high: int

    @property
    def shape(self) -> object:
        return self.prefix


@dataclass(frozen=True, slots=True)
class ReferenceValue:
    """``types``: those that the id may be of; none for a URL that is kept as it was written."""

    types: tuple[str, ...]
    id: str

    @property
    def shape(self) -> object:
        return self.types


@dataclass(frozen=True, slots=True)
class StringValue:
    """The text to look for as it was written, and folded."""

    text: str
    folded: str

    @classmethod
    def of(cls, text: str) -> StringValue:
        return cls(text, fold(text))

    @property
    def head(self) -> str:
        return self.folded[:HEAD]

    @property
    def head_end(self) -> str:
        return prefix_end(self.head)

    @property
    def folded_end(self) -> str:
        return prefix_end(self.folded)

    @property
    def shape(self) -> object:
        return len(self.folded) > HEAD


Value = TokenValue | DateValue | ReferenceValue | StringValue


@dataclass(frozen=True, slots=True)
class Condition:
    """One parameter of the search; any of ``values`` will do. ``missing`` is set for the modifier of that name."""

    param: Param
    modifier: str
    values: tuple[Value, ...]
    missing: bool | None = None

    @property
    def shape(self) -> object:
        return self.param.number, self.modifier, self.missing, tuple(value.shape for value in self.values)


@dataclass(frozen=True, slots=True)
class SortKey:
    """``param`` None: ``_lastUpdated``."""

    param: Param | None
    descending: bool


@dataclass(slots=True)
class SearchQuery:
    """A search as understood. ``patient`` is the id that an owner parameter asks for; ``asked`` are the names of the
    parameters that were understood and ``self_query`` they with their values, as they were written.
    """

    resource_type: str
    conditions: list[Condition] = field(default_factory=list)
    ids: list[list[str]] = field(default_factory=list)
    updated: list[list[DateValue]] = field(default_factory=list)
    patient: list[str] = field(default_factory=list)
    sort: SortKey | None = None
    count: int = 50
    cursor: str | None = None
    asked: list[str] = field(default_factory=list)
    self_query: str = ""
    nothing: bool = False

    @property
    def shape(self) -> object:
        sort = self.sort
        return (
            self.resource_type,
            tuple(condition.shape for condition in self.conditions),
            tuple(map(len, self.ids)),
            tuple(tuple(value.prefix for value in values) for values in self.updated),
            bool(self.patient),
            None if sort is None else (sort.param.number if sort.param else -1, sort.descending),
        )
