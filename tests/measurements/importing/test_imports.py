"""Files of measurements over HTTP, on both databases. docs/importing.md"""

from __future__ import annotations

import asyncio
from base64 import b64encode

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode
from tests.measurements.importing.files import (
    by_name,
    counted,
    csv_of,
    entries,
    export_of,
    ndjson,
    parameter,
    point,
    zipped,
)
from tests.measurements.importing.files import record as apple
from tests.measurements.measuring import flags
from tests.server.service import Caller, Service, codes, issues

PATH = "/Observation/$import-measurements"


def _day(number: int) -> str:
    return f"{1 + number % 28:02}-{1 + number // 28 % 10:02}-{2020 + number // 280 % 6}"


async def imported(caller: Caller, content: bytes, media_type: str = "text/csv") -> Resource:
    """How an import has ended."""
    answer = await caller.post(PATH, content, {"content-type": media_type})
    assert answer.status_code in (200, 202), answer.text
    address = answer.headers["content-location"]
    for _ in range(400):
        if answer.status_code == 200:
            return decode(answer.content)
        await asyncio.sleep(0.05)
        answer = await caller.get(address)
    raise AssertionError(answer.text)


async def test_a_csv_file_becomes_measurements_of_the_person(anna: Caller) -> None:
    content = csv_of(
        "02-11-2026;08:00;bloeddruk;128;82;mmHg;zittend, linkerbovenarm;Omron M7;na het opstaan",
        "2026-11-02;08:05;gewicht;81,5;;kg;;;",
        "02-11-2026;;stappen;7450;;;;;",
        "02-11-2026;09:30;bloedglucose;108;;mg/dL;nuchter;;",
    )
    status = await imported(anna, content)
    assert parameter(status, "state") == "ready"
    assert counted(status, "read", "stored", "same", "flagged", "refused", "left-out") == [4, 4, 0, 0, 0, 0]
    assert by_name(status, "kind") == {"blood-pressure": 1, "weight": 1, "steps": 1, "blood-glucose": 1}
    pressure, *_ = entries((await anna.get("/Observation?code=85354-9")).content)
    assert pressure["effectiveDateTime"] == "2026-11-02T08:00:00+01:00"
    assert [each["valueQuantity"]["value"] for each in pressure["component"]] == [128, 82]
    assert pressure["performer"] == [{"reference": "Patient/anna"}]
    assert pressure["note"] == [{"text": "na het opstaan"}]
    assert pressure["bodySite"]["coding"][0]["code"] == "368208006"
    assert pressure["meta"]["source"] == f"{CANONICAL_BASE}/NamingSystem/import#csv"
    device = decode((await anna.get(f"/{pressure['device']['reference']}")).content)
    assert device["deviceName"][0]["name"] == "Omron M7"
    (weight,) = entries((await anna.get("/Observation?code=29463-7&date=2026-11-02")).content)
    assert str(weight["valueQuantity"]["value"]) == "81.5"
    (glucose,) = entries((await anna.get("/Observation?code=14770-2")).content)
    assert glucose["valueQuantity"]["code"] == "mmol/L"
    (steps,) = entries((await anna.get("/Observation?code=41950-7")).content)
    assert steps["effectiveDateTime"] == "2026-11-02"


