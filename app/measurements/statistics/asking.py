"""What is asked of ``$stats``: of which readings, over which period. https://hl7.org/fhir/R4/search.html#date"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, Final
from urllib.parse import quote

from app.errors import Invalid, Issue
from app.fhir.dates import bounds
from app.measurements.kinds import OWN, Key, Kind, Value, kinds, kinds_by_code, parts_by_code, recognised
from app.measurements.series import Wanted, everything
from app.measurements.statistics.choosing import DEFAULT, OFFERED
from app.measurements.statistics.spans import BUCKETS, FIRST, LAST, Bucket, Span
from app.measurements.targets import Target, target_given
from app.server.access import Access
from app.server.interactions.parameters import Inputs
from app.server.messages import Target as Address
from app.server.search.parse import Part

MOST_GIVEN: Final = 1000
"""Readings or Observations that come along."""
_HOUR: Final = 3_600_000_000
_DATE: Final = re.compile(r"(?P<prefix>eq|ge|gt|le|lt|sa|eb|ne|ap)?(?P<date>[0-9].*)")


@dataclass(frozen=True, slots=True)
class Asked:
    """``wanted`` is of ``span``; ``target``: the one that was given in the call."""

    wanted: Wanted
    statistics: tuple[str, ...]
    percentiles: tuple[Fraction, ...]
    bucket: Bucket | None
    target: Target | None
    include: bool
    readings: bool
    limit: int

    @property
    def span(self) -> Span:
        return self.wanted.span


def asked(inputs: Inputs, access: Access, address: Address, *, canonical_base: str, now: int) -> Asked:
    """What the parameters say. Raises ``Invalid``."""
    span = _span(inputs, now)
    wanted = _wanted(inputs, span, canonical_base)
    target = target_given(inputs.first("target-low"), inputs.first("target-high"))
    if target is not None and len(wanted.values) > 1:
        raise Invalid("target-low and target-high are of one value: name the part with code.", "value")
    statistics = tuple(dict.fromkeys(inputs.all("statistic"))) or DEFAULT
    _refuse("statistic", set(statistics) - set(OFFERED), OFFERED)
    bucket = inputs.first("bucket")
    _refuse("bucket", set() if bucket is None else {bucket} - set(BUCKETS), BUCKETS)
    percentiles = tuple(dict.fromkeys(Fraction(each) for each in inputs.values.get("percentile", ())))
    if any(each > 100 for each in percentiles):
        raise Invalid("percentile takes a number from 0 to 100.", "value")
    owner = _owner(inputs)
    if owner is None and address.patient_id is None and access.patient is None:
        raise Invalid("Say whose measurements: patient=<id>.", "required")
    return Asked(
        Wanted(wanted.kind, wanted.codes, wanted.values, span, owner, address.patient_id),
        statistics,
        percentiles,
        bucket,
        target,
        bool(inputs.first("include")),
        bool(inputs.first("readings")),
        max(1, min(inputs.first("limit") or MOST_GIVEN, MOST_GIVEN)),
    )


def _refuse(name: str, wrong: set[Any], known: Sequence[str]) -> None:
    if wrong:
        raise Invalid("", issues=(Issue("not-supported", f"{name} takes {', '.join(known)}.", (f"http.{name}",)),))


def _owner(inputs: Inputs) -> Part | None:
    patient, subject = inputs.first("patient"), inputs.first("subject")
    if patient is not None and subject is not None:
        raise Invalid("Say whose measurements in one way: patient or subject.", "invalid")
    name, value = ("subject", subject) if patient is None else ("patient", patient)
    return None if value is None else (name, value, f"{name}={quote(value, safe=':/.|')}")


def _wanted(inputs: Inputs, span: Span, canonical_base: str) -> Wanted:
    """Which readings, of the one kind that is named."""
    name = inputs.first("kind")
    keys = [*_keys(inputs, canonical_base)]
    if (name is None) == (not keys):
        raise Invalid("Say which measurement, in one way: by kind, or by code (or coding).", "required")
    if name is not None:
        _refuse("kind", {name} - kinds().keys(), tuple(kinds()))
        return everything(kinds()[name], span)
    found = [_coded().get(each, ()) for each in keys]
    if not all(found):
        text = f"There are no statistics of this code here. The kinds of measurement are {', '.join(kinds())}."
        raise Invalid(text, "not-supported")
    meant = {each.name: each for listed in found for each, _, _ in listed}
    if len(meant) > 1:
        raise Invalid(f"These are codes of several kinds ({', '.join(meant)}): ask for one at a time.", "not-supported")
    (kind,) = meant.values()
    whole = everything(kind, span)
    if any(value is None for listed in found for _, value, _ in listed):
        # A panel stands for its parts one by one, too.
        return whole if kind.value is None else Wanted(kind, _of(found), kind.values, span)
    values = {value.name: value for listed in found for _, value, _ in listed if value is not None}
    panels = tuple(each.key for each in recognised(kind.codes))
    return Wanted(kind, tuple(dict.fromkeys((*panels, *_of(found)))), tuple(values.values()), span)


_Meaning = tuple[Kind, Value | None, Key]
"""The kind that a code is of, the part of it that it is of (None: it is that of the kind), and the code."""


def _of(found: Sequence[Sequence[_Meaning]]) -> tuple[Key, ...]:
    return tuple(dict.fromkeys(key for listed in found for _, _, key in listed))


@cache
def _coded() -> Mapping[Key, Sequence[_Meaning]]:
    """What every code means, with its system and, under the system "", without."""
    found: dict[Key, list[_Meaning]] = {}
    own: list[_Meaning] = [(kind, None, key) for key, kind in kinds_by_code().items()]
    # A code that is of a kind by itself means that, also where another kind has it as a part.
    parts = [(*each, key) for key, each in parts_by_code().items() if key not in kinds_by_code()]
    for kind, part, key in (*own, *parts):
        for each in (key, ("", key[1])):
            found.setdefault(each, []).append((kind, part, key))
    return found


def _keys(inputs: Inputs, canonical_base: str) -> Iterator[Key]:
    system = inputs.first("system") or ""
    for text in inputs.all("code"):
        own, bar, code = text.rpartition("|")
        yield _key(own if bar else system, code, canonical_base)
    for coding in inputs.values.get("coding", ()):
        given = coding.get("system", ""), coding.get("code")
        if not all(isinstance(each, str) for each in given) or not given[1]:
            raise Invalid("coding: a Coding with a code and its system.", "value")
        yield _key(*given, canonical_base)


def _key(system: str, code: str, canonical_base: str) -> Key:
    return (OWN if system == f"{canonical_base}/CodeSystem/measurement" else system), code


def _span(inputs: Inputs, now: int) -> Span:
    given = [name for name in ("date", "period", "duration") if name in inputs.values]
    if len(given) > 1:
        raise Invalid("Say which period in one way: by date, by period, or by duration.", "invalid")
    if given == ["duration"]:
        hours: Decimal = inputs.first("duration")
        span = Span(now - int(min(hours, Decimal(10) ** 7) * _HOUR), now)
    elif given == ["period"]:
        span = _of_period(inputs.first("period"))
    else:
        span = _of_dates(inputs.values.get("date", ()))
    if any(each is not None and not FIRST <= each <= LAST for each in (span.start, span.end)):
        raise Invalid("The period is one from 1900 up to 2200.", "value")
    if span.start is not None and span.end is not None and span.start >= span.end:
        raise Invalid("The period ends before it begins.", "value")
    return span


def _of_period(period: Any) -> Span:
    start, end = period.get("start"), period.get("end")
    if not all(each is None or isinstance(each, str) for each in (start, end)) or start is end:
        raise Invalid("period: a Period with a start, an end, or both.", "value")
    return Span(None if start is None else bounds(start)[0], None if end is None else bounds(end)[1])


def _of_dates(texts: Sequence[str]) -> Span:
    starts, ends = [], []
    for text in texts:
        found = _DATE.fullmatch(text)
        prefix = None if found is None else found["prefix"] or "eq"
        if found is None or prefix in ("ne", "ap"):
            raise Invalid("date takes a date with ge, gt, le, lt or nothing before it, such as ge2026-01-01.", "value")
        low, high = bounds(found["date"])
        if prefix in ("eq", "ge"):
            starts.append(low)
        if prefix in ("gt", "sa"):
            starts.append(high)
        if prefix in ("eq", "le"):
            ends.append(high)
        if prefix in ("lt", "eb"):
            ends.append(low)
    return Span(max(starts, default=None), min(ends, default=None))
