"""The answer of ``$stats``: Parameters, with an Observation per value as HL7 has it.

https://hl7.org/fhir/R4/observation-operation-stats.html. The Observation has a code of our own and not that of the
measurement, which its extension names; so nobody takes it for one (MODEL 3). It has no interpretation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import msgspec

from app.fhir.resource import Resource, encode
from app.fhir.ucum import SYSTEM as UCUM
from app.measurements.kinds import OWN, Value
from app.measurements.series import Reading, Series
from app.measurements.statistics.asking import Asked
from app.measurements.statistics.choosing import COMPUTED, COUNTS, Computed
from app.measurements.statistics.choosing import SYSTEM as STATISTICS
from app.measurements.statistics.counting import Before, Counted
from app.measurements.statistics.numbers import LEAST_OF_TREND, Summary
from app.measurements.statistics.refusing import CODE
from app.measurements.statistics.saying import WEEK, difference, interval, name_of, sentences, texts, unit_of
from app.measurements.statistics.spans import written
from app.measurements.targets import Target
from app.measurements.watching import watching
from app.measurements.words import Language, Words, filled, joined, root, rounded, translations

MORE: Final = 2
"""Decimals more than a value is shown with."""
MORE_OF_TREND: Final = 4
_DAY: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Answering:
    """What all parts of an answer need."""

    asked: Asked
    series: Series
    search: str
    canonical_base: str
    language: Language
    subject: str
    base: str

    def parameters(self, found: Sequence[Counted]) -> list[Resource]:
        """Everything, in the order of the operation's definition."""
        span = self.asked.span
        said = [sentences(each, span) for each in found]
        listed = [
            self._words("watching", watching()),
            self._words("text", joined([*said, watching()])),
            self._words("method", {name: text.strip() for name, text in texts()["method"].items()}),
            {"name": "kind", "valueCode": self.asked.wanted.kind.name},
        ]
        if span.period():
            listed.append({"name": "period", "valuePeriod": span.period()})
        listed.append({"name": "search", "valueUri": self.search})
        listed += [{"name": "statistics", "resource": self._observation(each)} for each in found]
        listed += [
            {"name": "value", "part": [*self._value(each, words)]} for each, words in zip(found, said, strict=True)
        ]
        listed += self._readings(found)
        return listed

    def _words(self, name: str, words: Words) -> Resource:
        return {"name": name, "valueString": words[self.language], "_valueString": translations(words)}

    def _quantity(self, value: Value, number: Decimal, per: str = "") -> Resource:
        unit = unit_of(value)[self.language]
        if per:
            unit = f"{unit} {texts()['per'][per][self.language]}"
        return {"value": number, "unit": unit, "system": UCUM, "code": f"{value.unit}{per}"}

    def _rounded(self, value: Value, amount: Fraction | tuple[int, int]) -> Resource:
        return self._quantity(value, rounded(amount, value.decimals + MORE))

    def _code(self, value: Value) -> Resource:
        code = value.codes[0]
        system = f"{self.canonical_base}/CodeSystem/measurement" if code.system == OWN else code.system
        return {"coding": [{"system": system, "code": code.code, "display": code.display}]}

    def _observation(self, found: Counted) -> Resource:
        value, base = found.value, self.canonical_base
        computed = {"system": f"{base}/CodeSystem/computed", "code": CODE, "display": "Statistics"}
        category = {"system": f"{base}/CodeSystem/observation-category", "code": "computed", "display": "Computed"}
        period = self.asked.span.period() or self._spanned(found)
        listed: dict[str, Any] = {
            "resourceType": "Observation",
            "extension": [
                {
                    "url": f"{base}/StructureDefinition/statistics-of",
                    "extension": [
                        {"url": "measured", "valueCodeableConcept": self._code(value)},
                        {"url": "search", "valueUri": self.search},
                    ],
                }
            ],
            "status": "final",
            "category": [{"coding": [category]}],
            "code": {
                "coding": [computed],
                "text": filled(texts()["observation"], name=name_of(value))[self.language],
            },
        }
        if self.subject:
            listed["subject"] = {"reference": f"Patient/{self.subject}"}
        if period:
            listed["effectivePeriod"] = period
        listed["component"] = [*self._components(found)]
        return listed

    def _spanned(self, found: Counted) -> Resource:
        """From the first to the last value, where no period was asked for."""
        if not found.moments:
            return {}
        return {"start": written(found.moments[0]), "end": written(found.moments[-1])}

    def _components(self, found: Counted) -> Iterator[Resource]:
        counts = {"count": len(found.moments), "total-count": found.total}
        for code in self.asked.statistics:
            if code in counts:
                yield {"code": _statistic(code, COUNTS[code]), "valueInteger": counts[code]}
            elif code in COMPUTED and found.summary is not None:
                display, compute = COMPUTED[code]
                number = compute(found.summary, found.value.decimals + MORE)
                if number is not None:
                    yield {"code": _statistic(code, display), "valueQuantity": self._of(code, found.value, number)}

    def _of(self, code: str, value: Value, number: Decimal) -> Resource:
        if code != "variance":
            return self._quantity(value, number)
        code = f"1{value.unit}" if value.unit.startswith("/") else value.unit
        return {
            "value": number,
            "unit": f"({unit_of(value)[self.language]})²",
            "system": UCUM,
            "code": f"({code}).({code})",
        }

    def _value(self, found: Counted, words: Words) -> Iterator[Resource | msgspec.Raw]:
        value, summary = found.value, found.summary
        yield {"name": "name", "valueCode": value.name}
        yield {"name": "code", "valueCodeableConcept": self._code(value)}
        yield self._words("text", words)
        for rank in self.asked.percentiles if summary is not None else ():
            assert summary is not None
            amount = self._rounded(value, summary.percentile(rank))
            parts = [{"name": "rank", "valueDecimal": rounded(rank, 18)}, {"name": "value", "valueQuantity": amount}]
            yield {"name": "percentile", "part": parts}
        if found.target is not None:
            yield {"name": "target", "part": [*self._target(found, found.target)]}
        yield {"name": "trend", "part": [*self._trend(found)]}
        if found.before is not None:
            yield {"name": "before", "part": [*self._before(found, found.before)]}
        computed = [(code, COMPUTED[code][1]) for code in self.asked.statistics if code in COMPUTED]
        yield from _bucketed(value, found.buckets, computed)
        for reason, count in found.left_out.items():
            parts = [{"name": "reason", "valueCode": reason}, {"name": "count", "valueUnsignedInt": count}]
            yield {"name": "leftOut", "part": parts}
        if found.doubles:
            yield {"name": "possibleDoubles", "valueUnsignedInt": found.doubles}
        for flag, count in found.flags.items():
            parts = [{"name": "flag", "valueCode": flag}, {"name": "count", "valueUnsignedInt": count}]
            yield {"name": "flagged", "part": parts}

    def _target(self, found: Counted, target: Target) -> Iterator[Resource]:
        for name, bound in (("low", target.low), ("high", target.high)):
            if bound is not None:
                yield {"name": name, "valueQuantity": self._rounded(found.value, bound)}
        if target.goal:
            yield {"name": "goal", "valueReference": {"reference": f"Goal/{target.goal}"}}
        if target.author is not None:
            yield {"name": "author", "valueReference": target.author}
        if target.date:
            yield {"name": "date", "valueDateTime": target.date}
        if target.due:
            yield {"name": "dueDate", "valueDate": target.due}
        yield {"name": "within", "valueUnsignedInt": found.within}
        yield {"name": "of", "valueUnsignedInt": len(found.moments)}

    def _trend(self, found: Counted) -> Iterator[Resource]:
        value, trend = found.value, found.trend
        yield {"name": "status", "valueCode": "not-enough-values" if trend is None else "computed"}
        yield {"name": "least", "valuePositiveInt": LEAST_OF_TREND}
        if trend is None:
            return
        decimals = value.decimals + MORE_OF_TREND
        per = (("Day", "/d", 1), ("Week", "/wk", WEEK))
        for name, unit, times in per:
            yield {
                "name": f"per{name}",
                "valueQuantity": self._quantity(value, rounded(trend.slope * times, decimals), unit),
            }
        for name, unit, times in per:
            error = root(trend.error * times * times, decimals)
            yield {"name": f"errorPer{name}", "valueQuantity": self._quantity(value, error, unit)}
        for name, unit, times in per:
            low, high = (self._quantity(value, rounded(each * times, decimals), unit) for each in interval(trend))
            yield {"name": f"intervalPer{name}", "valueRange": {"low": low, "high": high}}
        yield {"name": "start", "valueQuantity": self._rounded(value, trend.start)}

    def _before(self, found: Counted, before: Before) -> Iterator[Resource]:
        value, summary = found.value, before.summary
        yield {"name": "period", "valuePeriod": before.span.period()}
        yield {"name": "count", "valueUnsignedInt": 0 if summary is None else summary.count}
        if summary is None:
            return
        yield {"name": "average", "valueQuantity": self._rounded(value, summary.mean)}
        if found.summary is not None:
            yield {"name": "difference", "valueQuantity": self._rounded(value, difference(found, before))}

    def _readings(self, found: Sequence[Counted]) -> Iterator[Resource]:
        if not (self.asked.include or self.asked.readings):
            return
        newest = sorted(
            (reading for each in found for reading in self.series.of(each.value, self.asked.span)),
            key=_newest,
            reverse=True,
        )
        if self.asked.readings:
            for each in newest[: self.asked.limit]:
                yield {"name": "reading", "part": [*self._reading(each)]}
        if self.asked.include:
            for place in list(dict.fromkeys(each.place for each in newest))[: self.asked.limit]:
                yield {"name": "source", "resource": msgspec.Raw(self.series.rows[place][1])}

    def _reading(self, reading: Reading) -> Iterator[Resource]:
        source = self.series.source(reading)
        whole_day = reading.until - reading.at >= _DAY - _DAY // 24
        yield {"name": "name", "valueCode": reading.of.name}
        yield {"name": "value", "valueQuantity": self._rounded(reading.of, reading.amount)}
        yield {
            "name": "when",
            "valueDateTime": written(reading.at)[:10] if whole_day else written(reading.at),
        }
        reference = f"Observation/{self.series.rows[reading.place][0]}"
        yield {"name": "observation", "valueReference": {"reference": reference}}
        yield {"name": "origin", "valueCode": source.origin}
        for name, text in (("by", source.by), ("device", source.device)):
            if text:
                yield {"name": name, "valueString": text}
        if source.app:
            yield {"name": "app", "valueUri": source.app}
        for flag in reading.flags:
            yield {"name": "flag", "valueCode": flag}
        if reading.double:
            yield {"name": "possibleDouble", "valueBoolean": True}
        yield {"name": "counts", "valueBoolean": reading.counts}


