"""Scores as Observations: a panel, and one for each dimension, derived from the response.
https://hl7.org/fhir/R4/observation.html

Their ids follow from the response, the versions of scoring and cut-offs, and the dimension: what is scored again by the
same key is the same Observation, and another version of the key stands beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.fhir.resource import Resource, encode
from app.questionnaires.items import Form, value_in
from app.questionnaires.names import Names
from app.questionnaires.scoring.compute import Result, Scored, decimal_of
from app.questionnaires.scoring.program import Key, Program, Words
from app.server.ids import new_id, write_key

PROFILE: Final = "QuestionnaireScore"
BASIS: Final = "score-basis"
MARK: Final = b"StructureDefinition/score-basis"
"""Stands in the bytes of every Observation that is a score."""
SURVEY: Final = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "survey",
            "display": "Survey",
        }
    ]
}
UNITS: Final = "http://unitsofmeasure.org"
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
STATUSES: Final = {"completed": "final", "amended": "amended"}
"""Of a result, by that of the response that it comes of. Any other response has no result."""
VOID: Final = "entered-in-error"
_TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"
_PEOPLE: Final = frozenset({"Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization"})
_RAW_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Origin:
    """Where scores come from: the response as it is, its id, the partition and the Patient that it is of, and the
    Questionnaire with its version and its name. ``effective``: when it was filled in.
    """

    response: Resource
    response_id: str
    patient: int
    patient_id: str
    form: Form
    name: Words
    effective: str


@cache
def reasons() -> Mapping[str, Words]:
    """What is said where there is no score, by the code of the reason."""
    rows = yaml.load(Path(__file__).with_name("reasons.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return {code: Words(row["nl"], row["en"]) for code, row in rows.items()}


def result_id(patient: int, response_id: str, program: Program, dimension: str) -> str:
    """The id of a result; ``dimension`` "" for the panel."""
    parts = (response_id, program.id, program.version, program.cut_offs, dimension)
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return new_id(write_key(patient), lambda length: digest[:length])


def observations_of(scored: Scored, origin: Origin, names: Names) -> list[Resource]:
    """The panel and its parts, in the order of the program."""
    program = scored.program
    parts = [_part(scored, each, origin, names) for each in scored.results]
    asked = scored.asked
    code = concept(program.code, origin.name)
    panel = _observation(scored, origin, names, dimension="", code=code)
    panel["extension"] = [_basis(program, origin, names, (asked - len(scored.missing), len(scored.missing)))]
    panel["hasMember"] = [{"reference": f"Observation/{each['id']}"} for each in parts]
    return [panel, *parts]


def same(one: Resource, other: Resource) -> bool:
    """Whether two Observations say the same, whatever was noted of their storing."""
    return _said(one) == _said(other)


def basis_of(observation: Resource, names: Names) -> Mapping[str, Any] | None:
    """What a score rests on, by the names of the parts of the extension; None for an Observation that is no score."""
    url = names.extension(BASIS)
    for extension in observation.get("extension", ()):
        if extension.get("url") == url:
            return {str(each.get("url")): value_in(each)[1] for each in extension.get("extension", ())}
    return None


def is_computed(observation: Resource | None, names: Names) -> bool:
    """Whether it says that this service computed it."""
    found = basis_of(observation, names) if observation is not None else None
    return found is not None and found.get("computed") is True


def concept(key: Key, words: Words) -> Resource:
    """A CodeableConcept with its words in Dutch and English."""
    found: Resource = {"coding": [{"system": key[0], "code": key[1]}], "text": words.nl}
    if words.en != words.nl:
        found["_text"] = _in_english(words)
    return found


def _part(scored: Scored, result: Result, origin: Origin, names: Names) -> Resource:
    dimension, program = result.dimension, scored.program
    code = concept(dimension.code, dimension.words)
    found = _observation(scored, origin, names, dimension=dimension.id, code=code)
    found["extension"] = [_basis(program, origin, names, (result.answered, len(result.missing)), result.reason)]
    if result.value is not None:
        found["valueQuantity"] = _quantity(result, raw=False)
    elif result.reason:
        words = reasons()[result.reason]
        coding = [
            {"system": ABSENT, "code": "unknown"},
            {"system": names.system("score-reason"), "code": result.reason},
        ]
        found["dataAbsentReason"] = {"coding": coding, "text": words.nl, "_text": _in_english(words)}
    components = list(_components(result, origin.form, names, program))
    if components:
        found["component"] = components
    return found


def _observation(scored: Scored, origin: Origin, names: Names, *, dimension: str, code: Resource) -> Resource:
    response = origin.response
    return {
        "resourceType": "Observation",
        "id": result_id(origin.patient, origin.response_id, scored.program, dimension),
        "meta": {"profile": [names.extension(PROFILE)]},
        "extension": [],
        "status": STATUSES[response["status"]],
        "category": [SURVEY],
        "code": code,
        "subject": {"reference": f"Patient/{origin.patient_id}"},
        "effectiveDateTime": origin.effective,
        "performer": [_performer(response, origin.patient_id)],
        "derivedFrom": [{"reference": f"QuestionnaireResponse/{origin.response_id}"}],
    }


def _performer(response: Resource, patient_id: str) -> Resource:
    """Who filled it in: the author, unless that is a device; else who gave the answers; else the person."""
    for each in (response.get("author"), response.get("source")):
        if each is not None and (each.get("type") or each.get("reference", "").rpartition("/")[0]) in _PEOPLE:
            return {name: value for name, value in each.items() if name in ("reference", "type", "display")}
    return {"reference": f"Patient/{patient_id}"}


def _basis(program: Program, origin: Origin, names: Names, counts: tuple[int, int], reason: str = "") -> Resource:
    answered, missing = counts
    parts: list[tuple[str, str, Any]] = [
        ("questionnaire", "valueCanonical", origin.form.canonical),
        ("form", "valueString", origin.name.nl),
        ("scoring", "valueString", program.id),
        ("scoringVersion", "valueString", program.version),
        ("cutOffs", "valueString", program.cut_offs),
        ("confirmed", "valueBoolean", program.confirmed),
        ("answered", "valueUnsignedInt", answered),
        ("missing", "valueUnsignedInt", missing),
        ("reason", "valueCode", reason),
        ("language", "valueCode", origin.response.get("language", "")),
        ("computed", "valueBoolean", True),
    ]
    return {
        "url": names.extension(BASIS),
        "extension": [{"url": name, member: value} for name, member, value in parts if value != ""],
    }


def _components(result: Result, form: Form, names: Names, program: Program) -> Iterator[Resource]:
    """Of a scale the number before its steps and the class; of what is no scale the answers, one by one."""
    part = names.system("score-part")
    if result.raw is not None and result.dimension.steps:
        code = concept((part, "raw"), Words("Punten voor omrekening", "Points before conversion"))
        yield {"code": code, "valueQuantity": _quantity(result, raw=True)}
    if result.band is not None:
        band = result.band
        code = concept((part, "class"), Words("Groep", "Class"))
        key = names.system("score"), f"{program.id}-{result.dimension.id}-{band.code}"
        found: Resource = {"code": code, "valueCodeableConcept": concept(key, Words(band.nl, band.en))}
        if not (band.confirmed and program.confirmed):
            words = Words("niet bevestigd", "not confirmed")
            found["interpretation"] = [concept((part, "unconfirmed"), words)]
        yield found
    if result.dimension.method == "items":
        for item in result.items:
            yield from _answers(item.link_id, item.answers, form, part)


def _answers(link_id: str, answers: Sequence[Resource], form: Form, part: str) -> Iterator[Resource]:
    item = form.by_link_id.get(link_id)
    coding = [{"system": part, "code": "answer"}, *(item.raw.get("code", ()) if item is not None else ())]
    code = {"coding": coding, "text": link_id}
    if not answers:
        yield {"code": code, "dataAbsentReason": {"coding": [{"system": ABSENT, "code": "unknown"}]}}
    for answer in answers:
        member, value = value_in(answer)
        found = _component_value(member, value)
        if found is not None:
            yield {"code": code, **found}


def _component_value(member: str, value: Any) -> Resource | None:
    """An answer as a value that a component can have; None for what it cannot (a file, a reference)."""
    if member == "valueCoding":
        return {"valueCodeableConcept": {"coding": [value]}}
    if member in ("valueQuantity", "valueString", "valueBoolean", "valueInteger", "valueTime", "valueDateTime"):
        return {member: value}
    if member == "valueDecimal":
        return {"valueQuantity": {"value": value}}
    if member in ("valueDate", "valueUri"):
        return {"valueDateTime" if member == "valueDate" else "valueString": value}
    return None


def _quantity(result: Result, *, raw: bool) -> Resource:
    dimension = result.dimension
    value = result.raw if raw else result.value
    assert value is not None
    digits = None if raw or dimension.rounding is None else dimension.rounding.digits
    number = decimal_of(value, digits)
    if raw and -number.as_tuple().exponent > _RAW_DIGITS:  # type: ignore[operator] # a finite number
        number = round(number, _RAW_DIGITS)
    unit = "{score}" if raw else dimension.unit
    return {"value": number, "unit": "score" if unit == "{score}" else unit, "system": UNITS, "code": unit}


def _in_english(words: Words) -> Resource:
    parts = [{"url": "lang", "valueCode": "en"}, {"url": "content", "valueString": words.en}]
    return {"extension": [{"url": _TRANSLATION, "extension": parts}]}


def _said(observation: Resource) -> bytes:
    return encode({name: value for name, value in sorted(observation.items()) if name not in ("meta", "text")})
