"""A search as the parser understood it: conditions in the shape that statements are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import msgspec

from app.server.search.registry import Param


class Value(Protocol):
    """One alternative of a parameter, as its type reads it."""

    @property
    def shape(self) -> object:
        """What of the value the statement's text depends on; the rest goes in as binds."""


class Criterion(Protocol):
    """What a resource must meet: a ``Condition`` on itself, or a ``Chain`` or ``Has`` on what it is linked with."""

    @property
    def shape(self) -> object:
        """What the statement's text depends on."""


@dataclass(frozen=True)
class Condition:
    """One parameter of the search; any of ``values`` will do. ``missing`` is set for the modifier of that name."""

    param: Param
    modifier: str
    values: Sequence[Any]
    missing: bool | None = None

    @cached_property
    def shape(self) -> object:
        """Kept, as the condition itself is that was read from the same text before."""
        shapes = tuple(value.shape for value in self.values)
        return self.param.number, self.param.numbers, self.modifier, self.missing, shapes


@dataclass(frozen=True, slots=True)
class Ids:
    """``_id``: any of ``ids``."""

    ids: tuple[str, ...]

    @property
    def shape(self) -> object:
        return "_id", len(self.ids)


@dataclass(frozen=True, slots=True)
class NoneOf:
    """None of ``ids``, however many."""

    ids: tuple[str, ...]

    @property
    def shape(self) -> object:
        return "none of"


@dataclass(frozen=True, slots=True)
class Updated:
    """``_lastUpdated``: any of ``values``, which are dates."""

    values: Sequence[Any]

    @property
    def shape(self) -> object:
        return "_lastUpdated", tuple(value.shape for value in self.values)


@dataclass(frozen=True, slots=True)
class Chain:
    """``param.inner``: a resource of ``target_type`` that ``param`` refers to meets any of ``inner``.
    https://hl7.org/fhir/R4/search.html#chaining
    """

    param: Param
    target_type: str
    inner: Criterion

    @property
    def shape(self) -> object:
        return "chain", self.param.number, self.target_type, self.inner.shape


@dataclass(frozen=True, slots=True)
class Has:
    """``_has``: a resource of the type of ``param`` refers by it to this one, and meets ``inner``.
    https://hl7.org/fhir/R4/search.html#has
    """

    param: Param
    inner: Criterion

    @property
    def shape(self) -> object:
        return "has", self.param.resource_type, self.param.number, self.inner.shape


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several criteria: a chain over several types, or the parameters that tie a type to a compartment."""

    criteria: tuple[Criterion, ...]

    @property
    def shape(self) -> object:
        return "any", tuple(each.shape for each in self.criteria)


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of several criteria: what a composite asks for."""

    criteria: tuple[Criterion, ...]

    @property
    def shape(self) -> object:
        return "all", tuple(each.shape for each in self.criteria)


@dataclass(frozen=True, slots=True)
class OwnedBy:
    """An owner parameter within a chain: the resource names as subject its record's Patient, who has the ``id``."""

    id: str

    @property
    def shape(self) -> object:
        return "owned"


@dataclass(frozen=True, slots=True)
class Linked:
    """The resource refers to ``target_type/id`` by one of ``pairs``, (type, parameter) numbers: a compartment.
    https://hl7.org/fhir/R4/compartmentdefinition.html
    """

    target_type: str
    id: str
    pairs: tuple[tuple[int, int], ...]

    @property
    def shape(self) -> object:
        return "linked", self.target_type, self.pairs


@dataclass(frozen=True, slots=True)
class PerType:
    """In a search over several types: what those of each group must meet; of the ``free`` nothing is asked."""

    criteria: tuple[tuple[tuple[str, ...], Criterion], ...]
    free: tuple[str, ...]

    @property
    def shape(self) -> object:
        return "type", tuple((names, each.shape) for names, each in self.criteria), self.free


@dataclass(frozen=True, slots=True)
class Include:
    """One ``_include`` or ``_revinclude``. ``param`` None: all reference parameters of ``source_type``; ``source_type``
    "": of all types. ``target_type`` "": any. https://hl7.org/fhir/R4/search.html#include
    """

    source_type: str
    param: Param | None
    target_type: str
    iterate: bool
    reverse: bool


@dataclass(frozen=True, slots=True)
class SortKey:
    """``param`` None: ``_lastUpdated``, or ``_id`` where ``by_id``."""

    param: Param | None
    descending: bool
    by_id: bool = False

    @property
    def shape(self) -> object:
        return (self.param.number if self.param else -1), self.descending, self.by_id


class SearchQuery(msgspec.Struct):
    """A search as understood. ``patient`` is the id that an owner parameter asks for; ``asked`` are the names of the
    parameters that were understood and ``self_query`` they with their values, as they were written.

    ``types`` is given for a search over several types, whose ``resource_type`` is "". ``where`` is the address that
    was searched, when it is more than the type: page links hold for it only. ``total``: the matches are to be
    counted; ``only_count``: nothing else is asked for. ``narrowed``: what the scopes' queries ask is among the
    conditions.
    """

    resource_type: str
    types: tuple[str, ...] = ()
    where: str = ""
    conditions: list[Criterion] = msgspec.field(default_factory=list)
    ids: list[list[str]] = msgspec.field(default_factory=list)
    updated: list[Sequence[Any]] = msgspec.field(default_factory=list)
    patient: list[str] = msgspec.field(default_factory=list)
    sort: tuple[SortKey, ...] = ()
    count: int = 50
    cursor: str | None = None
    asked: list[str] = msgspec.field(default_factory=list)
    self_query: str = ""
    nothing: bool = False
    includes: list[Include] = msgspec.field(default_factory=list)
    total: bool = False
    only_count: bool = False
    narrowed: bool = False

    @property
    def shape(self) -> object:
        return (
            self.resource_type,
            self.types,
            tuple([condition.shape for condition in self.conditions]),
            tuple(map(len, self.ids)),
            tuple([tuple([value.prefix for value in values]) for values in self.updated]),
            bool(self.patient),
            tuple([key.shape for key in self.sort]),
        )
