"""How a run becomes an activity of somebody's plan, without measurements knowing what a plan is: given in ``main``.

https://hl7.org/fhir/R4/careplan-definitions.html#CarePlan.activity
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from app.measurements.words import Words
    from app.server.messages import Request
    from app.server.server import FhirServer
    from app.server.store.changes import Draft


@dataclass(frozen=True, slots=True)
class Activity:
    """What is to be done: the Task ``task_id`` of a person, in the partition ``patient``, called ``name``.
    ``asked_by``: the id of the activity that asks for it by its rhythm, and so stands for it in the plan.
    """

    patient: int
    patient_id: str
    task_id: str
    name: Words
    asked_by: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """``plan``: the id of the CarePlan that the Task is based on, empty where there is none that the caller may see;
    ``drafts``: what changes with it, in the same transaction.
    """

    plan: str = ""
    drafts: Sequence[Draft] = ()


class PlanPort(Protocol):
    """The plan, as a run sees it."""

    async def place(self, server: FhirServer, request: Request, activity: Activity) -> Placed:
        """Put an activity in the plan of the person, as far as the caller may change it; else only name the plan."""
        ...


class WithoutPlan:
    """Where there are no plans."""

    async def place(self, server: FhirServer, request: Request, activity: Activity) -> Placed:  # noqa: ARG002
        """Nothing is placed."""
        return Placed()
