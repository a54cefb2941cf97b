"""STU3 ⇄ R4 for whole resources. https://hl7.org/fhir/R4/versions.html#mt-version

Every type that has a table in ``types/`` can be translated, in both directions and without loss; others are refused by
name. What the tables do not say follows from HL7's definitions of both versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from app.errors import Issue
from app.fhir.resource import Resource
from app.fhir.stu3.conversions import ADDED, Converter
from app.fhir.stu3.extensions import Extensions, Untranslatable
from app.fhir.stu3.lifting import Lifting
from app.fhir.stu3.meta import claims_out, claims_within
from app.fhir.stu3.objects import OPEN, ObjectTranslation
from app.fhir.stu3.primitives import coding_to, reference_to
from app.fhir.stu3.rules import Rule, rules_of, same_shape
from app.fhir.stu3.sides import R4, STU3, Side
from app.fhir.stu3.systems import TO_R4, TO_STU3
from app.fhir.stu3.tables import Table, tables


class _Types(Mapping[str, str]):
    """From one version's resource types to the other's: those that have a table. Read when it is first asked for."""

    def __init__(self, *, to_r4: bool) -> None:
        self._to_r4 = to_r4

    @cached_property
    def _known(self) -> dict[str, str]:
        known = {name: table.r4 for name, table in tables().items() if name in STU3.definitions.resource_types}
        return known if self._to_r4 else {r4: stu3 for stu3, r4 in known.items()}

    def __getitem__(self, name: str) -> str:
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known  # asked of every entry of a delivery, as is the next

    def get(self, name: str, default: Any = None) -> Any:
        return self._known.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


R4_TYPES: Final[Mapping[str, str]] = _Types(to_r4=True)
"""From STU3's resource types to R4's."""
STU3_TYPES: Final[Mapping[str, str]] = _Types(to_r4=False)


class Translator:
    """Both directions. ``canonical_base`` begins the addresses of our own extensions. What goes in must have the
    structure of its version and is never changed; what comes out shares the parts that are the same.
    """

    def __init__(self, canonical_base: str) -> None:
        base = canonical_base.rstrip("/")
        self._there = _OneWay(STU3, R4, R4_TYPES, base)
        self._back = _OneWay(R4, STU3, STU3_TYPES, base)
        self._there.other, self._back.other = self._back, self._there

    def to_r4(self, resource: Resource) -> Resource:
        """The R4 form of a resource of STU3. Raises ``Untranslatable``."""
        return self._there.whole(resource)

    def to_stu3(self, resource: Resource) -> Resource:
        """The STU3 form of a resource of R4. Raises ``Untranslatable``."""
        return self._back.whole(resource)


class _OneWay:
    """One direction: its converters, each made when it is first needed."""

    other: _OneWay

    def __init__(self, source: Side, target: Side, types: Mapping[str, str], base: str) -> None:
        self.source = source
        self.target = target
        self._types = types
        self._marker = f"{base}/{ADDED}"
        self._base = base
        self._made: dict[tuple[str, str], Converter] = {}
        self._objects: dict[tuple[str, str], Converter] = {}
        self._by_name = {table.stu3: table for table in tables().values()}

    def whole(self, resource: Resource) -> Resource:
        """What is not within another one. Raises ``Untranslatable`` with the place of each resource without a table."""
        try:
            return self.resource(resource)
        except Untranslatable as error:
            found = list(_without_table(resource, str(resource.get("resourceType", "")), self._types))
            if not found:
                raise
            issues = tuple(Issue("not-supported", self._no_table(kind), (place,)) for place, kind in found)
            raise Untranslatable(issues[0].diagnostics, "not-supported", issues) from error

    def resource(self, resource: Resource) -> Resource:
        """One resource, also within another one. Raises ``Untranslatable``."""
        kind = resource.get("resourceType", "")
        other = self._types.get(kind)
        if other is None:
            raise Untranslatable(self._no_table(kind), "not-supported")
        made: Resource = {"resourceType": other}
        converted = self.objects(kind, other)(resource)
        made.update(converted)
        made["resourceType"] = other
        return made

    def _no_table(self, kind: object) -> str:
        return f"{kind} has no translation between FHIR {self.source.version} and {self.target.version} here."

    def datatype(self, kind: str) -> Converter:
        """The converter of a type of both versions."""
        return self.objects(kind, kind)

    def objects(self, source: str, target: str) -> Converter:
        """The converter between two types or backbone paths: looked up when it is called, since types hold each
        other.
        """
        key = (source, target)
        found = self._objects.get(key)
        if found is None:
            found = self._objects[key] = _Later(self, key)
        return found

    def make(self, key: tuple[str, str]) -> Converter:
        """The converter itself."""
        source, target = key
        if source == "Resource":
            return self.resource
        if source == "Extension":
            return Extensions(self)
        if source == "Reference":
            return reference_to(self, self._object(source, target))
        if source == "Coding":
            to_other, to_here = (TO_R4, TO_STU3) if self.target is R4 else (TO_STU3, TO_R4)
            return coding_to(self, to_other, to_here, self._object(source, target))
        made = self._object(source, target)
        if source == "Meta":
            return claims_within(self._base, made) if self.target is R4 else claims_out(self._base, made)
        return made

    @cached_property
    def element(self) -> Converter:
        """What stands beside a primitive: its id and extensions."""
        convert = self.objects("Extension", "Extension")

        def apply(given: Any) -> Any:
            if not isinstance(given, dict) or "extension" not in given:
                return given
            return {**given, "extension": [convert(each) for each in given["extension"]]}

        return apply

    def _object(self, source: str, target: str) -> ObjectTranslation:
        elements, counterparts = self.source.elements(source), self.target.elements(target)
        rules, copied, through = self._rules(source, target), {"resourceType"}, dict[str, Converter]()
        table = self._table(source, target)
        ruled = {name for rule, _ in rules for name in rule.source}
        ruled |= table.apart.get(source if self.target is R4 else target, frozenset())
        for name, element in elements.items():
            other = counterparts.get(name)
            if name in ruled or other is None:
                continue
            if name not in OPEN and not same_shape(self.source, element, self.target, other):
                continue
            if element.is_primitive:
                copied.add(name)
                through[f"_{name}"] = _each(self.element) if element.many else self.element
            else:
                convert = self.objects(element.type, other.type)
                through[name] = _each(convert) if element.many else convert
        here, there = (table.add_stu3, table.add_r4) if self.target is R4 else (table.add_r4, table.add_stu3)
        return ObjectTranslation(
            self,
            source,
            target,
            rules=rules,
            through=through,
            copied=frozenset(copied),
            add=there.get(target, ()),
            added=here.get(source, ()),
            marker=self._marker,
            lifting=self._lifting(table, source, target),
        )

    def _lifting(self, table: Table, source: str, target: str) -> Lifting | None:
        rows = table.lifted.get(source if self.target is R4 else target)
        return None if not rows else Lifting(self, target if self.target is R4 else source, rows)

    def _rules(self, source: str, target: str) -> list[tuple[Rule, Rule]]:
        stu3, r4 = (source, target) if self.target is R4 else (target, source)
        there, back = (self, self.other) if self.target is R4 else (self.other, self)
        table = self._table(source, target)
        both = rules_of(table.rows.get(stu3, ()), table.apart.get(stu3, frozenset()), (stu3, r4), there, back)
        return [(forth, again) if self.target is R4 else (again, forth) for forth, again in both]

    def _table(self, source: str, target: str) -> Table:
        stu3 = (source if self.target is R4 else target).partition(".")[0]
        return self._by_name.get(stu3) or Table(stu3, stu3, {}, {}, {}, {}, {})


def _without_table(value: Any, place: str, types: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Place and type of each resource that has no table."""
    if isinstance(value, list):
        for n, each in enumerate(value):
            yield from _without_table(each, f"{place}[{n}]", types)
    elif isinstance(value, dict):
        kind = value.get("resourceType")
        if kind is not None and kind not in types:
            yield place, str(kind)
            return
        for name, each in value.items():
            yield from _without_table(each, f"{place}.{name}", types)


class _Later:
    """A converter that is made at its first use."""

    __slots__ = ("_key", "_made", "_way")

    def __init__(self, way: _OneWay, key: tuple[str, str]) -> None:
        self._way = way
        self._key = key
        self._made: Converter | None = None

    def __call__(self, given: Any) -> Any:
        made = self._made
        if made is None:
            made = self._made = self._way.make(self._key)
        return made(given)


def _each(convert: Converter) -> Converter:
    def apply(values: Any) -> Any:
        return [None if each is None else convert(each) for each in values]

    return apply
