"""What an individual care plan is, in its resource. https://hl7.org/fhir/R4/careplan.html

The IZP is the CarePlan with our own category code, which only ``$start`` gives; every other CarePlan is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.careplan.names import IZP, Names
from app.fhir.resource import Resource, parse_reference

Phase = Literal["plan", "do", "check", "act"]
OPEN: Final = frozenset({"draft", "active", "on-hold", "unknown"})
"""The statuses in which there is one plan per person."""
CLOSED: Final = frozenset({"completed", "revoked", "entered-in-error"})
OPEN_GOALS: Final = frozenset({"proposed", "planned", "accepted", "active", "on-hold"})


@dataclass(frozen=True, slots=True)
class Cycle:
    """Where a plan is: ``cycle`` counts from 1, ``since`` is a dateTime, ``next_review`` a date or empty."""

    cycle: int
    phase: Phase
    since: str
    next_review: str = ""


def has_category(resource: Resource | None, names: Names, code: str) -> bool:
    """Whether a CarePlan has one of our categories."""
    return resource is not None and any(
        coding.get("system") == names.categories and coding.get("code") == code
        for category in resource.get("category", ())
        for coding in category.get("coding", ())
    )


def is_plan(resource: Resource | None, names: Names) -> bool:
    """Whether a CarePlan is the individual care plan."""
    return has_category(resource, names, IZP)


def is_open(plan: Resource) -> bool:
    """Whether the plan is not closed."""
    return plan.get("status") in OPEN


def cycle_of(plan: Resource, names: Names) -> Cycle | None:
    """Where the plan is; None when it does not say."""
    found = next((each for each in plan.get("extension", ()) if each.get("url") == names.cycle), None)
    if found is None:
        return None
    parts: dict[str, Any] = {}
    for each in found.get("extension", ()):
        parts[each["url"]] = next((value for name, value in each.items() if name.startswith("value")), None)
    return Cycle(
        parts.get("cycle") or 1, parts.get("phase") or "plan", parts.get("since") or "", parts.get("nextReview") or ""
    )


def with_cycle(plan: Resource, cycle: Cycle, names: Names) -> Resource:
    """A copy of the plan that stands elsewhere in its cycle."""
    parts: list[Resource] = [
        {"url": "cycle", "valuePositiveInt": cycle.cycle},
        {"url": "phase", "valueCode": cycle.phase},
        {"url": "since", "valueDateTime": cycle.since},
    ]
    if cycle.next_review:
        parts.append({"url": "nextReview", "valueDate": cycle.next_review})
    others = [each for each in plan.get("extension", ()) if each.get("url") != names.cycle]
    return {**plan, "extension": [{"url": names.cycle, "extension": parts}, *others]}


def local(reference: Any) -> tuple[str, str] | None:
    """(Type, id) of a literal Reference; None for another."""
    text = reference.get("reference") if isinstance(reference, dict) else None
    found = parse_reference(text) if isinstance(text, str) else None
    return None if found is None else (found.type, found.id)


def goals_of(plan: Resource) -> list[str]:
    """The ids of the plan's goals, in their order, each once."""
    found = [local(each) for each in plan.get("goal", ())]
    return list(dict.fromkeys(each[1] for each in found if each is not None and each[0] == "Goal"))


def teams_of(plan: Resource) -> list[str]:
    """The ids of the plan's care network."""
    found = [local(each) for each in plan.get("careTeam", ())]
    return [each[1] for each in found if each is not None and each[0] == "CareTeam"]


def shown_by(plan: Resource) -> Iterator[tuple[str, str]]:
    """(Type, id) of everything that the plan names and shows, each once: goals, network, conditions, what activities
    refer to, decisions and what else it is supported by.
    """
    listed: list[Any] = []
    for name in ("goal", "careTeam", "addresses", "supportingInfo"):
        listed += plan.get(name, ())
    for activity in plan.get("activity", ()):
        listed += [activity.get("reference"), *activity.get("outcomeReference", ())]
    yield from dict.fromkeys(found for each in listed if (found := local(each)) is not None)


def unversioned(resource: Resource) -> Resource:
    """A copy without what the server keeps of a version."""
    meta = resource.get("meta", {})
    kept = {name: value for name, value in meta.items() if name not in ("versionId", "lastUpdated")}
    return {**resource, "meta": kept}
