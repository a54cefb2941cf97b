"""Measure the service beside the floor: ``python -m benchmarks.run [--quick] [--database …] [--out …]``.

``--self-test`` puts the floor on both sides: every ratio must then be 1 within the spread, or the harness is wrong.
``--flat`` measures instead how cost grows with the record (``benchmarks/flat.py``).
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from benchmarks import bgz, flat, machine, plan_history, profile_check, report, series, sides, translation
from benchmarks.answers import verify
from benchmarks.dataset import sizes, write_patients
from benchmarks.figures import Figure
from benchmarks.goals import OPERATIONS, PRACTICE_OPERATIONS, Operation
from benchmarks.load import LoadProcess
from benchmarks.rounds import Comparison, Length, WrongAnswer, compare, compare_bare
from benchmarks.workload import read_patients

FULL: Final = Length(rounds=7, seconds=1.0)
QUICK: Final = Length(rounds=3, seconds=0.4)
_SELF_TEST_TOLERANCE: Final = 0.10
"""How far from 1 the floor may come out beside itself, where the rounds themselves do not lie further apart."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description="Measure the service beside the floor."
    )
    parser.add_argument("--quick", action="store_true", help="three short rounds: an impression, not a result")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--out", type=Path, help="where the report goes; --self-test writes none unless told")
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--resources", type=int, default=63, help="resources per patient, at least 63")
    parser.add_argument("--practice", default="2000x13", help="patients x resources of a professional's data set")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--self-test", action="store_true", help="the floor beside the floor")
    parser.add_argument("--flat", action="store_true", help="cost at three sizes instead")
    parser.add_argument("--deep", default="200x5000", help="with --flat: patients x resources of the long records")
    parser.add_argument("--wide", default="16000x63", help="with --flat: patients x resources of many patients")
    arguments = parser.parse_args()
    if arguments.out is None and not arguments.self_test:
        arguments.out = Path(__file__).with_name("FLAT.md" if arguments.flat else "RESULTS.md")
    return arguments


@dataclass(frozen=True, slots=True)
class Data:
    """The patients of a run: ``patients`` with an app each, and those of a ``practice``, ``practice_size`` in words."""

    patients: Path
    practice: Path
    practice_size: str


def measure(database: str, data: Data, folder: Path, *, length: Length, self_test: bool) -> report.Section:
    """One database: the patients' own apps, then the professional on a data set that is loaded for it."""
    before = machine.load_average()
    own, memory, about = _measured(database, data.patients, folder, OPERATIONS, length=length, self_test=self_test)
    decision = None if self_test else _decision(database, data.patients, folder / "bare", length=length)
    practice, _, _ = _measured(
        database, data.practice, folder / "practice", PRACTICE_OPERATIONS, length=length, self_test=self_test
    )
    after = machine.load_average()
    return report.Section(database, about, (*own, *practice), memory, before, after, data.practice_size, decision)


def _decision(database: str, patients: Path, folder: Path, *, length: Length) -> Figure:
    """What token, permit and audit cost on a read, beside the service without them."""
    folder.mkdir(exist_ok=True)
    longer = Length(length.rounds * 2, length.seconds)  # a difference needs more rounds than a ratio
    with ExitStack() as stack:
        bare = stack.enter_context(sides.service("bare", database, folder, patients, program="benchmarks.bare"))
        service = stack.enter_context(sides.service("decided", database, folder, patients))
        load = stack.enter_context(LoadProcess(patients))
        found = compare_bare(load, service, bare, length=longer)
    print(f"{database:10} {'decision':12} {report.quoted(found, 'µs')}", file=sys.stderr)
    return found


def _measured(
    database: str, patients: Path, folder: Path, operations: Sequence[Operation], *, length: Length, self_test: bool
) -> tuple[list[Comparison], int, str]:
    """Start everything, check the answers, run the rounds, stop everything. Also the service's private memory after the
    last round, and what PostgreSQL says about itself.
    """
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        floor = stack.enter_context(sides.floor("floor", database, folder, patients))
        if self_test:
            service = stack.enter_context(sides.floor("service", database, folder, patients))
        else:
            practice = operations is PRACTICE_OPERATIONS
            service = stack.enter_context(sides.service("service", database, folder, patients, practice=practice))
        constant = stack.enter_context(sides.constant(folder))
        load = stack.enter_context(LoadProcess(patients))
        verify((service, floor), read_patients(patients), operations)
        comparisons = []
        for operation in operations:
            comparisons.append(compare(load, service, floor, constant, operation=operation, length=length))
            print(f"{database:10} {operation.name:12} {report.quoted(comparisons[-1].to_floor)}", file=sys.stderr)
        server = floor.server
        about = f"PostgreSQL {server.version}; {server.settings}." if server else ""
        return comparisons, service.private_bytes(), about


