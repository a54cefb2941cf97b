"""``Observation/$stats``. https://hl7.org/fhir/R4/observation-operation-stats.html"""

from __future__ import annotations

from typing import Any

import pytest
from scipy.stats import linregress, t

from app.config import CANONICAL_BASE
from app.fhir.definitions import load
from app.fhir.resource import decode, encode
from app.fhir.ucum import parse
from app.fhir.validation import validate
from app.measurements.kinds import kinds
from app.measurements.watching import watching
from tests.builders import LOINC, concept, observation
from tests.measurements.counting import (
    DIASTOLIC,
    JANUARY,
    PANEL,
    SYSTOLIC,
    WEIGHT,
    all_of,
    counted,
    day,
    figures,
    one,
    pressure,
    quantity,
    said,
    stats,
    target,
    weight,
)
from tests.measurements.measuring import measured
from tests.server.service import BASE, Caller, Service, codes


async def weights(caller: Caller, *values: Any, first: int = 1) -> None:
    """A weight each day at eight, from a day in January on."""
    for number, value in enumerate(values, first):
        await caller.keep(weight(f"w-{number}", day(number), value))


async def test_the_figures_of_a_month(anna: Caller) -> None:
    await weights(anna, 80, 81, 82, 85)
    assert counted(await stats(anna, f"kind=weight&{JANUARY}")) == {
        "count": 4,
        "total-count": 4,
        "average": 82,
        "median": 81.5,
        "minimum": 80,
        "maximum": 85,
        "std-dev": 2.16,
    }


async def test_each_part_of_a_panel_has_its_figures(anna: Caller) -> None:
    for number, (high, low) in enumerate(((130, 80), (140, 90), (135, 85)), 1):
        await anna.keep(pressure(f"p-{number}", day(number), high, low))
    found = await stats(anna, f"code={LOINC}|{PANEL}&{JANUARY}")
    assert [said(each, "name") for each in all_of(found, "value")] == ["systolic", "diastolic"]
    assert [counted(found, place)["average"] for place in (0, 1)] == [135, 85]
    part = await stats(anna, f"code={DIASTOLIC}&{JANUARY}")
    assert [counted(part)["average"], len(all_of(part, "value"))] == [85, 1]


async def test_the_statistics_are_an_observation_that_is_no_measurement(anna: Caller) -> None:
    await weights(anna, 80, 82)
    found = await stats(anna, f"kind=weight&{JANUARY}")
    resource = one(found, "statistics")["resource"]
    (coding,) = resource["code"]["coding"]
    assert (coding["system"], coding["code"]) == (f"{CANONICAL_BASE}/CodeSystem/computed", "statistics")
    assert resource["subject"] == {"reference": "Patient/anna"}
    assert resource["effectivePeriod"] == {"start": "2026-01-01", "end": "2026-01-31"}
    parts = {each["url"]: each for each in resource["extension"][0]["extension"]}
    assert parts["measured"]["valueCodeableConcept"]["coding"][0]["code"] == WEIGHT
    assert await anna.found(parts["search"]["valueUri"].removeprefix(BASE)) == ["w-2", "w-1"]
    assert said(found, "search") == parts["search"]["valueUri"]
    assert "id" not in resource
    assert "vital-signs" not in encode(resource).decode()


async def test_statistics_are_never_taken_as_a_measurement(anna: Caller, practice: Caller) -> None:
    await weights(anna, 80, 82)
    resource = one(await stats(anna, f"kind=weight&{JANUARY}"), "statistics")["resource"]
    answer = await anna.post("/Observation", resource)
    assert (answer.status_code, codes(answer)) == (422, ["business-rule"])
    # What a system delivers is stored with a warning, and still no search for weights finds it.
    assert (await practice.put("/Observation/figures", {**resource, "id": "figures"})).status_code == 201
    assert await anna.found(f"/Observation?code={WEIGHT}") == ["w-2", "w-1"]
    assert counted(await stats(anna, f"kind=weight&{JANUARY}"))["count"] == 2


async def test_an_answer_is_valid_fhir(anna: Caller) -> None:
    await weights(anna, 80, 81, 79.5, 80.25, 82, 81)
    await anna.keep(target("goal", "2025-12-01"))
    query = (
        f"kind=weight&{JANUARY}&bucket=day&percentile=5&percentile=97.5&readings=true&include=true&statistic=variance"
    )
    found = await stats(anna, query)
    assert [each for each in validate(found, load("4.0.1")) if each.severity == "error"] == []


async def test_an_answer_has_no_interpretation(anna: Caller) -> None:
    await anna.keep(pressure("p", day(1), 200, 110))
    text = encode(await stats(anna, "kind=blood-pressure&readings=true")).decode().lower()
    assert "interpretation" not in text
    assert "referencerange" not in text
    for word in ("te hoog", "te laag", "too high", "too low", "normaal", "normal", "gevaar", "danger", "alarm"):
        assert word not in text


