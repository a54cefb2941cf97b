"""What the care plan hands to the server: its rules."""

from __future__ import annotations

from app.careplan.names import Names
from app.careplan.revision import Numbers, Revisions
from app.careplan.rules import PlanRules
from app.fhir.definitions import Definitions
from app.server.rules import Rule


def care_plan_rules(names: Names, definitions: Definitions) -> tuple[Rule, ...]:
    """For the server's list. ``definitions`` are those that are served, with the search parameters of our own."""
    numbers = Numbers(definitions.type_numbers, definitions.parameter_numbers)
    return (PlanRules(names, Revisions(names, numbers), numbers).rule(),)
