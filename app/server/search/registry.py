"""The search parameters that this server knows, per type, from HL7's tables.
https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from app.fhir.definitions import Definitions, SearchParameter
from app.fhir.paths import Walker, compile_walker
from app.server.placement import Place
from app.server.search.unions import is_single, narrowed, united

INDEXED: Final = ("token", "date", "reference", "string", "quantity", "number", "uri", "composite", "special")
"""The parameter types that are indexed."""
EVERY: Final = 0
"""The token parameter, and its value, under which each resource of a type stands once."""
WIDE: Final = 16384
"""Added to a date parameter's number for a second row of periods longer than ``WIDTH``."""
APART: Final = 20480
"""Added to a parameter's number for the rows of those of its values that a composite does not take."""
WIDTH: Final = 86_400_000_000
"""One day in µs: what a date search looks back for periods that began earlier."""
_NOT_INDEXED: Final = frozenset({"_id", "_lastUpdated", "_query", "_content", "_text", "_filter"})
_IDENTIFYING: Final = frozenset({"identifier"})


@dataclass(frozen=True)
class Param:
    """One search parameter of one type.

    ``owner``: its path is the element that places the resource, so it needs no index rows. ``parts``: it finds what
    these find and has no rows of its own. ``components``: those of a composite; ``joint``: their values need not stand
    in one element of several, so that all of them are asked of the resource.
    """

    resource_type: str
    type_number: int
    number: int
    definition: SearchParameter
    owner: bool
    definitions: Definitions
    parts: tuple[Param, ...] = ()
    components: tuple[Param, ...] = ()
    joint: bool = False

    @property
    def code(self) -> str:
        """The name in the URL."""
        return self.definition.code

    @property
    def kind(self) -> str:
        """One of ``INDEXED``."""
        return self.definition.type

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The numbers under which its index rows stand."""
        return tuple(number for each in self.parts for number in each.numbers) or (self.number,)

    @property
    def leaves(self) -> tuple[Param, ...]:
        """What has rows of its own: itself, or all that it is made of."""
        return tuple(leaf for each in self.parts for leaf in each.leaves) or (self,)

    @property
    def identifying(self) -> bool:
        """Values go to ``lookup``, to be found across patients."""
        return self.code in _IDENTIFYING

    @property
    def plain(self) -> bool:
        """All values are codes without a system of their own (``code``, ``boolean``, ``string``, ``id``, ``uri``)."""
        return self.kind != "reference" and self.walker.kinds.isdisjoint(
            {"CodeableConcept", "Coding", "Identifier", "Extension"}
        )

    @cached_property
    def publisher(self) -> str:
        """What the canonicals of those who define it begin with, the code systems of its ``code`` elements too."""
        return self.definition.url.partition("SearchParameter/")[0]

    @cached_property
    def walker(self) -> Walker:
        """What the parameter's expression finds in a resource."""
        return compile_walker(self.definition.expression, self.resource_type, self.definitions)


