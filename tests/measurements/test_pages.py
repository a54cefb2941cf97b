"""The pages of measurements: what there is, entering it, what is asked and refused, and mistakes; in both languages,
without a script, for nobody else.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import pytest
from lxml import html

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.measurements.kinds import kinds
from app.measurements.watching import watching
from app.measurements.writing import Measured, observation_of
from tests.rights.people import bearer
from tests.server.service import Caller, Service
from tests.web.login import logged_in

ZONE: Final = ZoneInfo("Europe/Amsterdam")
PATIENT: Final[Resource] = {"reference": "Patient/anna"}
HOME: Final = [kind for kind in kinds().values() if kind.home]


def now(service: Service) -> datetime:
    return datetime.fromtimestamp(service.server.clock() / 1_000_000, ZONE)


def taken(service: Service, *, days: int = 0) -> str:
    return (now(service) - timedelta(days=days, minutes=5)).isoformat(timespec="seconds")


def measured(name: str, effective: str, **values: object) -> Resource:
    given = {each.replace("_", "-"): Decimal(str(value)) for each, value in values.items()}
    return observation_of(Measured(kinds()[name], given, effective), CANONICAL_BASE, PATIENT)


def root_of(answer: httpx.Response) -> Any:
    return html.document_fromstring(answer.text)


def words(answer: httpx.Response) -> str:
    return " ".join(root_of(answer).xpath("string(//main)").split())


async def stored(caller: Caller, query: str = "") -> list[Resource]:
    """The Observations that there are."""
    bundle = await caller.bundle(f"/Observation{query}")
    return [each["resource"] for each in bundle.get("entry", ())]


async def filled(client: httpx.AsyncClient, address: str, **fields: str) -> httpx.Response:
    """Send the form of a page with its hidden and filled-in fields, but for those that are given."""
    page = root_of(await client.get(address))
    form = page.xpath("//main//form[@method='post']")[0]
    data = {each.get("name"): each.get("value", "") for each in form.xpath(".//input")}
    data |= {each.get("name"): each.xpath("string(.//option[@selected]/@value)") for each in form.xpath(".//select")}
    data |= {name.replace("__", "-"): value for name, value in fields.items()}
    return await client.post(form.get("action"), data=data)


async def button(client: httpx.AsyncClient, address: str, text: str) -> httpx.Response:
    page = root_of(await client.get(address))
    (form,) = [each for each in page.xpath("//main//form") if text in each.xpath("string(.)")]
    fields = {each.get("name"): each.get("value", "") for each in form.xpath(".//input|.//button[@name]")}
    return await client.post(form.get("action"), data=fields)


def usual(kind: Any) -> dict[str, str]:
    """Something to fill in for each value, as people write it."""
    given: dict[str, str] = {}
    for each in kind.values:
        middle = (each.unlikely.low + each.unlikely.high) / 2
        given[each.name] = str(int(middle)) if each.name != "diastolic" else "80"
    return given


@pytest.fixture
async def anna(service: Service) -> Caller:
    return service.caller(await bearer(service, "anna"))


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_the_overview_has_of_every_kind_the_newest_value_with_when_and_by_whom(
    service: Service, anna: Caller, practice: Caller, language: str
) -> None:
    await anna.create(measured("weight", taken(service, days=3), weight="82.5"))
    await anna.create(measured("weight", taken(service, days=1), weight="81.5"))
    theirs = measured("blood-pressure", taken(service), systolic=138, diastolic=82)
    theirs["performer"] = [{"reference": "Practitioner/doctor", "display": "Dokter De Proef"}]
    await practice.create(theirs)
    async with logged_in(service, "anna") as client:
        page = await client.get(f"/measurements?lang={language}")
    assert page.status_code == 200
    said = words(page)
    assert ("81,5 kg" if language == "nl" else "81.5 kg") in said
    assert "82,5" not in said
    assert "138/82 mmHg" in said
    assert "Dokter De Proef" in said
    assert ("u zelf" if language == "nl" else "yourself") in said
    assert watching()[language] in said
    links = root_of(page).xpath("//main//a/@href")
    assert "/measurements/of/weight" in links
    assert "/measurements/new/mood" in links
    assert not any("hba1c" in each for each in links)


async def test_values_that_came_one_by_one_are_one_line(service: Service, practice: Caller) -> None:
    kind = kinds()["blood-pressure"]
    at = taken(service)
    for part, number in zip(kind.components, (141, 79), strict=True):
        single = {
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [{"system": kind.category[0][0], "code": kind.category[0][1]}]}],
            "code": {"coding": [{"system": part.codes[0].system, "code": part.codes[0].code}]},
            "subject": PATIENT,
            "effectiveDateTime": at,
            "valueQuantity": {"value": number, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        }
        await practice.create(single)
    async with logged_in(service, "anna") as client:
        said = words(await client.get("/measurements"))
    assert "141/79 mmHg" in said


@pytest.mark.parametrize("kind", HOME, ids=lambda kind: kind.name)
async def test_every_kind_is_entered_in_a_form_made_of_the_table(service: Service, anna: Caller, kind: Any) -> None:
    async with logged_in(service, "anna") as client:
        context = {f"context__{each.name}": each.values[0].name for each in kind.context if each.place == "value"}
        sent = await filled(client, f"/measurements/new/{kind.name}", **usual(kind), **context)
        assert sent.status_code == 303, words(sent)
        assert sent.headers["location"] == f"/measurements/of/{kind.name}?done=entered"
        page = await client.get(sent.headers["location"])
        assert page.status_code == 200
        assert watching()["nl"] in words(page)
    (kept,) = await stored(anna)
    assert kept["performer"] == [PATIENT]
    assert kept["code"]["coding"][0]["code"] in {code.code for code in kind.codes}


async def test_a_kind_that_is_only_received_has_no_form(service: Service) -> None:
    async with logged_in(service, "anna") as client:
        assert (await client.get("/measurements/new/hba1c")).status_code == 404
        assert (await client.get("/measurements/of/hba1c")).status_code == 200
        assert (await client.get("/measurements/of/nonsense")).status_code == 404


async def test_a_decimal_comma_and_another_unit_are_understood(service: Service, anna: Caller) -> None:
    async with logged_in(service, "anna") as client:
        await filled(client, "/measurements/new/weight", weight="82,5", context__clothing="minimal")
        sent = await filled(
            client,
            "/measurements/new/blood-glucose",
            blood__glucose="126",
            **{"unit-blood-glucose": "mg/dL"},
            moment="fasting",
        )
        assert sent.headers["location"].endswith("done=entered")
        said = words(await client.get("/measurements/of/blood-glucose"))
        assert "7,0" in said
        page = await client.get("/measurements/of/weight")
        item = root_of(page).xpath("//a[starts-with(@href, '/measurements/item/')]/@href")[0]
        shown = words(await client.get(item))
    assert "82,5 kg" in shown
    assert "in ondergoed" in shown
    (kept,) = await stored(anna, "?code=http://loinc.org|14770-2")
    assert kept["valueQuantity"] == {
        "value": 126,
        "unit": "mg/dL",
        "system": "http://unitsofmeasure.org",
        "code": "mg/dL",
    }


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"weight": ""}, "weight", "Vul in: Gewicht."),
        ({"weight": "veel"}, "weight", "schrijf een getal"),
        ({"weight": "8250"}, "weight", "Van 0,2 tot en met 650,0 kg kan kloppen."),
        ({"weight": "82", "date": "2026-02-31"}, "date", "Kies een dag die bestaat."),
        ({"weight": "82", "time": "8 uur"}, "time", "Kies een tijd"),
        ({"weight": "82", "date": "2199-01-01"}, "date", "moet nog komen"),
    ],
)
async def test_what_cannot_be_kept_is_said_at_its_field_and_nothing_typed_is_lost(
    service: Service, anna: Caller, fields: dict[str, str], field: str, said: str
) -> None:
    async with logged_in(service, "anna") as client:
        answer = await filled(client, "/measurements/new/weight", **fields)
    assert answer.status_code == 422
    root = root_of(answer)
    (link,) = root.xpath("//div[@id='problems']//a")
    assert link.get("href") == f"#{field}"
    assert said in link.text
    (wrong,) = root.xpath("//*[@aria-invalid='true']")
    assert wrong.get("id") == field
    assert root.xpath("string(//input[@id='weight']/@value)") == fields["weight"]
    assert await stored(anna) == []


async def test_a_value_that_hardly_occurs_is_kept_and_asked_about(service: Service, anna: Caller) -> None:
    async with logged_in(service, "anna") as client:
        sent = await filled(client, "/measurements/new/weight", weight="300")
        address = sent.headers["location"]
        assert address.startswith("/measurements/item/")
        said = words(await client.get(address))
        assert "Klopt deze meting?" in said
        assert "buiten 30,0 tot en met 250,0 kg komt weinig voor" in said
        assert "Komt weinig voor. Klopt dit?" in words(await client.get("/measurements"))
        done = await button(client, address, "Ja, dit klopt")
        assert done.headers["location"] == "/measurements/of/weight?done=confirmed"
        assert "U zei dat het klopt" in words(await client.get(done.headers["location"]))
        assert "Ja, dit klopt" not in words(await client.get(address))
    (kept,) = await stored(anna)
    assert [each["code"] for each in kept["meta"]["tag"]] == ["unlikely"]


async def test_a_value_that_was_wrong_is_a_mistake_and_is_entered_again_with_what_was_typed(
    service: Service, anna: Caller
) -> None:
    async with logged_in(service, "anna") as client:
        sent = await filled(client, "/measurements/new/blood-pressure", systolic="80", diastolic="120")
        address = sent.headers["location"]
        assert "Misschien zijn ze verwisseld." in words(await client.get(address))
        again = await button(client, address, "Nee, opnieuw invullen")
        form = root_of(await client.get(again.headers["location"]))
        assert form.xpath("string(//input[@id='systolic']/@value)") == "80"
        assert (await filled(client, again.headers["location"], systolic="120", diastolic="80")).status_code == 303
        page = words(await client.get("/measurements/of/blood-pressure"))
        assert "Dit was een vergissing." in words(await client.get(address))
    assert "120" in page
    statuses = sorted(each["status"] for each in await stored(anna))
    assert statuses == ["entered-in-error", "final"]


async def test_a_form_that_is_sent_twice_is_one_measurement_and_a_changed_one_is_another(
    service: Service, anna: Caller
) -> None:
    async with logged_in(service, "anna") as client:
        page = root_of(await client.get("/measurements/new/weight"))
        fields = {each.get("name"): each.get("value", "") for each in page.xpath("//main//form//input")}
        fields["weight"] = "82"
        for weight in ("82", "82", "83"):
            answer = await client.post("/measurements/new/weight", data={**fields, "weight": weight})
            assert answer.status_code == 303
    found = sorted(each["valueQuantity"]["value"] for each in await stored(anna))
    assert found == [82, 83]


async def test_what_a_care_provider_measured_is_not_called_a_mistake(service: Service, practice: Caller) -> None:
    theirs = measured("weight", taken(service), weight=81)
    theirs["performer"] = [{"reference": "Practitioner/doctor"}]
    kept = await practice.create(theirs)
    async with logged_in(service, "anna") as client:
        address = f"/measurements/item/{kept['id']}"
        page = await client.get(address)
        assert "een zorgverlener" in words(page)
        assert root_of(page).xpath("//main//form") == []
        token = root_of(page).xpath("//input[@name='csrf']/@value")[0]
        assert (await client.post(f"{address}/mistake", data={"csrf": token})).status_code == 403
    assert [each["status"] for each in await stored(practice, "?patient=anna")] == ["final"]


async def test_one_kind_is_a_sentence_a_drawing_and_a_table_of_the_same_values(service: Service, anna: Caller) -> None:
    for day, (systolic, diastolic) in enumerate([(141, 88), (138, 82), (129, 80)]):
        await anna.create(measured("blood-pressure", taken(service, days=day), systolic=systolic, diastolic=diastolic))
    async with logged_in(service, "anna") as client:
        page = await client.get("/measurements/of/blood-pressure?period=week")
    root, said = root_of(page), words(page)
    assert "3 metingen" in said
    assert "U hebt metingen van 3 van de 7 dagen." in said
    assert "%" not in said
    (drawing,) = root.xpath("//figure//*[local-name()='svg' and @role='img']")
    assert len(drawing.xpath(".//*[local-name()='circle']")) == 3
    labels = [root.xpath(f"string(//*[@id='{each}'])") for each in drawing.get("aria-labelledby").split()]
    assert "Tekening van Bloeddruk" in labels[0]
    assert "Gemiddeld 136" in labels[1]
    rows = [[cell.strip() for cell in row.xpath("./td//text()")][:2] for row in root.xpath("//tbody/tr")]
    assert rows == [["141", "88"], ["138", "82"], ["129", "80"]]
    assert root.xpath("//@style|//script") == []


@pytest.mark.parametrize(("days", "opened"), [(3, "month"), (40, "year"), (500, "all")])
async def test_a_page_opens_on_a_period_with_something_in_it(
    service: Service, anna: Caller, days: int, opened: str
) -> None:
    await anna.create(measured("weight", taken(service, days=days), weight=81))
    async with logged_in(service, "anna") as client:
        page = await client.get("/measurements/of/weight")
        chosen = await client.get("/measurements/of/weight?period=week")
    assert root_of(page).xpath("//select[@name='period']/option[@selected]/@value") == [opened]
    assert "1 meting" in words(page)
    assert root_of(chosen).xpath("//select[@name='period']/option[@selected]/@value") == ["week"]


async def test_a_target_with_one_end_has_one_edge_in_the_drawing(service: Service, anna: Caller) -> None:
    top = {"value": 82, "comparator": "<", "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    goal = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "Lichter"},
        "subject": {"reference": "Patient/anna"},
        "target": [{"measure": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}, "detailQuantity": top}],
    }
    await anna.create(goal)
    await anna.create(measured("weight", taken(service), weight=81))
    async with logged_in(service, "anna") as client:
        page = await client.get("/measurements/of/weight")
    drawing = root_of(page).xpath("//figure//*[local-name()='svg' and @role='img']")[0]
    assert len(drawing.xpath(".//*[local-name()='rect' and @class='band']")) == 1
    assert len(drawing.xpath(".//*[local-name()='line' and @class='edge']")) == 1


@pytest.mark.parametrize("bucket", ["day", "week", "month"])
async def test_a_period_is_taken_together_with_numbers_of_each_part(
    service: Service, anna: Caller, bucket: str
) -> None:
    for day in range(0, 60, 3):
        await anna.create(measured("weight", taken(service, days=day), weight=80 + day % 2))
    async with logged_in(service, "anna") as client:
        page = await client.get(f"/measurements/of/weight?period=quarter&per={bucket}")
    root = root_of(page)
    counts = [int(each) for each in root.xpath("(//table)[1]//tbody/tr/td[1]/text()")]
    assert sum(counts) == 20
    assert len(root.xpath("(//table)[2]//tbody/tr")) == 20
    assert root.xpath("//figure")


async def test_a_personal_target_is_shown_with_who_wrote_it_and_counted_in_whole_numbers(
    service: Service, anna: Caller
) -> None:
    goal = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "Rond de 80 kilo blijven"},
        "subject": PATIENT,
        "startDate": "2026-01-05",
        "expressedBy": {"reference": "Practitioner/doctor", "display": "Dokter De Proef"},
        "target": [
            {
                "measure": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
                "detailRange": {
                    "low": {"value": 78, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
                    "high": {"value": 82, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
                },
            }
        ],
    }
    await anna.create(goal)
    for day, weight in enumerate(("80", "81", "84")):
        await anna.create(measured("weight", taken(service, days=day), weight=weight))
    async with logged_in(service, "anna") as client:
        page = await client.get("/measurements/of/weight")
    said = words(page)
    assert "2 van de 3 metingen liggen in het persoonlijke streefgebied." in said
    assert "van 78,0 tot en met 82,0 kg" in said
    assert "Opgeschreven door Dokter De Proef op 5 januari 2026." in said
    assert root_of(page).xpath("//*[local-name()='rect' and contains(@class, 'band')]")
    for word in ("te hoog", "te laag", "goed", "slecht", "gevaar"):
        assert word not in said


async def test_doubles_and_values_that_cannot_be_right_are_told_in_words(
    service: Service, anna: Caller, practice: Caller
) -> None:
    at = taken(service, days=1)
    await anna.create(measured("weight", at, weight=81))
    await practice.create(measured("weight", at, weight=81))
    await practice.create(measured("weight", taken(service, days=2), weight=8100))
    async with logged_in(service, "anna") as client:
        page = words(await client.get("/measurements/of/weight"))
    assert page.count("Staat hier misschien dubbel.") == 2
    assert "Kan niet kloppen en telt niet mee." in page
    assert "Bij 3 metingen staat een opmerking." in page


async def test_what_somebody_named_is_text(service: Service, practice: Caller) -> None:
    theirs = measured("weight", taken(service), weight=81)
    theirs["performer"] = [{"display": "<script>alert(1)</script>"}]
    theirs["device"] = {"display": "<b>weegschaal</b>"}
    kept = await practice.create(theirs)
    async with logged_in(service, "anna") as client:
        for address in ("/measurements", "/measurements/of/weight", f"/measurements/item/{kept['id']}"):
            page = (await client.get(address)).text
            assert "<script" not in page
            assert "<b>weegschaal" not in page
            assert "&lt;script&gt;" in page


async def test_nobody_sees_or_changes_a_measurement_of_somebody_else(service: Service, anna: Caller) -> None:
    kept = await anna.create(measured("weight", taken(service), weight=81))
    async with logged_in(service, "bram") as client:
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', (await client.get("/measurements")).text)
        assert token is not None
        address = f"/measurements/item/{kept['id']}"
        assert (await client.get(address)).status_code == 404
        for act in ("confirm", "mistake"):
            assert (await client.post(f"{address}/{act}", data={"csrf": token[1]})).status_code == 404
        assert "81" not in unescape(words(await client.get("/measurements/of/weight")))
    assert [each["status"] for each in await stored(anna)] == ["final"]
