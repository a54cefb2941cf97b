"""What the demo tells about one invented person, as plain values. The wording is ours, in Dutch at level B1.

Times are counted from the reference date: ``days`` back or ahead, ``since`` in years back. Keys such as ``"dm2"`` or
``"weight"`` name entries of ``app.cli.demo.terms`` and ``app.cli.demo.kinds``; members of the care team are named by
their PractitionerRole id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GoalKind = Literal["life", "health", "lifestyle", "behaviour", "care"]


@dataclass(frozen=True, slots=True)
class Name:
    """A Dutch name: ``own_prefix`` and ``own_name`` as in "van Testen"; partner parts for who uses both names."""

    given: str
    own_name: str
    own_prefix: str = ""
    partner_name: str = ""
    partner_prefix: str = ""

    @property
    def family(self) -> str:
        """The family name as it is written: own name, then the partner's after a hyphen."""
        own = f"{self.own_prefix} {self.own_name}".strip()
        partner = f"{self.partner_prefix} {self.partner_name}".strip()
        return f"{own}-{partner}" if partner else own

    @property
    def full(self) -> str:
        """Given name and family name."""
        return f"{self.given} {self.family}"


@dataclass(frozen=True, slots=True)
class Home:
    """An address that does not exist: no Dutch postal code begins with a 0."""

    street: str
    number: str
    postal_code: str
    city: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A condition: a key of ``terms.PROBLEMS`` and the number of years that the person has it."""

    term: str
    since: int


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medicine in use: a key of ``terms.MEDICINES`` and how it is taken, in words."""

    term: str
    dose: str
    since: int


@dataclass(frozen=True, slots=True)
class Target:
    """The value to reach: a name that ``demo_kind`` takes, its decimal digits as text, the days left for it."""

    kind: str
    value: str
    days: int
    comparator: Literal["", "<", "<=", ">", ">="] = ""


@dataclass(frozen=True, slots=True)
class GoalWords:
    """One goal. ``personal``: in the person's own words, else in those of the coordinator of the care team.

    ``problems`` and ``milestones`` are positions in the persona's problems and goals, counted from 0.
    """

    text: str
    kind: GoalKind
    personal: bool = True
    achievement: str = "in-progress"
    priority: Literal["high", "medium", "low"] = "medium"
    problems: tuple[int, ...] = ()
    why: str = ""
    target: Target | None = None
    due_days: int | None = None
    milestones: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HowOften:
    """So many times in so many days, weeks or months."""

    times: int
    every: int
    unit: Literal["d", "wk", "mo"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who does what. ``by``: ``"patient"``, ``"contact"`` or a PractitionerRole id; ``goals``: positions from 0."""

    text: str
    by: str
    goals: tuple[int, ...]
    how_often: HowOften | None = None
    status: Literal["not-started", "in-progress", "completed"] = "in-progress"


@dataclass(frozen=True, slots=True)
class Trend:
    """From where to where a value moves in a series and how far it scatters, counted in units of its last digit."""

    start: int
    end: int
    scatter: int


@dataclass(frozen=True, slots=True)
class Series:
    """Home measurements, one in every ``every`` days from ``days`` ago on; ``second`` is the lower blood pressure."""

    kind: str
    days: int
    every: int
    trend: Trend
    second: Trend | None = None
    hour: int = 8
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Portrait:
    """The answers to our own list "Wie ben ik", and how sure the person is of their first goal, from 0 to 10."""

    life: str
    matters: str
    goes_well: str
    worries: str
    confidence: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The answers to our own list "Samen beslissen"; ``goal`` is the position, from 0, of the goal that it led to.

    ``options`` are (option, for, against); the last is to do nothing for now.
    """

    choice: str
    options: tuple[tuple[str, str, str], ...]
    preference: str
    decision: str
    goal: int


@dataclass(frozen=True, slots=True)
class Chore:
    """A Task for the person to do."""

    text: str
    status: Literal["requested", "accepted", "in-progress"]
    days_ahead: int


@dataclass(frozen=True, slots=True)
class Contact:
    """Someone near the person who helps."""

    name: Name
    relation: str


@dataclass(frozen=True, slots=True)
class Persona:
    """One invented person and their plan. ``team`` starts with the responsible clinician, then the coordinator."""

    id: str
    name: Name
    gender: Literal["female", "male"]
    birth_date: str
    home: Home
    team: tuple[str, ...]
    problems: tuple[Problem, ...]
    medicines: tuple[Medicine, ...]
    portrait: Portrait
    goals: tuple[GoalWords, ...]
    agreements: tuple[Agreement, ...]
    chore: Chore
    series: tuple[Series, ...]
    contact: Contact | None = None
    decision: Decision | None = None
    plan_status: Literal["draft", "active"] = "active"
    plan_days: int = 400

    @property
    def short(self) -> str:
        """The first part of the id, with which the ids of everything of this person begin."""
        return self.id.partition("-")[0]
