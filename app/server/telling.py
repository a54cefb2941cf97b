"""What an issue is in the language of who asks: what kind of problem, where, and what to do about it.

The texts are the table ``telling.yaml``, which says how one is found. They name places, types, versions and keys of
rules, and nothing that a resource says; what is technical stays in ``diagnostics``. A rule that has a text of its own
in both languages (``refusals.py``) is told by that. https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.details

Who asks is known for the time of one request, whatever makes the outcome: a refusal at the border, an entry of a batch,
``$validate``, what is said beside a write. Who names neither Dutch nor English in Accept-Language is told as ever.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.errors import Invalid, Issue, Unprocessable, ZelfregieError
from app.fhir.languages import Both, Language, language_of

Words = Mapping[str, str]
"""A text in both languages: ``nl`` and ``en``."""
_MOST_PLACES: Final = 3
"""Places that a text names; ``expression`` has all of them."""
_ABOUT: Final = re.compile(r"(_?[a-z][A-Za-z0-9-]*)(?:: | takes )").match
"""How what is said of a parameter begins: with its name. Other texts begin with a capital."""
_ANY_CODE: Final = "processing"
BY_LANGUAGE: Final = (b"vary", b"Accept-Language")
"""The header of an answer that is another to who wants another language."""
_INVARIANTS: Final[Mapping[str, frozenset[str]]] = {
    "invariant": frozenset({"ele-1", "txt-1", "txt-2", "ref-1"}),
    "not-supported": frozenset({"binding"}),
}
"""Codes with which a rule can be an invariant of any installed package, and the keys that are told by a row even then:
the key of another may happen to be the name of a row that says something else.
"""
HEADERS: Final = frozenset({"MedMij-Request-ID", "X-Correlation-ID"})
"""Headers that an expression can name. All else after ``http.`` is a parameter, as it was sent."""
_PARAMETER: Final = "http."
"""Begins an expression that is a parameter or a header. https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.location"""


@dataclass(slots=True)
class Asker:
    """Who asks something now, with these headers. ``told``: an outcome was made for them, which is another in another
    language.
    """

    headers: Iterable[tuple[bytes, bytes]] = ()
    told: bool = False

    @property
    def language(self) -> Language | None:
        """None where neither of ours was named. Read when something is told, which most requests do not come to."""
        named = b",".join(value for name, value in self.headers if name == b"accept-language")
        return language_of(named.decode("latin-1"))


_asking: Final[ContextVar[Asker | None]] = ContextVar("asking", default=None)


@contextmanager
def asking(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[None]:
    """For the time of one request, whose headers these are."""
    before = _asking.set(Asker(headers))
    try:
        yield
    finally:
        _asking.reset(before)


def asker() -> Asker:
    """Who asks now: somebody of no language where that was not said."""
    return _asking.get() or Asker()


@cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """The texts, as their file has them."""
    found: Mapping[str, Mapping[str, Any]] = yaml.load(
        Path(__file__).with_name("telling.yaml").read_text("utf-8"), yaml.CSafeLoader
    )
    return found


def told(issue: Issue, language: Language, kind: type[ZelfregieError] | None = None) -> str:
    """The text of an issue; ``kind``: the class of the refusal that it is of, where it is of one."""
    if isinstance(issue.diagnostics, Both):
        return issue.diagnostics.said_in(language)
    row = _row(issue, kind)
    # A refusal that lacks a fact is told without it, and never becomes a fault of ours.
    facts = defaultdict(str, issue.facts, where=_where(_places(issue, kind), language), rule=issue.rule or "")
    texts = [row["what"][language].format_map(facts)]
    if issue.severity in ("error", "fatal") or (issue.severity == "warning" and issue.kind in table()["problems"]):
        texts.append(row["do"][language].format_map(facts))
    elif issue.severity == "warning":
        texts.append(table()["warning"][language])
    return " ".join(texts)


def moved(text: str, was: Sequence[str], now: Sequence[str], language: Language) -> str:
    """``text`` of an issue at the places ``was``, which are called ``now`` where it is told."""
    before = _where(was, language)
    return text.replace(before, _where(now, language), 1) if before else text


def _row(issue: Issue, kind: type[ZelfregieError] | None) -> Mapping[str, Words]:
    """That of the problem, of the refusal, of what is said of a parameter, or of the code."""
    texts = table()
    code = issue.kind if issue.kind in texts["codes"] else issue.code
    problems: Mapping[str, Mapping[str, Words]] = texts["problems"]
    for key in (issue.kind, _rule_of(issue)):
        if key in problems:
            return problems[key]
    if issue.kind in texts["refusals"]:  # of a class that a border made another one of
        return texts["refusals"][issue.kind]  # type: ignore[no-any-return]
    if kind is not None and code == kind.code:
        for each in kind.__mro__:
            if each.__name__ in texts["refusals"]:
                return texts["refusals"][each.__name__]  # type: ignore[no-any-return]
    if issue.expression and issue.expression[0].startswith(_PARAMETER) and code in texts["parameters"]:
        return texts["parameters"][code]  # type: ignore[no-any-return]
    return texts["codes"].get(code) or texts["codes"][_ANY_CODE]  # type: ignore[no-any-return]


def _rule_of(issue: Issue) -> str:
    """The key of its rule, where that cannot be an invariant of some package."""
    rule = issue.rule or ""
    return rule if rule in _INVARIANTS.get(issue.code, (rule,)) else ""


def _places(issue: Issue, kind: type[ZelfregieError] | None) -> Sequence[str]:
    """Where it is: as its expression says, else the parameter that it is about."""
    if issue.expression:
        return issue.expression
    name = dict(issue.facts).get("parameter", "")
    if not name and kind is not None and issubclass(kind, Invalid | Unprocessable):
        about = _ABOUT(issue.diagnostics)
        name = "" if about is None else about[1]
    return (f"{_PARAMETER}{name}",) if name else ()


def _where(expression: Sequence[str], language: Language) -> str:
    """The places with a space before them; nothing where none is known."""
    named = [each for each in expression if each.removeprefix(_PARAMETER)]
    if not named:
        return ""
    places = table()["places"]
    names = [each.removeprefix(_PARAMETER) for each in named[:_MOST_PLACES]]
    kind = "element" if names[0] == named[0] else "header" if names[0] in HEADERS else "parameter"
    text = places[kind][language].format(name=", ".join(names))
    left = len(named) - _MOST_PLACES
    return f" {text}" if left <= 0 else f" {text} {places['more'][language].format(number=left)}"
