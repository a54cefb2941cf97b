"""One element of a snapshot: what FHIR's tables and all profiles of the chain say of it, as one ElementDefinition.

https://hl7.org/fhir/R4/elementdefinition.html#interpretation. Nothing of a base is loosened: of two minimums the higher
counts, of two maximums the lower, and a type stays only if all have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from app.fhir.definitions import Definitions, Element
from app.fhir.definitions.rows import BINDABLE
from app.fhir.profiles.snapshot_texts import definition_of, modifier_reason_of
from app.fhir.profiles.tree import CORE, Node, Rule
from app.fhir.resource import Resource
from app.fhir.validation.invariants import INVARIANTS

SYSTEM: Final = "http://hl7.org/fhirpath/System."
_FHIR_TYPE: Final = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_PRIMITIVES: Final = {
    "boolean": "Boolean",
    "date": "Date",
    "dateTime": "DateTime",
    "decimal": "Decimal",
    "instant": "DateTime",
    "integer": "Integer",
    "positiveInt": "Integer",
    "time": "Time",
    "unsignedInt": "Integer",
}
"""FHIRPath's type of the value of a primitive that is no string."""
_TEXTS: Final = ("label", "code", "short", "definition", "comment", "requirements", "alias")
_LAST: Final = ("extension", "sliceIsConstraining", "meaningWhenMissing", "orderMeaning", "example", "maxLength")
_CHOICES: Final = ("defaultValue", "fixed", "pattern", "minValue", "maxValue")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element stands, and what FHIR's tables say of it.

    ``types`` are the FHIR types or the path whose elements it has, ``rows`` one for each type, ``base`` the element of
    the most general type that has it. ``value_of`` is the primitive whose value this is.
    """

    name: str
    path: str
    id: str
    types: tuple[str, ...]
    rows: tuple[Element, ...] = ()
    base: str = ""
    slice_name: str | None = None
    value_of: str | None = None

    @property
    def is_root(self) -> bool:
        return not self.base

    @property
    def is_backbone(self) -> bool:
        """Whether the elements within it are declared with it."""
        return self.is_root or self.types == (self.base,)

    @property
    def refers(self) -> bool:
        """Whether the elements within it are declared elsewhere in the type."""
        return bool(self.base) and len(self.types) == 1 and "." in self.types[0] and not self.is_backbone


@dataclass(frozen=True, slots=True)
class View:
    """An element with every node that is about it, the most general first.

    ``own`` of a slice are the nodes of that slice alone. ``typed`` is the root of the profile of its type: it has texts
    for an element that has none, its rules are asked by the type.
    """

    place: Place
    nodes: tuple[Node, ...]
    own: tuple[Node, ...]
    typed: tuple[Node, ...] = ()

    def said(self, name: str) -> Any:
        """What the most specific of them says."""
        return _said(self.nodes, name)

    @property
    def rules(self) -> Iterator[Rule]:
        for node in self.nodes:
            yield from node.rules


def element_of(view: View, definitions: Definitions) -> Resource:
    """The ElementDefinition."""
    place = view.place
    content: Resource = {"id": place.id, "path": place.path}
    if place.slice_name:
        content["sliceName"] = place.slice_name
    if place.rows and place.rows[0].xml == "attribute":
        content["representation"] = ["xmlAttr"]
    content |= _texts(view)
    if slicing := _slicing(view):
        content["slicing"] = slicing
    content |= _cardinality(view)
    kinds = types_of(view, definitions)
    if place.refers and not any(node.children for node in view.nodes):
        content["contentReference"] = f"#{place.types[0]}"
    elif not place.is_root:
        content["type"] = kinds
    content |= {name: value for name in _LAST if (value := _said(_about(view, name), name)) is not None}
    content |= _values(view)
    content |= _marks(view)
    if constraints := _constraints(view, kinds, definitions):
        content["constraint"] = constraints
    for name in ("condition", "mapping"):
        if listed := _all(view, name):
            content[name] = listed
    if (binding := _binding(view, definitions)) and any(kind["code"] in BINDABLE for kind in kinds):
        content["binding"] = binding
    return {member: content[member] for member in definitions.types["ElementDefinition"] if member in content}


def types_of(view: View, definitions: Definitions) -> list[Resource]:
    """The types that all profiles allow, each with its profiles and target profiles."""
    place = view.place
    if place.value_of is not None:
        return [_system(_PRIMITIVES.get(place.value_of, "String"), place.value_of)]
    if place.base == "Resource.id" or (place.rows and place.rows[0].xml == "attribute"):
        said: list[Resource] | None = view.said("type")
        return said or [_system("String", "string" if place.name == "id" else place.rows[0].type)]
    kinds = [_kind(row, definitions) for row in place.rows if row.type in place.types]
    for rule in view.rules:
        if "type" in rule.definition:
            kinds = _narrowed(kinds, rule.definition["type"])
    return kinds


def _system(name: str, kind: str) -> Resource:
    return {"extension": [{"url": _FHIR_TYPE, "valueUrl": kind}], "code": SYSTEM + name}


def _kind(row: Element, definitions: Definitions) -> Resource:
    if "." in row.type:
        return {"code": definitions.bases[row.type]}
    kind: Resource = {"code": row.type}
    if row.targets:
        kind["targetProfile"] = [CORE + target for target in row.targets]
    return kind


def _narrowed(kinds: list[Resource], said: list[Resource]) -> list[Resource]:
    """The types that are left. What is said without profiles keeps those that it had."""
    known = {kind["code"]: kind for kind in kinds}
    return [{**known[each["code"]], **each} for each in said if each.get("code") in known] or kinds


def _texts(view: View) -> Resource:
    content: Resource = {}
    for name in _TEXTS:
        text = _said((*view.typed, *view.nodes), name)
        if text is not None:
            content[name] = text
    if "definition" not in content:
        content["definition"] = content.get("short") or definition_of(view.place.base or view.place.path)
    return content


def _cardinality(view: View) -> Resource:
    place = view.place
    rows = place.rows
    least = rows[0].min if rows else 0
    most = rows[0].maximum if rows else (None if place.is_root else 1)
    base = {"path": place.base or place.path, "min": least, "max": _written(most)}
    minimums = [value for node in view.own for value, _ in node.every("min")]
    maximums = [int(value) for node in view.nodes for value, _ in node.every("max") if value != "*"]
    if most is not None:
        maximums.append(most)
    return {
        "min": max(minimums, default=0) if place.slice_name else max([least, *minimums]),
        "max": _written(min(maximums, default=None)),
        "base": base,
    }


def _written(most: int | None) -> str:
    return "*" if most is None else str(most)


def _slicing(view: View) -> Resource | None:
    """As a profile says it; extensions and choices are sliced in one way only, which need not be said."""
    said = [value for node in view.own for value, _ in node.every("slicing")]
    if said:
        rules = "closed" if any(each["rules"] == "closed" for each in said) else said[-1]["rules"]
        return {**said[-1], "rules": rules}
    if view.place.slice_name or not any(node.slices for node in view.own):
        return None
    if view.place.types == ("Extension",):
        return {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}
    if view.place.name.endswith("[x]"):
        return {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}
    return None


def _about(view: View, name: str) -> tuple[Node, ...]:
    """The nodes that count for a member: an extension on what is sliced is not about its slices."""
    return view.own if name in ("extension", "sliceIsConstraining") else view.nodes


def _values(view: View) -> Resource:
    """The fixed value, the pattern and the limits that the most specific profile gives."""
    found: Resource = {}
    for name in _CHOICES:
        for rule in view.rules:
            if member := next((each for each in rule.definition if _is_choice(each, name)), None):
                found = {each: value for each, value in found.items() if not _is_choice(each, name)}
                found[member] = rule.definition[member]
    return found


def _is_choice(member: str, name: str) -> bool:
    return member.startswith(name) and member[len(name) : len(name) + 1].isupper()


def _marks(view: View) -> Resource:
    place = view.place
    table = place.rows[0] if place.rows else None
    modifies = (table is not None and table.modifier) or _ever(view, "isModifier")
    content: Resource = {"isModifier": modifies, "isSummary": table is not None and (table.summary or place.is_root)}
    if _ever(view, "isSummary"):
        content["isSummary"] = True
    if modifies:
        content["isModifierReason"] = view.said("isModifierReason") or modifier_reason_of(place.base)
    if _ever(view, "mustSupport"):
        content["mustSupport"] = True
    return content


def _ever(view: View, name: str) -> bool:
    return any(value is True for node in (*view.typed, *view.nodes) for value, _ in node.every(name))


def _constraints(view: View, kinds: list[Resource], definitions: Definitions) -> list[Resource]:
    """FHIR's own that this service checks, in our words, and those of the profiles; each key once, as said last."""
    found: dict[str, Resource] = {}
    for kind in _lineage(view, kinds, definitions):
        for each in INVARIANTS.get(kind, ()):
            source = CORE + kind.partition(".")[0]
            found[each.key] = {"key": each.key, "severity": each.severity, "human": each.text, "source": source}
    for rule in view.rules:
        for constraint in rule.definition.get("constraint", ()):
            found[constraint["key"]] = {"source": rule.profile, **constraint}
    return [dict(sorted(each.items(), key=lambda member: member[0] == "source")) for each in found.values()]


