"""Uri parameters: addresses as they are written, and those above or below one.
https://hl7.org/fhir/R4/search.html#uri

A canonical that names a version is found with the version and without it.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from app.errors import Invalid
from app.server.search import tokens
from app.server.search.build import Build, Find, Match, Row, attribute_of, value_at
from app.server.search.escaping import unescape
from app.server.search.kind import Fill, Found, Kind, Language
from app.server.search.query import Condition
from app.server.search.registry import Param
from app.server.search.rows import Rows
from app.server.search.terms import LONGEST, NO_SYSTEM, hash_token, term
from app.server.search.tokens import BeginningValue, TokenSet, TokenValue

_LONGEST_ABOVE: Final = 2000
_STEP: Final = re.compile(r"[/?#|]")


def fill(param: Param, _: Language) -> Fill:
    """Adds a row per address."""
    number = param.number

    def filled(rows: Rows, found: Found) -> None:
        addresses: dict[str, None] = {}
        for kind, value in found:
            if isinstance(value, str):
                addresses[value] = None
                if kind == "canonical":
                    addresses[value.partition("|")[0]] = None
        made = [term(NO_SYSTEM, each) for each in addresses]
        rows.tokens += [(number, each[0]) for each in made]
        rows.terms.update(made)

    return filled


def _above(address: str) -> list[str]:
    """The address and all that it lies below, with and without the sign that parts them."""
    ends = {place for found in _STEP.finditer(address) for place in (found.start(), found.end())}
    return [address, *(address[:end] for end in sorted(ends) if end)]


def read(_: Language, param: Param, modifier: str, text: str) -> object:  # noqa: ARG001 - as every kind reads
    """The address; ``below`` and ``above`` are for addresses that have steps."""
    address = unescape(text)
    if modifier in _MODIFIERS and address.lower().startswith("urn:"):
        raise Invalid(f"':{modifier}' is for URLs; a URN is not above or below another.", "value")
    if modifier == "below":
        return BeginningValue(address[:LONGEST])
    if modifier == "above":
        if len(address) > _LONGEST_ABOVE:
            raise Invalid(f"':above' takes at most {_LONGEST_ABOVE} characters.", "too-costly")
        return TokenSet(tuple(hash_token(NO_SYSTEM, each) for each in _above(address)))
    return TokenValue(NO_SYSTEM, address, hash_token(NO_SYSTEM, address))


def match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the hash of the address, or by how it begins."""
    if condition.modifier != "below":
        return tokens.match_rows(build, row, condition, find, offset=0)
    parts = []
    for index in range(len(condition.values)):
        get = partial(value_at, find, index)
        low, high = (build.bind(partial(attribute_of, get, name)) for name in ("beginning", "end"))
        parts.append(f"(m.code >= {low} AND m.code < {high})")
    within = f"m.patient = {row.patient} AND ({' OR '.join(parts)})"
    key = row.key("x", condition.param.number)
    return Match("token x", f"{key} AND x.value IN (SELECT m.value FROM term m WHERE {within} AND m.system = '')")


_MODIFIERS: Final = frozenset({"below", "above"})
_OF_SOURCE: Final = _MODIFIERS | {"not"}
"""``_source:not`` leaves out what came from one source: a system leaves out what it gave itself."""
KIND: Final = Kind(fill, read, match, tokens.order, lambda param: _OF_SOURCE if param.code == "_source" else _MODIFIERS)
