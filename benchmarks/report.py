"""The report: figures beside the goals of DESIGN.md section 8 and the peers, as Markdown in a fixed layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.bgz import BgzCost
from benchmarks.bgz_record import SIZE
from benchmarks.figures import SPREAD_LIMIT, Figure
from benchmarks.floor import FLOOR_VERSION
from benchmarks.goals import (
    ACCESS_GOALS,
    BGZ_ASKED_GOALS,
    BGZ_GIVEN_GOAL,
    FLAT_GOAL,
    MEMORY_GOAL,
    PLAN_HISTORY_GOAL,
    PROFILE_GOAL,
    SERIES_GOAL,
    TRANSLATION_GOALS,
    Operation,
)
from benchmarks.plan_history import GOALS, REVISIONS, PlanHistory
from benchmarks.profile_check import PROFILE, ProfileCheck
from benchmarks.rounds import Comparison
from benchmarks.series import DAYS, SeriesCost
from benchmarks.translation import TranslationCost

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


def render_profile_check(found: ProfileCheck) -> str:
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


def render_plan_history(found: Iterable[PlanHistory]) -> str:
    """What looking back in a care plan costs, beside all of the record."""
    text = (
        "## Looking back in a care plan\n\n"
        f"CPU per request, with PostgreSQL's, in the record of one person with {REVISIONS} revisions of a plan with"
        f" {GOALS} goals, as a multiple of that person's `$everything` in the same rounds"
        " (`benchmarks/plan_history.py`).\n\n"
    )
    for each in found:
        rows = [
            (
                f"`{name}`" if " " not in name else name,
                f"{each.cpu[name].median:,.0f}",
                quoted(times),
                f"≤ {PLAN_HISTORY_GOAL} ×",
                verdict(times, PLAN_HISTORY_GOAL),
            )
            for name, times in each.ratios.items()
        ]
        header = (TITLES[each.database], "CPU µs", "× `$everything`", "goal", "met")
        text += f"{table(header, rows)}\n`$everything`: {each.everything.median:,.0f} µs.\n\n"
    return text


def render_series(found: Iterable[SeriesCost]) -> str:
    """What figures of measurements cost, beside the search that reads these."""
    text = (
        "## Figures of measurements\n\n"
        f"CPU per `$stats`, with PostgreSQL's, over {DAYS} daily values, as a multiple of the search that gives the"
        " same Observations in one page, in the same rounds (`benchmarks/series.py`).\n\n"
    )
    for each in found:
        rows = [
            (
                name,
                f"{each.cpu[name].median:,.0f}",
                quoted(times),
                f"≤ {SERIES_GOAL} ×",
                verdict(times, SERIES_GOAL),
            )
            for name, times in each.ratios.items()
        ]
        searched = "; ".join(f"{name} {figure.median:,.0f} µs" for name, figure in each.searches.items())
        header = (TITLES[each.database], "CPU µs", "× search", "goal", "met")
        text += f"{table(header, rows)}\nSearch: {searched}.\n\n"
    return text


def render_bgz(found: Iterable[BgzCost]) -> str:
    """What giving and asking a BgZ costs."""
    text = (
        "## A BgZ given and asked\n\n"
        f"CPU, with PostgreSQL's, of a GP's system that gives {SIZE} resources of STU3 in one transaction, beside the"
        f" floor's transaction of {SIZE} of the same size and what translating them to R4 costs; and of all 28"
        " requests of service 48, one after another, beside as many searches of the floor that give as much"
        " (`benchmarks/bgz.py`).\n\n"
    )
    for each in found:
        asked_goal = BGZ_ASKED_GOALS.get(each.database)
        rows = (
            ("given", quoted(each.given, "ms"), "–", "–"),
            ("the floor's transaction", quoted(each.floor, "ms"), "–", "–"),
            ("translation to R4", quoted(each.translation, "ms"), "–", "–"),
            (
                "given, × floor and translation",
                quoted(each.times),
                f"≤ {BGZ_GIVEN_GOAL} ×",
                verdict(each.times, BGZ_GIVEN_GOAL),
            ),
            (
                "all 28 requests",
                quoted(each.asked, "ms"),
                "–" if asked_goal is None else f"≤ {asked_goal:.0f} ms",
                verdict(each.asked, asked_goal),
            ),
            ("the floor's 28 searches", quoted(each.searched, "ms"), "–", "–"),
        )
        text += (
            f"{table((TITLES[each.database], 'CPU', 'goal', 'met'), rows)}\n"
            f"{each.bytes_given / 1000:,.0f} kB given; {each.found} resources in the answers to all requests.\n\n"
        )
    return text


def render_translation(found: TranslationCost) -> str:
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
