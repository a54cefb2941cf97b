"""``CarePlan/$agree``: the plan takes effect, by the person, or by word of mouth as a professional records it."""

from __future__ import annotations

from typing import Final

from app.careplan.changing import Changed, Current, change, check_scopes
from app.careplan.cycle import events
from app.careplan.intent import Intent, WordOfMouth
from app.careplan.limits import check_review, usual_review
from app.careplan.names import Names
from app.careplan.people import side_of
from app.careplan.plan import cycle_of, with_cycle
from app.careplan.recent import to_decide
from app.careplan.refusals import refusal, refused
from app.errors import Invalid
from app.fhir.dates import bounds, instant, local_date
from app.fhir.scopes import Action
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.guarded import GuardedReader

WAYS: Final = ("in-person", "home-visit", "telephone", "video")
"""The codes of ``agreement-way``."""
MOUTH_PARAMETERS: Final = (
    Parameter("when", "in", 0, "1", "dateTime", "By word of mouth: when it was agreed."),
    Parameter("how", "in", 0, "1", "code", "By word of mouth: in-person, home-visit, telephone or video."),
    Parameter("present", "in", 0, "*", "Reference", "By word of mouth: who was there, by reference or display."),
)
AGREE_PARAMETERS: Final = (
    Parameter("nextReview", "in", 0, "1", "date", "The day on which to look back; in three months when not said."),
    *MOUTH_PARAMETERS,
    Parameter("return", "out", 1, "1", "CarePlan", "The plan as it is now."),
)
_TO_AGREE: Final = frozenset({"proposed", "planned", "accepted"})
"""The statuses of goals that become active."""


def agree_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def agree(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, AGREE_PARAMETERS)
        check_scopes(request, Action.UPDATE, "CarePlan", "Goal")

        async def make(current: Current) -> Changed:
            return await _agreed(server, request, current, inputs, names)

        _, drafts = await change(server, request, target, names, make)
        return await written(server, request, drafts[0], interaction="$agree")

    return Operation(
        "agree",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.UPDATE,
        f"{names.base}/OperationDefinition/CarePlan-agree",
        "The plan takes effect and its goals are agreed: by the person, or as a professional records that it was agreed"
        " by word of mouth.",
        agree,
        affects_state=True,
        parameters=AGREE_PARAMETERS,
    )


async def _agreed(server: FhirServer, request: Request, current: Current, inputs: Inputs, names: Names) -> Changed:
    plan = current.plan.resource
    cycle = cycle_of(plan, names)
    if cycle is None:
        raise refusal("keeps-its-profile", "CarePlan.extension", profile=names.plan_profile)
    mouth = mouth_of(inputs, now=request.now)
    event = events()["agree"]
    event.check(status=plan["status"], phase=cycle.phase, side=side_of(request.access), by_mouth=mouth is not None)
    if not plan.get("goal"):
        raise refusal("goal-needed", "CarePlan.goal")
    open_goals = await to_decide(server, GuardedReader.of(server.database, request), current.patient, plan)
    if any(status in _TO_AGREE and goal not in current.goals for goal, status in open_goals.items()):
        raise refusal("agree-unseen", "CarePlan.goal")
    today = local_date(request.now).isoformat()
    review = inputs.first("nextReview") or usual_review(request.now)
    check_review(review, "nextReview", now=request.now)
    moved = event.after(cycle, now=instant(request.now), next_review=review)
    changed = Changed(
        Intent("agree", mouth=mouth),
        [with_cycle({**plan, "status": "active"}, moved, names)],
        right=None if mouth is None else Action.CREATE,
    )
    for part in current.goals.values():
        if part.resource["lifecycleStatus"] in _TO_AGREE:
            changed.updated.append({**part.resource, "lifecycleStatus": "active", "statusDate": today})
    return changed


def mouth_of(inputs: Inputs, *, now: int) -> WordOfMouth | None:
    """What is recorded of an agreement by word of mouth; None when nothing is said of it. Raises ``Invalid`` and
    ``Unprocessable``.
    """
    when, how, present = inputs.first("when"), inputs.first("how"), inputs.values.get("present", [])
    if when is None and how is None and not present:
        return None
    if when is None or how is None or not present:
        raise refused(Invalid, "by-mouth")
    if how not in WAYS:
        raise refusal("mouth-way", "how", ways=", ".join(WAYS))
    if bounds(when)[0] > now:
        raise refusal("mouth-later", "when")
    for number, each in enumerate(present):
        if "reference" not in each and not str(each.get("display", "")).strip():
            raise refusal("mouth-present", f"present[{number}]")
    return WordOfMouth(when, how, present)
