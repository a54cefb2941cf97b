"""The cycle as data: which events there are, by whom, from which phase to which (``cycle.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from app.careplan.plan import CLOSED, Cycle, Phase
from app.careplan.refusals import refusal

Side = Literal["patient", "care", "carer"]
"""The person, who represents them, or their app; a professional or an organisation's system; an informal carer."""
NO_PLAN: Final = "-"
ON_HOLD: Final = "on-hold"


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the table. ``to`` None: the phase stays. ``held``: what the plan being on hold means to it."""

    code: str
    phases: tuple[str, ...]
    by: frozenset[str]
    mouth: frozenset[str]
    to: Phase | None
    then: Phase | None
    held: Literal["no", "only", "also"]
    needs: tuple[str, ...]
    words: Mapping[str, Mapping[str, str]]

    def check(self, *, status: str, phase: str, side: Side, by_mouth: bool) -> None:
        """Whether it may happen. Raises ``Unprocessable`` with the rule that forbids it."""
        if status in CLOSED:
            raise refusal("closed", "CarePlan.status")
        if status == ON_HOLD and self.held == "no":
            raise refusal("on-hold")
        if status != ON_HOLD and self.held == "only":
            raise refusal("not-on-hold")
        if phase not in self.phases:
            raise refusal("wrong-phase", phase=phase, event=f"${self.code}", phases=", ".join(self.phases))
        if side in self.by:
            if by_mouth:
                raise refusal("not-by-mouth")
        elif side not in self.mouth:
            raise refusal("not-yours")
        elif not by_mouth:
            raise refusal("by-mouth")

    def after(self, cycle: Cycle, *, now: str, all_decided: bool = False, next_review: str | None = None) -> Cycle:
        """Where the plan is after it. ``all_decided``: ``then`` follows at once, in the next cycle."""
        phase: Phase = self.to or cycle.phase
        number = cycle.cycle
        if self.then is not None and all_decided:
            phase, number = self.then, number + 1
        since = cycle.since if (phase, number) == (cycle.phase, cycle.cycle) else now
        return Cycle(number, phase, since, cycle.next_review if next_review is None else next_review)


@cache
def events() -> Mapping[str, Event]:
    """Every event by its code."""
    table: dict[str, Any] = yaml.load(Path(__file__).with_name("cycle.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return {code: _event(code, row) for code, row in table["events"].items()}


def _event(code: str, row: dict[str, Any]) -> Event:
    return Event(
        code,
        tuple(row["from"]),
        frozenset(row["by"]),
        frozenset(row.get("mouth", ())),
        None if row["to"] == "same" else row["to"],
        row.get("then"),
        row.get("held", "no"),
        tuple(row.get("needs", ())),
        {language: row[language] for language in ("nl", "en")},
    )
