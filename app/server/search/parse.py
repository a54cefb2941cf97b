"""From the query string to a typed search, with every problem named. https://hl7.org/fhir/R4/search.html"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote_plus

from app.errors import Invalid, Issue
from app.fhir.resource import parse_reference
from app.server.search.dates import parse_date
from app.server.search.query import (
    Condition,
    DateValue,
    ReferenceValue,
    SearchQuery,
    SortKey,
    StringValue,
    TokenValue,
)
from app.server.search.registry import Param, Registry
from app.server.search.tokens import hash_token, implied

DEFAULT_COUNT: Final = 50
MOST_VALUES: Final = 100
"""Alternatives of one parameter."""
MOST_CONDITIONS: Final = 20
"""Parameters of one search. PostgreSQL takes 0.1 s to plan this many, and 20 s to plan 200."""
LARGEST_COUNT: Final = 1000
_MODIFIERS: Final[Mapping[str, frozenset[str]]] = {
    "token": frozenset({"missing", "not"}),
    "string": frozenset({"missing", "exact", "contains"}),
    "date": frozenset({"missing"}),
    "reference": frozenset({"missing"}),
}
_RESULT: Final = frozenset({"_sort", "_count", "_page", "_format", "_pretty"})


Part = tuple[str, str, str]
"""Name and value of one parameter, decoded, and both as they were written."""


def split_query(query: str) -> list[Part]:
    """The parameters of a query string in their order."""
    parts = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            if "%" in part or "+" in part:
                name, value = unquote_plus(name), unquote_plus(value)
            parts.append((name, value, part))
    return parts


def split_values(text: str) -> list[str]:
    """The alternatives between commas; an escaped comma is part of a value.
    https://hl7.org/fhir/R4/search.html#escaping
    """
    if "\\" not in text:
        return text.split(",")
    values, current, escaped = [], "", False
    for letter in text:
        if escaped:
            current += letter if letter in ",$|\\" else "\\" + letter
            if letter == "|":
                current = current[:-1] + "\\|"
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == ",":
            values.append(current)
            current = ""
        else:
            current += letter
    values.append(current)
    return values


class Parser:
    """Reads searches against the registry. ``base`` is this server's address."""

    def __init__(self, registry: Registry, *, base: str) -> None:
        self._registry = registry
        self._base = base

    def parse(self, resource_type: str, parts: Iterable[Part], *, lenient: bool) -> SearchQuery:
        """A typed search. Raises ``Invalid`` with an issue per bad parameter; ``lenient`` passes over unknown ones."""
        query = SearchQuery(resource_type)
        issues: list[Issue] = []
        understood = []
        for name, value, written in parts:
            try:
                known = self._read(query, name, value)
            except Invalid as error:
                issues += [
                    Issue(each.code, f"{name}: {each.diagnostics}", (f"http.{name}",)) for each in error.all_issues()
                ]
                continue
            if known:
                if name not in ("_page", "_format", "_pretty"):
                    query.asked.append(name)
                    understood.append(written)
            elif not lenient:
                issues.append(Issue("not-supported", self._unknown(resource_type, name), (f"http.{name}",)))
        count = len(query.conditions) + len(query.ids) + len(query.updated)
        if count > MOST_CONDITIONS:
            issues.append(
                Issue("too-costly", f"The search has {count} parameters; it takes {MOST_CONDITIONS} at a time.")
            )
        if issues:
            raise Invalid("The search has parameters that cannot be used.", issues=tuple(issues))
        query.self_query = "&".join(understood)
        return query

    def parse_condition(self, resource_type: str, text: str) -> SearchQuery:
        """What If-None-Exist asks, with or without the type before it. Raises ``Invalid``, also if that is nothing."""
        query = self.parse(resource_type, split_query(text.partition("?")[2] or text), lenient=False)
        if not (query.conditions or query.ids or query.updated or query.patient or query.nothing):
            raise Invalid("If-None-Exist must name a search parameter; without one it would find anything.", "required")
        return query

    def _unknown(self, resource_type: str, name: str) -> str:
        base = name.partition(":")[0].partition(".")[0]
        if base in self._registry.params(resource_type) and base not in self._registry.offered(resource_type):
            return f"'{name}' is not filled yet for what is stored; it can be used when the reindex has finished."
        if base in self._registry.params(resource_type):
            return (
                f"'{name}': this form of the parameter '{base}' is not supported."
                " Send Prefer: handling=lenient to have it ignored."
            )
        known = ", ".join(sorted(["_id", "_lastUpdated", *self._registry.offered(resource_type)]))
        return (
            f"'{name}' is not a search parameter of {resource_type} here. Known: {known}. "
            "Send Prefer: handling=lenient to have unknown parameters ignored."
        )

    def _read(self, query: SearchQuery, name: str, value: str) -> bool:
        if "\0" in value:
            raise Invalid("has a character that no value in FHIR has.", "value")
        if name in _RESULT:
            self._result(query, name, value)
            return True
        if name == "_id":
            query.ids.append([each for each in split_values(value) if each])
            return True
        if name == "_lastUpdated":
            query.updated.append([DateValue(*parse_date(each)) for each in split_values(value)])
            return True
        base, _, modifier = name.partition(":")
        param = self._registry.offered(query.resource_type).get(base)
        if param is None:
            return False
        return self._condition(query, param, modifier, value)

    def _condition(self, query: SearchQuery, param: Param, modifier: str, value: str) -> bool:
        of_type = ""
        if modifier and modifier not in _MODIFIERS[param.kind]:
            if param.kind != "reference" or modifier not in self._registry.definitions.resource_types:
                return False
            of_type = modifier
        if modifier == "missing":
            if value not in ("true", "false"):
                raise Invalid("':missing' takes true or false.", "value")
            query.conditions.append(Condition(param, modifier, (), missing=value == "true"))
            return True
        texts = [each for each in split_values(value) if each]
        if not texts:
            raise Invalid("has no value.", "value")
        if len(texts) > MOST_VALUES:
            raise Invalid(f"has {len(texts)} values; it takes {MOST_VALUES} at a time.", "too-costly")
        if param.owner:
            self._owner(query, param, texts, of_type)
        elif param.kind == "token":
            query.conditions.append(Condition(param, modifier, tuple(_token(param, each) for each in texts)))
        elif param.kind == "date":
            query.conditions.append(Condition(param, modifier, tuple(DateValue(*parse_date(each)) for each in texts)))
        elif param.kind == "string":
            query.conditions.append(Condition(param, modifier, tuple(map(StringValue.of, texts))))
        else:
            values = tuple(self._reference(param, each, of_type) for each in texts)
            query.conditions.append(Condition(param, "", values))
        return True

    def _owner(self, query: SearchQuery, param: Param, texts: list[str], of_type: str) -> None:
        found = []
        for text in texts:
            value = self._reference(param, text, of_type)
            if "Patient" in value.types:
                found.append(value.id)
        if len(found) > 1:
            raise Invalid("names several patients; ask for one at a time.", "not-supported")
        if not found or (query.patient and query.patient != found):
            query.nothing = True
        else:
            query.patient = found

    def _reference(self, param: Param, text: str, of_type: str) -> ReferenceValue:
        literal = parse_reference(text)
        if literal is not None and literal.base in ("", self._base):
            if of_type and literal.type != of_type:
                raise Invalid(f"names a {literal.type} where its modifier says {of_type}.", "value")
            return ReferenceValue((literal.type,), literal.id)
        if "/" in text or ":" in text:
            return ReferenceValue((), text)
        # A parameter without targets points at anything.
        targets = param.definition.targets or tuple(sorted(self._registry.definitions.resource_types))
        return ReferenceValue((of_type,) if of_type else targets, text)

    def _result(self, query: SearchQuery, name: str, value: str) -> None:
        if name == "_count":
            if not value.isdecimal() or int(value) == 0:
                raise Invalid("takes a whole number of at least 1.", "value")
            query.count = min(int(value), LARGEST_COUNT)
        elif name == "_page":
            query.cursor = value
        elif name == "_sort":
            query.sort = self._sort(query.resource_type, value)

    def _sort(self, resource_type: str, value: str) -> SortKey:
        descending, code = value.startswith("-"), value.removeprefix("-")
        if code == "_lastUpdated":
            return SortKey(None, descending)
        param = self._registry.offered(resource_type).get(code)
        if param is None or param.kind != "date":
            dates = [each.code for each in self._registry.offered(resource_type).values() if each.kind == "date"]
            raise Invalid(
                f"sorts by one date parameter: {', '.join(['_lastUpdated', *sorted(dates)])}, with - for newest first.",
                "not-supported",
            )
        return SortKey(param, descending)


def _token(param: Param, text: str) -> TokenValue:
    system, bar, code = text.replace("\\|", "\0").partition("|")
    system, code = system.replace("\0", "|"), code.replace("\0", "|")
    if not bar:
        return TokenValue(None, system, hash_token("", system) if param.plain else None)
    if not code:
        if not system:
            raise Invalid("'|' alone names neither a system nor a code.", "value")
        return TokenValue(system, None)
    # An element of type code has the system of its value set; its values are stored without one.
    stored = "" if param.plain and implied(system) else system
    return TokenValue(system, code, hash_token(stored, code))
