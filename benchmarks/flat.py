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
from benchmarks.answers import ask
from benchmarks.dataset import sizes, write_patients
from benchmarks.figures import Figure, ratio
from benchmarks.load import LoadProcess
from benchmarks.report import FlatSection, Growth, quoted, render_flat
from benchmarks.rounds import TURNS, Length, Task, alternate, calibrate
from benchmarks.sides import Side
from benchmarks.workload import build, read_patients

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
        loads: dict[Side, LoadProcess] = {}
        for size, file in files.items():
            service = sides.service(f"service-{size}", database, folder, file)
            loads[stack.enter_context(service)] = stack.enter_context(LoadProcess(file))
        growth = []
        for operation, title in OPERATIONS.items():
            if _refused(operation, next(iter(loads)), files[BASE]):
                growth.append(Growth(title, tuple(files), None, ()))
                continue
            base, *larger = (Figure(cpu) for cpu in _rounds(operation, loads, length))
            ratios = tuple(ratio(figure.rounds, base.rounds) for figure in larger)
            growth.append(Growth(title, tuple(files), base.median, ratios))
            print(f"{database:10} {operation:16} {' '.join(quoted(figure) for figure in ratios)}", file=sys.stderr)
        return FlatSection(database, tuple(growth))


def _refused(operation: str, side: Side, file: Path) -> bool:
    """Whether the service says that it does not have this search (yet); any other wrong answer is for the rounds."""
    request = build(operation, read_patients(file, patients=1))[0]
    if len(request.parts) > 1 or not request.parts[0].startswith(b"GET "):
        return False
    answer = ask(side.port, request.parts[0])
    return answer.status == 400 and answer.body["issue"][0]["code"] == "not-supported"


def _rounds(operation: str, loads: dict[Side, LoadProcess], length: Length) -> list[tuple[float, ...]]:
    """CPU µs per request, per size, over alternating rounds of the same number of requests."""
    count = min(calibrate(load, (side,), operation, length) for side, load in loads.items())
    if operation == "flat-delete":
        count = min(count, _DELETABLE // TURNS // (length.rounds + 1))
    tasks = {side: Task(load, operation, count) for side, load in loads.items()}
    rounds = [alternate(tasks) for _ in range(length.rounds)]
    return [tuple(taken[side].cpu for taken in rounds) for side in loads]
