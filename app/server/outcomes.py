"""From what went wrong to an HTTP status and an OperationOutcome. https://hl7.org/fhir/R4/operationoutcome.html"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from app import errors
from app.errors import Issue, ZelfregieError
from app.fhir.resource import encode
from app.server.messages import Headers
from app.server.telling import BY_LANGUAGE, asker, told

STATUS: Final[Mapping[type[ZelfregieError], int]] = MappingProxyType(
    {
        errors.Invalid: 400,
        errors.Unauthenticated: 401,
        errors.Forbidden: 403,
        errors.NotFound: 404,
        errors.MethodNotAllowed: 405,
        errors.NotAcceptable: 406,
        errors.Conflict: 409,
        errors.Gone: 410,
        errors.PreconditionFailed: 412,
        errors.TooLarge: 413,
        errors.UnsupportedMediaType: 415,
        errors.Unprocessable: 422,
        errors.TooMany: 429,
        errors.Unavailable: 503,
    }
)

SOURCE: Final = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-source"
"""HL7's extension for what found an issue; here the profile that asks for what is not so."""
_IS_OUTCOME: Final = re.compile(
    rb'\s*\{\s*"resourceType"\s*:\s*"OperationOutcome"|(?:<\?xml[^>]*\?>)?\s*<OperationOutcome'
).match
_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def status_of(error: ZelfregieError) -> int:
    """The HTTP status of the nearest class in the table."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def outcome(issues: Iterable[Issue], kind: type[ZelfregieError] | None = None) -> dict[str, Any]:
    """The OperationOutcome of these issues, which who asks now is told in their language; ``kind``: the class of the
    refusal that they are of.
    """
    now = asker()
    now.told = True
    language = now.language
    listed: list[dict[str, Any]] = []
    for issue in issues:
        row: dict[str, Any] = {"severity": issue.severity, "code": issue.code}
        if language is not None:
            key = {} if issue.rule is None else {"coding": [{"code": issue.rule}]}
            row["details"] = {**key, "text": _printable(told(issue, language, kind))}
        elif issue.rule is not None:
            row["details"] = {"text": issue.rule}
        row["diagnostics"] = _printable(issue.diagnostics)
        if issue.profile is not None:
            row["extension"] = [{"url": SOURCE, "valueString": issue.profile}]
        if issue.expression:
            row["expression"] = [_printable(each) for each in issue.expression]
        listed.append(row)
    return {"resourceType": "OperationOutcome", "issue": listed}


def _printable(text: str) -> str:
    """Names are told as they were sent, but for what neither a string of FHIR nor XML can hold."""
    return str(text) if text.isprintable() else _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


def outcome_bytes(error: ZelfregieError) -> bytes:
    """The OperationOutcome of an error, as JSON."""
    return encode(outcome(error.all_issues(), type(error)))


def language_headers(body: bytes) -> Headers:
    """What an answer says of its language, once its body is as it is sent: that it is another in another one, where an
    outcome was made for it, and which one it is in, where it is that outcome.
    """
    now = asker()
    if not now.told:
        return []
    language = now.language
    if language is None or not _IS_OUTCOME(body):
        return [BY_LANGUAGE]
    return [BY_LANGUAGE, (b"content-language", language.encode())]


def fault_bytes(request: str) -> bytes:
    """What a caller hears of a fault of ours: the number under which it is in our log, and nothing else."""
    text = f"Something went wrong on our side. It is in our log as {request}."
    return encode(outcome([Issue("exception", text, severity="fatal")]))