def _compare_all(arguments: argparse.Namespace, databases: tuple[str, ...], folder: Path) -> tuple[list[str], bool]:
    length = QUICK if arguments.quick else FULL
    length = Length(arguments.rounds or length.rounds, length.seconds)
    patients, resources = sizes(arguments.practice)
    data = Data(
        write_patients(folder, patients=arguments.patients, resources=arguments.resources),
        write_patients(folder, patients=patients, resources=resources),
        f"{patients:,} patients × {resources} resources",
    )
    names = ("a floor", "the floor") if arguments.self_test else ("service", "floor")
    tolerance = _SELF_TEST_TOLERANCE * (2 if arguments.quick else 1)
    body, sound = [], True
    for database in databases:
        section = measure(database, data, folder, length=length, self_test=arguments.self_test)
        body.append(report.render_section(section, names))
        if arguments.self_test:
            ratios = [comparison.to_floor for comparison in section.comparisons]
            sound &= all(abs(ratio.median - 1) <= max(tolerance, ratio.spread) for ratio in ratios)
    if not arguments.self_test:
        body.append(plan_history.render(_plan_history(databases, folder, length)))
        body.append(series.render(_series(databases, folder, length)))
        body.append(bgz.render(_bgz(databases, folder, length)))
        body.append(_profile_check(length))
        body.append(_translation(length))
    return body, sound


def _plan_history(databases: Sequence[str], folder: Path, length: Length) -> list[plan_history.PlanHistory]:
    """What looking back in a care plan costs, on each database."""
    found = []
    for database in databases:
        own = folder / f"history-{database}"
        own.mkdir()
        found.append(plan_history.measure(database, own, rounds=length.rounds))
        for name, times in found[-1].ratios.items():
            print(f"{database:10} {name:12} {report.quoted(times)}", file=sys.stderr)
    return found


def _series(databases: Sequence[str], folder: Path, length: Length) -> list[series.SeriesCost]:
    """What figures of measurements cost, on each database."""
    found = []
    for database in databases:
        own = folder / f"series-{database}"
        own.mkdir()
        found.append(series.measure(database, own, rounds=length.rounds))
        for name, times in found[-1].ratios.items():
            print(f"{database:10} $stats {name:12} {report.quoted(times)}", file=sys.stderr)
    return found


def _bgz(databases: Sequence[str], folder: Path, length: Length) -> list[bgz.BgzCost]:
    """What giving and asking a BgZ costs, on each database."""
    found = []
    for database in databases:
        own = folder / f"bgz-{database}"
        own.mkdir()
        found.append(bgz.measure(database, own, rounds=length.rounds))
        print(f"{database:10} {'BgZ given':12} {report.quoted(found[-1].times)}", file=sys.stderr)
        print(f"{database:10} {'BgZ asked':12} {report.quoted(found[-1].asked, 'ms')}", file=sys.stderr)
    return found


def _profile_check(length: Length) -> str:
    """What holding a resource against a profile costs, as a part of the report."""
    if not profile_check.available():
        print("profile check: the packages are not there", file=sys.stderr)
        return profile_check.MISSING
    found = profile_check.measure(rounds=length.rounds)
    print(f"{'':10} {'profile check':12} {report.quoted(found.checked, 'µs')}", file=sys.stderr)
    return profile_check.render(found)


def _translation(length: Length) -> str:
    """What translating costs, as a part of the report."""
    found = translation.measure(rounds=length.rounds)
    for name, cost in found.costs.items():
        print(f"{'':10} {'STU3 to R4':12} {name} {report.quoted(cost.to_r4, 'µs')}", file=sys.stderr)
    return translation.render(found)


def main() -> None:
    """Measure, print, write; exit 1 when an answer was wrong or the self-test failed."""
    # Ended from outside, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = _arguments()
    databases = ("sqlite", "postgresql") if arguments.database == "both" else (arguments.database,)
    facts = machine.describe(datetime.now().astimezone())
    with tempfile.TemporaryDirectory(prefix="zelfregie-bench-") as name:
        try:
            if arguments.flat:
                body, sound = flat.measure(databases, arguments, Path(name))
            else:
                body, sound = _compare_all(arguments, databases, Path(name))
        except WrongAnswer as error:
            sys.exit(f"the run is void: {error}")
    command = " ".join(["python -m benchmarks.run", *sys.argv[1:]])
    text = report.render("Benchmark results", command, facts, body)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text)
    if not sound:
        sys.exit("the harness does not measure the floor as equal to itself")


if __name__ == "__main__":
    main()
