"""What taking plans up makes of the plan, before any of it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.careplan.changing import Current, Part
from app.careplan.merging.items import Item, Reading, member_key
from app.careplan.merging.overlaps import Chosen, Overlap, Side, choices_of, decided, overlaps, sides_of
from app.careplan.merging.sources import READ, Source, given_source, stored_source
from app.careplan.merging.taking import Taken, Taking, Whole
from app.careplan.names import Names
from app.careplan.plan import goals_of, local, teams_of
from app.careplan.proposals.reading import part_of
from app.careplan.refusals import issue
from app.errors import Issue
from app.fhir.resource import Resource
from app.server.messages import Request
from app.server.server import FhirServer


@dataclass(frozen=True, slots=True)
class Merged:
    """``known``: the items that are in the plan already; ``open``: overlaps of which nothing was chosen yet."""

    sources: Sequence[Source]
    items: Sequence[Item]
    known: frozenset[str]
    overlaps: Sequence[Overlap]
    choices: Mapping[str, str]
    chosen: Chosen
    open: Sequence[Overlap]
    taken: Taken | None

    @property
    def references(self) -> list[str]:
        """The versions that are taken up."""
        return [each.reference for each in self.sources if each.version]

    def issues(self) -> list[Issue]:
        """What is to be chosen still."""
        return [issue("choice-needed", "choice", id=each.id, reasons=", ".join(each.reasons)) for each in self.open]


async def merged(
    server: FhirServer,
    request: Request,
    current: Current,
    names: Names,
    *,
    plans: Sequence[Resource],
    given: Sequence[Resource],
    choices: Sequence[Any],
) -> Merged:
    """Everything that follows. Raises ``NotFound`` and ``Unprocessable``."""
    found = [await stored_source(server, request, current, each, names) for each in plans]
    found += [await given_source(server, request, current, each) for each in given]
    sources = list({each.key: each for each in found}.values())
    reading = Reading(current, names)
    items = list({each.id: each for source in sources for each in reading.items(source)}.values())
    held = await _held(server, request, current)
    present = list(sides_of(current, held, names))
    team, hidden = await _team(server, request, current)
    known = _known(current, items, present, team)
    taken = frozenset(each.id for each in items if not each.left) - known
    pairs = overlaps(present, items)
    chosen_words = choices_of(choices, [each.id for each in items], pairs)
    chosen, still_open = decided(chosen_words, taken, pairs)
    subject = {"reference": f"Patient/{current.patient_id}"}
    whole = Whole(current.plan.resource, current.goals, team, subject, current.patient, team_hidden=hidden)
    there = await _there(server, request, current, items)
    result = Taking(whole, names, now=request.now, there=there).take(items, sources, chosen)
    return Merged(sources, items, known, pairs, chosen_words, chosen, still_open, result)


async def begun_with(
    server: FhirServer, request: Request, current: Current, names: Names, given: Sequence[Resource], *, by_patient: bool
) -> Taken | None:
    """A plan that is not stored yet with what plans that are not stored have. A goal that it has in the same words is
    the one that stands.
    """
    sources = [await given_source(server, request, current, each) for each in given]
    reading = Reading(current, names, by_patient=by_patient)
    items = list({each.id: each for source in sources for each in reading.items(source)}.values())
    alike = {
        each.second.id: each.first.id
        for each in overlaps(list(sides_of(current, {}, names)), items)
        if each.first.item is None and "same-words" in each.reasons
    }
    subject = {"reference": f"Patient/{current.patient_id}"}
    whole = Whole(current.plan.resource, current.goals, None, subject, current.patient)
    chosen = Chosen(frozenset(alike), frozenset(), alike)
    return Taking(whole, names, now=request.now, there={}).take(items, sources, chosen)


def _known(current: Current, items: Sequence[Item], present: Sequence[Side], team: Part | None) -> frozenset[str]:
    """The items that the plan has already, by their id or by what they refer to."""
    plan = current.plan.resource
    there = {each.id for each in present} | {f"goal.{each}" for each in goals_of(plan)}
    participants = team.resource.get("participant", ()) if team is not None else ()
    there |= {f"participant.{member_key(each.get('member', {}))}" for each in participants}
    referred = {local(each.get("reference")) for each in plan.get("activity", ())} - {None}
    return frozenset(
        each.id
        for each in items
        if each.id in there or (each.kind == "activity" and local(each.content.get("reference")) in referred)
    )


async def _held(server: FhirServer, request: Request, current: Current) -> dict[str, Part]:
    """What the plan's activities and conditions refer to."""
    plan = current.plan.resource
    listed = [*plan.get("addresses", ()), *(each.get("reference") for each in plan.get("activity", ()))]
    found = {}
    for kind, resource_id in dict.fromkeys(place for each in listed if (place := local(each)) is not None):
        part = await part_of(server, request, kind, resource_id, current.patient) if kind in READ else None
        if part is not None:
            found[f"{kind}/{resource_id}"] = part
    return found


async def _team(server: FhirServer, request: Request, current: Current) -> tuple[Part | None, bool]:
    """The plan's network, and whether there is one that may not be seen."""
    for team in teams_of(current.plan.resource):
        part = await part_of(server, request, "CareTeam", team, current.patient)
        return part, part is None
    return None, False


async def _there(server: FhirServer, request: Request, current: Current, items: Sequence[Item]) -> dict[str, Part]:
    """Copies of goals that are stored although the plan does not name them: taken out of it since."""
    named = set(goals_of(current.plan.resource))
    found = {}
    for each in items:
        if each.kind == "goal" and each.goal is None and each.name not in named:
            part = await part_of(server, request, "Goal", each.name, current.patient)
            if part is not None:
                found[each.name] = part
    return found
