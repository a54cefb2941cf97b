"""A proposal in its resource: about which plan, by whom, what it started from and what was answered.

https://hl7.org/fhir/R4/careplan.html, profile PlanProposal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.careplan.difference import GOAL, PLAN, TEAM
from app.careplan.names import Names
from app.careplan.plan import local
from app.careplan.words import Words, table
from app.fhir.resource import Resource, parse_reference

AnswerCode = Literal["accepted", "rejected", "withdrawn"]
PROPOSAL: Final = "proposal"
OPEN: Final = "draft"
WITHOUT_ITEMS: Final = ""
"""The item of an answer to a proposal in words only."""
Key = tuple[str, str, int]


def answer_words(answer: str) -> Words:
    """What was answered, for people."""
    words: Words = table()["answers"][answer]
    return words


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered to one item: ``when`` a dateTime, ``who`` a Reference."""

    item: str
    answer: AnswerCode
    reason: str
    when: str
    who: Mapping[str, Any]


def claims_proposal(resource: Resource | None, names: Names) -> bool:
    """Whether a CarePlan says that it is a proposal for a plan of ours."""
    if resource is None:
        return False
    profiles = resource.get("meta", {}).get("profile", ())
    return names.extension("PlanProposal") in profiles


def is_proposal_for(resource: Resource | None, plan_id: str) -> bool:
    """Whether a CarePlan is meant as a proposal for this plan, claimed or not."""
    if resource is None or resource.get("intent") != PROPOSAL:
        return False
    return (PLAN, plan_id) in [local(each) for each in resource.get("basedOn", ())]


def plan_of(proposal: Resource) -> str:
    """The id of the plan that it is about; empty where it names none."""
    found = [local(each) for each in proposal.get("basedOn", ())]
    return next((each[1] for each in found if each is not None and each[0] == PLAN), "")


def base_of(proposal: Resource, names: Names) -> list[Key]:
    """The versions that it started from, the plan's first."""
    url = names.extension("proposal-base")
    found = []
    for each in proposal.get("extension", ()):
        text = each.get("valueReference", {}).get("reference", "") if each.get("url") == url else ""
        literal = parse_reference(text)
        if literal is not None and literal.version is not None:
            found.append((literal.type, literal.id, int(literal.version)))
    return found


def base_extensions(base: Iterable[Key], names: Names) -> list[Resource]:
    """The same as extensions."""
    url = names.extension("proposal-base")
    return [
        {"url": url, "valueReference": {"reference": f"{kind}/{resource_id}/_history/{version}"}}
        for kind, resource_id, version in base
    ]


def answers_of(proposal: Resource, names: Names) -> dict[str, Answered]:
    """What was answered, by item."""
    url = names.extension("proposal-answer")
    found = {}
    for each in proposal.get("extension", ()):
        if each.get("url") != url:
            continue
        parts: dict[str, Any] = {
            part["url"]: next((value for name, value in part.items() if name.startswith("value")), None)
            for part in each.get("extension", ())
        }
        item = parts.get("item") or WITHOUT_ITEMS
        found[item] = Answered(item, parts["answer"], parts.get("reason") or "", parts["when"], parts["who"])
    return found


def with_answers(proposal: Resource, added: Iterable[Answered], names: Names, *, items: Iterable[str]) -> Resource:
    """A copy with more answers. Once each of ``items`` has one it is completed where any was accepted, else revoked."""
    added = list(added)
    url = names.extension("proposal-answer")
    answers = {**answers_of(proposal, names), **{each.item: each for each in added}}
    made = {**proposal, "extension": [*proposal.get("extension", ()), *(_written(each, url) for each in added)]}
    if all(each in answers for each in items):
        taken = any(each.answer == "accepted" for each in answers.values())
        made["status"] = "completed" if taken else "revoked"
    return made


def _written(answered: Answered, url: str) -> Resource:
    parts: list[Resource] = [{"url": "item", "valueString": answered.item}] if answered.item else []
    parts.append({"url": "answer", "valueCode": answered.answer})
    if answered.reason:
        parts.append({"url": "reason", "valueString": answered.reason})
    parts += [
        {"url": "when", "valueDateTime": answered.when},
        {"url": "who", "valueReference": dict(answered.who)},
    ]
    return {"url": url, "extension": parts}


def contained_of(proposal: Resource, kind: str) -> dict[str, Resource]:
    """The goals or teams that are in the proposal itself, by id."""
    return {each["id"]: each for each in proposal.get("contained", ()) if each["resourceType"] == kind}


def named_goals(proposal: Resource) -> list[str]:
    """The ids of the goals that it refers to and that stand by themselves."""
    found = [local(each) for each in proposal.get("goal", ())]
    return [each[1] for each in found if each is not None and each[0] == GOAL]


def named_team(proposal: Resource) -> str:
    """The id of the care network that it refers to, and that stands by itself; empty where there is none."""
    found = [local(each) for each in proposal.get("careTeam", ())]
    return next((each[1] for each in found if each is not None and each[0] == TEAM), "")
