"""Quantiles of Student's t, for the uncertainty of a trend.

https://dlmf.nist.gov/8.17 has the incomplete beta function and its continued fraction.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log
from typing import Final

_TINY: Final = 1e-300
_ENOUGH: Final = 1e-16
_MOST_STEPS: Final = 10_000


@lru_cache(maxsize=4096)
def quantile(within: float, freedom: int) -> float:
    """How many standard errors to each side hold ``within`` (0 to 1) of Student's t with ``freedom`` degrees."""
    low, high = 0.0, 1.0
    while _inside(high, freedom) < within:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _inside(middle, freedom) < within else (low, middle)
    return high


def _inside(t: float, freedom: int) -> float:
    """The chance to be from -t to t."""
    return 1 - _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)) / a
    return front / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction, by Lentz' method."""
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, _MOST_STEPS):
        half = step // 2
        if step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        d = 1 / (1 + term * d or _TINY)
        c = 1 + term / c or _TINY
        value *= c * d
        if abs(c * d - 1) < _ENOUGH:
            break
    return value
