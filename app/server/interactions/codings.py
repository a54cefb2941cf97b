"""What the operations on terminology are asked about: codes, canonicals, languages.
https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.errors import Invalid, Unprocessable
from app.fhir.languages import accepted
from app.fhir.resource import Resource, decode, encode
from app.fhir.terminology.checking import Coding
from app.fhir.validation import validate
from app.server import telling
from app.server.interactions.parameters import Inputs
from app.server.interactions.stored import stored_for
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.server import FhirServer

_MEMBERS: Final = ("system", "version", "code", "display")
MOST_CODINGS: Final = 100
"""Of one concept: each may be looked for in every concept map that is held."""
MOST_PARTS: Final = 200
"""Of a value set that is sent: each may be as large as what is held."""
BY_LANGUAGE: Final = telling.BY_LANGUAGE
DISPLAY_LANGUAGE: Final = Parameter(
    "displayLanguage",
    "in",
    0,
    "1",
    "code",
    "The language of the words, where they are there; Accept-Language if not said.",
)

OF_A_VALUE_SET: Final = (
    Parameter("url", "in", 0, "1", "uri", "The canonical of the value set; not for an address with an id."),
    Parameter("valueSet", "in", 0, "1", "ValueSet", "A value set that is not stored."),
    Parameter("valueSetVersion", "in", 0, "1", "string", "The version that is meant."),
)
"""By which a value set is named or sent."""
CODE: Final = Parameter("code", "in", 0, "1", "code", "The code; its system comes with it.")
SYSTEM: Final = Parameter("system", "in", 0, "1", "uri", "The canonical of its code system.")
OF_A_CODE_SYSTEM: Final = (
    Parameter("system", "in", 0, "1", "uri", "The canonical of the code system."),
    Parameter("version", "in", 0, "1", "string", "The version of the code system that is meant."),
)
"""By which a code system is named where the address does not."""
CODING: Final = Parameter("coding", "in", 0, "1", "Coding", "In place of code, system and version.")


def answered(
    parameters: Sequence[Mapping[str, Any]],
    inputs: Inputs,
    target: Target,
    interaction: str,
    *,
    rows: int = 1,
    in_words: bool = True,
) -> Answer:
    """The Parameters that answer a question; ``in_words``: what is answered depends on the language asked for."""
    return Answer(
        200,
        encode({"resourceType": "Parameters", "parameter": parameters}),
        [BY_LANGUAGE] if in_words else [],
        interaction=interaction,
        type=target.type,
        parameters=inputs.names,
        resources=(f"{target.type}/{target.id}",) if target.id else (),
        rows=rows,
    )


def languages_of(request: Request, inputs: Inputs) -> tuple[str, ...]:
    """The languages in which words are wanted, the most wanted first."""
    given = inputs.first("displayLanguage")
    return accepted(request.header(b"accept-language")) if given is None else (given,)


def versioned(url: str, version: str | None) -> str:
    """The canonical of a URL that may have a version already."""
    return url if version is None or "|" in url else f"{url}|{version}"


def one_of(inputs: Inputs, target: Target, *names: str, what: str, required: bool = True) -> str | None:
    """By which of several parameters, or by the id in the address (``id``), something is said. Raises ``Invalid`` where
    that is by none or by more than one.
    """
    given = [name for name in names if name in inputs.values] + (["id"] if target.id else [])
    if len(given) > 1 or (required and not given):
        listed = ", ".join(f"by {name}" for name in names)
        raise Invalid(f"Say which {what} is meant, in one way: {listed}, or by an id in the address.", "required")
    return given[0] if given else None


async def stored_at(server: FhirServer, request: Request, target: Target) -> Resource:
    """The resource that the address names. Raises ``NotFound`` or ``Gone``."""
    stored = await stored_for(server, request, target.type, target.id, patient_id=target.patient_id)
    return decode(stored.body)


def sent_with(server: FhirServer, inputs: Inputs, name: str) -> Resource:
    """The resource of a parameter. Raises ``Unprocessable`` where it is not valid."""
    sent: Resource = inputs.first(name)
    problems = [each for each in validate(sent, server.definitions) if each.severity in ("error", "fatal")]
    if problems:
        raise Unprocessable(f"{name}: it is not valid FHIR R4.", issues=tuple(problems))
    return sent


def value_set_sent(server: FhirServer, inputs: Inputs) -> Resource:
    """The value set that comes with a question. Raises ``Unprocessable`` also for one that is of so many parts that
    nobody else would have a turn.
    """
    sent = sent_with(server, inputs, "valueSet")
    compose = sent.get("compose", {})
    parts = [*compose.get("include", ()), *compose.get("exclude", ())]
    if len(parts) + sum(len(each.get(name, ())) for each in parts for name in ("valueSet", "filter")) > MOST_PARTS:
        raise Unprocessable(
            f"valueSet: its includes and excludes, with their value sets and filters, are {MOST_PARTS} at most.",
            "too-costly",
        )
    return sent


def codings_of(inputs: Inputs, *, version: str) -> tuple[list[Coding], bool]:
    """The codes that are asked about, by ``code`` with ``system`` and ``version`` (the parameter of that name), by
    ``coding`` or by ``codeableConcept``; and whether it was the last. Raises ``Invalid``, and ``Unprocessable`` for a
    concept of too many.
    """
    given = [name for name in ("code", "coding", "codeableConcept") if name in inputs.values]
    if len(given) != 1:
        raise Invalid("Say which code is meant, in one way: by code, by coding, or by codeableConcept.", "required")
    if given == ["code"]:
        display = inputs.first("display")
        return [Coding(inputs.first("system"), inputs.first("code"), inputs.first(version), display)], False
    beside = [name for name in ("system", version, "display") if name in inputs.values]
    if beside:
        raise Invalid(f"{beside[0]}: it goes with code, and {given[0]} has its own.", "invalid")
    if given == ["coding"]:
        return [coding_in(inputs.first("coding"), "coding")], False
    listed = inputs.first("codeableConcept").get("coding", [])
    if not isinstance(listed, list):
        raise Invalid("codeableConcept: its coding is a list.", "value")
    if len(listed) > MOST_CODINGS:
        raise Unprocessable(f"codeableConcept: {MOST_CODINGS} codings at most.", "too-costly")
    return [coding_in(each, "codeableConcept.coding") for each in listed if _has_code(each)], True


def _has_code(coding: Any) -> bool:
    return not isinstance(coding, dict) or "code" in coding


def coding_in(given: Any, name: str) -> Coding:
    """A Coding as it was sent in a parameter. Raises ``Invalid`` where it has no code, or anything but text."""
    if not isinstance(given, dict) or not isinstance(given.get("code"), str):
        raise Invalid(f"{name}: a Coding with a code and its system.", "value")
    if not all(isinstance(given.get(each, ""), str) for each in _MEMBERS):
        raise Invalid(f"{name}: {', '.join(_MEMBERS)} are text.", "value")
    return Coding(given.get("system"), given["code"], given.get("version"), given.get("display"))
