"""Carries out a scoring program on one response: pure, exact, and it says why where there is no score.
https://hl7.org/fhir/uv/sdc/
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from app.fhir.resource import Resource
from app.questionnaires.answers.enabling import enabled
from app.questionnaires.calculated import ENABLED
from app.questionnaires.items import Form, answers_of
from app.questionnaires.scoring.program import (
    Band,
    Dimension,
    Key,
    Linear,
    LookUp,
    Part,
    Program,
    Rounding,
    Step,
    Threshold,
)
from app.questionnaires.scoring.weights import NoNumber, counted, key_of, number_for

REASONS: Final = (
    *("too-few-answers", "answers-missing", "straight-line", "not-in-table", "part-without-score"),
    *("answer-not-in-key", "several-answers", "unit-not-in-key"),
)
"""Why there is no score; their words are in ``reasons.yaml``."""

_LONGEST: Final = 20


@dataclass(frozen=True, slots=True)
class ItemResult:
    """One item of a dimension: its answers, and the number that they count for (before recoding) where there is one."""

    link_id: str
    answers: tuple[Resource, ...]
    number: Fraction | None


@dataclass(frozen=True, slots=True)
class Change:
    """The difference with the result before. ``counts``: whether it is what the instrument counts as change; None when
    the instrument has no threshold. It says nothing of good or bad.
    """

    difference: Fraction
    counts: bool | None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one dimension. ``raw``: the number before its steps; ``value``: the score, None with a ``reason``,
    and for a dimension that has no scale. ``items``: the items that it comes of, of dimensions of dimensions too.
    ``missing``: linkIds without an answer that counts.
    """

    dimension: Dimension
    items: tuple[ItemResult, ...]
    missing: tuple[str, ...]
    raw: Fraction | None = None
    value: Fraction | None = None
    band: Band | None = None
    reason: str = ""
    change: Change | None = None

    @property
    def answered(self) -> int:
        """How many items have an answer that counts."""
        return len(self.items) - len(self.missing)


