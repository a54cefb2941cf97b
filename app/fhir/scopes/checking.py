"""What may be asked for: types that exist, and queries that can be held of every single resource.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.errors import Invalid
from app.fhir.dates import bounds
from app.fhir.definitions import Definitions, SearchParameter
from app.fhir.scopes.grammar import EVERY_TYPE, Scope, read_scopes

TAKEN: Final = frozenset({"token", "reference", "uri", "date"})
"""The types of parameters that a scope may be narrowed by."""
OF_EVERY_TYPE: Final = frozenset({"_tag", "_security", "_profile", "_source"})
MOST_QUERIES: Final = 10
"""Queries of one type and level: each is an alternative in every statement."""
MOST_PARAMETERS: Final = 5
"""Parameters of one query."""
_ANY: Final = "Basic"
"""A type that stands for all: each has the parameters of ``OF_EVERY_TYPE``."""
_PREFIXES: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"})


def check_scopes(text: str, definitions: Definitions) -> None:
    """Raises ``Invalid`` for a scope that cannot be honoured exactly, naming it: OAuth's ``invalid_scope``."""
    _, scopes = read_scopes(text)
    check_each(scopes, definitions)


def check_each(scopes: Iterable[Scope], definitions: Definitions) -> None:
    """As ``check_scopes``, of scopes that were read."""
    queries: dict[tuple[str, str], set[object]] = {}
    for scope in scopes:
        if scope.type != EVERY_TYPE and scope.type not in definitions.resource_types:
            raise Invalid(f"'{scope}': FHIR {definitions.version} has no type {scope.type}.", "value")
        if len(scope.query) > MOST_PARAMETERS:
            raise Invalid(f"'{scope}': a scope takes {MOST_PARAMETERS} parameters at most.", "too-costly")
        for name, values in scope.query:
            problem = _problem(scope.type, name, values, definitions)
            if problem:
                raise Invalid(f"'{scope}': {problem}.", "not-supported")
        listed = queries.setdefault((scope.level, scope.type), set())
        if scope.query:
            listed.add(scope.query)
        if len(listed) > MOST_QUERIES:
            text = f"{scope.level}/{scope.type} has more than {MOST_QUERIES} queries; ask for less, or for more in one."
            raise Invalid(text, "too-costly")


def _problem(resource_type: str, name: str, values: Iterable[str], definitions: Definitions) -> str:
    """Why a scope is not narrowed by a parameter; "" where it is."""
    if ":" in name:
        return f"'{name}' has a modifier, and a scope is narrowed by plain parameters"
    if "." in name:
        return f"'{name}' is a chain, and a scope is narrowed by what a resource says itself"
    known = definitions.search_parameters[_ANY if resource_type == EVERY_TYPE else resource_type].get(name)
    plain = resource_type != EVERY_TYPE and not name.startswith("_")
    if known is None or not known.expression or not (plain or name in OF_EVERY_TYPE):
        whose = "every type" if resource_type == EVERY_TYPE else resource_type
        return f"'{name}' is not a parameter that scopes of {whose} are narrowed by"
    return _unfit(known, values)


def _unfit(parameter: SearchParameter, values: Iterable[str]) -> str:
    if parameter.type not in TAKEN:
        return f"'{parameter.code}' is of type {parameter.type}; a scope is narrowed by {', '.join(sorted(TAKEN))}"
    if parameter.type == "date" and not all(map(_is_date, values)):
        return f"'{parameter.code}' takes a date, behind one of {', '.join(sorted(_PREFIXES))} or none"
    if parameter.type == "token" and "|" in values:
        return f"'{parameter.code}': '|' alone names neither a system nor a code"
    return ""


def _is_date(text: str) -> bool:
    try:
        bounds((text[2:] if text[:2] in _PREFIXES else text).replace(" ", "+"))
    except Invalid:
        return False
    return True
