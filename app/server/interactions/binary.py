"""Binary as itself: its content, whatever that is, in place of a resource that holds it.

https://hl7.org/fhir/R4/binary.html#rest
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import Final

from app.errors import Invalid, NotAcceptable, Unprocessable, UnsupportedMediaType
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode, parse_reference
from app.fhir.xml import from_xml
from app.server.formats import FHIR_TYPES, PLAIN_TYPES, best_asked, media_type_of
from app.server.messages import Answer, Request
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.prepare import Context

_WORD: Final = r"[\w!#$&^.+'*%`|~-]{1,80}"
_MEDIA_TYPE: Final = re.compile(rf"{_WORD}/{_WORD}(?:; ?{_WORD}=(?:{_WORD}|\"[ !#-\[\]-~]{{0,80}}\")){{0,8}}", re.ASCII)
"""https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1"""
_UNKNOWN: Final = "application/octet-stream"
_SHOWN: Final = re.compile(
    r"(image/(png|jpeg|gif|bmp|webp|tiff)|text/plain|application/(pdf|dicom)|(audio|video)/.+)", re.ASCII
)
"""What a browser may show in its place: it can run nothing. All else is for keeping."""
_CONFINED: Final = (b"content-security-policy", b"default-src 'none'; sandbox")


def answer_raw(request: Request, answer: Answer) -> None:
    """Put the content of the stored Binary in its place where that is asked for, with headers that keep a browser from
    running it (``asgi.py`` forbids it to guess what it is). A Binary without content stays what it is. Raises
    ``NotAcceptable`` for a content that cannot be read.
    """
    best = best_asked(request.headers, request.query)
    if best in FHIR_TYPES:
        return
    resource = decode(answer.body)
    given = resource.get("contentType", _UNKNOWN)
    if "data" not in resource or (best in PLAIN_TYPES and best != media_type_of(given)):
        return
    try:
        answer.body = b64decode(resource["data"])
    except (NotBase64, ValueError) as error:
        raise NotAcceptable(
            "The content of this Binary cannot be read; ask for it as application/fhir+json."
        ) from error
    media_type = given if _MEDIA_TYPE.fullmatch(given) else _UNKNOWN
    answer.media_type = media_type.encode()
    answer.headers.append(_CONFINED)
    if _SHOWN.fullmatch(media_type_of(media_type)) is None:
        answer.headers.append((b"content-disposition", b"attachment"))
    context = resource.get("securityContext", {}).get("reference", "")
    if context.isascii() and parse_reference(context) is not None:
        answer.headers.append((b"x-security-context", context.encode()))


def is_sent_raw(request: Request, definitions: Definitions) -> bool:
    """Whether the body is the content itself, and not a Binary in one of FHIR's formats."""
    name = media_type_of(request.header(b"content-type"))
    if name in FHIR_TYPES:
        return False
    if name not in PLAIN_TYPES:
        return True
    try:
        sent = from_xml(request.body, definitions) if name.endswith("xml") else decode(request.body)
    except Invalid:
        return True
    return sent.get("resourceType") != "Binary"


def wrapped(request: Request, *, patient_id: str | None) -> Resource:
    """The Binary that holds the body, which was sent as itself. ``patient_id``: the Patient in the address."""
    if not request.body:
        raise Invalid("The request has no body.", "structure")
    content_type = request.header(b"content-type").strip()
    if _MEDIA_TYPE.fullmatch(content_type) is None:
        raise UnsupportedMediaType("Say what the content is in Content-Type, such as application/pdf.")
    context = request.header(b"x-security-context")
    patient = patient_id or request.access.patient_id
    if not context and patient:
        context = f"Patient/{patient}"
    resource: Resource = {"resourceType": "Binary", "contentType": content_type}
    if context:
        resource["securityContext"] = {"reference": context}
    return {**resource, "data": b64encode(request.body).decode("ascii")}


async def context_within(server: FhirServer, request: Request, resource: Resource, context: Context) -> Context:
    """Where a Binary goes: with the Patient that its securityContext names. Raises ``Unprocessable`` for one that is
    not known, or another than X-Security-Context names.
    """
    text = resource.get("securityContext", {}).get("reference")
    literal = parse_reference(text) if text is not None else None
    if literal is None or literal.type != "Patient" or literal.base not in ("", server.base):
        return context
    patient = await find_patient(server.database, request.access, literal.id, server.registry)
    if patient is None:
        raise Unprocessable("The patient that Binary.securityContext names is not known to you.", "not-found")
    if context.patient not in (None, patient):
        raise Unprocessable("X-Security-Context names another patient than Binary.securityContext.", "business-rule")
    return Context(patient, context.service)
