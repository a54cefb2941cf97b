"""What translating between STU3 and R4 costs: ``python -m benchmarks.translation [--quick]``.

No server: one process translates Nictiz's zib2017 examples to R4 and back, each many times, or where the packages are
not there the resources of a made BgZ. What decoding and encoding the same resource as JSON costs is timed in the same
rounds, to compare with: no server that knows what it is sent does less.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from app.config import CANONICAL_BASE
from app.fhir import xml
from app.fhir.definitions import load, package
from app.fhir.resource import Resource, decode, encode
from app.fhir.stu3 import R4_TYPES, Translator
from benchmarks.bgz_kinds import Holder
from benchmarks.bgz_record import bgz_record
from benchmarks.figures import Figure
from benchmarks.goals import TRANSLATION_GOALS
from benchmarks.profile_check import spent
from benchmarks.report import quoted, table, verdict

_PACKAGE: Final = "Nictiz-STU3-Zib2017"
_ROUNDS: Final = 7
_TURN: Final = 40
"""Times that each resource is translated in a round."""
KINDS: Final = ("Observation", "another resource")
_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU µs for one resource of ``count``, on average: to R4, to STU3, and decoded and encoded as JSON."""

    count: int
    to_r4: Figure
    to_stu3: Figure
    json: Figure


@dataclass(frozen=True, slots=True)
class TranslationCost:
    """``of`` says what was translated. ``dearest``: type and CPU µs both ways together, the highest first."""

    of: str
    costs: Mapping[str, Cost]
    dearest: Sequence[tuple[str, float]]


def resources() -> tuple[str, list[Resource]]:
    """What is translated, in words and in STU3. What has no table is not translated, and not counted."""
    folder = package.folder() / _PACKAGE / "Examples"
    if folder.exists():
        definitions = load("3.0.1")
        read = [xml.from_xml(each.read_bytes(), definitions) for each in sorted(folder.glob("*.xml"))]
        listed = [each for each in read if each["resourceType"] in R4_TYPES]
        return f"{len(listed)} examples of {_PACKAGE}", listed
    made = bgz_record(Holder("Patient/someone", "S. de Proef", "https://his.example/fhir"))
    listed = [decode(encode(each)) for each in made if each["resourceType"] in R4_TYPES]
    return f"{len(listed)} resources of a made BgZ", listed


def measure(*, rounds: int = _ROUNDS, turn: int = _TURN) -> TranslationCost:
    """The figures of this machine. Raises AssertionError when a resource does not come back as it was."""
    translator = Translator(CANONICAL_BASE)
    of, listed = resources()
    for each in listed:  # makes the converters
        assert translator.to_stu3(translator.to_r4(each)) == each, "a translation that loses something says nothing"
    groups = {
        KINDS[0]: [each for each in listed if each["resourceType"] == "Observation"],
        KINDS[1]: [each for each in listed if each["resourceType"] != "Observation"],
    }
    gc.collect()
    gc.freeze()  # what was read is not looked through in a round, as in a service that runs for a while
    try:
        taken = [{name: _round(translator, each, turn) for name, each in groups.items()} for _ in range(rounds)]
        dearest = _dearest(translator, listed, turn)
    finally:
        gc.unfreeze()
    costs = {}
    for name, group in groups.items():
        to_r4, to_stu3, json = (Figure(each) for each in zip(*(one[name] for one in taken), strict=True))
        costs[name] = Cost(len(group), to_r4, to_stu3, json)
    return TranslationCost(of, costs, dearest)


def _round(translator: Translator, listed: Sequence[Resource], turn: int) -> tuple[float, float, float]:
    within = [translator.to_r4(each) for each in listed]
    texts = [encode(each) for each in listed]
    return (
        _each(translator.to_r4, listed, turn),
        _each(translator.to_stu3, within, turn),
        _each(lambda text: encode(decode(text)), texts, turn),
    )


def _each(work: Callable[[_Given], object], listed: Sequence[_Given], turn: int) -> float:
    """CPU µs for one of them."""

    def all_of_them() -> None:
        for each in listed:
            work(each)

    return spent(all_of_them, turn) / max(1, len(listed))


def _dearest(translator: Translator, listed: Sequence[Resource], turn: int) -> list[tuple[str, float]]:
    types: dict[str, list[Resource]] = {}
    for each in listed:
        types.setdefault(each["resourceType"], []).append(each)
    both = {
        name: _each(lambda one: translator.to_stu3(translator.to_r4(one)), each, turn) for name, each in types.items()
    }
    return sorted(both.items(), key=lambda each: -each[1])


def render(found: TranslationCost) -> str:
    """What translating between the versions costs, without a database."""
    rows = []
    for name, cost in found.costs.items():
        goal = TRANSLATION_GOALS[name]
        rows += [
            (f"{way}, {name}", quoted(figure, "µs"), limit, met)
            for way, figure, limit, met in (
                ("STU3 → R4", cost.to_r4, f"≤ {goal:.0f} µs", verdict(cost.to_r4, goal)),
                ("R4 → STU3", cost.to_stu3, f"≤ {goal:.0f} µs", verdict(cost.to_stu3, goal)),
                ("JSON decoded and encoded", cost.json, "–", "–"),
            )
        ]
    counts = ", ".join(f"{cost.count} × {name}" for name, cost in found.costs.items())
    dearest = ", ".join(f"{name} {each:.0f} µs" for name, each in found.dearest[:5])
    return (
        "## Translation between STU3 and R4\n\n"
        f"CPU of one process that translates {found.of} ({counts}), on average, beside what decoding and encoding the"
        " same resource as JSON costs (`benchmarks/translation.py`).\n\n"
        + table(("CPU per resource", "measured", "goal", "met"), rows)
        + f"\nThe dearest types, both ways together: {dearest}.\n\n"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.translation", description="Measure translations.")
    parser.add_argument("--quick", action="store_true", help="three short rounds: an impression, not a result")
    quick = parser.parse_args().quick
    print(render(measure(rounds=3, turn=10) if quick else measure()))


if __name__ == "__main__":
    main()
