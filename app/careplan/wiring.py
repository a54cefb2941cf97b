"""What the care plan hands to the server: its rules, and what it does after a load."""

from __future__ import annotations

from app.careplan.loading import LoadedPlans
from app.careplan.names import Names
from app.careplan.proposals.rules import ProposalRules
from app.careplan.revision import Numbers, Revisions
from app.careplan.rules import PlanRules
from app.fhir.definitions import Definitions
from app.server.rules import Rule
from app.server.server import AfterLoad


def care_plan_rules(names: Names, definitions: Definitions) -> tuple[Rule, ...]:
    """For the server's list. ``definitions`` are those that are served, with the search parameters of our own."""
    numbers = _numbers(definitions)
    return (PlanRules(names, Revisions(names, numbers), numbers).rule(), ProposalRules(names).rule())


def after_load(names: Names, definitions: Definitions) -> tuple[AfterLoad, ...]:
    """Likewise, for every server that loads."""
    return (LoadedPlans(names, _numbers(definitions)),)


def _numbers(definitions: Definitions) -> Numbers:
    return Numbers(definitions.type_numbers, definitions.parameter_numbers)
