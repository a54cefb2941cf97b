"""Token parameters: codes with their systems, identifiers, booleans. https://hl7.org/fhir/R4/search.html#token"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.errors import Invalid
from app.server.search.build import Ask, Build, Find, Get, Match, Row, any_of, attribute_of, value_at
from app.server.search.escaping import split, unescape
from app.server.search.kind import Fill, Found, Kind, Language, Order
from app.server.search.query import Condition
from app.server.search.registry import Param
from app.server.search.rows import Rows
from app.server.search.terms import (
    LONGEST_WORDS,
    NO_SYSTEM,
    WORDS,
    Term,
    Words,
    hash_token,
    key_text,
    once,
    prefix_end,
    term,
    words_code,
)

WORDING: Final = 4096
"""The number under which a resource's one row stands for the texts that belong to its codes, whatever finds them."""
TYPED_ROWS: Final = 8192
"""Added to a parameter's number for the rows of identifiers with their types."""
IDENTIFIER_ROWS: Final = 12288
"""Added to a reference parameter's number for the rows of the identifiers that it refers by."""
SUBSUMPTION: Final = frozenset({"below", "above"})
VALUE_SETS: Final = frozenset({"in", "not-in"})

_CODED: Final = frozenset({"CodeableConcept", "Coding", "code", "Extension"})
_WORDED: Final = frozenset({"CodeableConcept", "Coding", "Identifier", "Extension"})


@dataclass(frozen=True, slots=True)
class TokenValue:
    """A token: ``hash`` where the one token that it means is known, else any ``code`` of whatever system, or any code
    of ``system``.
    """

    system: str | None
    code: str | None
    hash: int | None = None

    @property
    def shape(self) -> object:
        return "hash" if self.hash is not None else "code" if self.system is None else "system"

    @property
    def kept_code(self) -> str:
        return key_text(self.code or "")

    @property
    def kept_system(self) -> str:
        return key_text(self.system or "")


@dataclass(frozen=True, slots=True)
class BeginningValue:
    """How a term begins."""

    beginning: str

    @property
    def shape(self) -> object:
        return "beginning"

    @property
    def end(self) -> str:
        return prefix_end(self.beginning)


@dataclass(frozen=True, slots=True)
class WordsValue:
    """``:text``: how a text that belongs to a code begins."""

    text: str

    @property
    def shape(self) -> object:
        return "words"

    def beginning(self, number: int) -> str:
        """Of the terms of such texts that the parameter with this number finds."""
        return words_code(number, self.text)


@dataclass(frozen=True, slots=True)
class MeaningValue:
    """``:in``, ``:not-in``: the ``url`` of a value set. ``:below``, ``:above``: a concept, ``code`` of the system
    ``url``. ``resolve`` puts the codes that it stands for in its place.
    """

    url: str
    code: str = ""

    @property
    def shape(self) -> object:
        return "meaning"


@dataclass(frozen=True, slots=True)
class TokenSet:
    """Any of the tokens with these hashes."""

    hashes: tuple[int, ...]

    @property
    def shape(self) -> object:
        return "set"


def stored_hash(param: Param, system: str, code: str) -> int:
    """The hash under which a code of a known system is found by ``param``."""
    # An element of type code has the system of its value set; its values are stored without one.
    return hash_token(NO_SYSTEM if param.plain and system.startswith(param.publisher) else system, code)


def terms(found: Found) -> list[Term]:
    """The tokens among the values that a parameter's path found, of any type that a token search may ask for."""
    result: list[Term] = []
    for kind, value in found:
        if kind == "CodeableConcept":
            # Loops with append, here and below: before Python 3.12 a comprehension is a call of its own.
            for coding in value.get("coding", ()):
                if "code" in coding:
                    result.append(term(coding.get("system", NO_SYSTEM), coding["code"]))  # noqa: PERF401
        elif kind == "Coding":
            if "code" in value:
                result.append(term(value.get("system", NO_SYSTEM), value["code"]))
        elif kind in ("Identifier", "ContactPoint"):
            if "value" in value:
                # A phone number or e-mail address has a use and a kind, no system that is an address.
                result.append(
                    once(value.get("system", NO_SYSTEM) if kind == "Identifier" else NO_SYSTEM, value["value"])
                )
        elif isinstance(value, bool):
            result.append(term(NO_SYSTEM, "true" if value else "false"))
        elif isinstance(value, str):
            result.append(term(NO_SYSTEM, value))
    return result


def _words(number: int, found: Found) -> list[Words]:
    """What people read instead of the codes: displays, the text of a concept, of an identifier's type."""
    texts: list[str] = []
    for kind, value in found:
        if kind == "CodeableConcept":
            if "text" in value:
                texts.append(value["text"])
            for coding in value.get("coding", ()):
                if "display" in coding:
                    texts.append(coding["display"])  # noqa: PERF401
        elif kind == "Coding":
            if "display" in value:
                texts.append(value["display"])
        elif kind == "Identifier" and "text" in value.get("type", ()):
            texts.append(value["type"]["text"])
    return [(number, text[:LONGEST_WORDS]) for text in texts] if texts else []


def _typed(found: Found) -> list[int]:
    """A hash per identifier and code of its type."""
    return [
        hash_token(f"{coding.get('system', NO_SYSTEM)}|{coding['code']}", value["value"])
        for kind, value in found
        if kind == "Identifier" and "value" in value
        for coding in value.get("type", {}).get("coding", ())
        if "code" in coding
    ]


