"""One measure by itself, from the command line: on the databases that are asked for, each in a folder of its own."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from benchmarks.rounds import WrongAnswer

Found = TypeVar("Found")


def measure_alone(
    prog: str,
    description: str,
    measure: Callable[..., Found],
    render: Callable[[Iterable[Found]], str],
    *,
    quick: Mapping[str, int],
) -> None:
    """Measure and print. ``quick``: how long ``--quick`` takes, as ``measure`` is told it. Ends the process with a
    message where an answer was not the one that is measured.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {prog}", description=description)
    parser.add_argument("--quick", action="store_true", help="three short rounds: an impression, not a result")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    arguments = parser.parse_args()
    databases = ("sqlite", "postgresql") if arguments.database == "both" else (arguments.database,)
    found = []
    for database in databases:
        with tempfile.TemporaryDirectory(prefix="zelfregie-bench-") as name:
            try:
                found.append(measure(database, Path(name), **(quick if arguments.quick else {})))
            except WrongAnswer as error:
                sys.exit(f"the run is void: {error}")
    print(render(found))
