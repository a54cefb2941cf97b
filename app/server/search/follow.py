"""What a search asks of the resources that one is linked with: chains, ``_has``, and owners within them.

https://hl7.org/fhir/R4/search.html#chaining https://hl7.org/fhir/R4/search.html#has

References lead to the own partition, then to the catalogues. What the caller may not see is not there to be asked
about. In one partition the linked resources are looked for first and once, so that it costs the same in a record of any
size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from app.server.search.build import Build, Find, Row, any_of
from app.server.search.query import Chain, Criterion, Has, Linked
from app.server.tables import PATIENT

OWNER_FLAG: Final = 2
"""Bit of ``resource.flags``: the resource names its partition's patient as subject."""

ConditionOn = Callable[[Build, Row, Criterion, Find], str]


def inner_of(find: Find) -> Find:
    """Finds the criterion within a chain or ``_has``."""
    return lambda ask: find(ask).inner


def _linked(build: Build, row: Row, type_name: str) -> Row:
    """A resource of another type in the same partition, to be led by its own conditions."""
    alias = build.alias()
    number = str(build.registry.number(type_name))
    return replace(
        row,
        alias=alias,
        type=number,
        type_name=type_name,
        n=f"{alias}.n",
        date=f"{alias}.date",
        single=True,
        led=True,
    )


def _there(row: Row) -> str:
    """``row`` exists, is of its type and may be seen."""
    return (
        f"{row.alias}.patient = {row.patient} AND {row.alias}.type = {row.type} AND {row.alias}.deleted = 0"
        f" AND {row.alias}.labels & {row.denied} = 0"
    )


def chain_on(build: Build, row: Row, chain: Chain, find: Find, condition_on: ConditionOn) -> str:
    """``row`` refers to a resource that meets the inner criterion."""
    inner = inner_of(find)
    if chain.param.owner and chain.target_type == "Patient":
        person = _linked(build, row, "Patient")
        meets = condition_on(build, person, chain.inner, inner)
        there = f"EXISTS (SELECT 1 FROM resource {person.alias} WHERE {_there(person)} AND {meets})"
        return f"({row.alias}.flags & {OWNER_FLAG} <> 0 AND {there})"
    parts = [_chain_within(build, row, chain, inner, condition_on)]
    if build.registry.placement[chain.target_type].catalogue:
        parts += [_chain_to_catalogue(build, row, chain, inner, condition_on, place=place) for place in (0, 1)]
    return any_of(parts)


def _chain_within(build: Build, row: Row, chain: Chain, inner: Find, condition_on: ConditionOn) -> str:
    target = _linked(build, row, chain.target_type)
    if not row.single:
        target = replace(target, single=False, led=False)
    meets = condition_on(build, target, chain.inner, inner)
    return _tied(row, target, chain, f"{_there(target)} AND {meets}")


def _chain_to_catalogue(
    build: Build, row: Row, chain: Chain, inner: Find, condition_on: ConditionOn, *, place: int
) -> str:
    partition = build.bind(lambda ask: ask.access.catalogues[place])
    shared = replace(_linked(build, row, chain.target_type), patient=f"{partition}::bigint", denied="0")
    meets = condition_on(build, shared, chain.inner, inner)
    own = build.alias()
    # The own partition's resource of the same id hides the catalogue's.
    hidden = (
        f"EXISTS (SELECT 1 FROM resource {own} WHERE {own}.patient = {row.patient} AND {own}.type = {shared.type}"
        f" AND {own}.id = {shared.alias}.id AND {own}.deleted = 0)"
    )
    return _tied(row, shared, chain, f"{_there(shared)} AND {meets} AND NOT {hidden}")


def _tied(row: Row, target: Row, chain: Chain, where: str) -> str:
    """``row`` refers by the chain's parameter to a ``target`` for which ``where`` holds."""
    link = f"{row.key('x', chain.param.number)} AND x.target_type = {target.type} AND x.target_id = {target.alias}.id"
    if row.single:
        sources = f"resource {target.alias} CROSS JOIN link x"
        return f"{row.n} IN (SELECT x.n FROM {sources} WHERE {where} AND {link})"
    sources = f"link x CROSS JOIN resource {target.alias}"
    return f"EXISTS (SELECT 1 FROM {sources} WHERE {link} AND x.n = {row.n} AND {where})"


