"""What an operation is about: which Questionnaire of the catalogue, and whose answers.
https://hl7.org/fhir/uv/sdc/OperationDefinition/Questionnaire-populate
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from app.database import Reader
from app.errors import Invalid, NotFound
from app.fhir.resource import Resource, decode, parse_reference
from app.questionnaires import refusals
from app.questionnaires.items import form_of
from app.questionnaires.library import Held, QuestionnaireLibrary
from app.questionnaires.licensing import usable
from app.server.interactions.parameters import Inputs
from app.server.messages import Request, Target
from app.server.search import page
from app.server.search.permitted import within_scopes
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.read import read

_KIND: Final = "Questionnaire"


async def questionnaire_asked(
    server: FhirServer,
    reader: Reader,
    request: Request,
    target: Target,
    inputs: Inputs,
    *,
    library: QuestionnaireLibrary,
) -> Held:
    """The one at the address, or that ``canonical``, ``identifier`` or ``questionnaireRef`` names, which may be used.
    Raises ``Invalid``, ``NotFound``, or ``Unprocessable`` for one that may not.
    """
    named = [name for name in ("canonical", "identifier", "questionnaireRef") if name in inputs.values]
    if len(named) + bool(target.id) != 1:
        text = "Say which Questionnaire: by an id in the address, or by one of canonical, identifier, questionnaireRef."
        raise Invalid(text, "required")
    if target.id:
        held = await _by_id(server, reader, request, target.id, library)
    elif named == ["identifier"]:
        held = await _by_identifier(server, reader, request, inputs.first("identifier"), library)
    else:
        given = inputs.first(named[0])
        held = await _by_name(server, reader, request, given if isinstance(given, str) else _text(given), library)
    refused = usable(held, now=request.now)
    if refused is not None:
        raise refusals.error(refused)
    return held


async def subject_of(
    server: FhirServer, reader: Reader, request: Request, given: Resource | None, *, what: str
) -> tuple[int, str]:
    """The partition and the id of the Patient that ``subject`` names; without it the one that the token is for. Raises
    ``Invalid`` and ``NotFound``.
    """
    access = request.access
    if given is None:
        if access.patient is None:
            raise Invalid(f"{what}: say whom it is about, as Patient/<id>.", "required")
        return access.patient, access.patient_id
    literal = parse_reference(_text(given))
    if literal is None or literal.type != "Patient" or literal.base not in ("", server.base):
        raise Invalid(f"{what} is a Patient of this server, as Patient/<id>.", "value")
    patient = await find_patient(reader, access, literal.id, server.registry)
    if patient is None:
        raise NotFound(f"Patient/{literal.id} is not known.")
    return patient, literal.id


async def _by_name(
    server: FhirServer, reader: Reader, request: Request, name: str, library: QuestionnaireLibrary
) -> Held:
    literal = parse_reference(name)
    if literal is not None and literal.type == _KIND and literal.base in ("", server.base):
        return await _by_id(server, reader, request, literal.id, library)
    held = await library.find(server, reader, request.access.catalogues, name)
    if held is None:
        raise NotFound("This Questionnaire is not held here; GET Questionnaire lists those that are.")
    return held


async def _by_id(
    server: FhirServer, reader: Reader, request: Request, resource_id: str, library: QuestionnaireLibrary
) -> Held:
    stored = await read(reader, request.access, _KIND, resource_id, registry=server.registry, now=request.now)
    if stored.patient > 0:
        raise NotFound(f"{_KIND}/{resource_id} is not in the catalogue; only what is there is asked of people.")
    form = form_of(decode(stored.body))
    url, version = form.resource.get("url"), form.resource.get("version", "")
    instrument = None if url is None else await library.instruments.find(reader, stored.patient, url, version)
    return Held(form, stored.patient, resource_id, instrument)


async def _by_identifier(
    server: FhirServer, reader: Reader, request: Request, identifier: Resource, library: QuestionnaireLibrary
) -> Held:
    if "value" not in identifier:
        raise Invalid("identifier needs a value.", "value")
    value = "|".join(_escaped(str(identifier[name])) for name in ("system", "value") if name in identifier)
    part = ("identifier", value, f"identifier={quote(value, safe=':|/')}")
    query = server.parser.parse(_KIND, [part], lenient=False)
    within_scopes(query, request.access.scopes)
    query.count = 2
    found = await page.run(server, reader, request.access, query, now=request.now)
    if len(found.rows) != 1:
        known = "several Questionnaires" if found.rows else "no Questionnaire that is held here"
        raise NotFound(f"The identifier is that of {known}; name one by its canonical.")
    return await _by_id(server, reader, request, found.rows[0][0], library)


def _text(reference: Any) -> str:
    return str(reference.get("reference", "")) if isinstance(reference, dict) else ""


def _escaped(text: str) -> str:
    """As a value of a token parameter is written. https://hl7.org/fhir/R4/search.html#escaping"""
    for each in "\\,|$":
        text = text.replace(each, f"\\{each}")
    return text
