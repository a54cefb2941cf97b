"""From the tree of an expression to closures, with the FHIR types known beforehand.

Rules of evaluation: http://hl7.org/fhirpath/N1/. Types come from the definitions, so that a walk looks at nothing but
the JSON members that can be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from app.fhir.definitions import Definitions, Element
from app.fhir.paths import syntax
from app.fhir.paths.chains import Chain, Hop, Item, Route, Step, chain, joined
from app.fhir.paths.references import refers_to
from app.fhir.paths.syntax import ExpressionError, Node
from app.fhir.resource import Resource

Run = Callable[[Item, Resource], list[Item]]
"""Evaluates on one value (first argument) somewhere in a resource (second)."""

Stage = Callable[[list[Item], Resource], list[Item]]
"""What happens next to all values found so far."""

_CONSTANTS: Final = {str: "string", int: "integer", bool: "boolean"}
# https://hl7.org/fhir/R4/datatypes.html; a type that is not listed as a key here or in the definitions has no subtypes.
_PRIMITIVE_BASES: Final = {
    "code": "string",
    "id": "string",
    "markdown": "string",
    "unsignedInt": "integer",
    "positiveInt": "integer",
    "url": "uri",
    "canonical": "uri",
    "oid": "uri",
    "uuid": "uri",
}
_PRIMITIVES: Final = frozenset(
    {"base64Binary", "boolean", "date", "dateTime", "decimal", "instant", "integer", "string", "time", "uri", "xhtml"}
) | _PRIMITIVE_BASES.keys()  # fmt: skip


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled part of an expression.

    ``types`` are the possible types of its values; none when it can have no values. Its values begin with those of
    ``start`` or of all ``routes`` (the focus itself without either) and go through ``stages``. ``members`` are those
    top-level JSON members of which one must be there for any value, none when values do not depend on that.
    """

    types: tuple[str, ...]
    start: Run | None = None
    routes: tuple[Route, ...] = ()
    stages: tuple[Stage, ...] = ()
    members: tuple[str, ...] = ()

    @property
    def route(self) -> Route | None:
        """The one way from the focus to the values, empty for the focus itself; None when there is more to it."""
        if self.start or self.stages or len(self.routes) > 1:
            return None
        return self.routes[0] if self.routes else ()

    def chain(self) -> Chain | None:
        """What comes before the stages, when it needs nothing but the JSON object."""
        if len(self.routes) > 1:
            return joined([chain(route) for route in self.routes])
        return chain(self.routes[0]) if self.routes else None

    def run(self) -> Run:
        """The evaluation as one closure."""
        begin, stages = self.start or _begin(self.chain()), self.stages
        if not stages:
            return begin

        def run(item: Item, resource: Resource) -> list[Item]:
            found = begin(item, resource)
            for stage in stages:
                if not found:
                    break
                found = stage(found, resource)
            return found

        return run


def _begin(follow: Chain | None) -> Run:
    if follow is None:
        return lambda item, _: [item]
    return lambda item, _: follow(item[1])


_NOTHING: Final = Path((), start=lambda _item, _resource: [])


