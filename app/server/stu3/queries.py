"""From a search of STU3 to one of R4, parameter by parameter. https://hl7.org/fhir/STU3/search.html"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from app.errors import Invalid, Issue
from app.fhir.definitions import load
from app.fhir.resource import parse_reference
from app.fhir.stu3 import R4_TYPES, system_to_r4
from app.fhir.stu3.searching import NotOffered, Offered, Parameter, offered, parameters
from app.server.search.escaping import split
from app.server.search.parse import split_query
from app.server.stu3.addresses import Addresses

Pair = tuple[str, str]
"""Name and value of one parameter."""
_UNLINKED: Final = frozenset({"_page", "_format", "_pretty"})
_PASSED: Final = frozenset({"_count", "_page", "_format", "_pretty", "_total", "max"})
"""What means the same in both, or is ours; the server says where it does not belong."""
_FORM: Final = frozenset({"_summary", "_elements"})
"""How the answer is to look: it is cut once it is in STU3 again."""
_INCLUDES: Final = frozenset({"_include", "_revinclude"})
_AS_WRITTEN: Final = frozenset({"missing", "text", "in", "not-in", "exact", "contains", "identifier"})
"""Modifiers whose value is not one of the parameter's type."""


@dataclass(frozen=True, slots=True)
class Linked:
    """What a self link repeats: a parameter as it was written, and the names that it has in R4."""

    written: str
    names: tuple[str, ...]


@dataclass(slots=True)
class Translated:
    """``query`` is R4's; ``names`` gives the name in STU3 of each in R4, to speak of problems by."""

    query: str = ""
    linked: list[Linked] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)