async def test_nobody_watches(anna: Caller) -> None:
    found = await stats(anna, "kind=weight")
    assert said(found, "watching") == watching()["nl"]
    assert "112" in said(found, "watching")
    assert said(found, "text").endswith(watching()["nl"])
    english = decode((await anna.get("/Observation/$stats?kind=weight", {"accept-language": "en"})).content)
    assert said(english, "watching") == watching()["en"]


async def test_nothing_measured_is_no_error(anna: Caller) -> None:
    found = await stats(anna, f"kind=weight&{JANUARY}&bucket=week&percentile=50")
    assert counted(found) == {"count": 0, "total-count": 0}
    value = one(found, "value")
    assert said(value, "text") == "Gewicht: er zijn geen metingen in deze periode."
    assert all_of(value, "bucket") == all_of(value, "percentile") == []
    assert said(one(value, "trend"), "status") == "not-enough-values"


async def test_the_statistics_that_are_asked_for(anna: Caller) -> None:
    await weights(anna, *range(70, 81))
    found = await stats(anna, f"kind=weight&{JANUARY}&statistic=4-lower,4-upper&statistic=4-dev&percentile=12.5")
    assert counted(found) == {"4-lower": 72.5, "4-upper": 77.5, "4-dev": 2.5}
    rank = one(one(found, "value"), "percentile")
    assert (said(rank, "rank"), said(rank, "value")["value"]) == (12.5, 71.25)


@pytest.mark.parametrize(
    ("bucket", "periods", "averages"),
    [
        ("day", ["2026-01-04", "2026-01-05", "2026-02-01"], [80, 81, 83]),
        ("week", ["2025-12-29", "2026-01-05", "2026-01-26"], [80, 81, 83]),
        ("month", ["2026-01-01", "2026-02-01"], [80.5, 83]),
    ],
)
async def test_buckets_are_in_dutch_time(anna: Caller, bucket: str, periods: list[str], averages: list[float]) -> None:
    await anna.keep(weight("late", "2026-01-04T22:59:59Z", 80))
    await anna.keep(weight("early", "2026-01-04T23:00:00Z", 81))  # Monday the fifth here
    await anna.keep(weight("next", "2026-01-31T23:30:00Z", 83))  # the first of February here
    value = one(await stats(anna, f"kind=weight&bucket={bucket}"), "value")
    found = all_of(value, "bucket")
    assert [said(each, "period")["start"] for each in found] == periods
    assert [said(each, "average") for each in found] == averages


async def test_the_trend_has_its_uncertainty(anna: Caller) -> None:
    await weights(anna, 82, 81.6, 81.7, 81.1, 81.2, 80.9)
    trend = one(one(await stats(anna, f"kind=weight&{JANUARY}"), "value"), "trend")
    assert said(trend, "status") == "computed"
    assert said(trend, "perDay")["code"] == "kg/d"
    expected = linregress(range(6), [82, 81.6, 81.7, 81.1, 81.2, 80.9])
    aside = t.ppf(0.975, 4) * expected.stderr
    between = said(trend, "intervalPerWeek")
    for found, value in (
        (said(trend, "perDay"), expected.slope),
        (said(trend, "errorPerDay"), expected.stderr),
        (said(trend, "perWeek"), 7 * expected.slope),
        (between["low"], 7 * (expected.slope - aside)),
        (between["high"], 7 * (expected.slope + aside)),
    ):
        assert float(found["value"]) == pytest.approx(value, abs=0.000005)
    assert float(said(trend, "start")["value"]) == pytest.approx(expected.intercept, abs=0.0005)


async def test_few_values_have_no_trend_and_the_answer_says_so(anna: Caller) -> None:
    await weights(anna, 80, 81, 82, 83)
    value = one(await stats(anna, f"kind=weight&{JANUARY}"), "value")
    assert [part["name"] for part in one(value, "trend")["part"]] == ["status", "least"]
    assert said(one(value, "trend"), "least") == 5
    assert "Te weinig metingen voor een verloop" in said(value, "text")


async def test_the_period_before_is_of_the_same_length(anna: Caller) -> None:
    await weights(anna, 84, 84, 84, 82, 81)
    value = one(await stats(anna, "kind=weight&date=ge2026-01-04&date=le2026-01-06"), "value")
    before = one(value, "before")
    assert said(before, "period") == {"start": "2026-01-01", "end": "2026-01-03"}
    assert (said(before, "count"), said(before, "average")["value"]) == (3, 84)
    assert said(before, "difference")["value"] == -2.5
    assert all_of(one(await stats(anna, "kind=weight&date=le2026-01-06"), "value"), "before") == []


