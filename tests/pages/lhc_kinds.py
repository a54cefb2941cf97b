"""Every kind of item that R4 has and that we serve, each with answers, and what LHC-Forms does with it.

What it does not support is what its own page says of FHIR R4 (r4-support.md in the npm package ``lforms``).
https://hl7.org/fhir/R4/valueset-item-type.html
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

from app.fhir.resource import Resource
from tests.pages.every_kind import control, expression, options, unit
from tests.pages.images import PNG
from tests.questionnaires.answering import SDC, coding, given, item, quantity, questionnaire, when

URL: Final = "http://example.org/Questionnaire/lhc-soorten"
SET: Final = "http://example.org/ValueSet/lhc-soorten"


@dataclass(frozen=True)
class Kind:
    """``asked``: the item, whose linkId is the name; ``answers``: in the response, None where nothing is answered."""

    asked: Resource
    answers: Resource | None = None


def _kind(
    name: str, kind: str, *values: Any, text: str = "", within: tuple[Resource, ...] = (), **members: Any
) -> Kind:
    asked = item(name, kind, *within, text=text or f"Vraag {name}?", **members)
    return Kind(asked, given(name, *values) if values else None)


def _choice(name: str, kind: str, code: str, *picked: str, **members: Any) -> Kind:
    codes = [("Coding", {**coding(each), "display": f"Keuze {each}"}) for each in picked]
    extension = [control(code)] if code else []
    extension += members.pop("extension", [])
    more: dict[str, Any] = {"extension": extension} if extension else {}
    return _kind(name, kind, *codes, answerOption=options("a", "b", "c"), **more, **members)


PICTURE: Final = {
    "contentType": "image/png",
    "title": "foto.png",
    "data": base64.b64encode(PNG).decode(),
    "size": len(PNG),
}
RULER: Final = [
    control("slider"),
    ("minValue", {"valueInteger": 0}),
    ("maxValue", {"valueInteger": 10}),
    ("questionnaire-sliderStepValue", {"valueInteger": 1}),
]
ENDS: Final = (
    item("slider.low", "display", text="0: geen pijn", extension=[control("lower")]),
    item("slider.high", "display", text="10: ergste pijn", extension=[control("upper")]),
)
KILO: Final = [("questionnaire-unitOption", unit("kg", "kilo"))]
LONG: Final = [
    ("questionnaire-unitOption", unit("cm", "centimeter")),
    ("questionnaire-unitOption", unit("m", "meter")),
]
TIMES: Final = when("integer", ">", answerInteger=2)
KINDS: Final[dict[str, Kind]] = {
    "display": _kind("display", "display", text="Dit is alleen om te lezen."),
    "boolean": _kind("boolean", "boolean", ("Boolean", False), required=True),
    "decimal": _kind("decimal", "decimal", ("Decimal", 7.25)),
    "integer": _kind("integer", "integer", ("Integer", 3), extension=[("minValue", {"valueInteger": 0})]),
    "date": _kind("date", "date", ("Date", "2024-03-05")),
    "dateTime": _kind("dateTime", "dateTime", ("DateTime", "2024-03-05T08:30:00+01:00")),
    "time": _kind("time", "time", ("Time", "14:30:00")),
    "string": _kind("string", "string", ("String", "Zo gaat het."), maxLength=40),
    "string-repeats": _kind("string-repeats", "string", ("String", "een"), ("String", "twee"), repeats=True),
    "text": _kind("text", "text", ("String", "Eerst dit.\nDan dat.")),
    "choice": _choice("choice", "choice", "", "b"),
    "choice-radio": _choice("choice-radio", "choice", "radio-button", "a"),
    "choice-drop-down": _choice("choice-drop-down", "choice", "drop-down", "c"),
    "choice-autocomplete": _choice("choice-autocomplete", "choice", "autocomplete", "b"),
    "choice-check-box": _choice("choice-check-box", "choice", "check-box", "a", "c", repeats=True),
    "choice-repeats": _choice("choice-repeats", "choice", "drop-down", "a", "b", repeats=True),
    "choice-weighed": _kind(
        "choice-weighed",
        "choice",
        ("Coding", {**coding("w2"), "display": "Vaak"}),
        answerOption=[
            {
                "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": number}],
                "valueCoding": {**coding(f"w{number}"), "display": words},
            }
            for number, words in ((1, "Soms"), (2, "Vaak"))
        ],
    ),
    "choice-value-set": _kind(
        "choice-value-set",
        "choice",
        ("Coding", {"system": "http://example.org/soorten", "code": "x", "display": "Soort x"}),
        answerValueSet=SET,
    ),
    "choice-expanded": _kind(
        "choice-expanded",
        "choice",
        ("Coding", {"system": "http://example.org/soorten", "code": "y", "display": "Soort y"}),
        answerValueSet="#uitgeschreven",
    ),
    "open-choice": _choice("open-choice", "open-choice", "drop-down", "a"),
    "open-choice-words": _kind(
        "open-choice-words",
        "open-choice",
        ("String", "Iets anders"),
        answerOption=options("a", "b"),
    ),
    "open-choice-check-box": _kind(
        "open-choice-check-box",
        "open-choice",
        ("Coding", {**coding("a"), "display": "Keuze a"}),
        ("String", "En dit"),
        answerOption=options("a", "b"),
        repeats=True,
        extension=[control("check-box")],
    ),
    "attachment": _kind(
        "attachment", "attachment", ("Attachment", PICTURE), extension=[("mimeType", {"valueCode": "image/png"})]
    ),
    "quantity-one-unit": _kind(
        "quantity-one-unit",
        "quantity",
        ("Quantity", {**quantity(81.5, "kg"), "unit": "kilo"}),
        extension=KILO,
    ),
    "quantity-units": _kind(
        "quantity-units",
        "quantity",
        ("Quantity", {**quantity(1.75, "m"), "unit": "meter"}),
        extension=LONG,
    ),
    "quantity": _kind("quantity", "quantity", ("Quantity", {"value": 3})),
    "slider": _kind("slider", "integer", ("Integer", 4), within=ENDS, extension=RULER),
    "spinner": _kind("spinner", "integer", ("Integer", 5), extension=[control("spinner")]),
    "initial": _kind("initial", "string", ("String", "Al ingevuld"), initial=[{"valueString": "Al ingevuld"}]),
    "read-only": _kind("read-only", "string", ("String", "Vast"), readOnly=True, initial=[{"valueString": "Vast"}]),
    "hidden": _kind(
        "hidden",
        "string",
        ("String", "verborgen"),
        initial=[{"valueString": "verborgen"}],
        extension=[("questionnaire-hidden", {"valueBoolean": True})],
    ),
    "calculated": _kind(
        "calculated",
        "decimal",
        ("Decimal", 6),
        readOnly=True,
        extension=[
            (
                f"{SDC}sdc-questionnaire-calculatedExpression",
                expression("%resource.item.where(linkId='integer').answer.value * 2"),
            )
        ],
    ),
    "enabled": _kind("enabled", "string", ("String", "Omdat het zo is."), enableWhen=[TIMES]),
    "enabled-all": _kind(
        "enabled-all",
        "string",
        ("String", "Beide."),
        enableBehavior="all",
        enableWhen=[TIMES, when("choice-radio", "=", answerCoding=coding("a"))],
    ),
    "not-enabled": _kind("not-enabled", "string", enableWhen=[when("boolean", "=", answerBoolean=True)], required=True),
    "below-answer": Kind(
        item("below-answer", "boolean", item("below-answer.why", "string", text="Waardoor dan?"), text="Nog iets?"),
        given("below-answer", {"valueBoolean": True, "item": [given("below-answer.why", ("String", "Drukte"))]}),
    ),
    "group": Kind(
        item(
            "group",
            "group",
            item("group.inner", "group", item("group.inner.what", "string", text="Wat precies?"), text="Binnen"),
            text="Een groep",
        ),
        given("group", items=[given("group.inner", items=[given("group.inner.what", ("String", "Dit"))])]),
    ),
    "group-table": Kind(
        item(
            "group-table",
            "group",
            *(
                item(f"group-table.{each}", "choice", text=f"Op {each}", answerOption=options("a", "b"))
                for each in ("maandag", "dinsdag")
            ),
            text="Deze week",
            extension=[control("table")],
        ),
        given("group-table", items=[given("group-table.maandag", ("Coding", {**coding("b"), "display": "Keuze b"}))]),
    ),
}
"""Those of which all answers come back as they were."""
REPEATED: Final[dict[str, tuple[Resource, list[Resource]]]] = {
    name: (
        item(
            name,
            "group",
            item(f"{name}.who", "string", text=f"Wie ({name})?"),
            text=f"Helpers {name}",
            repeats=True,
            **more,
        ),
        [given(name, items=[given(f"{name}.who", ("String", who))]) for who in ("Sam", "Noor")],
    )
    for name, more in (("group-repeats", {}), ("group-gtable", {"extension": [control("gtable")]}))
}
OTHERWISE: Final[dict[str, Kind]] = {
    "url": _kind("url", "url", ("Uri", "https://www.example.org/uitleg")),
    "prefix-help": _kind(
        "prefix-help",
        "string",
        ("String", "ja"),
        prefix="3a.",
        within=(item("prefix-help.note", "display", text="Uitleg bij de vraag.", extension=[control("help")]),),
    ),
    "choice-integers": _kind(
        "choice-integers",
        "choice",
        ("Integer", 2),
        answerOption=[{"valueInteger": 1}, {"valueInteger": 2}],
    ),
    "choice-strings": _kind(
        "choice-strings",
        "choice",
        ("String", "vaak"),
        answerOption=[{"valueString": each} for each in ("nooit", "vaak")],
    ),
}
"""Those that LHC-Forms shows, and whose answers it makes otherwise than R4 has them: ``valueUrl`` for a url, and a
Coding for an option that is a number or words. It does not take them up from a response either.
"""
NOT_ASKED: Final[dict[str, Kind]] = {
    "reference": _kind("reference", "reference", ("Reference", {"reference": "Appointment/een"})),
}
"""What LHC-Forms shows and cannot answer."""
NOT_SHOWN: Final[dict[str, Kind]] = {
    "contained-value-set": _kind(
        "contained-value-set",
        "choice",
        ("Coding", {"system": "http://example.org/soorten", "code": "x"}),
        answerValueSet="#soorten",
    ),
}
"""Answers that LHC-Forms cannot show: those from a value set within the Questionnaire that is not written out. (Nor a
group with the control ``table`` whose questions are no choices with the same answers: on that it waits for ever.)
"""


def _set(set_id: str, *, expanded: bool) -> Resource:
    concept = [{"code": each, "display": f"Soort {each}"} for each in ("x", "y")]
    system = "http://example.org/soorten"
    made: Resource = {"resourceType": "ValueSet", "id": set_id, "status": "active"}
    if expanded:
        contains = [{"system": system, **each} for each in concept]
        made["expansion"] = {"timestamp": "2026-11-01T00:00:00Z", "contains": contains}
    made["compose"] = {"include": [{"system": system, "concept": concept}]}
    return made


def lhc_questionnaire() -> Resource:
    """All that comes back."""
    items = [each.asked for each in KINDS.values()] + [asked for asked, _ in REPEATED.values()]
    return questionnaire(
        *items, id="lhc-soorten", url=URL, title="Alle soorten", contained=[_set("uitgeschreven", expanded=True)]
    )


def lhc_one(name: str) -> Resource:
    """One of the others."""
    kind = (OTHERWISE | NOT_ASKED | NOT_SHOWN)[name]
    more = {"contained": [_set("soorten", expanded=False)]} if "answerValueSet" in kind.asked else {}
    return questionnaire(kind.asked, id=f"lhc-{name}", url=f"{URL}-{name}", title=name, **more)


def lhc_value_set() -> Resource:
    """Of the catalogue."""
    return {**_set("lhc-soorten", expanded=False), "url": SET}


def lhc_answers() -> list[Resource]:
    """To all of it."""
    single = [each.answers for each in KINDS.values() if each.answers is not None]
    return [*single, *(each for _, answers in REPEATED.values() for each in answers)]
