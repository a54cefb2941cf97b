"""What holding a resource against its profile costs: ``python -m benchmarks.profile_check [--quick]``.

No server: one process reads Nictiz's zib2020 and HL7's core package, and holds Nictiz's own examples against the
profiles that they claim, as every write does that claims one. FHIR's own rules for the same resource are timed in the
same rounds, to compare with.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.fhir import xml
from app.fhir.definitions import package
from app.fhir.definitions.own import served
from app.fhir.packages import Library
from app.fhir.packages.reading import read
from app.fhir.profiles import Profiles
from app.fhir.resource import Resource
from app.fhir.terminology.library import LibraryTerminology
from app.fhir.validation import validate
from benchmarks.figures import Figure
from benchmarks.goals import PROFILE_GOAL
from benchmarks.report import quoted, table, verdict

PROFILE: Final = "nl-core-BloodPressure"
_PACKAGE: Final = "Nictiz-R4-zib2020"
_EXAMPLE: Final = f"{PROFILE}-01.xml"
_ROUNDS: Final = 7
_TURN: Final = 300
"""Checks of one resource in a round."""
MISSING: Final = "Profile check: not measured, the packages are not there.\n"


@dataclass(frozen=True, slots=True)
class ProfileCheck:
    """CPU µs per check: of the blood pressure, of FHIR's own rules for it, and of one of the package's ``examples`` on
    average. ``first``: CPU ms of the first check of the blood pressure, which compiles its profile.
    """

    checked: Figure
    structure: Figure
    average: Figure
    examples: int
    first: float


def available() -> bool:
    """Whether the packages are there."""
    return (package.folder() / _PACKAGE / "examples" / _EXAMPLE).exists() and package.tarball("4.0.1").exists()


def measure(*, rounds: int = _ROUNDS, turn: int = _TURN) -> ProfileCheck:
    """The figures of this machine. Raises AssertionError when the blood pressure does not follow its profile."""
    folder = package.folder() / _PACKAGE
    definitions = served()
    profiles = _profiles([folder, package.tarball("4.0.1")])
    examples = [xml.from_xml(each.read_bytes(), definitions) for each in sorted((folder / "examples").glob("*.xml"))]
    pressure = xml.from_xml((folder / "examples" / _EXAMPLE).read_bytes(), definitions)
    (canonical,) = pressure["meta"]["profile"]
    first = spent(lambda: profiles.check(pressure, canonical))
    assert profiles.check(pressure, canonical) == [], "an example that does not follow its profile says nothing"
    gc.freeze()  # what was read is not looked through in a round, as in a service that runs for a while
    try:
        _round(profiles, pressure, canonical, examples, turn)  # compiles what the examples claim
        taken = [_round(profiles, pressure, canonical, examples, turn) for _ in range(rounds)]
    finally:
        gc.unfreeze()
    checked, structure, average = (Figure(tuple(each)) for each in zip(*taken, strict=True))
    return ProfileCheck(checked, structure, average, len(examples), first / 1000)


def _profiles(paths: Sequence[Path]) -> Profiles:
    library = Library([artifact for path in paths for found in read(path) for artifact in found.artifacts])
    return Profiles(served(), library, LibraryTerminology(library, served()))


def _round(
    profiles: Profiles, pressure: Resource, canonical: str, examples: Sequence[Resource], turn: int
) -> tuple[float, float, float]:
    return (
        spent(lambda: profiles.check(pressure, canonical), turn),
        spent(lambda: validate(pressure, profiles.definitions), turn),
        spent(lambda: [profiles.claimed(each) for each in examples]) / len(examples),
    )


def spent(work: Callable[[], object], times: int = 1) -> float:
    """CPU µs of this process for doing it once."""
    begun = time.process_time_ns()
    for _ in range(times):
        work()
    return (time.process_time_ns() - begun) / 1000 / times


def render(found: ProfileCheck) -> str:
    """What profiles cost, without a database."""
    rows = [
        (title, quoted(figure, "µs"), goal, met)
        for title, figure, goal, met in (
            (PROFILE, found.checked, f"≤ {PROFILE_GOAL:.0f} µs", verdict(found.checked, PROFILE_GOAL)),
            ("FHIR's own rules for the same resource", found.structure, "–", "–"),
            (f"one of the package's {found.examples} examples, on average", found.average, "–", "–"),
        )
    ]
    return (
        "## Profile check\n\n"
        "CPU of one process that holds a resource of Nictiz's zib2020 examples against the profile that it claims"
        " (`benchmarks/profile_check.py`).\n\n"
        + table(("CPU per check", "measured", "goal", "met"), rows)
        + f"\nThe first check of {PROFILE}, which compiles it: {found.first:.0f} ms. Rounds: "
        + ", ".join(f"{each:.0f}" for each in found.checked.rounds)
        + " µs.\n\n"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile_check", description="Measure profile checks.")
    parser.add_argument("--quick", action="store_true", help="three short rounds: an impression, not a result")
    quick = parser.parse_args().quick
    print(render(measure(rounds=3, turn=100) if quick else measure()) if available() else MISSING)


if __name__ == "__main__":
    main()
