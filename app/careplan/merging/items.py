"""What another plan would bring into the plan: each goal, activity, condition and participant as an item.

What is taken up is known again by its id, which follows from where it comes from: taking the same plan up twice adds
nothing. A provider's goal stays the provider's; the plan has a copy, which is the person's to adjust.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from app.careplan.changing import Current, Part
from app.careplan.goals import is_personal
from app.careplan.merging.facts import Facts, Kind, facts_of_activity, facts_of_condition, facts_of_goal, text_of
from app.careplan.merging.sources import Source
from app.careplan.names import PERSONAL, Names
from app.careplan.plan import OPEN_GOALS, local
from app.fhir.resource import Resource, encode
from app.server.ids import new_id, write_key

_DIGEST: Final = 12
_TAKEN_OF_GOAL: Final = (
    "language",
    "achievementStatus",
    "category",
    "priority",
    "description",
    "startDate",
    "startCodeableConcept",
    "target",
    "statusDate",
    "expressedBy",
    "addresses",
    "note",
)
_TAKEN_OF_ACTIVITY: Final = ("extension", "reference", "detail")
ENDED: Final = frozenset({"completed", "cancelled", "stopped", "entered-in-error"})
_RELATIONSHIP: Final = "http://hl7.org/fhir/StructureDefinition/goal-relationship"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a plan would bring. ``content``: as it would be in the plan, a Goal, an activity, a Reference or
    a participant. ``place``: what the source plan calls it, ``goal``: the Goal that an own goal already is.
    ``left``: the code of why it is not taken.
    """

    id: str
    kind: Kind
    source: Source
    content: Resource
    facts: Facts
    place: str = ""
    goal: Part | None = None
    left: str = ""

    @property
    def name(self) -> str:
        """Its id without the kind."""
        return self.id.partition(".")[2]


class Reading:
    """Reads items from plans, for one patient's plan. ``by_patient``: what is called personal in a plan that is not
    stored is so, as the person says it.
    """

    def __init__(self, current: Current, names: Names, *, by_patient: bool = True) -> None:
        self._patient = current.patient
        self._plan_id = current.id
        self._subject = {"reference": f"Patient/{current.patient_id}"}
        self._names = names
        self._by_patient = by_patient

    def items(self, source: Source) -> Iterator[Item]:
        """Everything in a plan, in its order."""
        for each in source.resource.get("goal", ()):
            part = source.find(each)
            if part is not None and part.resource.get("resourceType") == "Goal":
                yield self._goal(source, str(each["reference"]), part)
        for each in source.resource.get("activity", ()):
            yield self._activity(source, each)
        for each in source.resource.get("addresses", ()):
            place = local(each)
            if place is not None:
                part = source.held.get(f"Condition/{place[1]}")
                facts = facts_of_condition(part.resource if part is not None else None, str(each.get("display", "")))
                yield Item(f"addresses.{place[0]}/{place[1]}", "condition", source, each, facts)
        for each in source.resource.get("careTeam", ()):
            part = source.find(each)
            for participant in part.resource.get("participant", ()) if part is not None else ():
                yield self._participant(source, participant)

    def _goal(self, source: Source, place: str, part: Part) -> Item:
        own = not source.received and source.version > 0 and not place.startswith("#")
        identity = f"{source.key}|{place}" if place.startswith("#") else place
        goal_id = part.resource["id"] if own else self._id(identity)
        facts = facts_of_goal(part.resource)
        content = self._own(part.resource) if own else self._copy(source, part.resource, goal_id, place)
        left = "" if part.resource.get("lifecycleStatus") in OPEN_GOALS else "ended"
        left = left or ("" if facts.text else "wordless")
        return Item(f"goal.{goal_id}", "goal", source, content, facts, place, part if own else None, left)

    def _id(self, identity: str) -> str:
        """The same for the same in one plan, in the form of our ids."""
        digest = sha256(f"{self._plan_id}|{identity}".encode()).digest()
        return new_id(write_key(self._patient), lambda length: digest[:length])

    def _own(self, goal: Resource) -> Resource:
        """A goal of the person's own, with the profile of a goal of the plan."""
        profile = self._profile(goal)
        claimed = goal.get("meta", {}).get("profile", [])
        if profile in claimed:
            return goal
        return {**goal, "meta": {**goal.get("meta", {}), "profile": [*claimed, profile]}}

    def _copy(self, source: Source, goal: Resource, goal_id: str, place: str) -> Resource:
        copy: dict[str, Any] = {
            "resourceType": "Goal",
            "id": goal_id,
            "extension": [*self._origin(source, goal, place), *_relations(goal)],
            "lifecycleStatus": "proposed",
            **{name: without_contained(goal[name], source) for name in _TAKEN_OF_GOAL if name in goal},
            "subject": self._subject,
        }
        copy = {name: value for name, value in copy.items() if value not in (None, [], {})}
        copy["description"] = {**copy.get("description", {}), "text": text_of(copy.get("description", {}))}
        if "category" in copy:
            copy["category"] = self._categories(copy, source)
            if not copy["category"]:
                del copy["category"]
        if source.version == 0 and is_personal(copy, self._names):
            copy.setdefault("expressedBy", self._subject)
        copy["meta"] = {"profile": [self._profile(copy)]}
        return copy

    def _origin(self, source: Source, goal: Resource, place: str) -> list[Resource]:
        """Who came with it, and from where it was taken."""
        url = self._names.extension("goal-origin")
        known: Resource = next((each for each in goal.get("extension", ()) if each.get("url") == url), {})
        parts = [each for each in known.get("extension", ()) if each.get("url") != "source"]
        if not any(each.get("url") == "origin" for each in parts):
            code = "professional" if source.received else "patient"
            parts.insert(0, {"url": "origin", "valueCode": code})
        if source.version:
            reference = f"CarePlan/{source.id}" if place.startswith("#") else place
            parts.append({"url": "source", "valueReference": {"reference": reference}})
        return [{"url": url, "extension": parts}]

    def _categories(self, goal: Resource, source: Source) -> list[Resource]:
        """At most one of our kinds; ``personal`` for what the person expressed."""
        system = self._names.system("goal-category")
        expressed = local(goal.get("expressedBy")) == ("Patient", self._subject["reference"].removeprefix("Patient/"))
        personal = expressed if source.version else self._by_patient and (expressed or "expressedBy" not in goal)
        kept: list[Resource] = []
        kinds = 0
        for category in goal["category"]:
            codes = [each.get("code") for each in category.get("coding", ()) if each.get("system") == system]
            if PERSONAL in codes and not personal:
                continue
            kinds += any(code != PERSONAL for code in codes)
            if kinds <= 1 or not codes or PERSONAL in codes:
                kept.append(category)
        return kept

    def _profile(self, goal: Resource) -> str:
        personal = is_personal(goal, self._names) and local(goal.get("expressedBy")) is not None
        return self._names.extension("PersonalGoal" if personal else "PlanGoal")

    def _activity(self, source: Source, entry: Resource) -> Item:
        digest = entry.get("id") or sha256(encode({name: entry.get(name) for name in _TAKEN_OF_ACTIVITY})).hexdigest()
        activity_id = f"m{sha256(f'{source.key}|{digest}'.encode()).hexdigest()[:_DIGEST]}"
        taken: dict[str, Any] = {name: entry[name] for name in _TAKEN_OF_ACTIVITY if name in entry}
        part = source.find(entry.get("reference"))
        referred = part.resource if part is not None else None
        if "reference" in taken and local(taken["reference"]) is None:  # contained: the plan contains nothing
            taken.pop("reference")
            taken["detail"] = _detail_of(referred or {}, taken.get("detail"))
        own = self._names.extension("agreement")
        content: dict[str, Any] = {
            "id": activity_id,
            **{name: without_contained(each, source) for name, each in taken.items()},
        }
        content["extension"] = [each for each in taken.get("extension", ()) if each.get("url") == own]
        if not content["extension"]:
            del content["extension"]
        facts = facts_of_activity(content, referred, own)
        detail = content.get("detail")
        ended = (detail or referred or {}).get("status") in ENDED
        wordless = detail is not None and not (detail.get("description") or detail.get("code"))
        left = "ended" if ended else "wordless" if wordless or not (detail or "reference" in content) else ""
        return Item(f"activity.{activity_id}", "activity", source, content, facts, left=left)

    def _participant(self, source: Source, participant: Resource) -> Item:
        content = {name: without_contained(each, source) for name, each in participant.items() if name != "id"}
        member = content.get("member", {})
        known = member_key(member)
        text = str(member.get("display") or known)
        left = "" if member else "wordless"
        return Item(f"participant.{known}", "participant", source, content, Facts(text), left=left)


