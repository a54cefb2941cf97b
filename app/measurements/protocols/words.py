"""What is said of a result and beside it, in Dutch and English. https://hl7.org/fhir/R4/languages.html"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

from app.measurements.protocols.allotting import Allotment, Standing
from app.measurements.protocols.figures import Computed
from app.measurements.protocols.tasks import texts
from app.measurements.watching import watching
from app.measurements.words import LANGUAGES, Words, day, filled, joined, number

_FACT: Final = re.compile(r"\{([a-z0-9.-]+)\}")


def amount_of(what: str, count: int) -> Words:
    """So many measurements or days, in words."""
    return filled(texts()[what]["one" if count == 1 else "many"], count=str(count))


def result_words(allotment: Allotment, standing: Standing, figures: Sequence[Computed], *, amended: bool) -> Words:
    """All that there is to say of a result."""
    return joined([*_result(allotment, standing, figures, amended=amended), *beside(allotment), watching()])


def beside(allotment: Allotment) -> Iterator[Words]:
    """What does not count, and why."""
    rows = texts()["beside"]
    if allotment.extra:
        yield filled(rows["extra"], count=str(len(allotment.extra)))
    if allotment.doubles:
        yield filled(rows["doubles"], count=str(len(allotment.doubles)))
    for why, count in sorted(allotment.left_out.items()):
        yield filled(rows[why], count=str(count))


def _result(allotment: Allotment, standing: Standing, figures: Sequence[Computed], *, amended: bool) -> Iterator[Words]:
    rows, run = texts()["result"], allotment.run
    facts = _facts(figures, run.numbers, run.protocol.measures[0].value.decimals)
    for sentence in run.protocol.sentences:
        if all(name in facts for name in _FACT.findall(sentence["nl"])):
            yield _said(sentence, facts)
    if any(each.how == "within" for each in run.protocol.figures) and run.target is None:
        yield rows["no-target"]
    count = sum(len(found) for (at, _), found in allotment.counted.items() if at in standing.days)
    if not count:
        yield rows["nothing"]
    else:
        measurements, days = amount_of("measurements", count), amount_of("days", len(standing.days))
        yield filled(rows["of"], measurements=measurements, days=days)
    if standing.dropped is not None:
        yield filled(rows["dropped"], day=day(run.date(standing.dropped)))
    if not standing.complete:
        yield filled(
            rows["incomplete"],
            readings=str(standing.readings),
            needed=str(standing.needed),
            days=str(len(standing.days)),
            needed_days=str(standing.needed_days),
        )
    if amended:
        yield rows["amended"]


def _facts(figures: Sequence[Computed], entered: Mapping[str, Fraction], decimals: int) -> Mapping[str, Words]:
    found = {name: number(each, decimals) for name, each in entered.items()}
    for each in figures:
        name, shown = each.figure.name, each.figure.of.value.decimals
        if each.number is not None and each.figure.how != "deviation":
            found[name] = number(each.number, shown)
        for end, amount in (("low", each.low), ("high", each.high)):
            if amount is not None and each.low != each.high:  # nothing went from a value to itself
                found[f"{name}.{end}"] = number(amount, shown)
        if each.count is not None:
            for end, counted in (("count", each.count), ("of", each.of)):
                found[f"{name}.{end}"] = {language: str(counted) for language in LANGUAGES}
    return found


def _said(sentence: Words, facts: Mapping[str, Words]) -> Words:
    def fill(language: str) -> str:
        return _FACT.sub(lambda found: facts[found[1]][language], sentence[language])

    return {language: fill(language) for language in LANGUAGES}
