"""The data of the services: complete, as the page tells it, and as the published CapabilityStatements have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from app.errors import Invalid, NotFound
from app.fhir.definitions import load
from app.fhir.resource import decode
from app.fhir.xml import from_xml
from app.medmij.documentation import MARK, PAGE, whole
from app.medmij.matching import matched
from app.medmij.services import FOLDER, Service, load_services
from tests.medmij.checker import VERSIONS

COUNTS: Final = {"46": 2, "47": 1, "48": 28, "49": 7, "50": 18, "51": 2, "52": 3, "54": 1, "59": 1, "61": 9}
GRANULAR: Final = {"101", "103", "107", "110", "111", *(str(each) for each in (401, 402, 403, 404, 405, 406, 407)),
                   "409", "410", "411", "412"}  # fmt: skip
SENDING: Final = {"53", "60"}
STATEMENTS: Final = {
    "46": "Nictiz-STU3-Zib2017/Capabilitystatements/capabilitystatement-server-labresults.xml",
    "49": "Nictiz-STU3-Zib2017/Capabilitystatements/capabilitystatement-server-gp-patientdata.xml",
    "50": "Nictiz-STU3-Zib2017/Capabilitystatements/capabilitystatement-server-ggz.xml",
    "51": "Nictiz-STU3-Zib2017/Capabilitystatements/capabilitystatement-server-pdfa.xml",
    "52": "Nictiz-STU3-Zib2017/Capabilitystatements/capabilitystatement-server-vitalsigns.xml",
    "54": "Nictiz-STU3-Zib2017/Capabilitystatements/capabilitystatement-server-allergyintolerance.xml",
    "61": "Nictiz-STU3-Zib2017/Capabilitystatements/capabilitystatement-server-bglz.xml",
    "900000103": "MedMij-R4-Core/CapabilityStatements/CapabilityStatement-medmij-core-TreatmentObjective-Serve.json",
    "900000411": "MedMij-STU3-Core/CapabilityStatements/CapabilityStatement-medmij-core-Respiration-Serve.json",
}


def test_every_service_that_is_served_has_its_requests() -> None:
    services = load_services()
    assert set(services) == {*COUNTS, *SENDING, *(f"900000{each}" for each in GRANULAR)}
    assert {name: len(services[name].rows) for name in COUNTS} == COUNTS
    assert all(len(services[f"900000{each}"].rows) == 1 for each in GRANULAR)
    assert set(services["53"].bundles) == {"batch", "transaction"}
    assert list(services["60"].bundles) == ["transaction"]


def test_a_row_that_is_not_confirmed_says_where_it_is_from() -> None:
    for service in load_services().values():
        assert service.source
        for row in service.rows:
            assert row.confirmed or row.source
            assert set(row.names) == {"nl", "en"}
            assert row.profiles


def test_types_and_includes_are_those_of_the_version() -> None:
    for service in load_services().values():
        definitions = load(VERSIONS[service.fhir])
        assert service.types <= definitions.resource_types
        for kind in service.types:
            assert service.claimed(kind).startswith("http")


def _offered(path: Path) -> Iterator[tuple[str, set[str], set[str]]]:
    content = path.read_bytes()
    statement: Any = from_xml(content, load("3.0.1")) if path.suffix == ".xml" else decode(content)
    for each in statement["rest"][0]["resource"]:
        codes = {interaction["code"] for interaction in each.get("interaction", ())}
        yield each["type"], codes, {parameter["name"] for parameter in each.get("searchParam", ())}


@pytest.mark.parametrize("service", STATEMENTS)
def test_requests_ask_what_the_published_statement_offers(fhir_definitions: Path, service: str) -> None:
    offered = {kind: (codes, names) for kind, codes, names in _offered(fhir_definitions / STATEMENTS[service])}
    own = load_services()[service]
    searched = {kind for kind, (codes, _) in offered.items() if "search-type" in codes}
    assert {row.type for row in own.rows} == searched
    for row in own.rows:
        assert {*row.fixed, *row.free} <= offered[row.type][1]
    for kind, (codes, _) in offered.items():
        if codes == {"read"}:
            assert own.reading(kind) is not None


def test_the_page_is_made_from_the_data() -> None:
    written = PAGE.read_text("utf-8")
    assert written == whole(written), "remake it: python -m app.medmij.documentation"
    assert written.count(MARK) == 2
    assert "No qualification is claimed" in written


def test_a_mistake_in_a_file_is_told_with_its_name(tmp_path: Path) -> None:
    for path in FOLDER.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    good = yaml.safe_load((FOLDER / "54.yaml").read_text("utf-8"))
    changes: list[dict[str, Any]] = [
        {"checks": ["none"]},
        {"direction": "up"},
        {"requests": [{}]},
        {"id": "55"},
        {"fhir": "9.0"},
    ]
    for change in changes:
        (tmp_path / "54.yaml").write_text(yaml.safe_dump({**good, **change}))
        load_services.cache_clear()
        with pytest.raises(Invalid, match=r"54\.yaml"):
            load_services(tmp_path)
    load_services.cache_clear()


@pytest.fixture(scope="module")
def measurements() -> Service:
    return load_services()["52"]


@pytest.mark.parametrize(
    ("asked", "carried"),
    [
        ([("code", "8867-4")], [("code", "http://loinc.org|8867-4")]),
        ([("code", "http://loinc.org|8867-4,8310-5")], [("code", "http://loinc.org|8867-4,http://loinc.org|8310-5")]),
        (
            [("code", "8867-4"), ("_has:Provenance:target:agent", "x"), ("_include", "*")],
            [("code", "http://loinc.org|8867-4")],
        ),
    ],
)
def test_values_get_the_system_of_the_service(
    measurements: Service, asked: list[tuple[str, str]], carried: list[tuple[str, str]]
) -> None:
    assert matched(measurements, "Observation", "", asked)[1] == carried


def test_a_category_is_limited_to_the_kinds_of_the_service(measurements: Service) -> None:
    row, carried = matched(measurements, "Observation", "", [("category", "vital-signs")])
    assert row.section == "2"
    assert carried[0] == ("category", "http://hl7.org/fhir/observation-category|vital-signs")
    assert carried[1][0] == "code"
    assert matched(measurements, "Observation", "", carried)[1] == carried  # as the next page asks it


def test_a_value_of_any_code_of_a_system_may_be_narrowed() -> None:
    nhg = "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen"
    service = load_services()["49"]
    for value in (f"{nhg}|", f"{nhg}|1744"):
        assert matched(service, "Observation", "", [("code", value)])[1] == [("code", value)]
    with pytest.raises(Invalid):
        matched(service, "Observation", "", [("code", "http://loinc.org|")])


def test_what_is_left_out_is_taken_as_said_where_the_data_say_so() -> None:
    service = load_services()["46"]
    assert matched(service, "DiagnosticReport", "", [])[1] == [("category", "http://snomed.info/sct|4241000179101")]
    with pytest.raises(NotFound):
        matched(service, "Condition", "", [])
