"""What a unit of UCUM measures, and by how much: https://ucum.org/ucum#section-Semantics"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

BASE: Final = ("m", "s", "g", "rad", "K", "C", "cd")
"""The base units, in the order of ``Unit.dimension``. A mole is a number to UCUM."""

_MOST_BITS: Final = 4096
"""Of a factor: about 1200 digits, where a real unit has 40. Anyone may send a code, and exponents multiply."""


class NotUcumError(ValueError):
    """The code is not one of UCUM."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as a multiple of base units: ``value × factor + offset`` is the value in the unit ``canonical``.

    ``dimension`` has the exponents of ``BASE``; ``arbitrary`` the units that are defined by a procedure, such as
    ``[iU]``, with theirs. ``converts`` is False for logarithms and other functions, and for what is made of these.
    """

    dimension: tuple[int, ...]
    arbitrary: tuple[tuple[str, int], ...] = ()
    factor: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    converts: bool = True

    @property
    def canonical(self) -> str:
        """The code of the product of base units; equal for all units that measure the same."""
        powers = [*zip(BASE, self.dimension, strict=True), *self.arbitrary]
        return ".".join(f"{name}{'' if power == 1 else power}" for name, power in powers if power) or "1"

    def commensurable(self, other: Unit) -> bool:
        """Whether values in the one can be expressed in the other."""
        same = self.dimension == other.dimension and self.arbitrary == other.arbitrary
        return same and self.converts and other.converts


ONE: Final = Unit((0,) * len(BASE))


def times(left: Unit, right: Unit, power: int = 1) -> Unit:
    """``left`` times ``right`` to a power. Raises ``NotUcumError`` when the number gets out of hand."""
    if power == 1 and left == ONE:
        return right
    if right == ONE:
        return left
    arbitrary = dict(left.arbitrary)
    for name, each in right.arbitrary:
        arbitrary[name] = arbitrary.get(name, 0) + each * power
    factor = left.factor * right.factor**power
    if max(factor.numerator.bit_length(), factor.denominator.bit_length()) > _MOST_BITS:
        raise NotUcumError
    return Unit(
        tuple(one + other * power for one, other in zip(left.dimension, right.dimension, strict=True)),
        tuple(sorted((name, each) for name, each in arbitrary.items() if each)),
        factor,
        # A temperature on a scale with its own zero, or a logarithm, does not multiply.
        converts=left.converts and right.converts and not left.offset and not right.offset,
    )


def scaled(unit: Unit, by: Fraction) -> Unit:
    """The unit that is ``by`` times as large; the zero of its scale stays where it is."""
    return replace(unit, factor=unit.factor * by)
