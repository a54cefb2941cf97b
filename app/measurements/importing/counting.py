"""What became of the lines of a file: counted, and told of those that there is something to say of.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.errors import Issue
from app.fhir.resource import decode, encode
from app.measurements.importing.lines import Problem, Words

STORED: Final = "stored"
SAME: Final = "same"
FLAGGED: Final = "flagged"
REFUSED: Final = "refused"
LEFT_OUT: Final = "left-out"
OUTCOMES: Final = (STORED, SAME, FLAGGED, REFUSED, LEFT_OUT)
"""What a line is counted as; what is flagged is stored, too, and counted as both."""
PREFIX: Final = "import-"
"""Begins the codes of the rules of a file."""
MOST_TOLD: Final = 10_000
"""Rows of the report that are kept; beyond that they are only counted."""


@dataclass(frozen=True, slots=True)
class Told:
    """One row of the report: the line, how serious it is (error: not stored), the code of the rule, the place in the
    line, and the text in both languages.
    """

    line: int
    severity: str
    rule: str
    place: str
    nl: str
    en: str


@dataclass(slots=True)
class Counts:
    """Of one import: ``read`` lines or records; by what became of them; by kind those stored; by rule what was said;
    and what is no measurement here, by what the file calls it.
    """

    read: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    unused: Mapping[str, int] = field(default_factory=dict)
    told: int = 0

    def packed(self) -> bytes:
        """As it is kept with the job."""
        return encode(
            {
                "read": self.read,
                "outcomes": dict(self.outcomes),
                "kinds": dict(self.kinds),
                "rules": dict(self.rules),
                "unused": dict(self.unused),
                "told": self.told,
            }
        )

    def copy(self) -> Counts:
        """The same, to be counted on."""
        return unpacked(self.packed())


def unpacked(data: bytes) -> Counts:
    """What was kept with a job."""
    read: dict[str, Any] = decode(data) if data else {}
    outcomes, kinds, rules = (Counter[str](read.get(name, {})) for name in ("outcomes", "kinds", "rules"))
    return Counts(read.get("read", 0), outcomes, kinds, rules, read.get("unused", {}), read.get("told", 0))


@cache
def _texts() -> Mapping[str, Words]:
    found: Mapping[str, Words] = yaml.load(
        Path(__file__).with_name("problems.yaml").read_text("utf-8"), yaml.CSafeLoader
    )
    return found


def told_of(line: int, problem: Problem) -> Told:
    """A problem that a reader found, as a row of the report."""
    texts = _texts()[problem.code]
    said = {
        language: texts[language].format(
            **{name: fact if isinstance(fact, str) else fact[language] for name, fact in problem.facts.items()}
        )
        for language in ("nl", "en")
    }
    severity = "error" if problem.refuses else "warning"
    return Told(line, severity, f"{PREFIX}{problem.code}", problem.place, said["nl"], said["en"])


def told_of_issues(line: int, issues: Sequence[Issue]) -> list[Told]:
    """What the service's own checks said; their texts have English before Dutch."""
    found = []
    for each in issues:
        en, _, nl = each.diagnostics.partition(" / ")
        place = ", ".join(each.expression)
        found.append(Told(line, each.severity, each.rule or each.code, place, nl or en, en))
    return found
