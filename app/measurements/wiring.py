"""What measurements hand to the server: checks of what comes in, rules and operations."""

from __future__ import annotations

from app.fhir.definitions import Definitions
from app.measurements.confirming import confirm_operation
from app.measurements.importing.operations import import_operations
from app.measurements.limits import limits_check
from app.measurements.protocols.answering import accept_operation
from app.measurements.protocols.checking import run_check
from app.measurements.protocols.finishing import finish_operation
from app.measurements.protocols.following import Runs
from app.measurements.protocols.port import PlanPort
from app.measurements.protocols.starting import start_operation
from app.measurements.protocols.telling import progress_operation
from app.measurements.statistics.operation import stats_operation
from app.measurements.statistics.refusing import statistics_check
from app.rounds import Bell
from app.server.intake.findings import IntakeCheck
from app.server.operations import Operation
from app.server.rules import Rule


def measurement_checks(canonical_base: str) -> tuple[IntakeCheck, ...]:
    """For the server's intake."""
    return (limits_check(canonical_base), statistics_check(canonical_base), run_check(canonical_base))


def measurement_rules(canonical_base: str, definitions: Definitions) -> tuple[Rule, ...]:
    """For the server's list. ``definitions`` are those that are served."""
    return (Runs(definitions, canonical_base).rule(),)


def measurement_operations(canonical_base: str, bell: Bell, plan: PlanPort) -> tuple[Operation, ...]:
    """For the server's registry. ``bell``: rung when a file is to be imported; ``plan``: where runs of protocols become
    activities.
    """
    return (
        confirm_operation(canonical_base),
        stats_operation(canonical_base),
        *import_operations(canonical_base, bell.ring),
        start_operation(canonical_base, plan),
        accept_operation(canonical_base, plan),
        progress_operation(canonical_base),
        finish_operation(canonical_base),
    )