class Compiler:
    """Compiles trees for one FHIR version."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def compile(self, node: Node, focus: tuple[str, ...]) -> Path:
        """The path of ``node`` when it is evaluated on a value of one of the ``focus`` types."""
        match node:
            case syntax.Focus(resource=False):
                return Path(focus)
            case syntax.Focus():
                raise ExpressionError("%resource is only understood where an expression begins")
            case syntax.Constant(value):
                constant = (_CONSTANTS[type(value)], value)
                return Path((constant[0],), start=lambda _item, _resource: [constant])
            case syntax.Member():
                return self._member(node, focus)
            case syntax.Index(base, position):
                return _add(self.compile(base, focus), lambda items, _: items[position : position + 1])
            case syntax.TypeTest():
                return self._type_test(node, focus)
            case syntax.Call():
                return self._call(node, focus)
            case syntax.Operation("|", left, right):
                return _union(self.compile(left, focus), self.compile(right, focus))
            case syntax.Operation(operator, left, right):
                return _boolean(_OPERATIONS[operator], self.compile(left, focus), self.compile(right, focus))

    def _member(self, node: syntax.Member, focus: tuple[str, ...]) -> Path:
        if node.first and node.name[0].isupper():
            return self._type_name(node.name, focus)
        base = self.compile(node.base, focus)
        return self._child(base, node.name) if base.types else base

    def _type_name(self, name: str, focus: tuple[str, ...]) -> Path:
        """A path that starts with a type: that of the focus, or that of an alternative for other types."""
        if name not in self._definitions.types:
            raise ExpressionError(f"{name} is not a type of FHIR {self._definitions.version}")
        return Path(focus) if any(self._is(each, name) for each in focus) else _NOTHING

    def _child(self, base: Path, name: str) -> Path:
        table = {each: hop for each in base.types if (hop := self._hop(each, name))}
        if not table:
            raise ExpressionError(f"{' | '.join(base.types)} has no element {name!r}")
        types = tuple(dict.fromkeys(step.type for hop in table.values() for step in hop))
        if base.route is not None and len(base.types) == 1 and all(len(hop) == 1 for hop in base.route):
            (hop,) = table.values()
            members = base.members or tuple(step.name for step in hop)
            path = Path(types, routes=((*base.route, hop),), members=members)
        else:
            path = replace(_add(base, _children(table)), types=types)
        if "Resource" in types:
            actual = tuple(sorted(self._definitions.resource_types))
            return replace(_add(path, _by_resource_type), types=actual + tuple(t for t in types if t != "Resource"))
        return path

    def _hop(self, type_name: str, name: str) -> Hop:
        elements = self._definitions.types.get(type_name, {})
        return tuple(
            Step(member, element.type, element.many)
            for member, element in elements.items()
            if name == (element.choice or member) or _is_written_out(member, element, name)
        )

    def _type_test(self, node: syntax.TypeTest, focus: tuple[str, ...]) -> Path:
        if node.operator == "is" and node.base == syntax.Call(syntax.Focus(), "resolve", ()):
            test = refers_to(frozenset(self._accepted(node.type, self._definitions.resource_types)))
            return Path(("boolean",), start=lambda item, resource: [("boolean", test(item, resource))])
        base = self.compile(node.base, focus)
        accepted = frozenset(self._accepted(node.type, base.types))
        if node.operator == "is":
            return replace(
                _add(base, lambda items, _: [("boolean", item[0] in accepted) for item in items]), types=("boolean",)
            )
        return self._narrow(base, accepted)

    def _narrow(self, base: Path, accepted: frozenset[str]) -> Path:
        """``as`` on many values keeps those of the type; HL7 relies on it (``component.value as Quantity``)."""
        if not accepted:
            return _NOTHING
        types = tuple(each for each in base.types if each in accepted)
        if base.route:
            *before, last = base.route
            hop = tuple(step for step in last if step.type in accepted)
            members = base.members if before else tuple(step.name for step in hop)
            return Path(types, routes=((*before, hop),), members=members)
        return replace(_add(base, lambda items, _: [item for item in items if item[0] in accepted]), types=types)

    def _accepted(self, name: str, types: Iterable[str]) -> list[str]:
        """Those of ``types`` that are ``name`` or specialize it. STU3 writes ``DateTime`` for ``dateTime``."""
        lowered = name[0].lower() + name[1:]
        if name not in self._definitions.types and lowered not in _PRIMITIVES:
            raise ExpressionError(f"{name} is not a type of FHIR {self._definitions.version}")
        wanted = name if name in self._definitions.types else lowered
        return [each for each in types if self._is(each, wanted)]

    def _is(self, type_name: str, wanted: str) -> bool:
        current: str | None = type_name
        while current is not None and current != wanted:
            current = self._definitions.bases.get(current) or _PRIMITIVE_BASES.get(current)
        return current is not None

    def _call(self, node: syntax.Call, focus: tuple[str, ...]) -> Path:
        base = self.compile(node.base, focus)
        match node.function, node.arguments:
            case "where", (criteria,):
                return self._where(base, criteria)
            case "exists", ():
                return _exists(base)
            case "exists", (criteria,):
                return _exists(self._where(base, criteria))
            case "extension", (syntax.Constant(str(url)),):
                return self._extension(base, url)
            case "hasExtension", (syntax.Constant(str(url)),):
                return _exists(self._extension(base, url))
        raise ExpressionError(f"{node.function}() with {len(node.arguments)} arguments is not understood here")

    def _extension(self, base: Path, url: str) -> Path:
        def with_url(items: list[Item], _: Resource) -> list[Item]:
            return [item for item in items if item[1].get("url") == url]

        return _add(self._child(base, "extension"), with_url) if base.types else base

    def _where(self, base: Path, criteria: Node) -> Path:
        if not base.types:
            return base
        test = self._test(criteria, base.types)

        def where(items: list[Item], resource: Resource) -> list[Item]:
            return [item for item in items if test(item, resource)]

        return _add(base, where)

    def _test(self, criteria: Node, focus: tuple[str, ...]) -> Callable[[Item, Resource], bool | None]:
        """The criteria of ``where``; the two forms that HL7 uses on hot paths without lists in between."""
        match criteria:
            case syntax.TypeTest(syntax.Call(syntax.Focus(), "resolve", ()), "is", name):
                return refers_to(frozenset(self._accepted(name, self._definitions.resource_types)))
            case syntax.Operation("=", syntax.Member() as member, syntax.Constant(str(wanted))):
                path = self.compile(member, focus)
                if path.route == ((Step(member.name, path.types[0], many=False),),):
                    return lambda item, _: item[1].get(member.name) == wanted
        run = self.compile(criteria, focus).run()
        return lambda item, resource: _truth(run(item, resource))


def _is_written_out(member: str, element: Element, name: str) -> bool:
    """A choice named with its type, as some profiles' expressions have it (``valueQuantity``)."""
    return element.choice is not None and member == name


