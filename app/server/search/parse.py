"""From the query string to a typed search, with every problem named. https://hl7.org/fhir/R4/search.html"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from app.errors import Invalid, Issue
from app.fhir.resource import parse_reference
from app.server.search.dates import parse_date
from app.server.search.registry import Param, Registry

DEFAULT_COUNT: Final = 50
LARGEST_COUNT: Final = 1000
_MODIFIERS: Final[Mapping[str, frozenset[str]]] = {
    "token": frozenset({"missing", "not"}),
    "string": frozenset({"missing", "exact", "contains"}),
    "date": frozenset({"missing"}),
    "reference": frozenset({"missing"}),
}
_RESULT: Final = frozenset({"_sort", "_count", "_page", "_format", "_pretty"})


@dataclass(frozen=True, slots=True)
class TokenValue:
    """``system`` None: any; "": none. ``code`` None: any of the system. ``hash`` where the one token that it means is
    known.
    """

    system: str | None
    code: str | None
    hash: int | None = None


@dataclass(frozen=True, slots=True)
class DateValue:
    """A prefix and the interval that the written date stands for."""

    prefix: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class ReferenceValue:
    """``type`` "" with ``id`` a URL: kept as written; ``types``: those that a bare id may be of."""

    types: tuple[str, ...]
    id: str


@dataclass(frozen=True, slots=True)
class StringValue:
    """The text to look for, as it was written."""

    text: str


Value = TokenValue | DateValue | ReferenceValue | StringValue


@dataclass(frozen=True, slots=True)
class Condition:
    """One parameter of the search; any of ``values`` will do. ``missing`` is set for the modifier of that name."""

    param: Param
    modifier: str
    values: tuple[Value, ...]
    missing: bool | None = None


@dataclass(frozen=True, slots=True)
class SortKey:
    """``param`` None: ``_lastUpdated``."""

    param: Param | None
    descending: bool


@dataclass(slots=True)
class SearchQuery:
    """A search as understood. ``patient`` is the id that an owner parameter asks for, ``asked`` what goes in the self
    link.
    """

    resource_type: str
    conditions: list[Condition] = field(default_factory=list)
    ids: list[list[str]] = field(default_factory=list)
    updated: list[list[DateValue]] = field(default_factory=list)
    patient: list[str] = field(default_factory=list)
    sort: SortKey | None = None
    count: int = DEFAULT_COUNT
    cursor: str | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    nothing: bool = False


def split_query(query: str) -> list[tuple[str, str]]:
    """Names and values of a query string in their order, decoded."""
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            if "%" in part or "+" in part:
                name, value = unquote_plus(name), unquote_plus(value)
            pairs.append((name, value))
    return pairs


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

    def parse(self, resource_type: str, pairs: Iterable[tuple[str, str]], *, lenient: bool) -> SearchQuery:
        """A typed search. Raises ``Invalid`` with an issue per bad parameter; ``lenient`` passes over unknown ones."""
        query = SearchQuery(resource_type)
        issues: list[Issue] = []
        for name, value in pairs:
            try:
                known = self._read(query, name, value)
            except Invalid as error:
                issues += [
                    Issue(each.code, f"{name}: {each.diagnostics}", (f"http.{name}",)) for each in error.all_issues()
                ]
                continue
            if known:
                if name not in ("_page", "_format", "_pretty"):
                    query.asked.append((name, value))
            elif not lenient:
                issues.append(Issue("not-supported", self._unknown(resource_type, name), (f"http.{name}",)))
        if issues:
            raise Invalid("The search has parameters that cannot be used.", issues=tuple(issues))
        return query

    def _unknown(self, resource_type: str, name: str) -> str:
        base = name.partition(":")[0].partition(".")[0]
        if base in self._registry.params(resource_type) and base not in self._registry.offered(resource_type):
            return f"'{name}' is not filled yet for what is stored; it can be used when the reindex has finished."
        if base in self._registry.params(resource_type):
            return f"'{name}': this form of the parameter '{base}' is not supported. Send Prefer: handling=lenient to have it ignored."
        known = ", ".join(sorted(["_id", "_lastUpdated", *self._registry.offered(resource_type)]))
        return (
            f"'{name}' is not a search parameter of {resource_type} here. Known: {known}. "
            "Send Prefer: handling=lenient to have unknown parameters ignored."
        )

    def _read(self, query: SearchQuery, name: str, value: str) -> bool:
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
        if param.owner:
            self._owner(query, param, texts, of_type)
        elif param.kind == "token":
            query.conditions.append(Condition(param, modifier, tuple(map(_token, texts))))
        elif param.kind == "date":
            query.conditions.append(Condition(param, modifier, tuple(DateValue(*parse_date(each)) for each in texts)))
        elif param.kind == "string":
            query.conditions.append(Condition(param, modifier, tuple(map(StringValue, texts))))
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
            if not value.isdecimal():
                raise Invalid("takes a whole number of at least 1.", "value")
            query.count = max(1, min(int(value), LARGEST_COUNT))
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


def _token(text: str) -> TokenValue:
    system, bar, code = text.replace("\\|", "\0").partition("|")
    system, code = system.replace("\0", "|"), code.replace("\0", "|")
    if not bar:
        return TokenValue(None, system)
    if not code and not system:
        raise Invalid("'|' alone names neither a system nor a code.", "value")
    return TokenValue(system, code or None)
