"""What somebody means by a change of the plan: the event, and what was said with it.

The operations make one and hand it to the rules with their drafts; a change without one is the event ``change``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.careplan.names import Names


@dataclass(frozen=True, slots=True)
class WordOfMouth:
    """When, how (a code of ``agreement-way``) and with whom it was agreed, as a professional records it."""

    when: str
    how: str
    present: Sequence[dict[str, Any]]
    """References, or ``{"display": …}`` for who is not in the record."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one goal: ``continue``, ``adjust``, ``achieved`` or ``stop``."""

    goal: str
    decision: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """One event of the cycle. ``phase`` and ``cycle`` are those that the revision carries where the plan itself has
    moved on already; ``reason`` is a code of ``revision-reason`` or empty; ``sources`` are references to what the
    change came from: a proposal, a merged plan, an earlier revision.
    """

    event: str
    reason: str = ""
    reason_text: str = ""
    mouth: WordOfMouth | None = None
    decisions: Sequence[Decision] = ()
    sources: Sequence[str] = ()
    authors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Who made a source, as a Reference, by that source."""
    phase: str = ""
    cycle: int = 0
    extra: Sequence[dict[str, Any]] = field(default=())
    """Further extensions of the revision."""
    seen: int = 0
    """The version of the plan that it was made for; 0 where there was none."""

    def extensions(self, names: Names) -> list[dict[str, Any]]:
        """The extensions that say it."""
        found: list[dict[str, Any]] = []
        if self.mouth is not None:
            present = [
                {"url": "present", "valueReference": each}
                if "reference" in each
                else {"url": "present", "valueString": each["display"]}
                for each in self.mouth.present
            ]
            parts = [
                {"url": "when", "valueDateTime": self.mouth.when},
                {"url": "how", "valueCode": self.mouth.how},
                *present,
            ]
            found.append({"url": names.extension("word-of-mouth"), "extension": parts})
        for each in self.decisions:
            # Why is said in the goal: who may not see that may see the revision.
            parts = [
                {"url": "goal", "valueReference": {"reference": f"Goal/{each.goal}"}},
                {"url": "decision", "valueCode": each.decision},
            ]
            found.append({"url": names.extension("goal-decision"), "extension": parts})
        return [*found, *self.extra]

    def reasons(self, names: Names) -> list[dict[str, Any]]:
        """``Provenance.reason``."""
        concept: dict[str, Any] = {}
        if self.reason:
            concept["coding"] = [{"system": names.system("revision-reason"), "code": self.reason}]
        if self.reason_text:
            concept["text"] = self.reason_text
        return [concept] if concept else []


CHANGE: Final = Intent("change")
