"""Parts of a resource that say of themselves that they are parts. https://hl7.org/fhir/R4/search.html#summary

``_summary`` and ``_elements``. Every answer has the tag ``SUBSETTED``, so that no one writes it back as the whole
(https://hl7.org/fhir/R4/resource.html#tags). What was given stays as it was; an answer shares its values. The resource
must be valid. The siblings of primitives (``_birthDate``) go along with these.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from app.fhir.definitions import Definitions, Element
from app.fhir.resource import Resource

SUBSETTED: Final[Mapping[str, str]] = MappingProxyType(
    {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
)
DEEPEST: Final = 10
"""Steps of a dotted name that narrow; what is deeper is given whole."""

_ALWAYS: Final = frozenset({"resourceType", "id", "meta"})

_Plan: TypeAlias = dict[str, Any]
"""JSON members that are kept: None for whole, a plan for a part, ``_BY_ITS_TYPE`` for the summary of a resource."""
_BY_ITS_TYPE: Final[_Plan] = {}
_Tree: TypeAlias = dict[str, Any]
"""Names of elements, each with those wanted within it; None for all of it."""


def summarise(resource: Resource, definitions: Definitions) -> Resource:
    """``_summary=true``: the elements marked for the summary, at every level, and all that modify what these mean.

    A value of which nothing is left keeps its extensions (why there is no value, say) or else is not there.
    """
    plan = _summary_plan(resource["resourceType"], definitions)
    return _tagged(_kept(resource, plan, definitions))


def text_only(resource: Resource, definitions: Definitions) -> Resource:
    """``_summary=text``: the narrative, id, meta, and the elements that the type must have."""
    wanted = _text_members(definitions, resource["resourceType"])
    return _tagged({name: each for name, each in resource.items() if name in wanted})


def data_only(resource: Resource) -> Resource:
    """``_summary=data``: all but the narrative."""
    return _tagged({name: each for name, each in resource.items() if name != "text"})


def elements_only(resource: Resource, names: Collection[str], definitions: Definitions) -> Resource:
    """``_elements``: what is named, with id, meta, what the type must have and what modifies the meaning.

    ``names`` are elements of the resource (``value`` for a choice), without its type; ``name.given`` narrows ``name``.
    Names that the type does not have say nothing. https://hl7.org/fhir/R4/search.html#elements
    """
    plan = _elements_plan(definitions, resource["resourceType"], frozenset(names))
    return _tagged(_kept(resource, plan, definitions))


def _tagged(resource: Resource) -> Resource:
    meta = resource.get("meta", {})
    tags = meta.get("tag", [])
    if any(all(tag.get(name) == each for name, each in SUBSETTED.items()) for tag in tags):
        return resource
    meta = {**meta, "tag": [*tags, dict(SUBSETTED)]}
    if "meta" in resource:
        return {**resource, "meta": meta}
    first: Resource = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    return {**first, "meta": meta, **resource}


def _kept(value: dict[str, Any], plan: _Plan, definitions: Definitions) -> dict[str, Any]:
    if plan is _BY_ITS_TYPE:
        plan = _summary_plan(value["resourceType"], definitions)
    kept = {}
    for name, each in value.items():
        if name not in plan:
            continue
        inner = plan[name]
        if inner is None:
            kept[name] = each
        elif isinstance(each, list):
            if parts := [part for item in each if (part := _kept(item, inner, definitions))]:
                kept[name] = parts
        elif part := _kept(each, inner, definitions):
            kept[name] = part
    if not kept and "extension" in value:
        kept["extension"] = value["extension"]
    return kept


def _summary_plan(type_name: str, definitions: Definitions) -> _Plan:
    plans = _summary_plans(definitions)
    if type_name not in plans:
        # Filled after it is there: types have elements of each other's types, and of their own.
        plans[type_name] = plan = {"resourceType": None} if type_name in definitions.resource_types else {}
        for member, element in definitions.types[type_name].items():
            if element.summary or element.modifier:
                plan.update(_planned(member, element, _summary_of(element, definitions)))
    return plans[type_name]


@functools.cache
def _summary_plans(_: Definitions) -> dict[str, _Plan]:
    """The plans of one FHIR version by type, made when first asked for."""
    return {}


def _summary_of(element: Element, definitions: Definitions) -> _Plan | None:
    if element.is_primitive or element.type == "Extension":  # no part of an extension is marked: it is whole or nothing
        return None
    return _BY_ITS_TYPE if element.type == "Resource" else _summary_plan(element.type, definitions)


def _planned(member: str, element: Element, inner: _Plan | None) -> _Plan:
    return {member: inner, "_" + member: None} if element.is_primitive else {member: inner}


@functools.cache
def _text_members(definitions: Definitions, type_name: str) -> frozenset[str]:
    plan: _Plan = dict.fromkeys((*_ALWAYS, "text"))
    for member, element in definitions.types[type_name].items():
        if element.min:
            plan.update(_planned(member, element, None))
    return frozenset(plan)


@functools.lru_cache(maxsize=256)
def _elements_plan(definitions: Definitions, type_name: str, names: frozenset[str]) -> _Plan:
    tree: _Tree = {}
    for name in sorted(names):  # a name comes before those that narrow it
        *parents, last = name.split(".")[:DEEPEST]
        within: _Tree | None = tree
        for step in parents:
            within = within.setdefault(step, {}) if within is not None else None
        if within is not None:
            within[last] = None
    return _narrowed(definitions, type_name, tree) | dict.fromkeys(_ALWAYS)


def _narrowed(definitions: Definitions, type_name: str, tree: _Tree) -> _Plan:
    plan: _Plan = {}
    for member, element in definitions.types[type_name].items():
        named = [tree[name] for name in {member, element.choice} if name in tree]
        if not named and not element.min and not element.modifier:
            continue
        inner = None
        if len(named) == 1 and named[0] is not None and not element.is_primitive and element.type != "Resource":
            inner = _narrowed(definitions, element.type, named[0])
        plan.update(_planned(member, element, inner))
    return plan
