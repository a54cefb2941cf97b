"""SMART scopes: what they say, what is refused, and what two of them have in common.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from __future__ import annotations

from itertools import product
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.fhir.definitions import load
from app.fhir.scopes import LETTERS, Action, Level, check_scopes, intersect, parse_scopes, read_scopes

R4 = load("4.0.1")
V1 = {"read": "rs", "write": "cud", "*": "cruds"}
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


@pytest.mark.parametrize(
    ("asked", "registered", "granted"),
    [
        ("patient/Observation.rs", "patient/Observation.cruds", "patient/Observation.rs"),
        ("patient/Observation.read", "patient/*.*", "patient/Observation.rs"),
        ("patient/Observation.write", "patient/*.rs", ""),
        ("patient/*.rs", "patient/Goal.r patient/Goal.s patient/CarePlan.c", "patient/Goal.rs"),
        ("user/Goal.rs", "patient/Goal.rs", ""),
        ("openid fhirUser launch/patient offline_access", "launch/patient openid", "openid launch/patient"),
        ("patient/Observation.rs", "patient/Observation.rs?category=a", "patient/Observation.rs?category=a"),
        ("patient/Observation.rs?category=a", "patient/*.rs", "patient/Observation.rs?category=a"),
        ("patient/Goal.r?_tag=a", "patient/Goal.r?_tag=b", "patient/Goal.r?_tag=a&_tag=b"),
        ("patient/Goal.r?_tag=b,a", "patient/Goal.r?_tag=a,b", "patient/Goal.r?_tag=a,b"),
        ("patient/Goal.r?_tag=a", "patient/Goal.r?_tag=a,b", "patient/Goal.r?_tag=a"),
        ("patient/Goal.r?_tag=a patient/Goal.r", "patient/Goal.rs", "patient/Goal.r"),
        (
            f"patient/Observation.rs?category={CATEGORY}%7Claboratory",
            "patient/Observation.rs",
            f"patient/Observation.rs?category={CATEGORY}|laboratory",
        ),
        ("patient/*.r?_tag=a%2Cb", "patient/Goal.rs", "patient/Goal.r?_tag=a,b"),
        ("patient/Goal.r?_tag=a%5C%2Cb", "patient/Goal.r", "patient/Goal.r?_tag=a%5C,b"),
        ("patient/Goal.r?_tag=a%20b%26c", "patient/Goal.r", "patient/Goal.r?_tag=a%20b%26c"),
        ("patient/Observation.r patient/Observation.s", "patient/Observation.rs", "patient/Observation.rs"),
        ("patient/Observation.r", "", ""),
        ("", "patient/Observation.r", ""),
    ],
)
def test_what_is_granted_is_asked_and_registered(asked: str, registered: str, granted: str) -> None:
    assert intersect(asked, registered, R4) == granted


@pytest.mark.parametrize(
    "scope",
    [
        "patient/Observation.dus",
        "patient/Observation.sr",
        "patient/Observation.",
        "patient/Observation.rr",
        "patient/Observation.Read",
        "patient/Obervation.rs",
        "patient/Observation.rs?",
        "patient/Observation.rs?category",
        "patient/Observation.rs?category=",
        "patient/Observation.rs?category=,",
        "patient/Observation.rs?=a",
        "patient/Observation.rs?code:in=http://evil",
        "patient/Observation.rs?code%3Ain=http://evil",
        "patient/Observation.rs?category:not=a",
        "patient/Observation.rs?subject.name=a",
        "patient/Observation.rs?_has:Provenance:target:agent=a",
        "patient/Observation.rs?_id=a",
        "patient/Observation.rs?_lastUpdated=gt2020",
        "patient/Observation.rs?_filter=a",
        "patient/Observation.rs?_text=a",
        "patient/Observation.rs?_count=1",
        "patient/Observation.rs?nonsense=a",
        "patient/Observation.rs?value-quantity=5",
        "patient/Observation.rs?value-string=a",
        "patient/Observation.rs?code-value-quantity=a$5",
        "patient/Observation.rs?date=yesterday",
        "patient/Observation.rs?date=ap2020",
        "patient/Observation.rs?category=|",
        "patient/Observation.rs?category=%ff",
        "patient/Observation.rs?category=a%00",
        "patient/Observation.rs?category=a%0Ab",
        'patient/Observation.rs?category="a"',
        "patient/Observation.rs?category=é",
        "patient/*.rs?category=a",
        "patient/*.rs?code=a",
        "patient/observation.rs",
        "Patient/Observation.rs",
        "patient/Observation/1.rs",
        "practitioner/Observation.rs",
        "patient/Observation.rs\npatient/Goal.rs",
        "patient/Observation.rs\u00a0openid",
        "openid\t",
        f"patient/Observation.rs?category={','.join(map(str, range(21)))}",
        f"patient/Observation.rs?category={'a' * 401}",
        f"patient/Observation.rs?{'&'.join(f'category={each}' for each in range(6))}",
        " ".join(f"patient/Observation.rs?category={each}" for each in range(11)),
        " ".join(f"scope-{each}" for each in range(10_000)),
    ],
)
def test_a_scope_that_cannot_be_honoured_is_refused_whatever_is_registered(scope: str) -> None:
    with pytest.raises(Invalid):
        intersect(scope, "patient/*.cruds user/*.cruds", R4)
    with pytest.raises(Invalid):
        check_scopes(scope, R4)


def test_the_refusal_names_the_parameter() -> None:
    with pytest.raises(Invalid, match="code:in"):
        intersect("patient/Observation.rs?code:in=http://evil", "patient/*.rs", R4)


def test_repeated_scopes_count_once() -> None:
    assert intersect("patient/Goal.rs " * 2_000, "patient/Goal.rs", R4) == "patient/Goal.rs"


def test_more_queries_than_a_statement_takes_are_refused_also_when_two_make_them_together() -> None:
    ten = " ".join(f"patient/Observation.rs?category={each}" for each in range(10))
    codes = " ".join(f"patient/Observation.rs?code={each}" for each in range(10))
    with pytest.raises(Invalid):
        intersect(ten, codes, R4)


def test_a_scope_without_a_query_wins_over_one_with() -> None:
    scopes = parse_scopes("patient/Observation.rs?category=a patient/Observation.r")
    assert scopes.limits("Observation", Action.READ) is None
    assert scopes.limits("Observation", Action.SEARCH) == ((("category", ("a",)),),)


def test_queries_of_every_type_and_of_one_are_alternatives() -> None:
    scopes = parse_scopes("patient/*.rs?_tag=x patient/Observation.rs?category=a&category=b")
    assert scopes.limits("Goal", Action.READ) == ((("_tag", ("x",)),),)
    assert set(scopes.limits("Observation", Action.READ) or ()) == {
        (("_tag", ("x",)),),
        (("category", ("a",)), ("category", ("b",))),
    }


def test_scopes_without_queries_ask_nothing_of_a_resource() -> None:
    assert parse_scopes("patient/*.rs patient/Goal.cruds").narrowed is None


def test_what_no_scope_allows_is_met_by_nothing() -> None:
    scopes = parse_scopes("patient/Observation.s?category=a")
    assert scopes.limits("Observation", Action.READ) == ()
    assert scopes.limits("Goal", Action.SEARCH) == ()


def test_levels_are_told_apart() -> None:
    text = "patient/Observation.rs user/Goal.rs system/CarePlan.rs"
    assert not parse_scopes(text, ("user", "system")).allow("Observation", Action.READ)
    assert parse_scopes(text, ("user", "system")).allow("Goal", Action.READ)


_OF_PATIENT: tuple[Level, ...] = ("patient",)
_VALUES = ("a", "b", "c")
_TYPES = ("Observation", "Goal")
_RESOURCES = [
    (resource_type, {"_tag": set(tags), "_security": set(security)})
    for resource_type in _TYPES
    for tags in ("", "a", "b", "ab", "abc")
    for security in ("", "a", "bc")
]


def _queries() -> st.SearchStrategy[str]:
    values = st.lists(st.sampled_from(_VALUES), min_size=1, max_size=3).map(",".join)
    parameter = st.builds("{}={}".format, st.sampled_from(("_tag", "_security")), values)
    some = st.lists(parameter, min_size=1, max_size=2).map(lambda each: "?" + "&".join(each))
    return st.one_of(st.just(""), some)


def _scopes() -> st.SearchStrategy[str]:
    one = st.builds(
        "{}/{}.{}{}".format,
        st.sampled_from(("patient", "user")),
        st.sampled_from((*_TYPES, "*")),
        st.sampled_from(("r", "s", "rs", "cruds", "cu", "read", "write", "*")),
        _queries(),
    )
    return st.lists(one, max_size=5).map(" ".join)


def _allows(text: str, level: str, resource: tuple[str, dict[str, set[str]]], letter: str) -> bool:
    """As the words of the specification have it, one scope after the other."""
    for scope in text.split():
        head, _, query = scope.partition("?")
        whose, _, rest = head.partition("/")
        resource_type, _, letters = rest.partition(".")
        asked = [(name, set(values.split(","))) for name, values in parse_qsl(query)]
        if (
            whose == level
            and resource_type in ("*", resource[0])
            and letter in V1.get(letters, letters)
            and all(resource[1][name] & values for name, values in asked)
        ):
            return True
    return False


@given(_scopes(), _scopes())
def test_what_is_granted_allows_what_both_allow_and_nothing_else(asked: str, registered: str) -> None:
    granted = intersect(asked, registered, R4)
    for level, resource, letter in product(("patient", "user", "system"), _RESOURCES, LETTERS):
        both = _allows(asked, level, resource, letter) and _allows(registered, level, resource, letter)
        assert _allows(granted, level, resource, letter) == both


@given(_scopes(), _scopes())
def test_granting_again_what_was_granted_changes_nothing(asked: str, registered: str) -> None:
    granted = intersect(asked, registered, R4)
    assert intersect(granted, granted, R4) == granted
    assert intersect(granted, registered, R4) == granted


@given(_scopes())
def test_what_is_read_from_a_grant_allows_what_its_text_says(text: str) -> None:
    scopes = parse_scopes(text, _OF_PATIENT)
    for resource, letter in product(_RESOURCES, LETTERS):
        limits = scopes.limits(resource[0], LETTERS[letter])
        meets = limits is None or any(all(resource[1][name] & set(values) for name, values in each) for each in limits)
        allowed = scopes.allow(resource[0], LETTERS[letter]) and meets
        assert allowed == _allows(text, "patient", resource, letter)


@given(_scopes())
def test_a_scope_reads_as_it_was_written(text: str) -> None:
    _, scopes = read_scopes(text)
    assert read_scopes(" ".join(map(str, scopes)))[1] == list(dict.fromkeys(scopes))