class Registry:
    """All parameters of all types; one per process. ``base`` is this server's address: references to it count as
    relative.
    """

    def __init__(self, definitions: Definitions, placement: Mapping[str, Place], *, base: str = "") -> None:
        self.definitions = definitions
        self.base = base
        self.placement = placement
        self._types: dict[str, Mapping[str, Param]] = {}
        self._bits: dict[str, dict[int, int]] = {}
        self._unready: frozenset[tuple[int, int]] = frozenset()
        self._offered: dict[str, Mapping[str, Param]] = {}
        self.type_names = {number: name for name, number in definitions.type_numbers.items()}
        self.stored = frozenset(
            name
            for name in definitions.resource_types
            if name in placement and (not placement[name].refused or name == "AuditEvent")
        )

    @cached_property
    def catalogue_numbers(self) -> str:
        """The numbers of the types that may live in a catalogue, for SQL's IN."""
        return ", ".join(str(self.number(name)) for name, place in self.placement.items() if place.catalogue)

    def number(self, resource_type: str) -> int:
        """The number of a resource type in the tables."""
        return self.definitions.type_numbers[resource_type]

    def params(self, resource_type: str) -> Mapping[str, Param]:
        """The indexed parameters of a type, by name."""
        found = self._types.get(resource_type)
        if found is None:
            found = self._types[resource_type] = self._united(resource_type)
        return found

    @property
    def unready(self) -> frozenset[tuple[int, int]]:
        """The (type, parameter) numbers that are not filled for what was stored before: not to be searched by yet."""
        return self._unready

    @unready.setter
    def unready(self, numbers: frozenset[tuple[int, int]]) -> None:
        self._unready = numbers
        self._offered = {}

    def offered(self, resource_type: str) -> Mapping[str, Param]:
        """The parameters of a type that can be searched by."""
        found = self._offered.get(resource_type)
        if found is None:
            found = self.params(resource_type)
            if self._unready:
                found = {code: param for code, param in found.items() if self._is_ready(param)}
            self._offered[resource_type] = found
        return found

    def _is_ready(self, param: Param) -> bool:
        return (param.type_number, param.number) not in self._unready and all(
            self._is_ready(each) for each in (*param.parts, *param.components)
        )

    def shared(self, types: tuple[str, ...]) -> Mapping[str, Param]:
        """The parameters that a search over several types takes: those that mean the same for all of them."""
        first, *others = (self.offered(each) for each in types)
        found = {
            code: [param, *(each[code] for each in others)]
            for code, param in first.items()
            if all(code in each for each in others)
        }
        return {code: _referring(params) for code, params in found.items() if len(set(map(_means, params))) == 1}

    def _united(self, resource_type: str) -> Mapping[str, Param]:
        """The parameters of a type, each with those that it is made of."""
        known = self.definitions.search_parameters[resource_type]
        found = {param.code: param for param in self._read(resource_type)}
        unions = united({code: param.definition for code, param in found.items()})
        composites = [param.definition for param in found.values() if param.kind == "composite"]
        joint = {each.code for each in composites if is_single(each.expression, self.definitions)}
        codes = {each.code: _component_codes(each, known) for each in composites}
        own: dict[tuple[str, str], Param] = {}
        for each in composites:
            for code, (_, expression) in zip(codes[each.code], each.components, strict=True):
                if each.code in joint and (split := narrowed(known[code], each.expression, expression)):
                    own[each.code, code], rest = _split(found[code], *split)
                    found[code] = replace(found[code], parts=(own[each.code, code], rest))
        for code, parts in unions.items():
            if code not in codes:
                found[code] = replace(found[code], parts=tuple(found[each] for each in parts))
        for code, components in codes.items():
            whole = tuple(own.get((code, each), found[each]) for each in components)
            found[code] = replace(found[code], components=whole, joint=code in joint)
        for code, parts in unions.items():
            if code in codes:
                found[code] = replace(found[code], parts=tuple(found[each] for each in parts))
        return found

    def _read(self, resource_type: str) -> Iterator[Param]:
        subject = ".".join((resource_type, *self.placement[resource_type].subject))
        single = not self.placement[resource_type].many and bool(self.placement[resource_type].subject)
        for definition in self.definitions.search_parameters[resource_type].values():
            if definition.type not in INDEXED or definition.code in _NOT_INDEXED or not definition.expression:
                continue
            path = definition.expression.replace(".where(resolve() is Patient)", "").strip()
            yield Param(
                resource_type,
                self.number(resource_type),
                self.definitions.parameter_numbers[definition.code],
                definition,
                single and definition.type == "reference" and path == subject,
                self.definitions,
            )

    def present_bit(self, param: Param) -> int:
        """The bit of ``resource.present`` that says whether the resource has a value for ``param``.

        Bits follow the numbers of all the type's parameters, which are append-only; no type of R4 has more than 62.
        """
        bits = self._bits.get(param.resource_type)
        if bits is None:
            known = self.definitions.search_parameters[param.resource_type]
            numbers = sorted(self.definitions.parameter_numbers[code] for code in known)
            bits = self._bits[param.resource_type] = {number: 1 << place for place, number in enumerate(numbers)}
        return bits[self.definitions.parameter_numbers[param.code]]

    def sort_date(self, resource_type: str) -> Param | None:
        """The date parameter that orders the type newest first."""
        code = self.placement[resource_type].date
        return None if code is None else self.params(resource_type).get(code)


def _split(param: Param, own: str, rest: str) -> tuple[Param, Param]:
    """What a composite takes of a parameter, and the rest, whose rows stand apart."""
    taken, left = (replace(param.definition, expression=each) for each in (own, rest))
    return replace(param, definition=taken), replace(param, number=param.number + APART, definition=left)


def _component_codes(composite: SearchParameter, known: Mapping[str, SearchParameter]) -> list[str]:
    """The parameters that a composite's components are. Where HL7 names them in another order than their expressions
    stand in (``DocumentReference.relationship``), the expressions count.
    """
    by_url = {each.url: code for code, each in known.items()}
    named = [by_url[url] for url, _ in composite.components]
    paths = {known[code].expression: code for code in named}
    return [
        paths.get(f"{composite.expression}.{expression}", code)
        for code, (_, expression) in zip(named, composite.components, strict=True)
    ]


def _referring(params: Sequence[Param]) -> Param:
    """One parameter for those of several types: it refers to whatever one of them refers to."""
    targets = [each.definition.targets for each in params]
    if len(set(targets)) == 1:
        return params[0]
    # One without targets refers to anything.
    every = tuple(dict.fromkeys(name for each in targets for name in each)) if all(targets) else ()
    return replace(params[0], definition=replace(params[0].definition, targets=every))


def _means(param: Param) -> tuple[object, ...]:
    """What two parameters of one name have in common when they can be asked for at once: where their rows stand, and
    how a value is read and matched.
    """
    return (
        param.kind,
        param.owner,
        param.number,
        param.kind == "token" and param.plain,
        tuple(_means(each) for each in param.parts),
        tuple(_means(each) for each in param.components),
        param.joint,
    )
