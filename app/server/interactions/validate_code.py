"""``$validate-code`` of value sets and code systems: is a code in it, and are its words right?
https://hl7.org/fhir/R4/valueset-operation-validate-code.html, https://hl7.org/fhir/R4/codesystem-operation-validate-code.html
"""

from __future__ import annotations

from typing import Any, Final

from app.errors import Invalid, Unprocessable
from app.fhir.resource import Resource
from app.fhir.terminology.checking import (
    Checked,
    Coding,
    Wanted,
    check_all,
    check_in_code_system,
    check_in_value_set,
)
from app.fhir.terminology.codesystem import CodeSystem, read_code_system
from app.fhir.terminology.composing import selection_of, selection_of_resource
from app.fhir.terminology.selection import TooCostly
from app.server.interactions.codings import (
    CODE,
    DISPLAY_LANGUAGE,
    OF_A_VALUE_SET,
    SYSTEM,
    answered,
    codings_of,
    languages_of,
    one_of,
    sent_with,
    stored_at,
    value_set_sent,
    versioned,
)
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.server import FhirServer
from app.server.terminology.held import Held, View, held_by

_ASKED: Final = (
    Parameter("display", "in", 0, "1", "string", "Words for the code; they have to be among those that it has."),
    Parameter("coding", "in", 0, "1", "Coding", "In place of code, system, version and display."),
    Parameter("codeableConcept", "in", 0, "1", "CodeableConcept", "Right when one of its codings is."),
    Parameter("abstract", "in", 0, "1", "boolean", "Concepts that are not meant to be selected are right, too."),
    DISPLAY_LANGUAGE,
    Parameter("result", "out", 1, "1", "boolean", "Whether the code is there, and all that was said of it is right."),
    Parameter("message", "out", 0, "1", "string", "Why it is not, what is not held, or hints."),
    Parameter("display", "out", 0, "1", "string", "The concept in words."),
)
VALIDATE_IN_VALUE_SET_PARAMETERS: Final = (
    *OF_A_VALUE_SET,
    CODE,
    SYSTEM,
    Parameter("systemVersion", "in", 0, "1", "string", "The version of the code system that is meant."),
    *_ASKED,
)
VALIDATE_IN_CODE_SYSTEM_PARAMETERS: Final = (
    Parameter("url", "in", 0, "1", "uri", "The canonical of the code system; a coding may name it as well."),
    Parameter("codeSystem", "in", 0, "1", "CodeSystem", "A code system that is not stored."),
    Parameter("code", "in", 0, "1", "code", "The code."),
    Parameter("version", "in", 0, "1", "string", "The version of the code system that is meant."),
    *_ASKED,
)


async def validate_in_value_set(server: FhirServer, request: Request, target: Target) -> Answer:
    """Whether a code is in a value set. Raises ``NotFound`` where the value set is not held."""
    inputs = inputs_of(server, request, VALIDATE_IN_VALUE_SET_PARAMETERS)
    by = one_of(inputs, target, "url", "valueSet", what="value set")
    codings, concept = codings_of(inputs, version="systemVersion")
    if "code" in inputs.values and "system" not in inputs.values:
        raise Invalid("system: a code comes with its system.", "required")
    held = await held_by(server, server.database, request.access, now=request.now)
    given: Resource | None = None
    canonical = ""
    if by == "url":
        canonical = versioned(inputs.first("url"), inputs.first("valueSetVersion"))
        await held.shown_value_set(canonical)
    else:
        given = await stored_at(server, request, target) if target.id else value_set_sent(server, inputs)
    wanted = _wanted(request, inputs)

    def check(view: View) -> list[Checked]:
        selection = selection_of(view, canonical) if given is None else selection_of_resource(view, given)
        return [check_in_value_set(selection, _system(view, each), each, wanted) for each in codings]

    try:
        checks = await held.ask(check)
    except TooCostly as error:
        raise Unprocessable(error.diagnostics, error.code) from error
    return _answer(checks, inputs, target, concept=concept)


def _system(view: View, coding: Coding) -> CodeSystem | None:
    return view.code_system(coding.canonical) if coding.system else None


async def validate_in_code_system(server: FhirServer, request: Request, target: Target) -> Answer:
    """Whether a code is in a code system; one that is not held is said to be so. Raises ``Invalid`` where none is
    named.
    """
    inputs = inputs_of(server, request, VALIDATE_IN_CODE_SYSTEM_PARAMETERS)
    by = one_of(inputs, target, "url", "codeSystem", what="code system", required=False)
    codings, concept = codings_of(inputs, version="version")
    wanted = _wanted(request, inputs)
    held = await held_by(server, server.database, request.access, now=request.now)
    if by in (None, "url"):
        url = inputs.first("url")
        checks = [await _in_system(held, url, each, wanted) for each in codings if _is_of(each, url, all_of=concept)]
    else:
        given = await stored_at(server, request, target) if target.id else sent_with(server, inputs, "codeSystem")
        system = read_code_system(given)
        checks = [
            check_in_code_system(system, each, wanted) for each in codings if _is_of(each, system.url, all_of=concept)
        ]
    return _answer(checks, inputs, target, concept=concept)


def _is_of(coding: Coding, url: str | None, *, all_of: bool) -> bool:
    """Whether a coding is of the code system that is asked about; one of several that is not is passed over. Raises
    ``Invalid`` for a single one that is not, and where there is no code system at all.
    """
    if coding.system is None and url is None:
        raise Invalid("Say in which code system: by url, by coding, or by an id in the address.", "required")
    same = url is None or coding.system is None or coding.system == url.partition("|")[0]
    if not same and not all_of:
        raise Invalid("coding: it is of another code system than the one that is asked about.", "value")
    return same


async def _in_system(held: Held, url: str | None, coding: Coding, wanted: Wanted) -> Checked:
    canonical = versioned(url, coding.version) if url else coding.canonical
    system = await held.ask(lambda view: view.code_system(canonical))
    if system is not None and not await held.tells_of("CodeSystem", canonical):
        system = None
    named, _, version = canonical.partition("|")
    asked = Coding(named, coding.code, version or None, coding.display)
    return check_in_code_system(system, asked, wanted)


def _wanted(request: Request, inputs: Inputs) -> Wanted:
    return Wanted(bool(inputs.first("abstract")), languages_of(request, inputs))


def _answer(checks: list[Checked], inputs: Inputs, target: Target, *, concept: bool) -> Answer:
    made = check_all(checks) if concept else checks[0]
    parts: list[dict[str, Any]] = [{"name": "result", "valueBoolean": made.result}]
    if made.messages:
        parts.append({"name": "message", "valueString": " ".join(made.messages)})
    if made.display is not None:
        parts.append({"name": "display", "valueString": made.display})
    return answered(parts, inputs, target, "$validate-code")
