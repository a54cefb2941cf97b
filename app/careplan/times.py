"""What the times of a plan's activities ask of the service besides: that the plan is looked at, where no index has its
days, and that who writes a time hears when not all of it counts. https://hl7.org/fhir/R4/datatypes.html#Timing
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.careplan.limits import most_asking
from app.careplan.measuring_rhythm import protocol_system
from app.careplan.names import Names
from app.careplan.plan import cycle_of, is_open, is_plan, unversioned
from app.careplan.proposals.proposal import claims_proposal
from app.careplan.refusals import notice
from app.careplan.schedule import counts_from_plan, unread
from app.database import Reader
from app.fhir.resource import Resource
from app.server.access import Access
from app.server.intake.findings import Finding, IntakeCheck
from app.server.rules import ChangeSet, Rule, Verdict
from app.server.server import FhirServer

RHYTHM: Final = "izp-rhythm"
"""The name that an open plan claims which asks by a rhythm without a beginning of its own."""


def times_rule(names: Names) -> Rule:
    """For the server's list: the claim follows the plan, whoever writes it."""
    system = protocol_system(names.base)

    async def check(changes: ChangeSet, _reader: Reader) -> Verdict:
        claims: list[tuple[str, str, str]] = []
        releases: set[str] = set()
        for each in changes.changes:
            before, after = each.before, each.after
            if each.type != "CarePlan" or not (is_plan(before, names) or is_plan(after, names)):
                continue
            if before is not None and after is not None and unversioned(before) == unversioned(after):
                continue  # of which no version is made
            was_open = before is None or is_open(before)
            if was_open:  # else the claim may be of a later plan
                releases.add(RHYTHM)
            if after is not None and is_open(after) and counts_from_plan(after, system):
                claims.append((RHYTHM, "CarePlan", each.id))
        return Verdict(claims=tuple(claims[:1]), releases=tuple(releases))

    return Rule(
        "plan-times", frozenset({"CarePlan"}), check, lambda each: each.was is not None or is_plan(each.after, names)
    )


def times_check(names: Names) -> IntakeCheck:
    """For the server's intake: times of which not all counts are stored, and told."""
    system = protocol_system(names.base)

    async def check(
        server: FhirServer, reader: Reader, access: Access, resource: Resource, patient: int | None
    ) -> Sequence[Finding]:
        del server, reader, access, patient  # what it says is all there is to know
        cycle = cycle_of(resource, names)
        since = None if claims_proposal(resource, names) else "" if cycle is None else cycle.since
        places = unread(resource, system, since=since, most=most_asking())
        return [Finding(notice("warning", "time-not-read", each)) for each in places]

    def concerns(resource: Resource) -> bool:
        return is_plan(resource, names) or claims_proposal(resource, names)

    return IntakeCheck("plan-times", frozenset({"CarePlan"}), check, concerns)
