"""Alternating rounds: what each operation costs on the service and on the floor, in the same minute."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure, ratio
from benchmarks.goals import Operation
from benchmarks.load import LoadProcess, Round
from benchmarks.sides import Side


class WrongAnswer(Exception):
    """A request of the load was answered otherwise than it must be; the run is void."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round on one side: CPU in µs per request, everything included, and what the client saw."""

    cpu: float
    round: Round


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
        return statistics.median(quantity(sample.round) for sample in self.samples)


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


def sample(load: LoadProcess, side: Side, operation: str, count: int) -> Sample:
    """One round, its CPU read when the side has settled."""
    side.settle()
    before = side.usage()
    result = checked(load, side, operation, count=count)
    side.settle()
    return Sample((side.usage() - before).cpu_ns / 1000 / count, result)


def calibrate(load: LoadProcess, sides: Sequence[Side], operation: str, length: Length) -> int:
    """Requests per round, the same for all sides, so that the slowest takes about ``length.seconds``. It warms every
    side up with the same requests, so that all stay at the same place in the stream.
    """
    first = checked(load, sides[0], operation, seconds=length.seconds / 2)
    others = [checked(load, side, operation, count=first.requests) for side in sides[1:]]
    slowest = min(result.rate for result in (first, *others))
    return max(8, round(slowest * length.seconds / 8) * 8)


def compare(
    load: LoadProcess, service: Side, floor: Side, constant: Side, *, operation: Operation, length: Length
) -> Comparison:
    """All rounds of one operation: service and floor take turns at going first."""
    count = calibrate(load, (service, floor), operation.name, length)
    yardstick = calibrate(load, (constant,), "read", Length(length.rounds, length.seconds / 2))
    taken: dict[str, list[Sample]] = {service.name: [], floor.name: []}
    constants: list[Sample] = []
    before = {side.name: _written(side, operation) for side in (service, floor)}
    for number in range(length.rounds):
        for side in (service, floor) if number % 2 == 0 else (floor, service):
            taken[side.name].append(sample(load, side, operation.name, count))
        constants.append(sample(load, constant, "read", yardstick))
    resources = count * length.rounds * operation.resources
    costs = {}
    for side in (service, floor):
        grown = _written(side, operation) - before[side.name]
        costs[side.name] = Cost(tuple(taken[side.name]), grown / resources if resources else None)
    return Comparison(operation, costs[service.name], costs[floor.name], Cost(tuple(constants)))


def _written(side: Side, operation: Operation) -> int:
    """Bytes written so far, with what PostgreSQL holds back; read only where the operation writes."""
    if not operation.resources:
        return 0
    side.settle()
    side.checkpoint()
    return side.usage().written
