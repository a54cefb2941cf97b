"""The query of a scope, which narrows it to what a search with that query would find.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters

Parameters are ANDed, the values of one are ORed, as in a search. The less a query asks, the more it lets through; the
empty one lets everything through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from app.errors import Invalid

Parameter = tuple[str, tuple[str, ...]]
"""Name, and values as a search writes them: escapes of FHIR stand, percent-encoding does not."""
Query = tuple[Parameter, ...]
"""In an order of its own, so that two queries that ask the same compare equal."""

EVERYTHING: Final[Query] = ()
MOST_VALUES: Final = 20
LONGEST_VALUE: Final = 400
_VALUES: Final = re.compile(r"(?:\\.|[^\\,])+", re.DOTALL)
_SAFE: Final = "-._~:/|,@!$'()*;"
"""Written as they are: what neither a query nor the grammar of an OAuth scope parts by."""


def read_query(text: str) -> Query:
    """What stands behind the question mark of a scope. Raises ``Invalid``."""
    parameters: list[Parameter] = []
    for part in text.split("&"):
        name, sign, value = part.partition("=")
        name, value = _decoded(name), _decoded(value)
        values = _VALUES.findall(value)
        if not name or not sign or not values:
            raise Invalid("the query of a scope is written as parameter=value&parameter=value", "value")
        if len(values) > MOST_VALUES or max(map(len, values)) > LONGEST_VALUE:
            limit = f"{MOST_VALUES} values of at most {LONGEST_VALUE} characters"
            raise Invalid(f"'{name}' takes {limit} in a scope", "too-costly")
        parameters.append((name, tuple(values)))
    return normal(parameters)


def _decoded(text: str) -> str:
    """Without percent-encoding; a plus is a blank, as in the query of a search."""
    try:
        plain = unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError as error:
        raise Invalid("the query of a scope is not written in UTF-8", "value") from error
    if not plain.isprintable():
        raise Invalid("the query of a scope has a character that no value has", "value")
    return plain


def write_query(query: Query) -> str:
    """As it stands in a scope; only characters that a scope may have."""
    return "&".join(f"{name}={','.join(quote(value, safe=_SAFE) for value in values)}" for name, values in query)


def normal(parameters: Iterable[Parameter]) -> Query:
    """Sorted, each value once, without what another parameter of the same name asks already."""
    asked = {(name, tuple(sorted(set(values)))) for name, values in parameters}
    return tuple(sorted(each for each in asked if not any(_is_stricter(other, each) for other in asked - {each})))


def both(first: Query, second: Query) -> Query:
    """What meets both queries."""
    return normal((*first, *second))


def implies(first: Query, second: Query) -> bool:
    """Whether all that meets ``first`` meets ``second``, as far as the texts tell."""
    return all(any(_is_stricter(mine, each) for mine in first) for each in second)


def _is_stricter(first: Parameter, second: Parameter) -> bool:
    return first[0] == second[0] and set(first[1]) <= set(second[1])
