"""``CodeSystem/$subsumes``: is one code a kind of another? https://hl7.org/fhir/R4/codesystem-operation-subsumes.html"""

from __future__ import annotations

from typing import Final

from app.errors import Invalid, NotFound, Unprocessable
from app.fhir.terminology.checking import Coding
from app.fhir.terminology.codesystem import CodeSystem
from app.server.interactions.codings import OF_A_CODE_SYSTEM, answered, coding_in
from app.server.interactions.lookup import system_of
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.server import FhirServer

SUBSUMES_PARAMETERS: Final = (
    Parameter("codeA", "in", 0, "1", "code", "The one code; the system is said by system, or is in the address."),
    Parameter("codeB", "in", 0, "1", "code", "The other code."),
    *OF_A_CODE_SYSTEM,
    Parameter("codingA", "in", 0, "1", "Coding", "In place of codeA."),
    Parameter("codingB", "in", 0, "1", "Coding", "In place of codeB."),
    Parameter("outcome", "out", 1, "1", "code", "How A is to B: equivalent, subsumes, subsumed-by, not-subsumed."),
)


async def subsumes(server: FhirServer, request: Request, target: Target) -> Answer:
    """How two codes of one code system are to each other. Raises ``NotFound`` where the system or a code is not held,
    and ``Unprocessable`` where it cannot be told.
    """
    inputs = inputs_of(server, request, SUBSUMES_PARAMETERS)
    first, second = (_asked(inputs, side) for side in ("A", "B"))
    systems = {each.canonical for each in (first, second) if each.system is not None}
    if len(systems) > 1:
        raise Invalid("codingA and codingB are not of one code system, or of one version of it.", "value")
    system = await system_of(server, request, target, next(iter(systems), ""))
    outcome = _outcome(system, first.code, second.code)
    return answered([{"name": "outcome", "valueCode": outcome}], inputs, target, "$subsumes", in_words=False)


def _asked(inputs: Inputs, side: str) -> Coding:
    code, coding = inputs.first(f"code{side}"), inputs.first(f"coding{side}")
    if (code is None) == (coding is None):
        raise Invalid(f"Say which code is {side}, in one way: by code{side} or by coding{side}.", "required")
    system, version = inputs.first("system"), inputs.first("version")
    if coding is None:
        return Coding(system, code, version)
    given = coding_in(coding, f"coding{side}")
    if system is not None and given.system not in (None, system):
        raise Invalid(f"coding{side}: it is of another code system than the one that is asked about.", "value")
    return Coding(given.system or system, given.code, given.version or version)


def _outcome(system: CodeSystem, first: str, second: str) -> str:
    concepts = [system.find(each) for each in (first, second)]
    a, b = concepts
    if a is None or b is None:
        raise NotFound(system.lacks("code A" if a is None else "code B"))
    if a.code == b.code:
        return "equivalent"
    if b.code in system.below(a.code):
        return "subsumes"
    if a.code in system.below(b.code):
        return "subsumed-by"
    if not (system.complete and system.subsumes):
        why = (
            f"The code system {system.url} does not say what is a kind of what"
            if system.complete
            else f"Only a part of the code system {system.url} is held here"
        )
        raise Unprocessable(f"{why}, so this cannot be told.", "not-supported")
    return "not-subsumed"
