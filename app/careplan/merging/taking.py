"""Taking items up in the plan: the plan, its goals and its network as they are afterwards, and the plans they are from.

https://hl7.org/fhir/R4/careplan.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.careplan.changing import Part
from app.careplan.merging.items import ENDED, Item, member_key
from app.careplan.merging.overlaps import Chosen, resolved
from app.careplan.merging.sources import Source
from app.careplan.names import SNOMED, Names
from app.careplan.plan import OPEN_GOALS, cycle_of, local
from app.fhir.dates import local_date
from app.fhir.resource import Resource
from app.server.ids import new_id, write_key

COORDINATOR: Final = (SNOMED, "768832004")
RESPONSIBLE: Final = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "RESP")
_CLINICIANS: Final = ("Practitioner", "PractitionerRole")
_MERGED: Final = "Bij het samenvoegen van plannen vervangen. / Replaced on merging plans."
_AFTER: Final = {"active": "completed", "on-hold": "completed", "unknown": "completed", "draft": "revoked"}
"""The status of an own plan once it was taken up."""
_WAITING: Final = ("proposed", "planned", "accepted")
_RELATIONSHIP: Final = "http://hl7.org/fhir/StructureDefinition/goal-relationship"


@dataclass(frozen=True, slots=True)
class Whole:
    """The plan, its goals as far as they may be seen, and its network, as they are stored now."""

    plan: Resource
    goals: Mapping[str, Part]
    team: Part | None
    subject: Resource
    patient: int
    team_hidden: bool = False


@dataclass(slots=True)
class Taken:
    """What it makes: resources that are there, in another state, and new ones. ``known``: the versions of those that
    are not of the plan.
    """

    plan: Resource
    updated: list[Resource] = field(default_factory=list)
    created: list[Resource] = field(default_factory=list)
    known: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def resources(self) -> list[Resource]:
        """All that is changed, the plan first."""
        return [self.plan, *self.updated, *self.created]


class Taking:
    """Takes items up. ``there``: copies of goals that are stored already, though the plan does not name them."""

    def __init__(self, whole: Whole, names: Names, *, now: int, there: Mapping[str, Part]) -> None:
        self._whole = whole
        self._names = names
        self._today = local_date(now).isoformat()
        self._there = there
        self._plan: dict[str, Any] = {**whole.plan}
        self._result = Taken(self._plan)

    def take(self, items: Sequence[Item], sources: Sequence[Source], chosen: Chosen) -> Taken | None:
        """None where nothing changes. ``items``: all of them, those that are there already too."""
        kept = [each for each in items if each.id not in chosen.dropped and not each.left]
        places = self._places(items, chosen)
        self._retire(chosen)
        before = [each["reference"] for each in self._plan.get("goal", ()) if "reference" in each]
        for each in kept:
            if each.kind == "goal" and f"Goal/{each.name}" not in before:
                self._goal(each, places)
        present = {each.get("id") for each in self._plan.get("activity", ())}
        referred = {local(each.get("reference")) for each in self._plan.get("activity", ())} - {None}
        for each in kept:
            if each.kind == "activity" and each.name not in present:
                if "reference" in each.content and local(each.content["reference"]) in referred:
                    continue
                self._add("activity", _pointed(each.content, places.get(each.source.key, {})))
        conditions = {local(each) for each in self._plan.get("addresses", ())}
        for each in kept:
            if each.kind == "condition" and local(each.content) not in conditions:
                self._add("addresses", each.content)
        self._network([each for each in kept if each.kind == "participant"])
        for source in sources:
            self._linked(source)
        changed = self._plan != self._whole.plan or self._result.updated or self._result.created
        return self._result if changed else None

    def _add(self, name: str, entry: Resource) -> None:
        self._plan[name] = [*self._plan.get(name, ()), entry]

    def _places(self, items: Sequence[Item], chosen: Chosen) -> dict[str, dict[str, str]]:
        """By source: what each of its references to a goal becomes; "" for one that is not in the plan."""
        found: dict[str, dict[str, str]] = {}
        for each in items:
            if each.kind == "goal":
                name = resolved(each.id, chosen.instead)
                gone = each.left or name in chosen.dropped or name in chosen.retired
                reference = "" if gone else f"Goal/{name.partition('.')[2]}"
                found.setdefault(each.source.key, {})[each.place] = reference
        return found

    def _retire(self, chosen: Chosen) -> None:
        """What the person wants no more: an own goal or activity ends, a reference goes."""
        for goal_id, part in self._whole.goals.items():
            if f"goal.{goal_id}" in chosen.retired and part.resource["lifecycleStatus"] in OPEN_GOALS:
                ended = {"lifecycleStatus": "cancelled", "statusReason": _MERGED, "statusDate": self._today}
                self._result.updated.append({**part.resource, **ended})
        instead = {
            f"Goal/{name.partition('.')[2]}": f"Goal/{resolved(name, chosen.instead).partition('.')[2]}"
            for name in chosen.retired
            if name in chosen.instead and name.startswith("goal.")
        }
        entries = []
        for each in self._plan.get("activity", ()):
            if f"activity.{each.get('id')}" not in chosen.retired:
                entries.append(_pointed(each, instead, keep=True))
            elif each.get("detail", {}).get("status") in ENDED:
                entries.append(each)
            elif "detail" in each:
                detail = {**each["detail"], "status": "cancelled", "statusReason": {"text": _MERGED}}
                entries.append({**each, "detail": detail})
        kept = [
            each
            for each in self._plan.get("addresses", ())
            if (place := local(each)) is None or f"addresses.{place[0]}/{place[1]}" not in chosen.retired
        ]
        for name, listed in (("activity", entries), ("addresses", kept)):
            if listed:
                self._plan[name] = listed
            else:
                self._plan.pop(name, None)

    def _goal(self, item: Item, places: Mapping[str, Mapping[str, str]]) -> None:
        """Name a goal in the plan: the person's own, or a copy."""
        self._add("goal", {"reference": f"Goal/{item.name}"})
        part = item.goal or self._there.get(item.name)
        content = part.resource if part is not None and item.goal is None else item.content
        goal = self._agreed(_related(content, places.get(item.source.key, {})))
        if part is None:
            self._result.created.append(goal)
        elif goal != part.resource:
            self._result.updated.append(goal)
            self._result.known["Goal", item.name] = part.version

    def _agreed(self, goal: Resource) -> Resource:
        """In the phase plan it waits for what is agreed; later who takes it up agrees to it by that."""
        cycle = cycle_of(self._plan, self._names)
        waits = self._plan.get("status") == "draft" or (cycle is not None and cycle.phase == "plan")
        status = goal["lifecycleStatus"]
        if waits and status == "active":
            return {**goal, "lifecycleStatus": "planned"}
        if not waits and status in _WAITING:
            return {**goal, "lifecycleStatus": "active", "statusDate": self._today}
        return goal

    def _network(self, items: Sequence[Item]) -> None:
        """Who comes in; one coordinator and one responsible clinician stay the ones that there are."""
        if not items or self._whole.team_hidden:
            return
        part = self._whole.team
        team: dict[str, Any] = (
            {**part.resource}
            if part is not None
            else {
                "resourceType": "CareTeam",
                "id": new_id(write_key(self._whole.patient)),
                "meta": {"profile": [self._names.extension("CareNetwork")]},
                "status": "active",
                "subject": self._whole.subject,
            }
        )
        listed = list(team.get("participant", ()))
        known = {member_key(each.get("member", {})) for each in listed}
        taken = {role for each in listed for role in _roles_of(each)}
        before = len(listed)
        for each in items:
            if each.name not in known:
                participant = _with_free_roles(each.content, taken)
                taken |= set(_roles_of(participant))
                listed.append(participant)
                known.add(each.name)
        if len(listed) == before:
            return
        team["participant"] = listed
        self._plan["careTeam"] = [{"reference": f"CareTeam/{team['id']}"}]
        (self._result.created if part is None else self._result.updated).append(team)
        if part is not None:
            self._result.known["CareTeam", team["id"]] = part.version

    def _linked(self, source: Source) -> None:
        """A received plan stands beside this one, an own plan was replaced by it; a template is named."""
        if not source.version:
            known = [each.partition("|")[0] for each in self._plan.get("instantiatesCanonical", ())]
            new = [each for each in source.canonicals if each.partition("|")[0] not in known]
            if new:
                self._plan["instantiatesCanonical"] = [*self._plan.get("instantiatesCanonical", ()), *new]
            return
        name = "supportingInfo" if source.received else "replaces"
        place = ("CarePlan", source.id)
        if place not in [local(each) for each in self._plan.get(name, ())]:
            self._add(name, {"reference": f"CarePlan/{source.id}"})
        status = _AFTER.get(str(source.resource.get("status")))
        if not source.received and status is not None:
            self._result.updated.append({**source.resource, "status": status})
            self._result.known[place] = source.version


