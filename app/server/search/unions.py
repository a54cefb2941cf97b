"""Parameters that find nothing but what others of their type find, together: they need no index rows of their own.

``Observation.combo-code`` is ``code`` and ``component-code``; a Patient's ``phonetic`` is ``name``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.definitions import Definitions, SearchParameter
from app.fhir.paths import syntax

UNITED: Final = frozenset({"token", "string", "quantity", "composite"})
"""The parameter types whose conditions can be asked of several parameters' rows at once."""
_APART: Final = frozenset({"identifier"})  # has rows of its own across patients

Alternative = tuple[object, ...]


def united(parameters: Mapping[str, SearchParameter]) -> dict[str, tuple[str, ...]]:
    """The codes that make up each of those parameters of one resource type that are unions."""
    alternatives = {
        code: _alternatives(each)
        for code, each in parameters.items()
        if each.type in UNITED and each.expression and code not in _APART
    }
    found: dict[str, tuple[str, ...]] = {}
    for code in sorted(alternatives, key=lambda each: (len(alternatives[each]), each)):
        whole, kind = alternatives[code], parameters[code].type
        smaller = [
            other
            for other in sorted(alternatives, key=lambda each: (-len(alternatives[each]), each))
            if other != code
            and other not in found
            and parameters[other].type == kind
            and (alternatives[other] < whole or (alternatives[other] == whole and other < code))
        ]
        left, parts = set(whole), []
        for other in smaller:
            if alternatives[other] & left:
                parts.append(other)
                left -= alternatives[other]
        if not left:
            found[code] = tuple(parts)
    return found


def is_single(expression: str, definitions: Definitions) -> bool:
    """Whether the expression is a plain path to one element of a resource at most."""
    if "|" in expression:
        return False
    first, *names = expression.split(".")
    where = first
    for name in names:
        element = definitions.types[where][name]
        if element.many:
            return False
        where = element.type
    return True


def narrowed(parameter: SearchParameter, root: str, expression: str) -> tuple[str, str] | None:
    """What a composite takes of the parameter of a component, and the rest, as expressions; None where it takes all.

    ``Observation.code-value-quantity`` takes a Quantity, ``value-quantity`` SampledData too.
    """
    taken = {_plain(f"{root}.{each}") for each in _texts(expression)}
    own = [each for each in _texts(parameter.expression) if _plain(each) in taken]
    rest = [each for each in _texts(parameter.expression) if _plain(each) not in taken]
    return (" | ".join(own), " | ".join(rest)) if own and rest else None


def _texts(expression: str) -> list[str]:
    """The alternatives of an expression."""
    found, depth = [""], 0
    for letter in expression:
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [each.strip() for each in found]


def _plain(expression: str) -> str:
    """The tree as text; HL7 has both ``DateTime`` and ``dateTime``."""
    return repr(syntax.parse(expression)).lower()


def _alternatives(parameter: SearchParameter) -> frozenset[Alternative]:
    inner = tuple(syntax.parse(expression) for _, expression in parameter.components)
    return frozenset((each, *inner) for each in _split(syntax.parse(parameter.expression)))


def _split(node: syntax.Node) -> list[syntax.Node]:
    if isinstance(node, syntax.Operation) and node.operator == "|":
        return _split(node.left) + _split(node.right)
    return [node]
