"""``NutritionOrder.status`` of STU3 says also whether it is a proposal, plan or order, as R4's ``intent`` does.
https://hl7.org/fhir/STU3/valueset-nutrition-request-status.html https://hl7.org/fhir/R4/valueset-request-status.html

That a request "has been placed" does not make it R4's "in force and ready to be acted upon": its status is ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.special.not_done import status_with

_CODES: Final = {"proposed": "draft", "planned": "draft", "requested": "unknown", "cancelled": "revoked"}
_INTENTS: Final = {
    "proposed": "proposal",
    "planned": "plan",
    "requested": "order",
    "active": "order",
    "on-hold": "order",
    "completed": "order",
}
_NOT_YET: Final = {"proposal": "proposed", "plan": "planned"}
_ORDERS: Final = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order", None})
_ENDED: Final = frozenset({"revoked", "entered-in-error"})


def to_r4(values: Values, direction: Direction) -> Values:
    """The status; what it says of the intent is added (``intent``)."""
    return status_with(values, _CODES, direction)


def to_stu3(values: Values, direction: Direction) -> Values:
    """Status and intent. Those of something else than an order have none in STU3 once they are more than proposed."""
    status, intent = values.get("status"), values.get("intent")
    if status in ("draft", "active") and intent in _NOT_YET:
        return {"status": _NOT_YET[intent]}
    if status == "unknown" or not (status in _ENDED or status == "draft" or intent in _ORDERS):
        return {}
    return status_with(values, {"revoked": "cancelled"}, direction)


def intent(source: Mapping[str, Any]) -> str | None:
    """What the status of STU3 says of it."""
    return _INTENTS.get(source.get("status", ""))