@pytest.mark.parametrize(
    "period",
    [
        "date=2026-01",
        "date=ge2026-01-01&date=lt2026-02-01",
        "date=gt2025&date=eb2026-02",
        "date=ge2026-01-01T00:00:00%2B01:00&date=lt2026-02-01T00:00:00%2B01:00",
    ],
)
async def test_a_period_is_given_as_in_a_search(anna: Caller, period: str) -> None:
    await anna.keep(weight("first", "2026-01-01T00:00:00+01:00", 80))
    await anna.keep(weight("last", "2026-01-31T23:59:59+01:00", 82))
    await anna.keep(weight("before", "2025-12-31T23:59:59+01:00", 90))
    await anna.keep(weight("after", "2026-02-01T00:00:00+01:00", 90))
    found = await stats(anna, f"kind=weight&{period}")
    assert counted(found)["average"] == 81
    assert said(found, "period") == {"start": "2026-01-01", "end": "2026-01-31"}


async def test_parameters_as_hl7_has_them(anna: Caller) -> None:
    await weights(anna, 80, 82)
    coding = {"system": LOINC, "code": WEIGHT}
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "subject", "valueUri": "Patient/anna"},
            {"name": "coding", "valueCoding": coding},
            {"name": "period", "valuePeriod": {"start": "2026-01-01", "end": "2026-01-31"}},
            {"name": "statistic", "valueCode": "average"},
            {"name": "include", "valueBoolean": True},
            {"name": "limit", "valuePositiveInt": 1},
            {"name": "percentile", "valueDecimal": 50},
        ],
    }
    answer = await anna.post("/Observation/$stats", body)
    assert answer.status_code == 200, answer.text
    found = decode(answer.content)
    assert counted(found) == {"average": 81}
    assert [each["resource"]["id"] for each in all_of(found, "source")] == ["w-2"]


async def test_a_duration_is_until_now(anna: Caller, service: Service) -> None:
    await weights(anna, 80)
    assert counted(await stats(anna, "kind=weight&duration=1"))["count"] == 0
    hours = 24 * 366 * 20
    assert counted(await stats(anna, f"kind=weight&duration={hours}"))["count"] == 1
    assert service.server.clock() > 0


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "kind"),
        ("kind=weight&code=29463-7", "one way"),
        ("kind=colour", "kind takes"),
        ("code=1234-5", "no statistics of this code"),
        ("code=29463-7&code=8867-4", "several kinds"),
        ("kind=weight&bucket=year", "bucket takes"),
        ("kind=weight&statistic=skew", "statistic takes"),
        ("kind=weight&percentile=101", "0 to 100"),
        ("kind=weight&percentile=-1", "percentile"),
        ("kind=weight&date=ne2026", "date takes"),
        ("kind=weight&date=tomorrow", "date takes"),
        ("kind=weight&date=ge2026-02-30", "calendar"),
        ("kind=weight&date=ge2026-02-01&date=le2026-01-01", "ends before"),
        ("kind=weight&date=ge1500", "1900"),
        ("kind=weight&date=2026&duration=3", "one way"),
        ("kind=weight&period=2026", "Parameters"),
        ("kind=weight&target-low=82&target-high=80", "turn the two round"),
        ("kind=blood-pressure&target-high=140", "one value"),
        ("kind=weight&patient=anna&subject=Patient/anna", "one way"),
        ("kind=weight&nonsense=1", "nonsense"),
    ],
)
async def test_what_it_does_not_take_is_refused(anna: Caller, query: str, words: str) -> None:
    answer = await anna.get(f"/Observation/$stats?{query}")
    assert answer.status_code == 400, answer.text
    assert words in answer.text


async def test_it_is_of_one_person(anna: Caller, bram: Caller, practice: Caller) -> None:
    await weights(anna, 80)
    await bram.keep({**weight("b", day(1), 100), "subject": {"reference": "Patient/bram"}})
    assert (await practice.get("/Observation/$stats?kind=weight")).status_code == 400
    assert counted(await stats(practice, "kind=weight&patient=anna"))["average"] == 80
    assert counted(await stats(practice, "kind=weight&subject=Patient/bram"))["average"] == 100
    assert counted(await stats(anna, "kind=weight&patient=bram"))["count"] == 0
    found = decode((await practice.get("/Patient/bram/Observation/$stats?kind=weight")).content)
    assert counted(found)["average"] == 100
    other = decode((await practice.get("/Patient/bram/Observation/$stats?kind=weight&patient=anna")).content)
    assert counted(other)["count"] == 0


