"""Answers to a proposal: which items are meant, and what accepting and rejecting them makes of everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from app.careplan.cycle import events
from app.careplan.difference import Element, Item, applied
from app.careplan.limits import check_review
from app.careplan.names import Names
from app.careplan.people import author_of, side_of
from app.careplan.plan import cycle_of, goals_of, is_open
from app.careplan.proposals.judging import Judged, goals_in, together
from app.careplan.proposals.proposal import WITHOUT_ITEMS, AnswerCode, Answered, answer_words, with_answers
from app.careplan.proposals.reading import Situation
from app.careplan.proposals.taking import taken_over
from app.careplan.refusals import issue, refusal
from app.errors import Conflict, Issue, Unprocessable
from app.fhir.dates import instant, local_date
from app.fhir.resource import Resource
from app.server.messages import Request

REJECTED_WITHOUT_REASON: Final = "Niet gewenst door de persoon zelf. / Not wanted by the person."
WAITING: Final = frozenset({"proposed", "planned"})
"""Statuses of a goal that waits for an answer."""


_CONTENT: Final = frozenset({"contained", "goal", "careTeam", "activity"})
"""Elements of a proposal that has items, while what they are about is there."""


@dataclass(slots=True)
class Written:
    """What an answer writes: resources of the plan, those beside it, each new or not; the proposal."""

    plan: list[tuple[Resource, bool]] = field(default_factory=list)
    beside: list[Resource] = field(default_factory=list)
    proposal: Resource | None = None


def accepted(situation: Situation, request: Request, chosen: Sequence[str], reason: str) -> Written | None:
    """What accepting makes; None where all of it was accepted before. Raises ``Unprocessable`` and ``Conflict``."""
    check_side(request)
    check_plan(situation.plan.resource, request, situation.names)
    waiting = _waiting(situation, chosen, "accepted")
    if waiting is None:
        return None
    _check_fit(waiting)
    _check_needs(situation, waiting)
    items = [_without(each.item, _declined(situation)) for each in waiting if each.state == "open"]
    _check_review(items, request)
    after = applied(situation.current, items, situation.names)
    made = taken_over(situation.current, after, items, situation.patient_id, situation.names, now=request.now)
    written = Written(list(made))
    written.proposal = _answered(situation, request, waiting, "accepted", reason)
    return written


def rejected(situation: Situation, request: Request, chosen: Sequence[str], reason: str) -> Written | None:
    """What rejecting makes; None where all of it was rejected before. Raises the same."""
    check_side(request)
    waiting = _waiting(situation, chosen, "rejected")
    if waiting is None:
        return None
    written = Written()
    there = goals_of(situation.plan.resource)
    for each in waiting:
        goal = situation.current.goals.get(each.item.key) if each.item.part == "goal" else None
        if goal is not None and each.item.kind == "added" and each.item.key not in there:
            written.beside += declined_goal(goal, reason, now=request.now)
    written.proposal = _answered(situation, request, waiting, "rejected", reason)
    return written


def declined_goal(goal: Resource, reason: str, *, now: int) -> list[Resource]:
    """A goal that stands by itself once it was rejected; none where it does not wait for that."""
    if goal.get("lifecycleStatus") not in WAITING:
        return []
    return [ended(goal, "rejected", reason or REJECTED_WITHOUT_REASON, now=now)]


def ended(goal: Resource, status: str, reason: str, *, now: int) -> Resource:
    """A goal that goes no further."""
    return {**goal, "lifecycleStatus": status, "statusDate": local_date(now).isoformat(), "statusReason": reason}


def check_side(request: Request) -> None:
    """Raises ``Unprocessable`` unless it is the person, who represents them, or their app."""
    if side_of(request.access) != "patient":
        raise refusal("not-yours")


def check_plan(plan: Resource, request: Request, names: Names) -> None:
    """Raises ``Unprocessable`` where the plan takes nothing over now."""
    if not is_open(plan):
        raise refusal("closed", "CarePlan.status")
    cycle = cycle_of(plan, names)
    if cycle is None:
        raise refusal("keeps-its-profile", "CarePlan.extension", profile=names.plan_profile)
    side = side_of(request.access)
    events()["accept"].check(status=plan["status"], phase=cycle.phase, side=side, by_mouth=False)


def conflict(issues: Iterable[Issue]) -> Conflict:
    """The refusal of what does not fit any more, with an issue for each."""
    return Conflict("", "conflict", issues=tuple(replace(each, code="conflict") for each in issues))


def _waiting(situation: Situation, chosen: Sequence[str], answer: AnswerCode) -> list[Judged] | None:
    """The chosen items that were not answered yet, all that wait where none is chosen; None where there is nothing to
    do. Of a proposal in words only: none of its items.
    """
    if not situation.items and not situation.hidden:
        return _words_only(situation, chosen, answer)
    by_id = {each.item.id: each for each in situation.judged}
    if not chosen:
        if situation.hidden:
            raise refusal("proposal-unseen", "item")
        ids = [key for key, each in by_id.items() if each.is_open] or list(by_id)
    else:
        ids = together(situation.judged, chosen)
    if unknown := [each for each in ids if each not in by_id]:
        issues = tuple(issue("item-unknown", "item", item=each) for each in unknown)
        raise Unprocessable("", "business-rule", issues=issues)
    found = [by_id[each] for each in ids]
    otherwise = [each for each in found if not each.is_open and each.state != answer]
    if otherwise:
        raise conflict(
            issue("item-answered", "item", item=each.item.id, answer=answer_words(each.state)) for each in otherwise
        )
    return [each for each in found if each.is_open] or None


def _words_only(situation: Situation, chosen: Sequence[str], answer: AnswerCode) -> list[Judged] | None:
    if chosen:
        raise refusal("item-unknown", "item", item=chosen[0])
    given = situation.answers.get(WITHOUT_ITEMS)
    if given is None:
        if answer == "accepted" and not _CONTENT.isdisjoint(situation.proposal.resource):
            raise conflict([issue("proposal-erased", "CarePlan")])
        return []
    if given.answer != answer:
        raise conflict([issue("item-answered", item=f"CarePlan/{situation.id}", answer=answer_words(given.answer))])
    return None


def _check_fit(waiting: Sequence[Judged]) -> None:
    misfits = [each for each in waiting if each.state == "conflict"]
    if misfits:
        raise conflict(issue(each.why, "item", item=each.item.id) for each in misfits)


def _check_needs(situation: Situation, waiting: Sequence[Judged]) -> None:
    """What refers to a new goal goes with it, unless that was not wanted."""
    taken = {each.item.id for each in waiting}
    declined = {f"goal.{each}" for each in _declined(situation)}
    issues = [
        issue("item-needs", "item", item=each.item.id, needs=", ".join(sorted(missing)))
        for each in waiting
        if (missing := each.needs - taken - declined)
    ]
    if issues:
        raise Unprocessable("", "business-rule", issues=tuple(issues))


def _check_review(items: Sequence[Item], request: Request) -> None:
    for each in items:
        if each.id == "next-review" and isinstance(each.after, str):
            check_review(each.after, "item", now=request.now)


def _declined(situation: Situation) -> set[str]:
    """The ids of the goals that were proposed and not wanted."""
    return {
        each.item.key
        for each in situation.judged
        if each.item.part == "goal" and each.state in ("rejected", "withdrawn")
    }


def _without(item: Item, declined: set[str]) -> Item:
    """The item with nothing in it that refers to these goals."""
    elements: list[Element] = []
    for each in item.elements:
        after = each.after
        if isinstance(after, list) and goals_in(after) & declined:
            after = [entry for entry in after if not goals_in(entry) & declined] or None
        if after != each.before:
            elements.append(msgspec.structs.replace(each, after=after))
    return msgspec.structs.replace(item, elements=tuple(elements))


def _answered(
    situation: Situation, request: Request, waiting: Sequence[Judged], answer: AnswerCode, reason: str
) -> Resource:
    who, when = author_of(request.access, situation.patient_id), instant(request.now)
    ids = [each.item.id for each in waiting] or [WITHOUT_ITEMS]
    given = [Answered(each, answer, reason, when, who) for each in ids]
    return with_answers(situation.proposal.resource, given, situation.names, items=situation.item_ids)
