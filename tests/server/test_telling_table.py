"""Everything that this service can say is wrong has a text in both languages (``app/server/telling.yaml``).

What can be said is read from the code: the codes, kinds and rules of issues, the classes of refusals, and the texts
that areas have of their own. https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Final

import pytest
import yaml

from app import errors
from app.errors import Invalid, Issue, NotFound, Severity, ZelfregieError
from app.fhir.definitions import load
from app.fhir.languages import LANGUAGES, Both, Language
from app.medmij.headers import NAMES
from app.server.outcomes import STATUS
from app.server.telling import HEADERS, moved, table, told

_APP: Final = Path(errors.__file__).parent
_PLACES: Final = frozenset({"where", "rule"})
"""What every text can name."""
_FACTS: Final = frozenset({*_PLACES, "type", "types", "version"})
_OUTSIDE: Final = frozenset({"web", "cli", "auth"})
"""Packages whose errors are pages' and OAuth's too: their codes of their own never come to FHIR."""


@cache
def _nodes() -> tuple[tuple[Path, ast.Call | ast.Assign], ...]:
    """Every call and assignment in the code, with its file."""
    return tuple(
        (path.relative_to(_APP), node)
        for path in sorted(_APP.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call | ast.Assign)
    )


def _calls() -> Iterator[tuple[Path, str, ast.Call]]:
    """File, name and call."""
    for path, node in _nodes():
        if isinstance(node, ast.Call):
            yield path, node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", ""), node


def _classes() -> dict[str, type[ZelfregieError]]:
    return {
        name: each
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, ZelfregieError) and each is not ZelfregieError
    }


def _given(call: ast.Call, name: str, place: int) -> ast.expr | None:
    named = next((each.value for each in call.keywords if each.arg == name), None)
    return named if named is not None else call.args[place] if len(call.args) > place else None


def _codes() -> Iterator[tuple[str, str]]:
    """File and code of each issue and refusal whose code is written where it is made."""
    for path, name, call in _calls():
        if path.parts[0] in _OUTSIDE:
            continue
        if name == "Issue" or (name in ("Problem", "report") and path.parts[0] == "fhir"):
            code = _given(call, "code", 0)
        elif name in _classes():
            code = _given(call, "code", 1)
        elif name == "add" and path.parts[:2] == ("fhir", "profiles"):
            code = _given(call, "code", 99)
        else:
            continue
        if isinstance(code, ast.Constant):
            yield str(path), str(code.value)


def _kinds() -> Iterator[tuple[str, str, frozenset[str] | None]]:
    """File, kind and the facts beside it (None where they are put together elsewhere)."""
    for path, _, call in _calls():
        kind = next((each.value for each in call.keywords if each.arg == "kind"), None)
        facts = next((each.value for each in call.keywords if each.arg == "facts"), None)
        issue = any(isinstance(each, ast.Constant) and each.value in table()["codes"] for each in call.args[:2])
        if issue and isinstance(kind, ast.Constant):
            listed = facts.elts if isinstance(facts, ast.Tuple) else []
            names = {each.elts[0].value for each in listed if isinstance(each, ast.Tuple)}  # type: ignore[attr-defined]
            yield str(path), str(kind.value), frozenset(names)
    for path, node in _nodes():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            names = {ast.unparse(target).strip("()") for target in node.targets}
            kind = node.value.elts[0] if "kind, text" in names else None
            if isinstance(kind, ast.Constant):
                yield str(path), str(kind.value), None


def _rules() -> Iterator[tuple[str, str]]:
    for path, name, call in _calls():
        rule = _given(call, "rule", 4 if name == "Issue" else 99)
        if isinstance(rule, ast.Constant) and name in ("Issue", "Problem", "__init__", "add"):
            yield str(path), str(rule.value)


def _texts() -> Iterator[tuple[str, Mapping[str, str]]]:
    """The name and the languages of every text of the table."""
    for name, words in (*table()["places"].items(), ("warning", table()["warning"])):
        yield name, words
    for section in ("codes", "parameters", "refusals", "problems"):
        for name, row in table()[section].items():
            assert set(row) == {"what", "do"}, (section, name)
            for part, words in row.items():
                yield f"{section}.{name}.{part}", words


def _named(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_every_code_of_fhir_has_a_text() -> None:
    value_sets = load("4.0.1").codes
    name = next(each for each in value_sets if each.partition("|")[0].endswith("/issue-type"))
    assert set(table()["codes"]) == set(value_sets[name])


def test_every_code_that_is_said_is_one_of_fhir_s() -> None:
    found = list(_codes())
    assert len(found) > 300
    assert [each for each in found if each[1] not in table()["codes"]] == []


def test_every_class_of_refusal_has_a_text_and_a_status() -> None:
    assert set(table()["refusals"]) == set(_classes())
    assert {each.code for each in _classes().values()} <= set(table()["codes"])
    assert all(any(kind in STATUS for kind in each.__mro__) for each in _classes().values())


def test_every_kind_and_rule_has_a_text_and_every_text_is_used() -> None:
    kinds, rules = {each[1] for each in _kinds()}, {each[1] for each in _rules()}
    limits = {"min-value", "max-value"}  # keys of a table: app/fhir/profiles/limits.py
    texts = set(table()["problems"])
    assert kinds | rules | limits == texts, (kinds | rules | limits) ^ texts


def test_what_a_text_names_is_there_where_the_issue_is_made() -> None:
    for path, kind, facts in _kinds():
        row = table()["problems"][kind]
        needed = _named(row["what"]["nl"]) | _named(row["do"]["nl"])
        given = {"type", "version"} if facts is None else facts
        assert needed <= _PLACES | given, (path, kind)
    for section in ("codes", "parameters", "refusals"):
        for name, row in table()[section].items():
            for part in row.values():
                assert _named(part["nl"]) <= _PLACES, (section, name)


def test_every_text_is_there_in_both_languages_and_names_the_same() -> None:
    for name, words in _texts():
        assert set(words) == set(LANGUAGES), name
        assert words["en"].strip(), name
        assert words["nl"].strip(), name
        assert _named(words["en"]) == _named(words["nl"]) <= _FACTS | {"name", "number"}, name
        if name != "problems":
            assert words["en"] != words["nl"], name


def test_the_rules_of_areas_have_both_languages_too() -> None:
    files = [*_APP.rglob("refusals.yaml"), _APP / "questionnaires" / "answers" / "wording.yaml"]
    assert len(files) >= 4
    for path in files:
        rows: Mapping[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        for name, words in rows.items():
            assert set(words) >= set(LANGUAGES), (path.name, name)
            assert _named(words["en"]) == _named(words["nl"]), (path.name, name)


@pytest.mark.parametrize("code", sorted(table()["codes"]))
@pytest.mark.parametrize("severity", ["fatal", "error", "warning", "information"])
def test_an_issue_of_every_code_is_told_in_either_language_with_its_place(code: str, severity: Severity) -> None:
    issue = Issue(code, "Technical.", ("Goal.target[1].due",), severity)
    dutch, english = told(issue, "nl"), told(issue, "en")
    assert dutch != english
    assert "{" not in dutch + english
    placed = "{where}" in table()["codes"][code]["what"]["nl"]
    assert ("bij Goal.target[1].due" in dutch) is placed
    assert ("at Goal.target[1].due" in english) is placed
    ends = {"warning": table()["warning"]["nl"], "information": "."}.get(severity, table()["codes"][code]["do"]["nl"])
    assert dutch.endswith(ends)


@pytest.mark.parametrize("kind", _classes().values())
def test_a_refusal_of_every_class_is_told_as_such(kind: type[ZelfregieError]) -> None:
    (issue,) = kind("Technical.").all_issues()
    assert told(issue, "nl", kind).startswith(table()["refusals"][kind.__name__]["what"]["nl"].partition("{")[0])

    class Narrower(kind):  # type: ignore[misc, valid-type]
        pass

    assert told(issue, "nl", Narrower) == told(issue, "nl", kind)


def test_places_are_named_as_elements_parameters_or_headers_and_at_most_three() -> None:
    assert "in de parameter date." in told(Issue("value", "x", ("http.date",)), "nl")
    assert "in de header MedMij-Request-ID." in told(Issue("value", "x", ("http.MedMij-Request-ID",)), "nl")
    assert "in the parameter mode." in told(Issue("value", "mode takes a or b."), "en", Invalid)
    assert "bij" not in told(Issue("not-found", "x"), "nl", NotFound)
    many = tuple(f"Goal.note[{each}]" for each in range(5))
    assert "bij Goal.note[0], Goal.note[1], Goal.note[2] en nog 2 andere." in told(Issue("value", "x", many), "nl")


def test_only_a_header_that_can_be_named_is_told_as_one_and_a_place_without_a_name_is_none() -> None:
    assert set(NAMES.values()) == HEADERS
    assert "in de parameter Colour." in told(Issue("not-supported", "x", ("http.Colour",)), "nl")
    for empty, as_if in (("http.", "parameters"), ("", "codes")):
        row = table()[as_if]["value"]
        text = f"{row['what']['nl']} {row['do']['nl']}".replace("{where}", "")
        assert told(Issue("value", "x", (empty,)), "nl") == text
    assert "in de parameter date." in told(Issue("value", "x", ("http.", "http.date")), "nl")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_invariant_of_a_package_is_told_as_one_whatever_its_key(language: Language) -> None:
    general = told(Issue("invariant", "x"), language)
    fhir = {"ele-1", "txt-1", "txt-2", "ref-1"}
    for key, row in table()["problems"].items():
        text = told(Issue("invariant", "x", rule=key), language)
        assert (text == general) is (key not in fhir), key
        assert key not in fhir or text.startswith(row["what"][language].partition("{")[0]), key
        if key != "binding":  # of an invariant that cannot be read; so comes a value set that is not known
            unread = told(Issue("not-supported", "x", rule=key), language)
            assert unread == told(Issue("not-supported", "x"), language), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_lacks_its_facts_is_told_without_them(language: Language) -> None:
    for key, row in table()["problems"].items():
        text = told(Issue("structure", "x", kind=key), language)
        assert text.startswith(row["what"][language].partition("{")[0]), key
        assert "{" not in text, key


def test_a_warning_of_a_kind_says_what_to_do_about_that() -> None:
    masked = told(Issue("suppressed", "x", ("Observation.note",), "warning", kind="bsn-masked"), "nl")
    assert masked == (
        "Er staat een burgerservicenummer (BSN) in de gegevens bij Observation.note. Dat wordt onleesbaar gemaakt"
        " voordat iets wordt opgeslagen. Laat het nummer weg."
    )
    assert told(Issue("value", "x", severity="warning"), "nl").endswith(table()["warning"]["nl"])


def test_a_place_with_another_name_elsewhere_is_told_by_that() -> None:
    was, now = ("ServiceRequest.code",), ("ProcedureRequest.code",)
    text = told(Issue("required", "x", was), "nl")
    assert moved(text, was, now, "nl") == told(Issue("required", "x", now), "nl")
    assert moved("A text of its own.", was, now, "nl") == "A text of its own."


def test_a_rule_with_its_own_text_is_told_by_that_alone() -> None:
    issue = Issue("business-rule", Both("Not so.", "Zo niet."), rule="own-rule")
    assert (told(issue, "nl"), told(issue, "en")) == ("Zo niet.", "Not so.")
