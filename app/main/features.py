"""What the features hand to the server, to that of the service and to that of a command that works on the database."""

from __future__ import annotations

from dataclasses import dataclass

from app.bgz.wiring import bgz_operations
from app.careplan.names import Names as PlanNames
from app.careplan.operations import care_plan_operations
from app.careplan.protocol_runs import PlanRuns
from app.careplan.wiring import after_load, care_plan_checks, care_plan_rules
from app.config import Settings
from app.fhir.definitions.own import served
from app.measurements.doubles import measurement_recogniser
from app.measurements.wiring import measurement_checks, measurement_operations, measurement_rules
from app.questionnaires.answers.amending import Amendments
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.names import Names as QuestionnaireNames
from app.questionnaires.wiring import (
    answers_as_observations,
    questionnaire_checks,
    questionnaire_operations,
    questionnaire_rules,
    scores_after_load,
)
from app.rounds import Bell
from app.server.intake.findings import IntakeCheck
from app.server.operations import Operation
from app.server.recognition import Recogniser
from app.server.rules import Rule
from app.server.server import AfterLoad, Follows
from app.server.working_copies import WorkingCopy


@dataclass(frozen=True, slots=True)
class Features:
    """Care plan, measurements and questionnaires. ``bell``: rung when a file is to be imported."""

    rules: tuple[Rule, ...]
    intake: tuple[IntakeCheck, ...]
    operations: tuple[Operation, ...]
    after_load: tuple[AfterLoad, ...]
    questionnaires: QuestionnaireLibrary
    recognisers: tuple[Recogniser, ...]
    working_copies: tuple[WorkingCopy, ...]
    follows: tuple[Follows, ...]
    bell: Bell


def features_of(settings: Settings) -> Features:
    """Those of one installation."""
    base, bell = settings.canonical_base, Bell()
    plan, own = PlanNames(base), served(base)
    asked, library = QuestionnaireNames(base), QuestionnaireLibrary(base)
    address = f"{settings.public_url}/fhir/"
    return Features(
        (
            *care_plan_rules(plan, own, library),
            *measurement_rules(base, own),
            *questionnaire_rules(asked, library, own, address),
        ),
        (*care_plan_checks(plan), *measurement_checks(base), *questionnaire_checks(asked, library, address)),
        (
            *care_plan_operations(plan),
            *measurement_operations(base, bell, PlanRuns()),
            *questionnaire_operations(asked, library),
            *bgz_operations(plan),
        ),
        (*after_load(plan, own), *scores_after_load(asked, library)),
        library,
        (measurement_recogniser(base),),
        (Amendments(asked, own, address).working_copy(),),
        (answers_as_observations(asked),),
        bell,
    )