async def test_it_shows_what_a_search_shows(service: Service, anna: Caller) -> None:
    await weights(anna, 80)
    laboratory = concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")
    await anna.keep(weight("lab", day(2), 90, category=[laboratory]))
    assert counted(await stats(anna, "kind=weight"))["count"] == 2
    assert counted(await stats(service.caller("anna-measurements"), "kind=weight"))["count"] == 1
    assert (await service.caller("").get("/Observation/$stats?kind=weight")).status_code == 401
    assert (await service.caller("anna-patient-and-goals").get("/Observation/$stats?kind=weight")).status_code == 403


async def test_the_journal_says_that_it_was_asked_without_values(service: Service, anna: Caller) -> None:
    await weights(anna, 80)
    await stats(anna, "kind=weight&target-low=79.5")
    line = next(each for each in reversed(service.journal_lines()) if "$stats" in str(each))
    assert "79.5" not in str(line)


async def test_more_than_it_looks_through_is_too_costly(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.measurements.holding.MOST", 3)
    await weights(anna, 80, 81, 82, 83)
    answer = await anna.get("/Observation/$stats?kind=weight")
    assert (answer.status_code, codes(answer)) == (403, ["too-costly"])
    assert counted(await stats(anna, "kind=weight&date=2026-01-04"))["count"] == 1


@pytest.mark.parametrize("name", list(kinds()))
async def test_every_kind_has_statistics(anna: Caller, name: str) -> None:
    kind = kinds()[name]
    await anna.keep({**measured(kind), "id": "one", "subject": {"reference": "Patient/anna"}})
    found = await stats(anna, f"kind={name}&statistic=count&statistic=average&statistic=variance&readings=true")
    listed = all_of(found, "statistics")
    assert [figures(each["resource"])["count"] for each in listed] == [1] * len(kind.values)
    for value in kind.values:
        assert parse(f"{value.unit}/d") is not None
        assert parse(f"{value.unit}/wk") is not None
    alone = await stats(anna, f"kind={name}&statistic=count")
    assert figures(all_of(alone, "statistics")[0]["resource"]) == {"count": 1}
    await anna.keep({**measured(kind), "id": "two", "subject": {"reference": "Patient/anna"}})
    both = await stats(anna, f"kind={name}&statistic=variance")
    assert all(parse(each["resource"]["component"][0]["valueQuantity"]["code"]) for each in all_of(both, "statistics"))


async def test_the_answer_is_the_same_however_the_readings_are_found(
    service: Service, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await weights(anna, 80, 81, 82)
    await anna.keep(pressure("p", day(1), 130, 80))
    whole = await stats(anna, f"kind=weight&{JANUARY}&readings=true")
    monkeypatch.setattr("app.measurements.holding._by_codes", _searched_instead)
    assert await stats(anna, f"kind=weight&{JANUARY}&readings=true") == whole


async def _searched_instead(
    server: Any, reader: Any, access: Any, query: Any, *, codes: Any, span: Any, now: int
) -> Any:
    from app.measurements import holding

    return await holding._searched(server, reader, access, query, now=now)


async def test_units_are_converted_exactly(anna: Caller) -> None:
    await anna.keep(weight("grams", day(1), 80500, "g"))
    await anna.keep(weight("pounds", day(2), 200, "[lb_av]"))
    found = await stats(anna, "kind=weight")
    assert counted(found)["minimum"] == 80.5
    assert counted(found)["maximum"] == 90.718  # 200 × 0.45359237 kg
    glucose = {"valueQuantity": quantity(180.156, "mg/dL"), "code": concept(LOINC, "14743-9")}
    await anna.keep(observation(id="g", effectiveDateTime=day(1), **glucose))
    assert counted(await stats(anna, "kind=blood-glucose"))["average"] == 10


async def test_a_code_is_as_in_a_search_and_a_kind_is_all_of_it(anna: Caller) -> None:
    for place, code in enumerate(("14743-9", "14770-2", "14760-3")):
        value = {"valueQuantity": quantity(5 + place, "mmol/L"), "code": concept(LOINC, code)}
        await anna.keep(observation(id=f"g-{place}", effectiveDateTime=day(1 + place), **value))
    assert counted(await stats(anna, "kind=blood-glucose"))["average"] == 6
    assert counted(await stats(anna, f"code={LOINC}|14770-2"))["average"] == 6
    assert counted(await stats(anna, f"code={LOINC}|14770-2,{LOINC}|14760-3"))["count"] == 2
    assert counted(await stats(anna, "code=14770-2&system=http://loinc.org"))["count"] == 1


async def test_a_systolic_value_alone_is_part_of_the_pressure(anna: Caller) -> None:
    await anna.keep(pressure("p", day(1), 130, 80))
    value = {"valueQuantity": quantity(150, "mm[Hg]"), "code": concept(LOINC, SYSTOLIC)}
    await anna.keep(observation(id="s", effectiveDateTime=day(2), **value))
    found = await stats(anna, f"code={PANEL}")
    assert [counted(found, place)["average"] for place in (0, 1)] == [140, 80]
