"""What providers share: how a date is met, and which provider an id, a search or a write is for."""

from __future__ import annotations

import pytest

from app.auth.consents.provider import PrivacyConsents
from app.errors import Forbidden, Invalid
from app.server.providers import Coded, Providers, meets_date
from app.server.search.dates import DateValue, parse_date
from app.server.search.parse import split_query
from tests import builders

SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
ID = f"consent-{'0123456789abcdef' * 2}"
NOON = parse_date("2026-06-15T12:00:00Z")[1]
DAYS = {"before": "2026-06-14", "on": "2026-06-15", "after": "2026-06-16"}
MEETS = {
    "eq": {"on"},
    "ne": {"before", "after"},
    "gt": {"before"},
    "lt": {"after"},
    "ge": {"before", "on"},
    "le": {"on", "after"},
    "sa": {"before"},
    "eb": {"after"},
}
"""Which written days noon of 15 June meets, by prefix."""


@pytest.mark.parametrize("prefix", MEETS)
def test_a_moment_meets_a_day(prefix: str) -> None:
    met = {
        name
        for name, day in DAYS.items()
        if meets_date(DateValue(*parse_date(f"{prefix}{day}")), NOON, NOON + 1, now=NOON)
    }
    assert met == MEETS[prefix]


def test_about_a_day_is_a_tenth_of_the_way_to_it() -> None:
    asked = DateValue(*parse_date("ap2026-06-05"))
    day = 24 * 3600 * 1_000_000
    assert not meets_date(asked, NOON, NOON + 1, now=NOON)
    assert meets_date(asked, NOON, NOON + 1, now=NOON + 100 * day)


def test_a_period_is_met_by_a_day_within_it_only_about() -> None:
    low, high = parse_date("2026")[1:]
    assert not meets_date(DateValue(*parse_date("2026-06-15")), low, high, now=NOON)
    assert meets_date(DateValue(*parse_date("ap2026-06-15")), low, high, now=NOON)
    assert meets_date(DateValue(*parse_date("gt2026-06-15")), low, high, now=NOON)
    assert not meets_date(DateValue(*parse_date("sa2026-06-15")), low, high, now=NOON)


@pytest.mark.parametrize(
    ("asked", "met"),
    [
        (Coded(None, "a"), True),
        (Coded("s", "a"), True),
        (Coded("s", ""), True),
        (Coded("", "a"), False),
        (Coded("t", "a"), False),
        (Coded(None, "b"), False),
    ],
)
def test_a_coding_meets_a_token(asked: Coded, met: bool) -> None:  # noqa: FBT001
    assert asked.meets("s", "a") is met


@pytest.fixture
def providers() -> Providers:
    return Providers([PrivacyConsents("https://zelfregie.example/fhir")])


@pytest.mark.parametrize("resource_id", ["consent-1", ID[:-1], f"{ID}0", ID.upper(), "x"])
def test_only_ids_of_its_own_form_are_a_providers(providers: Providers, resource_id: str) -> None:
    assert providers.of("Consent", ID) is not None
    assert providers.of("Consent", resource_id) is None
    assert providers.of("Goal", ID) is None
    providers.check_address("Consent", resource_id)
    with pytest.raises(Forbidden):
        providers.check_address("Consent", ID)


@pytest.mark.parametrize(
    ("query", "own"),
    [
        (f"scope={SCOPE}|patient-privacy", True),
        ("scope=patient-privacy", True),
        ("scope=patient-privacy,patient-privacy&status=active", True),
        ("scope=http://another.example|patient-privacy", False),
        ("scope=adr", False),
        ("scope:not=patient-privacy", False),
        ("", False),
        ("status=active", False),
    ],
)
def test_a_search_is_a_providers_by_its_scope(providers: Providers, query: str, own: bool) -> None:  # noqa: FBT001
    assert (providers.searched("Consent", split_query(query)) is not None) is own


def test_a_search_for_both_is_refused(providers: Providers) -> None:
    with pytest.raises(Invalid):
        providers.searched("Consent", split_query("scope=patient-privacy,adr"))


def test_a_write_of_its_kind_is_refused(providers: Providers) -> None:
    providers.check_write(builders.consent(id="wish"))
    providers.check_write(builders.goal(id=ID))
    for refused in (
        builders.consent(id=ID),
        builders.consent(scope=builders.concept(SCOPE, "patient-privacy")),
        builders.consent(scope={"coding": [{"code": "adr"}, {"code": "patient-privacy"}]}),
    ):
        with pytest.raises(Forbidden):
            providers.check_write(refused)
    for odd in ({"scope": "patient-privacy"}, {"scope": {"coding": "patient-privacy"}}, {"scope": {"coding": ["x"]}}):
        providers.check_write({"resourceType": "Consent", **odd})