def _statistic(code: str, display: str) -> Resource:
    return {"coding": [{"system": STATISTICS, "code": code, "display": display}]}


def _bucketed(
    value: Value, buckets: Sequence[tuple[tuple[date, date], Summary]], computed: Sequence[tuple[str, Computed]]
) -> Iterator[msgspec.Raw]:
    """The buckets as they are written: of two years of days there are hundreds, of which many have one value, and the
    same as others.
    """
    alike: dict[tuple[int, int], bytes] = {}
    for (first, last), found in buckets:
        numbers = b""
        sole = (found.total, found.scale) if found.count == 1 else None
        if sole is not None:
            numbers = alike.get(sole, b"")
        if not numbers:
            numbers = _numbers(found, value.decimals + MORE, computed)
            if sole is not None:
                alike[sole] = numbers
        yield msgspec.Raw(_opening(first, last) + numbers)


@lru_cache(maxsize=4096)
def _opening(first: date, last: date) -> bytes:
    """How a bucket begins: with its period. Most ask for the same days as others."""
    period = {"name": "period", "valuePeriod": {"start": first.isoformat(), "end": last.isoformat()}}
    return b'{"name":"bucket","part":[%b,' % encode(period)


def _numbers(found: Summary, decimals: int, computed: Sequence[tuple[str, Computed]]) -> bytes:
    """How many values, and what was computed of them: the end of a bucket."""
    parts: list[Resource] = [{"name": "count", "valueUnsignedInt": found.count}]
    for code, compute in computed:
        number = compute(found, decimals)
        if number is not None:
            parts.append({"name": code, "valueDecimal": number})
    return encode(parts)[1:] + b"}"


def _newest(reading: Reading) -> tuple[int, int]:
    return reading.at, reading.place
