"""What a care plan does not hold: texts that nobody reads to the end, a day to look back that never comes.

The limits are data (``limits.yaml``); who goes beyond one is told which. https://hl7.org/fhir/R4/careplan.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.auth.accounts.ages import birthday
from app.careplan.evaluation import is_of_a_goal
from app.careplan.names import Names
from app.careplan.proposals.proposal import claims_proposal
from app.careplan.refusals import issue, refusal
from app.errors import Issue
from app.fhir.dates import bounds, local_date, midnight
from app.fhir.resource import Resource
from app.server.rules import Change

_NARRATIVE: Final = "text"
"""Made of the rest of the resource: as long as that is."""


@cache
def _limits() -> Mapping[str, int]:
    found: Mapping[str, int] = yaml.load(Path(__file__).with_name("limits.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return found


def usual_review(now: int) -> str:
    """The day to look back on when nobody says, as a FHIR ``date``."""
    return (local_date(now) + timedelta(days=_limits()["review-days"])).isoformat()


def most_asking() -> int:
    """How many activities of a plan ask for something; of those after them nothing is asked."""
    return _limits()["asking"]


def check_review(day: str, path: str, *, now: int) -> None:
    """Whether one can agree at ``now`` (µs) to look back on a day, a FHIR ``date``. Raises ``Unprocessable``."""
    today = local_date(now)
    if bounds(day)[0] < midnight(today):
        raise refusal("review-needed", path)
    check_not_too_late(day, path, now=now)


def check_not_too_late(day: str, path: str, *, now: int) -> None:
    """That the day to look back is not too far ahead. Raises the same."""
    last = birthday(local_date(now), _limits()["review-years"])
    if bounds(day)[0] > midnight(last):
        raise refusal("review-too-late", path, last=last.isoformat())


def length_issues(changes: Iterable[Change], parts: Iterable[Change], names: Names, *, reason: str = "") -> list[Issue]:
    """The texts that are too long in ``parts`` of a plan, in what ``changes`` say beside it (goals that are proposed,
    proposals, what is said of goals), and in the reason that is given.
    """
    ids = {id(each) for each in parts}
    most = _limits()["text"]
    issues = [issue("text-too-long", "Provenance.reason.text", most=str(most))] if len(reason) > most else []
    for each in changes:
        if each.after is not None and (id(each) in ids or _is_of_a_plan(each, names)):
            issues += text_issues(each.after)
    return issues


def _is_of_a_plan(change: Change, names: Names) -> bool:
    after = change.after or {}
    if change.type == "Goal":
        url = names.extension("proposed-for-plan")
        return any(each.get("url") == url for each in after.get("extension", ()))
    if change.type == "Observation":
        return is_of_a_goal(after, names)
    return change.type == "CarePlan" and claims_proposal(after, names)


def text_issues(resource: Resource) -> list[Issue]:
    """The texts of a resource that are too long, with where they are."""
    most = _limits()["text"]
    kind: str = resource["resourceType"]
    return [issue("text-too-long", path, most=str(most)) for path in _too_long(resource, kind, most)]


def _too_long(value: Any, path: str, most: int) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) > most:
            yield path
    elif isinstance(value, dict):
        for name, each in value.items():
            if not (name == _NARRATIVE and isinstance(each, dict) and "div" in each):
                yield from _too_long(each, f"{path}.{name}", most)
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _too_long(each, f"{path}[{at}]", most)
