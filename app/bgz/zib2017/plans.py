"""The individual care plan as nl-core-careplan has a plan: what was agreed of an activity stands in its detail.

https://github.com/Nictiz/Nictiz-STU3-Zib2017 (nl-core-careplan); MODEL 2. What is said of the plan comes from the plan
itself: words of its goals stand in the goals only, so who may not see a goal is not told of it here.
"""

from __future__ import annotations

from typing import Any, Final

from app.careplan.names import Names
from app.careplan.plan import is_plan
from app.fhir.resource import Resource

_FREQUENCY: Final = {"valueTiming": "scheduledTiming", "valueString": "scheduledString"}
_PERFORMERS: Final = frozenset(
    {"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Organization", "CareTeam"}
)


def plan_view(plan: Resource, names: Names) -> Resource:
    """A copy of the individual care plan; any other CarePlan as it is."""
    if not is_plan(plan, names) or "activity" not in plan:
        return plan
    url = names.extension("agreement")
    return {**plan, "activity": [_activity(each, url) for each in plan["activity"]]}


def _activity(activity: Resource, url: str) -> Resource:
    """Who, how often and in which period, where the detail does not say it. The agreement stays beside it."""
    detail = activity.get("detail")
    agreed = next((each for each in activity.get("extension", ()) if each.get("url") == url), None)
    if detail is None or agreed is None:
        return activity
    made = {**detail}
    parts: list[Resource] = agreed.get("extension", [])
    who = [each["valueReference"] for each in parts if each.get("url") == "who" and "valueReference" in each]
    who = [each for each in who if str(each.get("reference", "")).partition("/")[0] in _PERFORMERS]
    if who and "performer" not in detail:
        made["performer"] = who
    if not any(name.startswith("scheduled") for name in detail):
        made |= _schedule(parts)
    return {**activity, "detail": made}


def _schedule(parts: list[Resource]) -> dict[str, Any]:
    period = next((each["valuePeriod"] for each in parts if "valuePeriod" in each), None)
    for part in parts:
        if part.get("url") != "frequency":
            continue
        for said, element in _FREQUENCY.items():
            if said in part:
                return {element: _within(part[said], period)}
    return {} if period is None else {"scheduledPeriod": period}


def _within(timing: Any, period: Resource | None) -> Any:
    """A timing with the period as its bounds, where it has none."""
    repeat = timing.get("repeat") if isinstance(timing, dict) else None
    if period is None or repeat is None or any(name.startswith("bounds") for name in repeat):
        return timing
    return {**timing, "repeat": {"boundsPeriod": period, **repeat}}
