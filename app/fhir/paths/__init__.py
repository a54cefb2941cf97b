"""Path walkers: search expressions compiled into closures over plain JSON. https://hl7.org/fhir/R4/fhirpath.html

A walker is made once per search parameter and resource type and runs on every write. Resources must have passed the
structural validation: an array where FHIR has none is not looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.fhir.definitions import Definitions
from app.fhir.paths import syntax
from app.fhir.paths.compilation import Compiler, Path
from app.fhir.paths.syntax import ExpressionError
from app.fhir.resource import Resource

__all__ = ["ExpressionError", "Walker", "compile_walker"]


@dataclass(frozen=True, slots=True)
class Walker:
    """One expression, ready to walk resources of one type.

    ``walk`` gives (FHIR type name, JSON value) of every value, those of one alternative in the order of the document; a
    value that two alternatives find comes twice. ``elements`` are the top-level JSON members, choices expanded, of
    which at least one must be there for any value; empty when values do not depend on any (``exists()``, or the
    resource itself): then always walk.
    ``kinds`` are the types that values can have. ``whole_resource`` is set when the expression begins with
    ``%resource``: then walk the resource, also where the expression belongs to a component of a composite.
    """

    expression: str
    elements: tuple[str, ...]
    walk: Callable[[Resource], list[tuple[str, Any]]]
    kinds: frozenset[str] = frozenset()
    whole_resource: bool = False


def compile_walker(expression: str, resource_type: str, definitions: Definitions) -> Walker:
    """The walker of a ``SearchParameter.expression`` for ``resource_type``.

    ``resource_type`` may also be a data type or a backbone path: the expression of a component of a composite is walked
    on what the composite's own expression finds. Alternatives for other resource types find nothing. Raises
    ``ExpressionError`` for what is not FHIRPath, is outside the supported part, or names an unknown element or type.
    """
    tree = syntax.parse(expression)
    anchored = _anchored(tree)
    focus = resource_type.partition(".")[0] if anchored else resource_type
    if focus not in definitions.types:
        raise ExpressionError(f"{focus} is not a type of FHIR {definitions.version}")
    path = Compiler(definitions).compile(_from_focus(tree) if anchored else tree, (focus,))
    return Walker(expression, path.members, _walk(path, focus), frozenset(path.types), anchored)


def _walk(path: Path, focus: str) -> Callable[[Resource], list[tuple[str, Any]]]:
    begin, stages = path.chain(), path.stages
    if begin is None:
        run = path.run()
        return lambda resource: run((focus, resource), resource)
    if not stages:
        return begin

    def walk(resource: Resource) -> list[tuple[str, Any]]:
        found = begin(resource)
        for stage in stages:
            if not found:
                break
            found = stage(found, resource)
        return found

    return walk


def _anchored(node: syntax.Node) -> bool:
    """Whether the path begins with ``%resource``."""
    while isinstance(node, syntax.Member | syntax.Call | syntax.Index | syntax.TypeTest):
        node = node.base
    return node == syntax.Focus(resource=True)


def _from_focus(node: syntax.Node) -> syntax.Node:
    if isinstance(node, syntax.Member | syntax.Call | syntax.Index | syntax.TypeTest):
        return replace(node, base=_from_focus(node.base))
    return syntax.Focus()
