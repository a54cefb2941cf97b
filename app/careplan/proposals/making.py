"""A proposal as it is stored, from what was sent: ids given, what it starts from named, its items known.

https://hl7.org/fhir/R4/careplan.html, profile PlanProposal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.careplan.changing import Part
from app.careplan.difference import GOAL, PLAN, TEAM, Item, PlanState, applied, differences
from app.careplan.names import Names
from app.careplan.people import author_of, side_of
from app.careplan.plan import goals_of, local
from app.careplan.proposals.judging import Judged, judge
from app.careplan.proposals.proposal import OPEN, PROPOSAL, base_extensions, contained_of
from app.careplan.proposals.reading import state_of
from app.careplan.proposals.taking import taken_over
from app.careplan.proposals.wanted import renamed, wanted
from app.careplan.refusals import issue, refusal
from app.errors import Issue, Unprocessable
from app.fhir.dates import local_date
from app.fhir.resource import Resource
from app.server.access import Access

ORIGINS: Final[Mapping[str, str]] = {"care": "professional", "carer": "informal-carer"}
"""Where a new goal comes from, by the side of who proposes it, where it does not say so itself."""
_FIXED: Final = (
    "resourceType",
    "id",
    "meta",
    "status",
    "intent",
    "subject",
    "author",
    "basedOn",
    "created",
    "replaces",
)
"""Elements of a proposal that the service sets."""
_PROPOSED: Final = "proposed"
_SAYS_NOTHING: Final = frozenset({"meta", "category", "language", "text"})
"""Elements by which a proposal alone wants nothing."""
_OWN: Final = ("proposal-base", "proposal-answer")
"""Extensions that the service sets."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What somebody sent: the CarePlan, goals beside it, and what is wanted of the plan itself."""

    proposal: Resource
    goals: Sequence[Resource]
    title: str
    notes: Sequence[str]
    next_review: str
    remove: Sequence[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What a proposal is made on: the plan as who proposes sees it, with the goals that it names beside the plan."""

    patient_id: str
    plan: Part
    parts: Mapping[tuple[str, str], Part]

    @property
    def state(self) -> PlanState:
        """The same side by side."""
        return state_of(self.plan.resource, self.parts)


def stub_of(sent: Sent, ground: Ground, access: Access, names: Names, *, now: int) -> Resource:
    """The proposal as it was sent, with what is sent beside it put in and what the service says: to be checked before
    anything is made of it. Raises ``Unprocessable`` where nothing is wanted.
    """
    given = {name: value for name, value in sent.proposal.items() if name not in _FIXED}
    given["meta"] = {"profile": [names.extension("PlanProposal")]}
    own = {names.extension(each) for each in _OWN}
    change = _change_of(sent)
    url = names.extension("proposed-change")
    extensions = _with(given.get("extension"), [{"url": url, "extension": change}] if change else [])
    if isinstance(extensions, list):
        extensions = [each for each in extensions if not (isinstance(each, dict) and each.get("url") in own)]
    given.pop("extension", None)
    if extensions:
        given["extension"] = extensions
    if sent.goals:
        goals = [{**each, "id": each.get("id") or f"goal-{at}"} for at, each in enumerate(sent.goals, 1)]
        given["contained"] = _with(given.get("contained"), goals)
        given["goal"] = _with(given.get("goal"), [{"reference": f"#{each['id']}"} for each in goals])
    subject = {"reference": f"Patient/{ground.patient_id}"}
    if isinstance(given.get("contained"), list):
        given["contained"] = [_contained(each, subject, ground.state) for each in given["contained"]]
    if sent.reason and "description" not in given:
        given["description"] = sent.reason
    if given.keys() <= _SAYS_NOTHING:
        raise refusal("proposes-nothing")
    return {
        "resourceType": PLAN,
        **given,
        "basedOn": [{"reference": f"{PLAN}/{ground.plan.resource['id']}"}],
        "status": OPEN,
        "intent": PROPOSAL,
        "subject": subject,
        "created": local_date(now).isoformat(),
        "author": author_of(access, ground.patient_id),
    }


def _with(given: Any, added: list[Any]) -> Any:
    """A list with more in it. What was sent and is no list is left for the checks to refuse."""
    return [*(given or ()), *added] if given is None or isinstance(given, list) else given


def _contained(given: Any, subject: Resource, state: PlanState) -> Any:
    """A contained goal or network with what is set for it. A goal of the plan keeps what is not said of it; one that
    goes on does not become a proposal again.
    """
    if not isinstance(given, dict):
        return given
    found = {name: value for name, value in given.items() if name not in ("meta", "text")}
    if found.get("resourceType") not in (GOAL, TEAM):
        return found
    known = state.goals.get(str(found.get("id"))) if found["resourceType"] == GOAL else None
    if found["resourceType"] == GOAL:
        present = _PROPOSED if known is None else known["lifecycleStatus"]
        if known is None or found.get("lifecycleStatus", _PROPOSED) == _PROPOSED:
            found["lifecycleStatus"] = found.get("lifecycleStatus", present) if known is None else present
    if known is not None:
        found.setdefault("description", known["description"])
    return {**found, "subject": subject}


def _change_of(sent: Sent) -> list[Resource]:
    parts: list[Resource] = []
    if sent.title:
        parts.append({"url": "title", "valueString": sent.title})
    parts += [{"url": "note", "valueString": each} for each in sent.notes]
    if sent.next_review:
        parts.append({"url": "nextReview", "valueDate": sent.next_review})
    return parts + [{"url": "remove", "valueString": each} for each in sent.remove]


def made_of(stub: Resource, ground: Ground, access: Access, names: Names, *, fresh: Callable[[], str]) -> Resource:
    """The proposal with ids of its own for what is new, and with what it starts from. ``stub`` is valid FHIR; ``fresh``
    gives an id of the partition. Raises ``Unprocessable``.
    """
    contained = stub.get("contained", ())
    if any(each["resourceType"] not in (GOAL, TEAM) or "id" not in each for each in contained):
        raise refusal("contained-kinds", f"{PLAN}.contained")
    if len({each["id"] for each in contained}) < len(contained):
        raise refusal("goal-twice", f"{PLAN}.contained")
    known = {key[1] for key in ground.parts}
    ids = {each["id"]: each["id"] if each["id"] in known else fresh() for each in contained}
    kinds = {each["id"]: each["resourceType"] for each in contained}
    own = {f"#{key}": f"#{made}" for key, made in ids.items()}
    outside = {f"#{key}": f"{kinds[key]}/{made}" for key, made in ids.items()}
    # What is contained is referred to where the plan lists it; elsewhere by the address that it will have.
    made = {
        name: renamed(value, own if name in ("goal", "careTeam") else outside)
        for name, value in stub.items()
        if name != "activity"
    }
    if "contained" in made:
        made["contained"] = [
            _with_origin({**each, "id": ids[each["id"]]}, known, access, names) for each in made["contained"]
        ]
    if "activity" in stub:
        made["activity"] = [_with_id(renamed(each, outside), fresh) for each in stub["activity"]]
        if len({each["id"] for each in made["activity"]}) < len(made["activity"]):
            raise refusal("activity-twice", f"{PLAN}.activity")
    base = [(PLAN, str(ground.plan.resource["id"]), ground.plan.version)]
    base += [(*key, part.version) for key, part in ground.parts.items()]
    made["extension"] = [*base_extensions(base, names), *made.get("extension", ())]
    return made


def _with_id(activity: Resource, fresh: Callable[[], str]) -> Resource:
    given = activity.get("id")
    return {"id": given if isinstance(given, str) else fresh().rpartition("-")[2], **activity}


def _with_origin(given: Resource, known: set[str], access: Access, names: Names) -> Resource:
    """A new goal says who came with it."""
    origin = ORIGINS.get(side_of(access))
    url = names.extension("goal-origin")
    extensions = given.get("extension", [])
    if (
        given["resourceType"] != GOAL
        or given["id"] in known
        or origin is None
        or any(each.get("url") == url for each in extensions)
    ):
        return given
    said = {"url": url, "extension": [{"url": "origin", "valueCode": origin}]}
    return {**given, "extension": [*extensions, said]}


def items_of(proposal: Resource, ground: Ground, names: Names) -> tuple[Judged, ...]:
    """What it proposes. Raises ``Unprocessable`` for what cannot be proposed, with every problem."""
    issues = list(_problems(proposal, ground))
    if issues:
        raise Unprocessable("", "business-rule", issues=tuple(issues))
    state = ground.state
    items = differences(state, wanted(state, proposal, names), names)
    if not items and "description" not in proposal and "note" not in proposal:
        raise refusal("proposes-nothing")
    return judge(items, state, {}, names)


def _problems(proposal: Resource, ground: Ground) -> Iterable[Issue]:
    state = ground.state
    of_plan = set(goals_of(state.plan))
    for at, reference in enumerate(proposal.get("goal", ())):
        text, found = reference.get("reference", ""), local(reference)
        if text.startswith("#"):
            continue
        if found is None or found[0] != GOAL or (found[1] not in state.goals and found[1] not in of_plan):
            yield issue("goal-unknown", f"{PLAN}.goal[{at}]")
        elif found[1] not in of_plan and state.goals[found[1]].get("lifecycleStatus") not in ("proposed", "planned"):
            yield issue("goal-gone", f"{PLAN}.goal[{at}]")
    for at, goal in enumerate(contained_of(proposal, GOAL).values()):
        known = state.goals.get(goal["id"])
        where = f"{PLAN}.contained[{at}]"
        if known is None and goal.get("lifecycleStatus") not in ("proposed", "planned"):
            yield issue("new-goal-proposed", f"{where}.lifecycleStatus")
        elif known is None and "achievementStatus" in goal:
            yield issue("new-goal-proposed", f"{where}.achievementStatus")
        if known is not None and goal["id"] not in of_plan:
            yield issue("goal-beside", f"{where}.id")


def results(judged: Sequence[Judged], ground: Ground, names: Names, *, now: int) -> list[Resource]:
    """Every resource as it would be once all of it was accepted: what cannot be stored then cannot be proposed."""
    items: list[Item] = [each.item for each in judged if each.state == "open"]
    state = ground.state
    after = applied(state, items, names)
    return [resource for resource, _ in taken_over(state, after, items, ground.patient_id, names, now=now)]
