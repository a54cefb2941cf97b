"""The plans that are to be taken up: read as the caller may see them, with what they refer to.

https://hl7.org/fhir/R4/careplan.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.auth.recipients import parts
from app.auth.rights.sources import entered_by
from app.careplan.changing import Current, Part
from app.careplan.names import ACTION_PLAN, Names
from app.careplan.plan import goals_of, has_category, is_plan, local, teams_of
from app.careplan.proposals.reading import part_of
from app.careplan.refusals import refusal, refused
from app.errors import NotFound
from app.fhir.resource import Resource, encode
from app.server.access import BY, FOR
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.prepare import check_resource

PLAN: Final = "CarePlan"
_PROVIDERS: Final = ("Practitioner", "PractitionerRole", "Organization")
_PERSONS: Final = ("Patient", "RelatedPerson")


@dataclass(frozen=True, slots=True)
class Source:
    """One plan. ``version`` 0: it is not stored, as what ``$apply`` answers. ``received``: a provider's, which stays
    as it is; else it is the person's own, which is closed. ``held``: by ``Type/id`` or ``#id`` what it refers to, as
    far as the caller may see it. ``hidden``: how many of its goals and networks may not be seen, or are not there.
    """

    key: str
    resource: Resource
    version: int
    received: bool
    held: Mapping[str, Part] = field(default_factory=dict)
    hidden: int = 0

    @property
    def id(self) -> str:
        """The plan's; "" where it is not stored."""
        return str(self.resource["id"]) if self.version else ""

    @property
    def reference(self) -> str:
        """The version that is taken up."""
        return f"{PLAN}/{self.id}/_history/{self.version}" if self.version else ""

    @property
    def canonicals(self) -> list[str]:
        """The templates that it was made from."""
        return [each for each in self.resource.get("instantiatesCanonical", ()) if isinstance(each, str)]

    def find(self, reference: Any) -> Part | None:
        """What a Reference of the plan means."""
        text = reference.get("reference", "") if isinstance(reference, dict) else ""
        place = local(reference)
        return self.held.get(text if place is None else f"{place[0]}/{place[1]}")


async def stored_source(
    server: FhirServer, request: Request, current: Current, reference: Resource, names: Names
) -> Source:
    """A plan of the same person. Raises ``NotFound``, and ``Unprocessable`` for a plan that is not taken up."""
    place = local(reference)
    if place is None or place[0] != PLAN:
        raise refusal("merge-reference", "plan")
    part = await part_of(server, request, PLAN, place[1], current.patient)
    if part is None:
        raise refused(NotFound, "merge-unknown", "plan", as_type="not-found")
    plan = part.resource
    if is_plan(plan, names):
        raise refusal("merge-individual", "plan", id=place[1])
    if plan.get("intent") == "proposal":
        raise refusal("merge-proposal", "plan", id=place[1])
    if has_category(plan, names, ACTION_PLAN):
        raise refusal("merge-action-plan", "plan", id=place[1])
    if plan.get("status") == "entered-in-error":
        raise refusal("merge-error", "plan", id=place[1])
    number = server.registry.number(PLAN)
    actor = await entered_by(server.database, current.patient, number, place[1])
    received = _is_received(actor, plan)
    return await _with_parts(server, request, current, Source(f"{PLAN}/{place[1]}", plan, part.version, received))


async def given_source(server: FhirServer, request: Request, current: Current, plan: Resource) -> Source:
    """A plan that is not stored. Raises ``Unprocessable`` where it is no valid CarePlan of this person."""
    given = {**_tidied(plan), "subject": {"reference": f"Patient/{current.patient_id}"}}
    await check_resource(server, server.database, request.access, given, may_hold_bsn=True, patient=current.patient)
    canonicals = [each.partition("|")[0] for each in given.get("instantiatesCanonical", ())]
    if not canonicals:
        raise refusal("merge-of-nothing", "planResource")
    return await _with_parts(server, request, current, Source(canonicals[0], given, 0, received=False))


def _tidied(plan: Resource) -> Resource:
    """A plan from which somebody took out goals that they did not choose, without what still refers to them."""
    contained = plan.get("contained")
    listed = [each for each in contained if isinstance(each, dict)] if isinstance(contained, list) else []
    there = {f"#{each.get('id')}" for each in listed}

    def kept(references: Any) -> Any:
        if not isinstance(references, list):
            return references
        return [each for each in references if not _is_dangling(each, there)]

    made = {**plan, "goal": kept(plan.get("goal"))}
    goals_named = made["goal"] if isinstance(made["goal"], list) else []
    named = {each.get("reference") for each in goals_named if isinstance(each, dict)}
    activities = plan.get("activity")
    if isinstance(activities, list):
        made["activity"] = [_with_goals(each, kept) if isinstance(each, dict) else each for each in activities]
    if listed:
        goals = [each for each in listed if each.get("resourceType") == "Goal"]
        unused = [
            each for each in goals if f"#{each.get('id')}" not in named and f'"#{each.get("id")}"' not in _text(made)
        ]
        made["contained"] = [each for each in contained or () if each not in unused]
    return {name: value for name, value in made.items() if value not in (None, [])}


def _with_goals(entry: Resource, kept: Callable[[Any], Any]) -> Resource:
    detail = entry.get("detail")
    if not isinstance(detail, dict) or "goal" not in detail:
        return entry
    goals = kept(detail["goal"])
    rest = {name: value for name, value in detail.items() if name != "goal"}
    return {**entry, "detail": {**rest, "goal": goals} if goals else rest}


def _is_dangling(reference: Any, there: set[str]) -> bool:
    text = reference.get("reference") if isinstance(reference, dict) else None
    return isinstance(text, str) and text.startswith("#") and text not in there


def _text(plan: Resource) -> str:
    """What refers to something, as text."""
    return encode({name: value for name, value in plan.items() if name != "goal"}).decode()


def _is_received(actor: str, plan: Resource) -> bool:
    """By who entered the plan first; where that tells nothing (a load), by who its author is. What nothing says of is
    not taken for the person's own: a plan of one's own is closed, and a provider's stays as it is.
    """
    who = actor.partition(BY)[0].partition(FOR)[0]
    kind = parts(who)[0]
    if kind in ("app", "person"):
        return False
    author = local(plan.get("author"))
    if kind == "organization" or (author is not None and author[0] in _PROVIDERS):
        return True
    # In a sandbox a person is named by their Patient, and whoever else by the name of their organisation.
    own = author[0] if author is not None else who.partition("/")[0]
    return own not in _PERSONS


async def _with_parts(server: FhirServer, request: Request, current: Current, source: Source) -> Source:
    plan = source.resource
    held = {f"#{each['id']}": Part(each, 0) for each in plan.get("contained", ()) if "id" in each}
    needed = [("Goal", each) for each in goals_of(plan)] + [("CareTeam", each) for each in teams_of(plan)]
    listed: Sequence[Any] = (*plan.get("addresses", ()), *(each.get("reference") for each in plan.get("activity", ())))
    wanted = [*needed, *(place for each in listed if (place := local(each)) is not None)]
    hidden = 0
    for kind, resource_id in dict.fromkeys(wanted):
        part = await part_of(server, request, kind, resource_id, current.patient) if kind in READ else None
        if part is not None:
            held[f"{kind}/{resource_id}"] = part
        elif (kind, resource_id) in needed:
            hidden += 1
    return Source(source.key, plan, source.version, source.received, held, hidden)


READ: Final = frozenset({"Goal", "CareTeam", "Condition", "Task", "ServiceRequest", "Appointment", "DeviceRequest"})