def has_on(build: Build, row: Row, has: Has, find: Find, condition_on: ConditionOn) -> str:
    """A resource refers to ``row`` and meets the inner criterion."""
    if not row.type_name or build.registry.placement[row.type_name].catalogue:
        return _has_of_shared(build, row, has, find, condition_on)
    of_owner = has.param.owner and row.type_name == "Patient"
    source = _linked(build, row, has.param.resource_type)
    if not (row.single or of_owner):
        source = replace(source, single=False, led=False)
    meets = condition_on(build, source, has.inner, inner_of(find))
    where = f"{_there(source)} AND {meets}"
    if of_owner:
        owned = f"{source.alias}.flags & {OWNER_FLAG} <> 0"
        return f"EXISTS (SELECT 1 FROM resource {source.alias} WHERE {where} AND {owned})"
    link = f"{source.key('x', has.param.number)} AND x.n = {source.n} AND x.target_type = {row.type}"
    if row.single:
        sources = f"resource {source.alias} CROSS JOIN link x"
        return f"{row.alias}.id IN (SELECT x.target_id FROM {sources} WHERE {where} AND {link})"
    return f"EXISTS ({_referring(source, link, where)} AND x.target_id = {row.alias}.id)"


def _referring(source: Row, link: str, where: str) -> str:
    """The resources that refer to one that is known, found by their links."""
    return f"SELECT 1 FROM link x CROSS JOIN resource {source.alias} WHERE {link} AND {where}"


def _has_of_shared(build: Build, row: Row, has: Has, find: Find, condition_on: ConditionOn) -> str:
    """What is in a catalogue is referred to from any of the caller's partitions; what is in a partition, from there."""
    inner = inner_of(find)

    def referred(source: Row, partitions: str) -> str:
        meets = condition_on(build, source, has.inner, inner)
        link = (
            f"{source.key('x', has.param.number)} AND x.n = {source.n} AND x.target_type = {row.type}"
            f" AND x.target_id = {row.alias}.id"
        )
        tables = f"{partitions}link x CROSS JOIN resource {source.alias}"
        return f"EXISTS (SELECT 1 FROM {tables} WHERE {link} AND {_there(source)} AND {meets})"

    near = replace(_linked(build, row, has.param.resource_type), single=False, led=False)
    own = referred(near, "")
    place = build.alias()
    partitions = build.own_partitions(place)
    far = replace(near, alias=build.alias(), patient=f"{place}.patient", denied=f"{place}.denied")
    far = replace(far, n=f"{far.alias}.n", date=f"{far.alias}.date", anywhere=True)
    anywhere = referred(far, f"{partitions} CROSS JOIN ")
    return f"({own} OR ({row.alias}.patient <= 0 AND {anywhere}))"


def owned_on(build: Build, row: Row, find: Find) -> str:
    """``row`` names its record's patient, whose id is asked for."""
    person = build.alias()
    asked = build.bind(lambda ask: find(ask).id)
    return (
        f"({row.alias}.flags & {OWNER_FLAG} <> 0 AND EXISTS (SELECT 1 FROM resource {person} WHERE {person}.patient ="
        f" {row.patient} AND {person}.type = {PATIENT} AND {person}.id = {asked}))"
    )


def linked_on(build: Build, row: Row, linked: Linked, find: Find) -> str:
    """``row`` refers to what is asked for by one of the parameters."""
    asked = build.bind(lambda ask: find(ask).id)
    by_type: dict[int, list[int]] = {}
    for type_number, param in linked.pairs:
        by_type.setdefault(type_number, []).append(param)
    pairs = any_of(
        [f"(x.type = {number} AND x.param IN ({', '.join(map(str, params))}))" for number, params in by_type.items()]
    )
    return (
        f"EXISTS (SELECT 1 FROM link x WHERE x.patient = {row.patient} AND x.n = {row.n} AND {pairs}"
        f" AND x.target_type = {build.registry.number(linked.target_type)} AND x.target_id = {asked})"
    )
