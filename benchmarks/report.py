"""The report: figures beside the goals of DESIGN.md section 8 and the peers, as Markdown in a fixed layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.figures import SPREAD_LIMIT, Figure
from benchmarks.floor import FLOOR_VERSION
from benchmarks.goals import (
    ACCESS_GOALS,
    FLAT_GOAL,
    MEMORY_GOAL,
    Operation,
)
from benchmarks.rounds import Comparison

TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Section:
    """One database's results."""

    database: str
    server: str
    """What PostgreSQL says about itself; empty for SQLite."""
    comparisons: tuple[Comparison, ...]
    memory: int
    """Private memory (RssAnon) of the service after the last round, bytes."""
    load_before: str
    load_after: str
    practice: str
    """The data set of the operations marked with a dagger, such as ``2,000 patients × 13``."""
    decision: Figure | None = None
    """CPU µs that token, permit and audit take on a read by id."""


@dataclass(frozen=True, slots=True)
class Growth:
    """CPU µs per request of one operation on the small data set, and on the others as a multiple of it; without figures
    where the service does not offer the operation.
    """

    operation: str
    sizes: tuple[str, ...]
    base_cpu: float | None
    ratios: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class FlatSection:
    """Flatness on one database."""

    database: str
    growth: tuple[Growth, ...]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, first column left, the others right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def quoted(figure: Figure, unit: str = "×") -> str:
    """The median and spread; in brackets where it may not be quoted."""
    text = f"{figure.median:.2f} {unit}, ±{figure.spread:.0%}"
    return text if figure.measured else f"not measured ({text})"


def verdict(figure: Figure, goal: float | None) -> str:
    """Whether the goal is met, as far as there is one and the figure can be quoted."""
    if goal is None or not figure.measured:
        return "–"
    return "yes" if figure.median <= goal else "**no**"


def _limit(goal: float | None) -> str:
    return "–" if goal is None else f"≤ {goal:.1f} ×"


def _peer(operation: Operation, rate: float) -> tuple[str, str]:
    """The peer's requests/s, and whether ``rate`` is ahead of it."""
    if operation.peer_rate is None:
        return "–", "–"
    return f"{operation.peer_rate:,.0f} ({operation.peer})", "yes" if rate > operation.peer_rate else "**no**"


def _cost_table(section: Section) -> str:
    rows = [
        (
            comparison.operation.title,
            f"{comparison.service.cpu.median:,.0f}",
            f"{comparison.floor.cpu.median:,.0f}",
            f"{comparison.constant.cpu.median:,.1f}",
            quoted(comparison.to_floor),
            _limit(comparison.operation.goal(section.database)),
            verdict(comparison.to_floor, comparison.operation.goal(section.database)),
            quoted(comparison.to_constant),
        )
        for comparison in section.comparisons
    ]
    header = ("CPU per request, µs", "service", "floor", "constant", "× floor", "goal", "met", "× constant")
    return table(header, rows)


def _rate_table(section: Section) -> str:
    rows = []
    for comparison in section.comparisons:
        service, floor, operation = comparison.service, comparison.floor, comparison.operation
        rate = service.typical(lambda seen: seen.rate)
        rows.append(
            (
                operation.title,
                f"{rate:,.0f}",
                f"{floor.typical(lambda seen: seen.rate):,.0f}",
                f"{service.typical(lambda seen: seen.p50):.2f}",
                f"{service.typical(lambda seen: seen.p95):.2f}",
                *_peer(operation, rate),
                "–" if service.written is None else f"{service.written:,.0f}",
                "–" if floor.written is None else f"{floor.written:,.0f}",
            )
        )
    header = (
        "8 connections", "req/s", "floor req/s", "p50 ms", "p95 ms", "best peer req/s", "ahead",
        "bytes written per resource", "floor",
    )  # fmt: skip
    return table(header, rows)


def _rounds_table(section: Section) -> str:
    rows = [
        (comparison.operation.name, " ".join(f"{ratio:.2f}" for ratio in comparison.to_floor.rounds))
        for comparison in section.comparisons
    ]
    return table(("× floor, round by round", ""), rows)


def render_section(section: Section, sides: tuple[str, str]) -> str:
    """One database."""
    met = "yes" if section.memory <= MEMORY_GOAL else "**no**"
    text = f"## {TITLES[section.database]}\n\n"
    if section.server:
        text += f"{section.server}\n\n"
    text += f"Load average before {section.load_before}, after {section.load_after}.\n\n"
    if sides != ("service", "floor"):
        text += f"Here `service` stands for {sides[0]} and `floor` for {sides[1]}.\n\n"
    text += _cost_table(section) + "\n" + _rate_table(section) + "\n" + _rounds_table(section) + "\n"
    goal = f"goal ≤ {MEMORY_GOAL / 1e6:.0f} MB, met: {met}"
    text += f"† On a data set of its own, {section.practice}, by the token of a professional who treats them all.\n\n"
    text += f"Private memory (RssAnon) after the last round: {section.memory / 1e6:.1f} MB; {goal}.\n\n"
    if section.decision is not None:
        most = ACCESS_GOALS[section.database]
        held = verdict(section.decision, most)
        text += (
            "Token, permit and audit together on a read by id (`benchmarks/bare.py`):"
            f" {quoted(section.decision, 'µs')}; goal ≤ {most:.0f} µs, met: {held}. Rounds: "
            + ", ".join(f"{each:.0f}" for each in section.decision.rounds)
            + " µs.\n\n"
        )
    return text


def render_flat(section: FlatSection) -> str:
    """Flatness on one database."""
    sizes = section.growth[0].sizes
    header = ("CPU per request", f"µs at {sizes[0]}", *(f"at {size}" for size in sizes[1:]), "goal", "met")
    rows = []
    for growth in section.growth:
        if growth.base_cpu is None:
            rows.append((growth.operation, "not offered", *["–"] * len(sizes[1:]), f"≤ {FLAT_GOAL} ×", "**no**"))
            continue
        met = all(figure.measured and figure.median <= FLAT_GOAL for figure in growth.ratios)
        figures = (quoted(figure) for figure in growth.ratios)
        cost = f"{growth.base_cpu:,.0f}"
        rows.append((growth.operation, cost, *figures, f"≤ {FLAT_GOAL} ×", "yes" if met else "**no**"))
    return f"## Flat as the record grows: {TITLES[section.database]}\n\n{table(header, rows)}\n"


def render(title: str, command: str, facts: dict[str, str], body: Iterable[str]) -> str:
    """The whole report."""
    about = {"command": f"`{command}`", "floor": f"version {FLOOR_VERSION}", **facts}
    return (
        f"# {title}\n\n"
        "Made by `benchmarks/run.py`; `benchmarks/README.md` says what is counted and how to read it.\n\n"
        + table(("", ""), about.items())
        + f"\n±: distance between the quartiles of the rounds, as a share of the median; above {SPREAD_LIMIT:.0%} the "
        'figure is "not measured". Peers: their best round on a machine of this kind (2 shared cores), November '
        "2026, WSO2 without authentication.\n\n" + "".join(body)
    )