def _pointed(entry: Resource, places: Mapping[str, str], *, keep: bool = False) -> Resource:
    """An activity whose goals are those of the plan; ``keep``: also those of which nothing is known."""
    detail = entry.get("detail")
    if not detail or "goal" not in detail:
        return entry
    goals = []
    for each in detail["goal"]:
        text = each.get("reference", "")
        found = places.get(text, text if keep else "")
        if found:
            goals.append(each if found == text else {"reference": found})
    unique = list({each["reference"]: each for each in goals}.values())
    rest = {name: value for name, value in detail.items() if name != "goal"}
    return {**entry, "detail": {**rest, "goal": unique} if unique else rest}


def _related(goal: Resource, places: Mapping[str, str]) -> Resource:
    """A goal whose relations are to goals of the plan."""
    kept = []
    for each in goal.get("extension", ()):
        if each.get("url") != _RELATIONSHIP:
            kept.append(each)
            continue
        target: Resource = next((part for part in each.get("extension", ()) if part.get("url") == "target"), {})
        text = target.get("valueReference", {}).get("reference", "")
        found = places.get(text, "" if text.startswith("#") else text)
        if found:
            moved = {"url": "target", "valueReference": {"reference": found}}
            kept.append({**each, "extension": [moved if part is target else part for part in each["extension"]]})
    rest = {name: value for name, value in goal.items() if name != "extension"}
    return {**rest, "extension": kept} if kept else rest


