"""Ages × grounds × outcomes: who may be given a mandate, and when it ends. Today is 17 May 2026, at noon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import pytest

from app.auth.accounts.ages import read_birth
from app.auth.accounts.mandates import Asked, GivenBy, Ground, Party, Refusal, ends, may_have_account
from app.errors import Unprocessable
from app.fhir.dates import LOCAL, midnight, to_microseconds

TODAY: Final = datetime(2026, 5, 17, 12, tzinfo=LOCAL)
NOW: Final = to_microseconds(TODAY)
PARENT, CURATOR, MENTOR, WRITTEN = Ground
BOTH: Final[frozenset[Party]] = frozenset({"child", "parent"})


def at(day: str) -> int:
    return midnight(datetime.fromisoformat(day).date())


def outcome(
    ground: Ground,
    birth: str | None,
    *,
    given_by: GivenBy | None = None,
    evidence: str = "decision 12",
    until: str = "",
    since: int = NOW,
    agreed: frozenset[Party] = frozenset(),
    from_12_to_15: bool = False,
) -> int | str:
    """When the mandate ends, or the rule by which it is refused."""
    giver: GivenBy = given_by or ("patient" if ground is WRITTEN else "administrator")
    asked = Asked(ground, giver, since, at(until) if until else None, evidence, agreed)
    try:
        return ends(asked, read_birth(birth), now=NOW, from_12_to_15=from_12_to_15)
    except Unprocessable as error:
        (issue,) = error.issues
        assert issue.rule
        return issue.rule


@pytest.mark.parametrize(
    ("ground", "birth", "expected"),
    [
        # a parent: under 12, until the birthday
        (PARENT, "2026-05-16", "2038-05-16"),
        (PARENT, "2014-05-18", "2026-05-18"),  # turns 12 tomorrow
        (PARENT, "2014-05-17", Refusal.FROM_12),  # turned 12 today
        (PARENT, "2016-02-29", "2028-02-29"),
        (PARENT, "2010-05-18", Refusal.FROM_12),  # turns 16 tomorrow
        (PARENT, "2010-05-17", Refusal.FROM_16),  # turned 16 today
        (PARENT, "1980-01-01", Refusal.FROM_16),
        (PARENT, "2015", "2027-01-01"),  # the first day that it may be
        (PARENT, "2014", Refusal.FROM_12),  # may have turned 12
        (PARENT, "2014-06", "2026-06-01"),
        (PARENT, None, Refusal.BIRTH_DATE),
        # curators and mentors: adults
        (CURATOR, "2008-05-17", "2031-05-17"),  # turned 18 today
        (CURATOR, "2008-05-18", Refusal.UNDER_18),
        (CURATOR, "2008", Refusal.UNDER_18),  # not surely 18
        (MENTOR, "1950-02-28", "2031-05-17"),
        (MENTOR, "2012-01-01", Refusal.UNDER_18),
        (MENTOR, None, Refusal.BIRTH_DATE),
        # in writing, by the person: from 16
        (WRITTEN, "2010-05-17", "2031-05-17"),  # turned 16 today
        (WRITTEN, "2010-05-18", Refusal.UNDER_16),
        (WRITTEN, "2010", Refusal.UNDER_16),
        (WRITTEN, "1950", "2031-05-17"),
        (WRITTEN, None, Refusal.BIRTH_DATE),
    ],
)
def test_ages_and_grounds(ground: Ground, birth: str | None, expected: str) -> None:
    assert outcome(ground, birth) == (expected if expected.startswith("mandate-") else at(expected))


@pytest.mark.parametrize(
    ("birth", "agreed", "expected"),
    [
        ("2014-05-17", BOTH, "2030-05-17"),  # 12 today: until 16
        ("2010-05-18", BOTH, "2026-05-18"),  # 16 tomorrow
        ("2010-05-17", BOTH, Refusal.FROM_16),
        ("2012-02-29", BOTH, "2028-02-29"),
        ("2013-01-01", frozenset({"parent"}), Refusal.BOTH_CONSENTS),
        ("2013-01-01", frozenset({"child"}), Refusal.BOTH_CONSENTS),
        ("2013-01-01", frozenset(), Refusal.BOTH_CONSENTS),
        ("2014-05-18", frozenset(), "2026-05-18"),  # under 12 nothing changes
    ],
)
def test_where_the_tenant_allows_it_from_twelve_both_must_have_agreed(
    birth: str, agreed: frozenset[Party], expected: str
) -> None:
    found = outcome(PARENT, birth, agreed=agreed, from_12_to_15=True)
    assert found == (expected if expected.startswith("mandate-") else at(expected))


@pytest.mark.parametrize("ground", [PARENT, CURATOR, MENTOR])
def test_what_a_court_or_a_register_decides_is_not_given_by_the_patient(ground: Ground) -> None:
    birth = "2020-01-01" if ground is PARENT else "1950-01-01"
    assert outcome(ground, birth, given_by="patient") == Refusal.GIVEN_BY


def test_a_written_authorisation_is_given_by_nobody_but_the_patient() -> None:
    assert outcome(WRITTEN, "1950-01-01", given_by="administrator") == Refusal.GIVEN_BY


@pytest.mark.parametrize("ground", [PARENT, CURATOR, MENTOR])
@pytest.mark.parametrize("evidence", ["", "  "])
def test_an_administrator_says_what_the_mandate_rests_on(ground: Ground, evidence: str) -> None:
    birth = "2020-01-01" if ground is PARENT else "1950-01-01"
    assert outcome(ground, birth, evidence=evidence) == Refusal.EVIDENCE


@pytest.mark.parametrize(
    ("ground", "birth", "until", "expected"),
    [
        (WRITTEN, "1950-01-01", "2026-12-31", "2026-12-31"),
        (WRITTEN, "1950-01-01", "2031-05-17", "2031-05-17"),
        (WRITTEN, "1950-01-01", "2031-05-18", Refusal.PERIOD),
        (WRITTEN, "1950-01-01", "2026-05-17", Refusal.PERIOD),  # today began already
        (CURATOR, "1950-01-01", "2040-01-01", Refusal.PERIOD),
        (PARENT, "2020-01-01", "2027-01-01", "2027-01-01"),
        (PARENT, "2020-01-01", "2040-01-01", "2032-01-01"),  # the birthday comes first
    ],
)
def test_the_period_that_is_asked_for(ground: Ground, birth: str, until: str, expected: str) -> None:
    assert outcome(ground, birth, until=until) == (expected if expected.startswith("mandate-") else at(expected))


def test_a_parents_mandate_cannot_begin_after_it_ends() -> None:
    next_year = to_microseconds(TODAY + timedelta(days=365))
    assert outcome(PARENT, "2014-05-18", since=next_year) == Refusal.PERIOD


@pytest.mark.parametrize(
    ("birth", "may"),
    [("2010-05-17", True), ("2010-05-18", False), ("2010", False), ("2009", True), ("2010-04", True), (None, False)],
)
def test_an_account_of_ones_own_from_sixteen(birth: str | None, may: bool) -> None:  # noqa: FBT001
    assert may_have_account(read_birth(birth), now=NOW) is may
