"""What the care plan hands to the server: its rules, and what it does after a load."""

from __future__ import annotations

from app.careplan.experience import Experience
from app.careplan.loading import LoadedPlans
from app.careplan.names import Names
from app.careplan.plan import goals_of, teams_of
from app.careplan.proposals.rules import ProposalRules
from app.careplan.revision import Numbers, Revisions
from app.careplan.rules import PlanRules, plan_held
from app.careplan.times import times_check, times_rule
from app.database import Reader
from app.fhir.definitions import Definitions
from app.questionnaires.library import QuestionnaireLibrary
from app.server.intake.findings import IntakeCheck
from app.server.rules import ChangeSet, Rule
from app.server.server import AfterLoad


def care_plan_rules(names: Names, definitions: Definitions, library: QuestionnaireLibrary) -> tuple[Rule, ...]:
    """For the server's list. ``definitions`` are those that are served, with the search parameters of our own."""
    numbers = _numbers(definitions)
    return (
        PlanRules(names, Revisions(names, numbers), numbers).rule(),
        times_rule(names),
        ProposalRules(names).rule(),
        Experience(names, library, definitions).rule(),
    )


def care_plan_checks(names: Names) -> tuple[IntakeCheck, ...]:
    """For the server's intake."""
    return (times_check(names),)


async def own_plan_parts(changes: ChangeSet, reader: Reader) -> frozenset[tuple[str, str]]:
    """The changes of the person's own plan, by type and id: it, its goals and its network as they are stored, and all
    that an operation of the plan changes, which says itself who may.
    """
    if changes.intent is not None:
        return frozenset((each.type, each.id) for each in changes.changes)
    if not any(each.type in ("CarePlan", "Goal", "CareTeam") for each in changes.changes):
        return frozenset()
    held = await plan_held(reader, changes.patient)
    if held is None:
        return frozenset()
    goals = (("Goal", each) for each in goals_of(held.resource))
    teams = (("CareTeam", each) for each in teams_of(held.resource))
    return frozenset((("CarePlan", held.id), *goals, *teams))


def after_load(names: Names, definitions: Definitions) -> tuple[AfterLoad, ...]:
    """Likewise, for every server that loads."""
    return (LoadedPlans(names, _numbers(definitions)),)


def _numbers(definitions: Definitions) -> Numbers:
    return Numbers(definitions.type_numbers, definitions.parameter_numbers)
