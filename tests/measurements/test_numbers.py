"""The arithmetic of ``$stats`` beside NumPy and SciPy. https://hl7.org/fhir/R4/valueset-observation-statistics.html"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from app.measurements.statistics.choosing import COMPUTED
from app.measurements.statistics.numbers import DAY, LEAST_OF_TREND, Values, summary, trend, values_of
from app.measurements.statistics.saying import interval
from app.measurements.statistics.student import quantile
from app.measurements.words import root, rounded

DECIMALS = 9
HOUR = DAY // 24
AMOUNTS = st.lists(st.decimals(-300, 300, places=2).map(Fraction), min_size=1, max_size=60)
PERCENTS = {
    "20-percent": 20,
    "80-percent": 80,
    "4-lower": 25,
    "4-upper": 75,
    "5-1": 20,
    "5-2": 40,
    "5-3": 60,
    "5-4": 80,
}


def of(amounts: list[Fraction]) -> Values:
    return values_of([each.as_integer_ratio() for each in amounts])


def computed(code: str, amounts: list[Fraction]) -> float:
    found = COMPUTED[code][1](summary(of(amounts)), DECIMALS)
    assert found is not None
    return float(found)


@given(AMOUNTS)
def test_the_figures_are_those_of_numpy(amounts: list[Fraction]) -> None:
    given_ = np.array([float(each) for each in amounts])
    expected = {
        "average": given_.mean(),
        "median": np.median(given_),
        "minimum": given_.min(),
        "maximum": given_.max(),
        "sum": given_.sum(),
        "4-dev": (np.percentile(given_, 75) - np.percentile(given_, 25)) / 2,
        **{code: np.percentile(given_, part, method="linear") for code, part in PERCENTS.items()},
    }
    if len(amounts) > 1:
        expected |= {"std-dev": given_.std(ddof=1), "variance": given_.var(ddof=1)}
    assert {*expected, "std-dev", "variance"} == set(COMPUTED)
    for code, value in expected.items():
        assert math.isclose(computed(code, amounts), value, rel_tol=1e-9, abs_tol=1e-7), code


@given(AMOUNTS, st.decimals(0, 100, places=3).map(Fraction))
def test_every_percentile_is_that_of_numpy(amounts: list[Fraction], part: Fraction) -> None:
    expected = np.percentile([float(each) for each in amounts], float(part), method="linear")
    assert math.isclose(Fraction(*summary(of(amounts)).percentile(part)), expected, rel_tol=1e-9, abs_tol=1e-9)


def test_one_value_has_no_deviation() -> None:
    alone = summary(of([Fraction(7)]))
    assert alone.variance is None
    assert [COMPUTED[code][1](alone, 2) for code in ("std-dev", "variance", "median")] == [None, None, Decimal(7)]


def test_sums_of_tenths_are_exact() -> None:
    assert summary(of([Fraction("0.1")] * 10)).mean == (10, 100)
    assert computed("sum", [Fraction("0.1"), Fraction("0.2")]) == 0.3


@given(
    st.lists(
        st.tuples(st.integers(0, 730 * 24).map(HOUR.__mul__), st.decimals(40, 200, places=1).map(Fraction)),
        min_size=5,
        max_size=80,
    )
)
def test_the_trend_is_that_of_scipy(points: list[tuple[int, Fraction]]) -> None:
    moments, amounts = [at for at, _ in points], [amount for _, amount in points]
    found = trend(moments, of(amounts))
    if len(set(moments)) == 1:
        assert found is None
        return
    assert found is not None
    if len(set(amounts)) == 1:  # of which SciPy has no standard error
        assert [found.slope, found.start, found.error] == [0, amounts[0], 0]
        return
    days = np.array([(at - min(moments)) / DAY for at in moments])
    expected = scipy_stats.linregress(days, [float(each) for each in amounts])
    scale = 1e-7 * max(1.0, abs(expected.slope), 200 / np.ptp(days))
    assert math.isclose(found.slope, expected.slope, rel_tol=1e-6, abs_tol=scale)
    assert math.isclose(found.start, expected.intercept, rel_tol=1e-6, abs_tol=1e-5)
    assert math.isclose(float(root(found.error, 15)), expected.stderr, rel_tol=1e-5, abs_tol=scale)
    aside = scipy_stats.t.ppf(0.975, len(points) - 2) * expected.stderr
    low, high = interval(found)
    assert math.isclose(low, expected.slope - aside, rel_tol=1e-5, abs_tol=10 * scale)
    assert math.isclose(high, expected.slope + aside, rel_tol=1e-5, abs_tol=10 * scale)


def test_a_straight_line_has_no_uncertainty() -> None:
    found = trend([each * DAY for each in range(8)], of([80 + Fraction(each, 10) for each in range(8)]))
    assert found is not None
    assert [found.slope, found.start, found.error] == [Fraction(1, 10), 80, 0]
    assert interval(found) == (Fraction(1, 10), Fraction(1, 10))


def test_few_values_have_no_trend() -> None:
    few = LEAST_OF_TREND - 1
    assert trend([each * DAY for each in range(few)], of([Fraction(each) for each in range(few)])) is None
    assert trend([DAY] * 9, of([Fraction(each) for each in range(9)])) is None


@pytest.mark.parametrize("freedom", [*range(1, 40), 100, 728, 5000, 19_998])
@pytest.mark.parametrize("within", [0.5, 0.9, 0.95, 0.99])
def test_students_t_is_that_of_scipy(freedom: int, within: float) -> None:
    assert math.isclose(quantile(within, freedom), scipy_stats.t.ppf((1 + within) / 2, freedom), rel_tol=1e-9)


@given(st.fractions(-1000, 1000), st.integers(0, 6))
def test_a_fraction_is_rounded_once(value: Fraction, decimals: int) -> None:
    found = rounded(value, decimals)
    assert abs(Fraction(found) - value) * 10**decimals <= Fraction(1, 2)
    assert rounded(value.as_integer_ratio(), decimals) == found == -rounded(-value, decimals)
    assert "E" not in str(found)
    assert not str(found).endswith(".0")


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [("0.125", 2, "0.13"), ("-0.125", 2, "-0.13"), ("2.5", 0, "3"), ("81.50", 2, "81.5"), ("100", 2, "100")],
)
def test_half_goes_away_from_zero(value: str, decimals: int, text: str) -> None:
    assert str(rounded(Fraction(value), decimals)) == text


@given(st.fractions(0, 10_000), st.integers(0, 6))
def test_a_root_is_rounded_once(value: Fraction, decimals: int) -> None:
    found, half = Fraction(root(value, decimals)), Fraction(1, 2 * 10**decimals)
    assert max(found - half, Fraction(0)) ** 2 <= value <= (found + half) ** 2


@given(AMOUNTS, st.integers(-300, 300), st.integers(0, 200), st.booleans())
def test_what_is_within_is_counted(amounts: list[Fraction], low: int, width: int, bounds: bool) -> None:  # noqa: FBT001
    first, last = Fraction(low), Fraction(low + width)
    inside = sum(first <= each <= last if bounds else first < each < last for each in amounts)
    assert summary(of(amounts)).within(first, last, bounds=bounds) == inside
    assert summary(of(amounts)).within(None, None, bounds=bounds) == len(amounts)