def _roles_of(participant: Resource) -> list[tuple[str, str]]:
    return [
        role
        for each in participant.get("role", ())
        for coding in each.get("coding", ())
        if (role := (coding.get("system"), coding.get("code"))) in (COORDINATOR, RESPONSIBLE)
    ]


def _with_free_roles(participant: Resource, taken: set[tuple[str, str]]) -> Resource:
    """A role that somebody in the network has already stays in words only."""
    place = local(participant.get("member", {}))
    wrong = {*taken, *(() if place is not None and place[0] in _CLINICIANS else (RESPONSIBLE,))}
    if place is not None and place[0] == "Organization":
        wrong.add(COORDINATOR)
    roles = []
    for each in participant.get("role", ()):
        codings = [c for c in each.get("coding", ()) if (c.get("system"), c.get("code")) not in wrong]
        if codings == each.get("coding", []):
            roles.append(each)
            continue
        shown = next((c["display"] for c in each["coding"] if c.get("display")), "")
        role = {name: value for name, value in each.items() if name != "coding"} | (
            {"coding": codings} if codings else {}
        )
        if shown:
            role.setdefault("text", shown)
        if role:
            roles.append(role)
    rest = {name: value for name, value in participant.items() if name != "role"}
    return {**rest, "role": roles} if roles else rest