class Queries:
    """Translates for one base."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def search(self, types: Sequence[str], query: str, *, lenient: bool, plus: Iterable[Pair] = ()) -> Translated:
        """The search of ``types`` of STU3. ``plus``: what is asked besides, in R4. ``lenient``: what is not offered is
        passed over. Raises ``Invalid`` with an issue per bad parameter.
        """
        made = Translated()
        written: list[str] = []
        issues: list[Issue] = []
        for name, value, text in split_query(query):
            try:
                pairs = self._one(types, name, value)
            except _Unknown as error:
                if not lenient:
                    issue = Issue("not-supported", error.diagnostics, (f"http.{name}",), kind="unknown-parameter")
                    issues.append(issue)
                continue
            except Invalid as error:
                issues += [
                    Issue(each.code, f"{name}: {each.diagnostics}", (f"http.{name}",)) for each in error.all_issues()
                ]
                continue
            written += [text if pair == (name, value) else _written(pair) for pair in pairs]
            for each, _ in pairs:
                if each != name:
                    made.names[each] = name
                    made.names.setdefault(each.partition(":")[0], name.partition(":")[0])
            if name not in _UNLINKED:
                made.linked.append(Linked(text, tuple(each for each, _ in pairs)))
        if issues:
            raise Invalid("The search has parameters that cannot be used.", issues=tuple(issues))
        made.query = "&".join([*written, *map(_written, plus)])
        return made

    def others(self, query: str) -> Translated:
        """What an interaction is asked that is no search: only types have other names."""
        made = Translated()
        written = []
        for name, value, text in split_query(query):
            if name in _FORM:
                made.linked.append(Linked(text, ()))
                continue
            types = name == "_type" and value
            written.append(_written((name, ",".join(map(_r4_type, value.split(","))))) if types else text)
            if name not in _UNLINKED:
                made.linked.append(Linked(text, (name,)))
        made.query = "&".join(written)
        return made

    def _one(self, types: Sequence[str], name: str, value: str) -> list[Pair]:
        base, _, modifier = name.partition(":")
        if base in _FORM:
            _check_elements(types, name, value)
            return [(name, value)] if value == "count" else []
        if base in _PASSED:
            return [(name, value)]
        if base == "_sort":
            return [(name, ",".join(self._sort(types, each) for each in value.split(",")))]
        if base in _INCLUDES:
            if modifier not in ("", "recurse", "iterate"):
                raise _Unknown(f"'{name}' is not known; the modifier of {base} is recurse.")
            included = [one for each in value.split(",") for one in self._included(each)]
            return [(f"{base}:iterate" if modifier else base, ",".join(included))]
        if name == "_type":
            return [(name, ",".join(_r4_type(each) for each in value.split(",") if each))]
        found = [self._criterion(each, name, value) for each in types]
        if not found or any(each != found[0] for each in found):
            raise _Unknown(f"'{name}' does not mean the same for all types that are searched; name one in the address.")
        return found[0]

    def _criterion(self, kind: str, name: str, value: str) -> list[Pair]:
        if name.startswith("_has:"):
            return self._has(name, value)
        head, dot, rest = name.partition(".")
        code, _, modifier = head.partition(":")
        param = _offered(kind, code)
        if dot:
            return self._chain(param, modifier, rest, value)
        if modifier in R4_TYPES and param.kind == "reference":
            modifier = R4_TYPES[modifier]
        if modifier in _AS_WRITTEN:
            return [(_named(param.r4, modifier), value)]
        return [(_named(each, modifier), text) for each, text in self._value(param, modifier, value)]

    def _chain(self, param: Offered, target: str, rest: str, value: str) -> list[Pair]:
        if param.kind != "reference":
            raise Invalid(
                f"'{param.code}' refers to nothing, so nothing can be asked of what it refers to.", "not-supported"
            )
        if target and target not in R4_TYPES:
            raise Invalid(f"'{target}' is not a resource type that is served here in STU3.", "not-supported")
        found: dict[tuple[Pair, ...], None] = {}
        last: Invalid | None = None
        for each in (target,) if target else tuple(name for name in param.targets or R4_TYPES if name in R4_TYPES):
            try:
                found[tuple(self._criterion(each, rest, value))] = None
            except _Unknown as error:
                last = error
        if not found:
            raise last or _Unknown(f"'{param.code}' refers to nothing that is served here in STU3.")
        if len(found) > 1:
            raise Invalid(f"say the type that is meant: {param.code}:<type>.{rest}.", "not-supported")
        head = _named(param.r4, R4_TYPES[target] if target else "")
        return [(f"{head}.{name}", text) for name, text in next(iter(found))]

    def _has(self, name: str, value: str) -> list[Pair]:
        parts = name.split(":", 3)
        if len(parts) < 4:
            raise Invalid("is written as _has:<type>:<reference parameter>:<parameter>.", "value")
        _, kind, code, rest = parts
        r4 = _r4_type(kind)
        param = _offered(kind, code)
        return [(f"_has:{r4}:{param.r4}:{inner}", text) for inner, text in self._criterion(kind, rest, value)]

    def _value(self, param: Offered, modifier: str, value: str) -> list[Pair]:
        if param.codes and modifier in ("", "not"):
            return self._codes(param, modifier, value)
        if param.kind in ("token", "composite"):
            return [(param.r4, ",".join(_tokens(param, each) for each in split(value, ",")))]
        if param.kind == "reference":
            return [(param.r4, ",".join(self._reference(each) for each in split(value, ",")))]
        return [(param.r4, value)]

    def _codes(self, param: Offered, modifier: str, value: str) -> list[Pair]:
        """Codes some of which are others in R4."""
        alternatives = split(value, ",")
        made: list[str] = []
        for each in alternatives:
            system, bar, code = each.rpartition("|")
            wanted = param.codes.get(code)
            if wanted is None:
                made.append(_token(param, each))
            elif wanted.any_of:
                # R4 has moved the system with the codes; that of an element of codes need not be said.
                keep = "" if system.startswith("http://hl7.org/fhir/") else f"{system}{bar}"
                made += [one if "|" in one else f"{keep}{one}" for one in wanted.any_of]
            elif wanted.refused:
                raise Invalid(f"'{code}' cannot be asked for. {wanted.refused}", "not-supported")
            elif len(alternatives) > 1 or (modifier and wanted.all_of):
                raise Invalid(
                    f"'{code}' cannot be asked for together with other values, nor with :not.", "not-supported"
                )
            elif wanted.none_of:
                return [(param.r4, wanted.none_of)] if modifier else [(f"{param.r4}:not", wanted.none_of)]
            else:
                return [*wanted.all_of]
        return [(param.r4, ",".join(made))]

    def _reference(self, text: str) -> str:
        found = parse_reference(text)
        if found is None:
            return text
        base = found.base
        if base.startswith(self._addresses.base):
            base = base[len(self._addresses.base) :].removeprefix("/")
        elif base:
            return text
        version = "" if found.version is None else f"/_history/{found.version}"
        return f"{base}{R4_TYPES.get(found.type, found.type)}/{found.id}{version}"

    def _sort(self, types: Sequence[str], text: str) -> str:
        sign, code = ("-", text[1:]) if text.startswith("-") else ("", text)
        names = {_offered(each, code).r4 for each in types}
        if len(names) != 1:
            raise Invalid(f"'{code}' does not mean the same for all types that are searched.", "not-supported")
        return sign + names.pop()

    def _included(self, text: str) -> list[str]:
        """All references in R4 that are meant."""
        if text == "*":
            return [text]
        kind, colon, rest = text.partition(":")
        code, second, target = rest.partition(":")
        if not colon or not code:
            raise Invalid("is written as <type>:<reference parameter>, <type>:* or *.", "value")
        r4 = _r4_type(kind)
        if target:
            target = _r4_type(target)
        if code == "*":
            return [f"{r4}:*{second}{target}"]
        param = _offered(kind, code)
        if param.kind != "reference":
            raise Invalid(f"'{code}' is not a reference parameter of {kind}.", "not-supported")
        return [f"{r4}:{each}{second}{target}" for each in (param.r4, *param.included)]


class _Unknown(Invalid):
    """A parameter that is not offered, which a lenient search passes over."""


def _offered(kind: str, code: str) -> Offered:
    found: Parameter | None = parameters(kind).get(code)
    if isinstance(found, Offered):
        return found
    if isinstance(found, NotOffered):
        raise _Unknown(f"'{code}' of {kind} is not offered here. {found.why}", "not-supported")
    known = ", ".join(sorted(offered(kind)))
    raise _Unknown(
        f"'{code}' is not a search parameter of {kind} in STU3; those that are offered are {known}.", "not-supported"
    )


def _r4_type(kind: str) -> str:
    found = R4_TYPES.get(kind)
    if found is None:
        raise Invalid(f"'{kind}' is not a resource type that is served here in STU3.", "not-supported")
    return found


def _named(name: str, modifier: str) -> str:
    return f"{name}:{modifier}" if modifier else name


def _tokens(param: Offered, text: str) -> str:
    """One alternative: a token, or the parts of a composite."""
    return (
        "$".join(_token(param, each) for each in split(text, "$")) if param.kind == "composite" else _token(param, text)
    )


def _token(param: Offered, text: str) -> str:
    system, bar, code = text.partition("|")
    if not bar:
        return text
    return f"{param.systems.get(system) or system_to_r4(system)}|{code}"


def _check_elements(types: Sequence[str], name: str, value: str) -> None:
    if name != "_elements":
        return
    for each in value.split(","):
        text = each.strip()
        kind, dot, rest = text.partition(".")
        wanted = (rest if dot and kind in R4_TYPES else text).partition(".")[0].removesuffix("[x]")
        known = (load("3.0.1").types[one] for one in types)
        if wanted not in ("id", "meta") and not any(
            wanted in members or any(one.choice == wanted for one in members.values()) for members in known
        ):
            raise Invalid("names an element that the type does not have.", "value")


def _written(pair: Pair) -> str:
    name, value = pair
    return f"{quote(name, safe=':._-')}={quote(value, safe=',:-|/.$')}"