@dataclass(frozen=True, slots=True)
class Scored:
    """All that a program makes of one response, in the order of its dimensions."""

    program: Program
    results: tuple[Result, ...]

    def find(self, dimension: str) -> Result | None:
        """The result of a dimension."""
        return next((each for each in self.results if each.dimension.id == dimension), None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The linkIds without an answer that counts, of all dimensions, each once."""
        return tuple(dict.fromkeys(name for each in self.results for name in each.missing))

    @property
    def asked(self) -> int:
        """How many items the dimensions have together, each once."""
        return len({item.link_id for each in self.results for item in each.items})


def score(program: Program, form: Form, response: Resource, before: Mapping[str, Fraction] | None = None) -> Scored:
    """The scores of a response by a program. ``before``: the scores of an earlier result by the same program, by
    dimension, to compare with.
    """
    answers = _that_count(form, response)
    made: dict[str, Result] = {}
    for dimension in program.dimensions:
        found = (
            _of_dimensions(dimension, made, program.cut_offs)
            if dimension.of_dimensions
            else _of_items(program, dimension, form, answers)
        )
        made[dimension.id] = _compared(found, (before or {}).get(dimension.id))
    return Scored(program, tuple(made.values()))


def _that_count(form: Form, response: Resource) -> Mapping[str, list[Resource]]:
    """The answers by linkId, but for those to questions that were not to be answered, which a system may deliver."""
    if not any("enableWhen" in each.raw or each.extension(ENABLED) is not None for each in form.walk()):
        return answers_of(response)
    enabling = enabled(form, response)
    found: dict[str, list[Resource]] = {}
    for node in enabling.tree.nodes:
        if enabling.of(node):
            found.setdefault(node.raw.get("linkId", ""), []).extend(each for _, each in node.answers)
    return found


def change_between(dimension: Dimension, now: Fraction, before: Fraction) -> Change:
    """The difference between two results of one dimension."""
    threshold: Threshold | None = dimension.change
    difference = now - before
    if threshold is None:
        return Change(difference, None)
    size = abs(difference)
    return Change(difference, size > threshold.value if threshold.over else size >= threshold.value)


def rounded(value: Fraction, rounding: Rounding | None) -> Fraction:
    """A number to the decimals that a key says, by its rule."""
    if rounding is None:
        return value
    scaled = abs(value) * 10**rounding.digits
    whole = {
        "half-up": lambda: math.floor(scaled + Fraction(1, 2)),
        "half-even": lambda: round(scaled),
        "down": lambda: math.floor(scaled),
        "up": lambda: math.ceil(scaled),
    }[rounding.rule]()
    return Fraction(whole if value >= 0 else -whole, 10**rounding.digits)


def decimal_of(value: Fraction, digits: int | None = None) -> Decimal:
    """A number as FHIR writes it; with ``digits``, that many decimals, zeros too. Programs give scores that have an
    end; another number is cut after ``_LONGEST`` decimals.
    """
    places = next((each for each in range(_LONGEST) if 10**each % value.denominator == 0), _LONGEST)
    places = max(places, digits or 0)
    whole = int(value * 10**places)
    return Decimal(whole).scaleb(-places) if places else Decimal(whole)


def _of_items(program: Program, dimension: Dimension, form: Form, answers: Mapping[str, list[Resource]]) -> Result:
    items: list[ItemResult] = []
    numbers: list[tuple[Part, Fraction]] = []
    missing: list[str] = []
    reason = ""
    for part in dimension.parts:
        given = tuple(answers.get(part.id, ()))
        number: Fraction | None = None
        if _is_missing(given, program.missing):
            missing.append(part.id)
        elif part.values is not None:
            try:
                number = number_for(form, part, given, program.missing)
            except NoNumber as error:
                reason = reason or error.reason
        if number is not None:
            numbers.append((part, number))
        items.append(ItemResult(part.id, given, number))
    found = Result(dimension, tuple(items), tuple(missing))
    if dimension.method == "items":
        return found
    if not reason and _is_straight(dimension, [number for _, number in numbers]):
        reason = "straight-line"
    counts = [(part, counted(part, number, dimension.range)) for part, number in numbers]
    return _finished(found, counts, reason, program.cut_offs)


def _of_dimensions(dimension: Dimension, made: Mapping[str, Result], cut_offs: str) -> Result:
    """A dimension of dimensions is made of their scores, rounded as they are."""
    below = [made[part.id] for part in dimension.parts]
    items = {item.link_id: item for each in below for item in each.items}
    missing = tuple(dict.fromkeys(name for each in below for name in each.missing))
    found = Result(dimension, tuple(items.values()), missing)
    counts = [
        (part, counted(part, each.value, dimension.range))
        for part, each in zip(dimension.parts, below, strict=True)
        if each.value is not None
    ]
    reason = "part-without-score" if len(counts) < dimension.minimum else ""
    return _finished(found, counts, reason, cut_offs)


def _finished(found: Result, counts: Sequence[tuple[Part, Fraction]], reason: str, cut_offs: str) -> Result:
    """With raw number, score and class, or with the reason why not."""
    dimension = found.dimension
    if not reason and len(counts) < dimension.minimum:
        reason = "too-few-answers"
    if reason:
        return replace(found, reason=reason)
    raw = value = _joined(dimension, counts)
    for step in dimension.steps:
        if isinstance(step, LookUp) and step.complete and found.missing:
            return replace(found, raw=raw, reason="answers-missing")
        stepped = _stepped(step, value)
        if stepped is None:
            return replace(found, raw=raw, reason="not-in-table")
        value = stepped
    value = rounded(value, dimension.rounding)
    return replace(found, raw=raw, value=value, band=dimension.band_of(value, cut_offs))


def _joined(dimension: Dimension, counts: Sequence[tuple[Part, Fraction]]) -> Fraction:
    if dimension.method == "lowest":
        return min(number for _, number in counts)
    if dimension.method == "highest":
        return max(number for _, number in counts)
    total = sum((part.weight * number for part, number in counts), Fraction(0))
    weight = sum((part.weight for part, _ in counts), Fraction(0))
    if dimension.method == "mean":
        return total / weight
    if dimension.prorate and len(counts) < len(dimension.parts):
        return total / weight * sum((part.weight for part in dimension.parts), Fraction(0))
    return total


def _stepped(step: Step, value: Fraction) -> Fraction | None:
    if isinstance(step, LookUp):
        return step.table.get(value)
    if isinstance(step, Rounding):
        return rounded(value, step)
    if isinstance(step, Linear):
        (low, high), (into_low, into_high) = step.source, step.target
        return into_low + (value - low) * (into_high - into_low) / (high - low)
    return 50 + 10 * (value - step.mean) / step.sd


def _is_missing(answers: Sequence[Resource], missing: frozenset[Key]) -> bool:
    return all(key_of(answer.get("valueCoding")) in missing for answer in answers)


def _is_straight(dimension: Dimension, numbers: Sequence[Fraction]) -> bool:
    """Whether all was answered alike, and the key says that this gives no score."""
    line = dimension.straight_line
    if line is None or len(numbers) < 2 or len(set(numbers)) > 1:
        return False
    return not line.values or numbers[0] in line.values


def _compared(found: Result, before: Fraction | None) -> Result:
    if before is None or found.value is None:
        return found
    return replace(found, change=change_between(found.dimension, found.value, before))
