"""Flat as the record grows: the same requests on 12,600 resources, on long records, and on many patients.

One service per data set, alternating rounds, on every size the same number of hits, so that what is compared is the
cost of finding them.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks import sides
from benchmarks.dataset import write_patients
from benchmarks.figures import ratio
from benchmarks.load import LoadProcess
from benchmarks.report import FlatSection, Growth, render_flat
from benchmarks.rounds import Length, Sample, calibrate, sample
from benchmarks.sides import Side

BASE: Final = "200x63"
_DELETABLE: Final = 8000
"""Of the 12,000 Observations of the small data set, so that none is deleted twice."""
OPERATIONS: Final = {
    "flat-search": "search patient + code + date, newest 10",
    "flat-two-tokens": "search patient + code + category, newest 10",
    "flat-missing": "search patient + `encounter:missing`, newest 10",
    "flat-has": "search `Patient?_has`, the patient's own",
    "flat-update": "update one Observation",
    "flat-delete": "delete one Observation",
}


def sizes(text: str) -> tuple[int, int]:
    """``200x5000``: patients, resources of each."""
    patients, _, resources = text.partition("x")
    return int(patients), int(resources)


def measure(databases: tuple[str, ...], arguments: argparse.Namespace, folder: Path) -> tuple[list[str], bool]:
    """The sections of the report."""
    files = {}
    for size in dict.fromkeys((BASE, arguments.deep, arguments.wide)):
        patients, resources = sizes(size)
        files[size] = write_patients(folder, patients=patients, resources=resources)
    length = Length(arguments.rounds or (3 if arguments.quick else 7), 0.4 if arguments.quick else 1.0)
    return [render_flat(_measure_one(database, files, folder, length)) for database in databases], True


def _measure_one(database: str, files: dict[str, Path], folder: Path, length: Length) -> FlatSection:
    with ExitStack() as stack:
        services: dict[str, Side] = {}
        loads: dict[str, LoadProcess] = {}
        for size, file in files.items():
            services[size] = stack.enter_context(sides.service(f"service-{size}", database, folder, file, bulk=True))
            loads[size] = stack.enter_context(LoadProcess(file))
        growth = []
        for operation, title in OPERATIONS.items():
            taken = _rounds(operation, services, loads, length)
            base = [one.cpu for one in taken[BASE]]
            ratios = tuple(ratio([s.cpu for s in taken[size]], base) for size in files if size != BASE)
            growth.append(Growth(title, tuple(files), sorted(base)[len(base) // 2], ratios))
            print(f"{database:10} {operation:16} {[f'{r.median:.2f}' for r in ratios]}", file=sys.stderr)
        return FlatSection(database, tuple(growth))


def _rounds(
    operation: str, services: dict[str, Side], loads: dict[str, LoadProcess], length: Length
) -> dict[str, list[Sample]]:
    """Alternating rounds of one operation, the same number of requests on every size."""
    counts = [calibrate(loads[size], (side,), operation, length) for size, side in services.items()]
    if operation == "flat-delete":
        counts.append(_DELETABLE // (length.rounds + 1))
    taken: dict[str, list[Sample]] = {size: [] for size in services}
    for number in range(length.rounds):
        order = list(services) if number % 2 == 0 else list(reversed(services))
        for size in order:
            taken[size].append(sample(loads[size], services[size], operation, min(counts)))
    return taken