def _add(base: Path, stage: Stage) -> Path:
    return replace(base, stages=(*base.stages, stage))


def _children(table: dict[str, Hop]) -> Stage:
    chains = {type_name: chain((hop,)) for type_name, hop in table.items()}

    def children(items: list[Item], _: Resource) -> list[Item]:
        return [child for type_name, node in items if type_name in chains for child in chains[type_name](node)]

    return children


def _by_resource_type(items: list[Item], _: Resource) -> list[Item]:
    return [(node["resourceType"] if type_name == "Resource" else type_name, node) for type_name, node in items]


def _union(left: Path, right: Path) -> Path:
    """Values of the left, then of the right. Equal ones are kept: to find them costs more than to index them twice."""
    if not left.types or not right.types:
        return left if left.types else right
    types = tuple(dict.fromkeys(left.types + right.types))
    members = tuple(dict.fromkeys(left.members + right.members)) if left.members and right.members else ()
    if left.routes and right.routes and not left.stages and not right.stages:
        return Path(types, routes=_merged(left.routes, right.routes), members=members)
    run_left, run_right = left.run(), right.run()
    return Path(
        types, start=lambda item, resource: run_left(item, resource) + run_right(item, resource), members=members
    )


def _merged(left: tuple[Route, ...], right: tuple[Route, ...]) -> tuple[Route, ...]:
    """Both, as one route where the last of the left and the first of the right differ in their last hop only."""
    *before, last = left
    first, *after = right
    if last[:-1] != first[:-1]:
        return left + right
    return (*before, (*last[:-1], last[-1] + first[-1]), *after)


def _exists(path: Path) -> Path:
    run = path.run()
    return Path(("boolean",), start=lambda item, resource: [("boolean", bool(run(item, resource)))])


def _boolean(operation: Callable[[list[Item], list[Item]], bool | None], left: Path, right: Path) -> Path:
    """An operation whose outcome is true, false or nothing."""
    run_left, run_right = left.run(), right.run()

    def run(item: Item, resource: Resource) -> list[Item]:
        outcome = operation(run_left(item, resource), run_right(item, resource))
        return [] if outcome is None else [("boolean", outcome)]

    return Path(("boolean",), start=run)


def _truth(items: list[Item]) -> bool | None:
    return bool(items[0][1]) if items else None


def _equal(left: list[Item], right: list[Item]) -> bool | None:
    if not left or not right:
        return None
    return [_comparable(value) for _, value in left] == [_comparable(value) for _, value in right]


def _comparable(value: Any) -> Any:
    # In Python True == 1; in FHIRPath a boolean equals booleans only.
    return ("boolean", value) if isinstance(value, bool) else value


def _not_equal(left: list[Item], right: list[Item]) -> bool | None:
    equal = _equal(left, right)
    return None if equal is None else not equal


def _and(left: list[Item], right: list[Item]) -> bool | None:
    first, second = _truth(left), _truth(right)
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


def _or(left: list[Item], right: list[Item]) -> bool | None:
    first, second = _truth(left), _truth(right)
    if first or second:
        return True
    return None if first is None or second is None else False


_OPERATIONS: Final = {"=": _equal, "!=": _not_equal, "and": _and, "or": _or}
