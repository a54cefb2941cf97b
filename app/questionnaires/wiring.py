"""What questionnaires hand to the server: checks of what comes in, rules and operations."""

from __future__ import annotations

from app.fhir.definitions import Definitions
from app.questionnaires.answers.amending import Amendments
from app.questionnaires.answers.changing import response_rule
from app.questionnaires.answers.intake import response_check
from app.questionnaires.asking.intake import asking_check
from app.questionnaires.asking.rules import AskingRules
from app.questionnaires.asking.shape import Shape
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.names import Names
from app.questionnaires.operations.extract import extract_operation, is_extracted
from app.questionnaires.operations.populate import populate_operation
from app.questionnaires.safety import safety_check
from app.questionnaires.scoring.loading import LoadedScores
from app.questionnaires.scoring.observations import is_computed
from app.questionnaires.scoring.rescore import rescore_operation
from app.questionnaires.scoring.results import Results
from app.server.intake.findings import IntakeCheck
from app.server.operations import Operation
from app.server.rules import Rule
from app.server.server import AfterLoad, Follows


def questionnaire_checks(names: Names, library: QuestionnaireLibrary, base: str) -> tuple[IntakeCheck, ...]:
    """For the server's intake. ``base``: the address of the FHIR base."""
    return (response_check(library), safety_check(names, library), asking_check(Shape(names, library, base)))


def questionnaire_rules(
    names: Names, library: QuestionnaireLibrary, definitions: Definitions, base: str
) -> tuple[Rule, ...]:
    """For the server's list. ``definitions`` are those that are served, ``base`` the address of the FHIR base."""
    asking = AskingRules(names, Shape(names, library, base), definitions)
    amendments = Amendments(names, definitions, base)
    return (response_rule(), amendments.rule(), Results(names, library, definitions).rule(), asking.rule())


def questionnaire_operations(names: Names, library: QuestionnaireLibrary) -> tuple[Operation, ...]:
    """For the server's registry."""
    return (rescore_operation(names, library), populate_operation(names, library), extract_operation(names, library))


def scores_after_load(names: Names, library: QuestionnaireLibrary) -> tuple[AfterLoad, ...]:
    """For every server that loads."""
    return (LoadedScores(names, library),)


def answers_as_observations(names: Names) -> Follows:
    """Which Observations go with answers that are erased: the scores of them, and the answers as ``$extract`` gave
    them.
    """
    return lambda observation: is_computed(observation, names) or is_extracted(observation)