def fill(param: Param, _: Language) -> Fill:
    """Adds a row per token, the texts that belong to them, and a row across patients for an identifying parameter."""
    number, identifying = param.number, param.identifying
    worded = not param.walker.kinds.isdisjoint(_WORDED)
    typed = not param.walker.kinds.isdisjoint({"Identifier", "Extension"})

    def filled(rows: Rows, found: Found) -> None:
        made = terms(found)
        if len(made) > 1:
            made = list(dict.fromkeys(made))
        for each in made:
            rows.tokens.append((number, each[0]))
        rows.terms.update(made)
        if worded:
            rows.words += _words(number, found)
        if typed and (kinds := _typed(found)):
            rows.tokens += [(number + TYPED_ROWS, each) for each in dict.fromkeys(kinds)]
        if identifying:
            rows.lookups += [(number, each[0]) for each in made]

    return filled


def read(_: Language, param: Param, modifier: str, text: str) -> object:
    """``code``, ``system|code``, ``|code`` or ``system|``, and what the modifiers take instead."""
    if modifier == "text":
        return WordsValue(unescape(text))
    if modifier in VALUE_SETS:
        return MeaningValue(unescape(text))
    if modifier == "of-type":
        return _read_typed(text)
    system, code = _parted(text)
    if modifier in SUBSUMPTION:
        if not system or not code:
            raise Invalid("takes a code with its system, written as system|code.", "value")
        return MeaningValue(system, code)
    return _token(param, system, code)


def read_token(param: Param, text: str) -> TokenValue:
    """A token without modifier."""
    return _token(param, *_parted(text))


def _parted(text: str) -> tuple[str | None, str]:
    system, *code = split(text, "|")
    return (unescape(system), unescape("|".join(code))) if code else (None, unescape(system))


def _token(param: Param, system: str | None, code: str) -> TokenValue:
    if system is None:
        return TokenValue(None, code, hash_token(NO_SYSTEM, code) if param.plain else None)
    if not code:
        if not system:
            raise Invalid("'|' alone names neither a system nor a code.", "value")
        return TokenValue(system, None)
    return TokenValue(system, code, stored_hash(param, system, code))


def _read_typed(text: str) -> TokenValue:
    parts = [unescape(each) for each in split(text, "|")]
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise Invalid("takes system|code|value, where system and code are the type of the identifier.", "value")
    system, code, value = parts
    return TokenValue(system, value, hash_token(f"{system}|{code}", value))


def is_token(build: Build, row: Row, column: str, value: TokenValue, get: Get) -> str:
    """SQL for: the hash in ``column`` is that of ``value``, which ``get`` takes from the request."""
    if value.shape == "hash":
        return f"{column} = {build.bind(partial(attribute_of, get, 'hash'))}"
    asked = build.bind(partial(attribute_of, get, f"kept_{value.shape}"))
    return f"{column} IN (SELECT m.value FROM term m WHERE m.patient = {row.patient} AND m.{value.shape} = {asked})"


def match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the hash of the token; how the modifier has it."""
    if condition.modifier == "text":
        return _match_words(build, row, condition, find)
    offset = TYPED_ROWS if condition.modifier == "of-type" else 0
    return match_rows(build, row, condition, find, offset=offset)


def _match_words(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the texts that belong to the codes: those of the partition that begin so, and who is worded with one."""
    ranges = []
    for index in range(len(condition.values)):
        for number in condition.param.numbers:
            low = partial(_first_words, partial(value_at, find, index), number)
            ranges.append(f"(m.code >= {build.bind(low)} AND m.code < {build.bind(partial(_end_of, low))})")
    within = f"m.patient = {row.patient} AND m.system = '{WORDS}' AND {any_of(ranges)}"
    return Match("token x", f"{row.key('x', WORDING)} AND x.value IN (SELECT m.value FROM term m WHERE {within})")


def _first_words(get: Get, number: int, ask: Ask) -> str:
    value: WordsValue = get(ask)
    return value.beginning(number)


def _end_of(low: Callable[[Ask], str], ask: Ask) -> str:
    return prefix_end(low(ask))


def match_rows(build: Build, row: Row, condition: Condition, find: Find, *, offset: int) -> Match:
    """Token rows carry their resource's sort date, so that one is looked up by its whole key."""
    parts, known, exact = [], [], True
    for index, value in enumerate(condition.values):
        get = partial(value_at, find, index)
        if isinstance(value, TokenValue):
            if value.shape == "hash":
                known.append(build.bind(partial(attribute_of, get, "hash")))
            else:
                parts.append(is_token(build, row, "x.value", value, get))
                # A code of any system in a union is several keys at once, which are better asked for once.
                exact = exact and len(condition.param.numbers) == 1
            continue
        exact = False
        assert isinstance(value, TokenSet), "what it means was looked up"
        parts.append(build.any_number("x.value", partial(attribute_of, get, "hashes")))
    if known:
        parts.append(f"x.value IN ({', '.join(known)})")
    params = (number + offset for number in condition.param.numbers)
    return Match("token x", f"{row.key('x', *params)} AND {any_of(parts)}", exact=exact)


def order(row: Row, param: Param) -> Order:
    """By code, whatever its system."""
    return Order(
        "m.code",
        "token x JOIN term m ON m.patient = x.patient AND m.value = x.value",
        row.key("x", *param.numbers),
        "text",
        "''",
    )


def modifiers(param: Param) -> frozenset[str]:
    """``text`` where there are texts, ``of-type`` for identifiers, meanings for codes."""
    kinds = param.walker.kinds
    taken = {"not"}
    if not kinds.isdisjoint(_WORDED):
        taken.add("text")
    if not kinds.isdisjoint({"Identifier", "Extension"}):
        taken.add("of-type")
    if not kinds.isdisjoint(_CODED):
        taken |= VALUE_SETS | SUBSUMPTION
    return frozenset(taken)


KIND: Final = Kind(fill, read, match, order, modifiers)
