"""A Questionnaire with every kind of question and every way to ask it, in our own words."""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import Resource
from tests.questionnaires.answering import CORE, SDC, UCUM, coding, item, questionnaire, when

URL: Final = "http://example.org/Questionnaire/alle-soorten"


def control(code: str) -> tuple[str, Resource]:
    """How an item is to be shown."""
    concept = {"coding": [{"system": "http://hl7.org/fhir/questionnaire-item-control", "code": code}]}
    return "questionnaire-itemControl", {"valueCodeableConcept": concept}


def options(*codes: str) -> list[Resource]:
    return [{"valueCoding": {**coding(each), "display": f"Keuze {each}"}} for each in codes]


def unit(code: str, display: str) -> Resource:
    return {"valueCoding": {"system": UCUM, "code": code, "display": display}}


def expression(text: str) -> Resource:
    return {"valueExpression": {"language": "text/fhirpath", "expression": text}}


def every_kind() -> Resource:
    """In Dutch, with some English."""
    about = item("about", "display", text="Deze lijst laat alle soorten vragen zien.")
    note = item("note", "display", text="Dit is uitleg bij de vraag.", extension=[control("help")])
    english = [{"url": "lang", "valueCode": "en"}, {"url": "content", "valueString": "In a few words?"}]
    scale = [
        control("slider"),
        ("minValue", {"valueInteger": 0}),
        ("maxValue", {"valueInteger": 10}),
    ]
    ends = [
        item("ruler.low", "display", text="0: geen pijn", extension=[control("lower")]),
        item("ruler.high", "display", text="10: ergste pijn", extension=[control("upper")]),
    ]
    questions: list[Resource] = [
        about,
        item("boolean", "boolean", text="Gaat het goed?", required=True, prefix="1."),
        item(
            "string", "string", note, text="In een paar woorden?", maxLength=40,
            _text={"extension": [{"url": f"{CORE}translation", "extension": english}]},
            extension=[("questionnaire-supportLink", {"valueUri": "https://www.example.org/uitleg"})],
        ),
        item("text", "text", text="Vertel er meer over."),
        item("integer", "integer", text="Hoeveel keer?", required=True, extension=[("minValue", {"valueInteger": 0})]),
        item("decimal", "decimal", text="Hoeveel precies?"),
        item("ruler", "integer", *ends, text="Hoeveel pijn hebt u?", extension=scale),
        item("date", "date", text="Op welke dag?"),
        item("dateTime", "dateTime", text="Wanneer precies?"),
        item("time", "time", text="Hoe laat?"),
        item("url", "url", text="Waar staat het?"),
        item("radio", "choice", text="Kies er één.", answerOption=options("a", "b", "c")),
        item(
            "folded", "choice", text="Kies er één uit de lijst.", extension=[control("drop-down")],
            answerOption=options("a", "b", "c"),
        ),
        item("checks", "choice", text="Kies er een paar.", repeats=True, answerOption=options("a", "b", "c")),
        item("numbers", "choice", text="Welk getal?", answerOption=[{"valueInteger": 1}, {"valueInteger": 2}]),
        item("open", "open-choice", text="Kies, of zeg het zelf.", answerOption=options("a", "b")),
        item(
            "contained", "choice", text="Kies uit deze soorten.", answerValueSet="#soorten",
        ),
        item(
            "one-unit", "quantity", text="Hoe zwaar?",
            extension=[("questionnaire-unitOption", unit("kg", "kilo"))],
        ),
        item(
            "units", "quantity", text="Hoe lang?",
            extension=[
                ("questionnaire-unitOption", unit("cm", "centimeter")),
                ("questionnaire-unitOption", unit("m", "meter")),
            ],
        ),
        item("any-unit", "quantity", text="Hoe veel, waarvan?"),
        item("file", "attachment", text="Een foto?", extension=[("mimeType", {"valueCode": "image/png"})]),
        item("reference", "reference", text="Welke afspraak?"),
        item("several", "string", text="Noem er een paar.", repeats=True),
        item(
            "given", "string", text="Dit staat vast.", readOnly=True, initial=[{"valueString": "Vast"}],
        ),
        item(
            "unseen", "string", text="Dit ziet niemand.", initial=[{"valueString": "verborgen"}],
            extension=[("questionnaire-hidden", {"valueBoolean": True})],
        ),
        item(
            "computed", "decimal", text="Twee keer zo veel.", readOnly=True,
            extension=[
                (
                    f"{SDC}sdc-questionnaire-calculatedExpression",
                    expression("%resource.item.where(linkId='integer').answer.value * 2"),
                )
            ],
        ),
        item(
            "group", "group",
            item("group.name", "string", text="Wie?", required=True),
            item(
                "group.inner", "group", item("group.inner.what", "string", text="Wat doet die?"),
                text="Wat", repeats=True,
            ),
            text="Iemand die helpt", repeats=True,
        ),
        item(
            "table", "group", item("table.a", "integer", text="Maandag"), item("table.b", "integer", text="Dinsdag"),
            text="Deze week", extension=[control("table")],
        ),
        item(
            "parent", "boolean",
            item("parent.why", "string", text="Waarom?", enableWhen=[when("parent", "=", answerBoolean=True)]),
            text="Is er nog iets?",
        ),
        item("unseen-now", "string", text="Waarom niet?", enableWhen=[when("boolean", "=", answerBoolean=False)]),
        item("last", "display", text="Bedankt."),
    ]  # fmt: skip
    set_of: dict[str, Any] = {
        "resourceType": "ValueSet",
        "id": "soorten",
        "status": "active",
        "compose": {
            "include": [
                {
                    "system": "http://example.org/soorten",
                    "concept": [{"code": "x", "display": "Soort x"}, {"code": "y", "display": "Soort y"}],
                }
            ]
        },
    }
    return questionnaire(
        *questions, id="alle-soorten", url=URL, title="Alle soorten vragen", language="nl", contained=[set_of]
    )