def _lineage(view: View, kinds: list[Resource], definitions: Definitions) -> list[str]:
    """The only type or the path, with what it specializes, the most general first."""
    place = view.place
    if len(place.types) == 1 and place.types[0] in definitions.types:
        kind = place.types[0]
    elif len(kinds) == 1:
        kind = kinds[0]["code"]
    else:
        return []
    found = [kind]
    while base := definitions.bases.get(found[0]):
        found.insert(0, base)
    return found


def _binding(view: View, definitions: Definitions) -> Resource | None:
    """What the most specific profile binds to; FHIR's own required binding where that would be weaker."""
    said: Resource | None = view.said("binding")
    tables = next((row.binding for row in view.place.rows if row.binding and row.type in view.place.types), None)
    if tables is not None and not (said and said.get("strength") == "required" and "valueSet" in said):
        return {"strength": "required", "valueSet": f"{tables}|{definitions.version}"}
    if said is None or "valueSet" in said or "description" in said:
        return said
    return {"description": "The profile names no value set here.", **said}


def _all(view: View, name: str) -> list[Any]:
    """Everything that is listed, each once."""
    found: list[Any] = []
    for rule in view.rules:
        found += [each for each in rule.definition.get(name, ()) if each not in found]
    return found


def _said(nodes: Iterable[Node], name: str) -> Any:
    for node in reversed(tuple(nodes)):
        if (value := node.last(name)) is not None:
            return value
    return None
