"""Alternating rounds: what each operation costs on the service and on the floor, in the same minute."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.figures import Figure, ratio
from benchmarks.goals import Operation
from benchmarks.load import LoadProcess, Round
from benchmarks.sides import Side

TURNS: Final = 4
"""Turns of each side in a round."""


class WrongAnswer(Exception):
    """A request of the load was answered otherwise than it must be; the run is void."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round on one side: CPU in µs per request, everything included, and what the client saw in each turn."""

    cpu: float
    turns: tuple[Round, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """One side's rounds of one operation."""

    samples: tuple[Sample, ...]
    written: float | None = None
    """Bytes written to storage per resource created; None for reads."""

    @property
    def cpu(self) -> Figure:
        """CPU µs per request."""
        return Figure(tuple(sample.cpu for sample in self.samples))

    def typical(self, quantity: Callable[[Round], float]) -> float:
        """The median over the rounds of what the client saw, such as its p95."""
        return statistics.median(quantity(turn) for sample in self.samples for turn in sample.turns)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operation on service, floor and constant."""

    operation: Operation
    service: Cost
    floor: Cost
    constant: Cost

    @property
    def to_floor(self) -> Figure:
        """CPU of the service as a multiple of the floor's."""
        return ratio(self.service.cpu.rounds, self.floor.cpu.rounds)

    @property
    def to_constant(self) -> Figure:
        """CPU of the service as a multiple of the raw ASGI constant's."""
        return ratio(self.service.cpu.rounds, self.constant.cpu.rounds)


@dataclass(frozen=True, slots=True)
class Length:
    """How long to measure: rounds per operation, and seconds that one round takes the slower side."""

    rounds: int
    seconds: float


def checked(
    load: LoadProcess, side: Side, operation: str, *, count: int | None = None, seconds: float | None = None
) -> Round:
    """A round of load. Raises ``WrongAnswer`` unless every answer was the right one."""
    result = load.round(side.name, side.port, operation, count=count, seconds=seconds)
    if result.failed:
        shown = "\n  ".join(result.failures)
        raise WrongAnswer(
            f"{side.name}, {operation}: {result.failed} of {result.requests} answers were wrong:\n  {shown}"
        )
    return result


@dataclass(frozen=True, slots=True)
class Task:
    """What a side does in a turn."""

    load: LoadProcess
    operation: str
    count: int


def alternate(tasks: Mapping[Side, Task]) -> dict[Side, Sample]:
    """One round: the sides take ``TURNS`` turns each, there and back, so that a disturbance falls on all of them.

    CPU is read before the first turn and when all have settled after the last: it belongs to its processes, whoever's
    turn it is, so what a side does later for its requests is counted, and waiting for that does not break up the load.
    """
    before = {side: side.usage() for side in tasks}
    seen: dict[Side, list[Round]] = {side: [] for side in tasks}
    for number in range(TURNS):
        for side in tasks if number % 2 == 0 else reversed(list(tasks)):
            task = tasks[side]
            seen[side].append(checked(task.load, side, task.operation, count=task.count))
    for side in tasks:
        side.settle()
    return {
        side: Sample((side.usage() - before[side]).cpu_ns / 1000 / (task.count * TURNS), tuple(seen[side]))
        for side, task in tasks.items()
    }


def calibrate(load: LoadProcess, sides: Sequence[Side], operation: str, length: Length) -> int:
    """Requests per turn, the same for all sides, so that the slowest's round takes about ``length.seconds``. It warms
    every side up with the same requests, so that all stay at the same place in the stream, and leaves them settled.
    """
    first = checked(load, sides[0], operation, seconds=length.seconds / 2)
    others = [checked(load, side, operation, count=first.requests) for side in sides[1:]]
    for side in sides:
        side.settle()
    slowest = min(result.rate for result in (first, *others))
    return max(8, round(slowest * length.seconds / TURNS / 8) * 8)


def compare(
    load: LoadProcess, service: Side, floor: Side, constant: Side, *, operation: Operation, length: Length
) -> Comparison:
    """All rounds of one operation."""
    task = Task(load, operation.name, calibrate(load, (service, floor), operation.name, length))
    yardstick = Task(load, "read", calibrate(load, (constant,), "read", length))
    before = {side: _written(side, operation) for side in (service, floor)}
    rounds = [alternate({service: task, floor: task, constant: yardstick}) for _ in range(length.rounds)]
    resources = task.count * TURNS * length.rounds * operation.resources
    costs = {}
    for side in (service, floor):
        written = (_written(side, operation) - before[side]) / resources if resources else None
        costs[side] = Cost(tuple(taken[side] for taken in rounds), written)
    return Comparison(operation, costs[service], costs[floor], Cost(tuple(taken[constant] for taken in rounds)))


def compare_bare(load: LoadProcess, service: Side, bare: Side, *, length: Length) -> Figure:
    """What the access decision costs on a read by id: CPU µs that the service takes more than the bare one, round by
    round.
    """
    task = Task(load, "read", calibrate(load, (service, bare), "read", length))
    rounds = [alternate({service: task, bare: task}) for _ in range(length.rounds)]
    return Figure(tuple(taken[service].cpu - taken[bare].cpu for taken in rounds))


def _written(side: Side, operation: Operation) -> int:
    """Bytes written so far, with what PostgreSQL holds back; read only where the operation writes."""
    if not operation.resources:
        return 0
    side.settle()
    side.checkpoint()
    return side.usage().written