async def test_good_lines_are_kept_and_the_bad_are_told_by_line_column_and_rule(anna: Caller) -> None:
    content = csv_of(
        "02-11-2026;08:00;gewicht;81,5;;kg;;;",
        "31-02-2026;25:00;gewicht;veel;;kg;;;",
        "02-11-2026;08:10;gewicht;815;;kg;;;",
        "02-11-2026;08:20;gewicht;300;;kg;;;",
        "02-11-2026;08:30;bloeddruk;120;;;;;",
        "02-11-2126;08:30;gewicht;80;;;;;",
    )
    status = await imported(anna, content)
    assert counted(status, "read", "stored", "flagged", "refused") == [6, 2, 1, 4]
    report = await anna.get(f"/Observation/$import-report?job={parameter(status, 'job')}")
    told = [(each["expression"][0], each["details"]["text"], each["severity"]) for each in issues(report)]
    assert ("line[3].datum", "import-date", "error") in told
    assert ("line[3].waarde", "import-number", "error") in told
    assert ("line[4].Observation.value", "measurement-beyond-limit", "error") in told
    assert ("line[5].Observation.value", "measurement-unlikely", "warning") in told
    assert ("line[6].waarde2", "import-empty", "error") in told
    assert ("line[7].Observation.effective", "measurement-in-the-future", "error") in told
    found = entries((await anna.get("/Observation?code=29463-7&_sort=date")).content)
    assert [str(each["valueQuantity"]["value"]) for each in found] == ["81.5", "300"]
    assert flags(found[1]) == {"unlikely", "to-confirm"}
    table = await anna.get(f"/Observation/$import-report?job={parameter(status, 'job')}", {"accept": "text/csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    lines = table.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "regel;ernst;code;plaats;nederlands;english"
    assert any(line.startswith("4;error;measurement-beyond-limit;") for line in lines)
    assert "815" not in table.text.replace("2026", "")


async def test_a_file_that_is_sent_again_makes_no_doubles(anna: Caller, service: Service) -> None:
    content = csv_of(*(f"02-11-2026;{8 + each:02}:00;hartslag;{60 + each};;;;Horloge;" for each in range(10)))
    first = await imported(anna, content)
    second = await imported(anna, content + b"02-11-2026;19:00;hartslag;71;;;;Horloge;\n")
    assert counted(first, "stored", "same") == [10, 0]
    assert counted(second, "stored", "same") == [1, 10]
    assert len(entries((await anna.get("/Observation?code=8867-4&_count=50")).content)) == 11


async def test_the_same_measurement_in_another_format_is_known(anna: Caller) -> None:
    await imported(anna, csv_of("02-11-2026;08:00;gewicht;81,5;;kg;;Weegschaal;"))
    points = [point("body-weight", body_weight={"value": 81.5, "unit": "kg"})]
    again = await imported(anna, encode(points[0]), "application/json")
    assert counted(again, "stored", "same") == [0, 1]
    export = export_of(apple("BodyMass", "81.5", "kg", sourceName="Weegschaal"))
    third = await imported(anna, export, "application/xml")
    assert counted(third, "stored", "same") == [0, 1]


async def test_an_export_of_apple_health_becomes_measurements_and_the_rest_is_counted(anna: Caller) -> None:
    content = export_of(
        *(apple("HeartRate", str(60 + each), "count/min", f"2026-11-02 08:00:{each:02} +0100") for each in range(20)),
        *(apple("StepCount", "100", "count", f"2026-11-02 {9 + each:02}:00:00 +0100") for each in range(10)),
        *(
            apple("StepCount", "90", "count", f"2026-11-02 {9 + each:02}:00:00 +0100", sourceName="Telefoon")
            for each in range(10)
        ),
        apple("ActiveEnergyBurned", "1.2", "kcal"),
        apple("OxygenSaturation", "0.97", "%"),
    )
    status = await imported(anna, zipped(content), "application/zip")
    assert counted(status, "read", "stored", "refused") == [42, 22, 0]
    assert by_name(status, "kind") == {"heart-rate": 20, "steps": 1, "oxygen-saturation": 1}
    assert by_name(status, "unused") == {
        "HKQuantityTypeIdentifierActiveEnergyBurned": 1,
        "less:HKQuantityTypeIdentifierStepCount": 10,
    }
    (steps,) = entries((await anna.get("/Observation?code=41950-7")).content)
    assert steps["valueQuantity"]["value"] == 1000
    grown = export_of(apple("StepCount", "1200", "count", "2026-11-02 08:00:00 +0100"))
    later = await imported(anna, grown, "application/xml")
    assert counted(later, "stored", "left-out") == [1, 0]
    (steps,) = entries((await anna.get("/Observation?code=41950-7")).content)
    assert (steps["valueQuantity"]["value"], steps["meta"]["versionId"]) == (1200, "2")
    less = export_of(apple("StepCount", "1100", "count", "2026-11-02 08:00:00 +0100"))
    last = await imported(anna, less, "application/xml")
    assert counted(last, "stored", "left-out") == [0, 1]
    assert by_name(last, "rule") == {"import-day-differs": 1}


async def test_a_file_comes_in_parameters_or_as_a_binary_too(anna: Caller) -> None:
    content = csv_of("02-11-2026;08:00;gewicht;81,5;;kg;;;")
    attachment = {"contentType": "text/csv", "data": b64encode(content).decode()}
    body = {"resourceType": "Parameters", "parameter": [{"name": "content", "valueAttachment": attachment}]}
    answer = await anna.post(PATH, body)
    assert answer.status_code == 200
    assert counted(decode(answer.content), "stored") == [1]
    binary = await anna.create(
        {"resourceType": "Binary", "contentType": "text/csv", "data": b64encode(content).decode()}
    )
    body["parameter"] = [
        {"name": "format", "valueCode": "csv"},
        {"name": "content", "valueAttachment": {"url": f"Binary/{binary['id']}"}},
    ]
    answer = await anna.post(PATH, encode(body), {"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert counted(decode(answer.content), "stored", "same") == [0, 1]


async def test_what_was_deleted_stays_away(anna: Caller) -> None:
    content = csv_of("02-11-2026;08:00;gewicht;81,5;;kg;;;", "03-11-2026;08:00;gewicht;81;;kg;;;")
    await imported(anna, content)
    for each in entries((await anna.get("/Observation?code=29463-7&date=2026-11-02")).content):
        assert (await anna.delete(f"/Observation/{each['id']}")).status_code == 204
    status = await imported(anna, content)
    assert counted(status, "stored", "same", "left-out") == [0, 1, 1]
    assert by_name(status, "rule") == {"import-removed-before": 1}


async def test_a_large_file_is_imported_in_the_background_with_its_progress(anna: Caller) -> None:
    rows = [
        f"{_day(each)};{each % 24:02}:{each % 60:02};gewicht;{70 + each % 10},{each % 7};;kg;;;" for each in range(1500)
    ]
    answer = await anna.post(PATH, csv_of(*rows), {"content-type": "text/csv"})
    assert answer.status_code == 202
    assert "x-progress" in answer.headers
    status = await imported(anna, csv_of(*rows))
    stored, same, refused = counted(status, "stored", "same", "refused")
    assert refused == 0
    assert stored + same == 1500
    first = decode((await anna.get(answer.headers["content-location"])).content)
    assert parameter(first, "state") in ("ready", "running")


async def test_two_imports_at_once_make_no_doubles(anna: Caller) -> None:
    rows = [f"02-11-2026;{each // 60:02}:{each % 60:02};hartslag;{60 + each % 30};;;;Horloge;" for each in range(1200)]
    one, other = await asyncio.gather(imported(anna, csv_of(*rows)), imported(anna, csv_of(*reversed(rows))))
    assert counted(one, "stored")[0] + counted(other, "stored")[0] == 1200
    assert counted(one, "same")[0] + counted(other, "same")[0] == 1200
    total = decode((await anna.get("/Observation?code=8867-4&_summary=count")).content)
    assert total["total"] == 1200


async def test_data_points_of_open_mhealth_in_a_list_or_by_line(anna: Caller) -> None:
    points = [
        point(
            "blood-pressure",
            systolic_blood_pressure={"value": 130, "unit": "mmHg"},
            diastolic_blood_pressure={"value": 85, "unit": "mmHg"},
            body_posture="sitting",
        ),
        point("heart-rate", heart_rate={"value": 60, "unit": "beats/min"}),
        point("geoposition", latitude={}),
        point("body-weight", body_weight={"value": 900, "unit": "kg"}),
    ]
    status = await imported(anna, ndjson(points), "application/x-ndjson")
    assert counted(status, "read", "stored", "refused") == [4, 2, 1]
    assert by_name(status, "unused") == {"geoposition": 1}
    listed = await imported(anna, b"[" + b",".join(map(encode, points)) + b"]", "application/json")
    assert counted(listed, "stored", "same", "refused") == [0, 2, 1]


async def test_only_the_person_and_their_apps_may_import_and_follow(
    anna: Caller, bram: Caller, practice: Caller, anonymous: Caller, service: Service
) -> None:
    content = csv_of("02-11-2026;08:00;gewicht;81,5;;kg;;;")
    headers = {"content-type": "text/csv"}
    assert (await anonymous.post(PATH, content, headers)).status_code == 401
    assert (await practice.post(PATH, content, headers)).status_code == 403
    reader = service.caller("anna-reader")
    assert (await reader.post(PATH, content, headers)).status_code == 403
    status = await imported(anna, content)
    job = parameter(status, "job")
    assert (await bram.get(f"/Observation/$import-status?job={job}")).status_code == 404
    assert (await bram.get(f"/Observation/$import-report?job={job}")).status_code == 404
    unknown = await anna.get("/Observation/$import-status?job=none")
    assert unknown.status_code == 404
    assert codes(unknown) == ["not-found"]


async def test_what_is_no_such_file_is_told(anna: Caller) -> None:
    for content, media_type, rule in (
        (b"<a/>", "application/xml", "import-xml-not-apple"),
        (b"PK\x03\x04garbage", "application/zip", "import-zip-without-export"),
        (b"naam;leeftijd\nx;1\n", "text/csv", "import-csv-columns-missing"),
        (b"{]", "application/json", "import-json-broken"),
    ):
        status = await imported(anna, content, media_type)
        assert counted(status, "stored", "refused") == [0, 1], media_type
        assert rule in by_name(status, "rule")
    assert (await anna.post(PATH, b"", {"content-type": "text/csv"})).status_code == 400
    assert (await anna.post(PATH, b"x", {"content-type": "image/png"})).status_code == 415