def member_key(member: Mapping[str, Any]) -> str:
    """What a participant is known by."""
    place = local(member)
    return f"{place[0]}/{place[1]}" if place is not None else sha256(encode(dict(member))).hexdigest()[:_DIGEST]


def without_contained(value: Any, source: Source) -> Any:
    """The same with what refers to something contained as words, since a plan contains nothing."""
    if isinstance(value, list):
        return [each for each in (without_contained(each, source) for each in value) if each not in ({}, [])]
    if not isinstance(value, dict):
        return value
    reference = value.get("reference")
    if isinstance(reference, str) and reference.startswith("#"):
        part = source.held.get(reference)
        if part is not None and part.resource.get("resourceType") == "Goal":
            return value  # becomes the goal that it was taken as
        text = value.get("display") or _name_of(part.resource if part is not None else {})
        return {"display": text} if text else {}
    made = {name: without_contained(each, source) for name, each in value.items()}
    return {name: each for name, each in made.items() if each not in ({}, []) or value[name] == each}


def _name_of(resource: Resource) -> str:
    name = resource.get("name")
    if isinstance(name, list) and name:
        first = name[0]
        parts = [*first.get("given", ()), first.get("family", "")]
        return str(first.get("text") or " ".join(each for each in parts if each))
    return name if isinstance(name, str) else text_of(resource.get("code", {}))


def _detail_of(contained: Resource, given: Resource | None) -> Resource:
    """An activity that the source plan contains, in words."""
    if given:
        return given
    described = contained.get("description")
    text = described if isinstance(described, str) else text_of(contained.get("code", {}))
    detail: dict[str, Any] = {"status": "unknown"}
    if isinstance(contained.get("code"), dict):
        detail["code"] = contained["code"]
    if text:
        detail["description"] = text
    return detail


def _relations(goal: Resource) -> list[Resource]:
    return [each for each in goal.get("extension", ()) if each.get("url") == _RELATIONSHIP]
