"""What a service never gives: lines S and O of a GP's journal, computed values, and files that no document names."""

from __future__ import annotations

from typing import Final

import pytest

from app.fhir.resource import Resource, decode, walk_dicts
from app.medmij import lines
from app.medmij.withholding import hidden_entries, is_hidden_line, without_hidden_lines
from tests.medmij.bases import SERVER, At, headers, root
from tests.medmij.record import LINES, LOINC, NHG, SECRET
from tests.server.service import Service, link

XHTML: Final = 'xmlns="http://www.w3.org/1999/xhtml"'
REPORTS: Final = f"/Composition?type={LOINC}|67781-5"


def section(code: str, **more: object) -> Resource:
    return {"title": code, "code": {"coding": [{"system": LINES, "code": code}]}, **more}


def result(name: str, when: str) -> Resource:
    """A result as a GP's system gives it."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": NHG, "code": "1744", "display": "bloeddruk systolisch"}]},
        "subject": {"reference": "Patient/anna"},
        "effectiveDateTime": when,
        "valueQuantity": {"value": 130, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    }


def said(words: str) -> Resource:
    return {"status": "generated", "div": f"<div {XHTML}>{words}</div>"}


async def kept_report(service: Service, *sections: Resource, kind: str = "67781-5") -> None:
    """An encounter report, or another document."""
    report: Resource = {
        "resourceType": "Composition",
        "id": "anna-report",
        "status": "final",
        "type": {"coding": [{"system": LOINC, "code": kind}]},
        "subject": {"reference": "Patient/anna"},
        "date": "2026-11-03",
        "author": [{"display": "Huisarts"}],
        "title": "Deelcontact",
        "section": list(sections),
    }
    kept = await service.caller("anna").put(f"{SERVER}/fhir/stu3/Composition/anna-report", report)
    assert kept.status_code == 201, kept.text


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_an_encounter_report_has_lines_e_and_p_only(at: At, form: str) -> None:
    answer = await at.get("49", REPORTS, headers(form))
    assert answer.status_code == 200
    assert SECRET not in answer.text
    assert "regel E" in answer.text
    assert "regel P" in answer.text
    found = await at.found("49", REPORTS)
    lines = {each["code"] for report in found for each in walk_dicts(report) if each.get("system") == LINES}
    assert lines == {"E", "P"}
    assert all(each["title"] and each["type"] for each in found)


async def test_the_narrative_of_a_report_says_what_is_left(at: At) -> None:
    (report,) = await at.found("49", REPORTS)
    assert report["text"]["status"] == "generated"
    assert "Evaluatie" in report["text"]["div"]
    assert "Subjectief" not in report["text"]["div"]


@pytest.mark.parametrize("line", ["line-S", "line-O", "unmarked", "gp"])
async def test_what_a_hidden_line_refers_to_is_not_read(at: At, line: str) -> None:
    hidden, nobody = await at.get("49", f"/Observation/anna-{line}"), await at.get("49", "/Observation/nobody")
    assert hidden.status_code == nobody.status_code == 404
    assert SECRET not in hidden.text


@pytest.mark.parametrize("line", ["line-E", "line-P", "gp-second"])
async def test_what_is_shown_is_read(at: At, line: str) -> None:
    answer = await at.get("49", f"/Observation/anna-{line}")
    assert answer.status_code == 200, answer.text


async def test_an_observation_that_is_no_result_and_no_line_is_not_read(at: At) -> None:
    assert (await at.get("49", "/Observation/anna-weight")).status_code == 404


async def test_results_do_not_bring_what_a_hidden_line_refers_to(at: At) -> None:
    ids = {each["id"] for each in await at.found("49", f"/Observation?code={NHG}|")}
    assert "anna-gp-second" in ids
    assert "anna-gp" not in ids
    ids = {each["id"] for each in await at.found("49", f"/Observation?code={NHG}|&_id=anna-gp")}
    assert ids == set()


@pytest.mark.parametrize(("more", "total"), [("", 1), ("&_count=1", 1), ("&_id=anna-gp", 0), ("&_id=nobody", 0)])
async def test_a_hidden_result_is_not_counted(at: At, more: str, total: int) -> None:
    answer = await at.get("49", f"/Observation?code={NHG}|&_total=accurate{more}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == total
    counted = await at.get("49", f"/Observation?code={NHG}|&_summary=count{more}")
    assert counted.json()["total"] == total


async def test_a_page_is_of_what_is_shown_and_the_next_tells_of_nothing_else(fresh: Service) -> None:
    """A record whose hidden results come first, last and between: pages of one each give the shown ones alone."""
    at, anna = At(fresh), fresh.caller("anna")
    names = [f"anna-row-{number}" for number in range(6)]
    for number, name in enumerate(names):
        kept = await anna.put(f"{SERVER}/fhir/stu3/Observation/{name}", result(name, f"2026-11-1{number}"))
        assert kept.status_code == 201, kept.text
    hidden = [names[0], names[2], names[5]]
    entries = [{"reference": f"Observation/{each}"} for each in hidden]
    await kept_report(fresh, section("O", entry=entries))
    query = f"/Observation?code={NHG}|&_count=1&_id={','.join(names)}"
    seen: list[str] = []
    address: str | None = query
    while address is not None:
        answer = await at.get("49", address)
        assert answer.status_code == 200, answer.text
        page = decode(answer.content)
        seen += [each["resource"]["id"] for each in page["entry"]]
        following = link(page, "next")
        address = None if following is None else following.removeprefix(root("49"))
    assert sorted(seen) == [names[1], names[3], names[4]]
    assert not any(word in query for word in ("code:not", "journaalregel"))
    own = link(decode((await at.get("49", query)).content), "self")
    assert own is not None
    assert "not" not in own.replace("nobody", ""), "what is passed over stands in no link"


@pytest.mark.parametrize("coding", [{"system": LINES, "code": "S"}, {"system": LINES, "code": "X"}, {"code": "O"}])
async def test_a_line_that_is_coded_as_a_result_too_is_none(fresh: Service, coding: Resource) -> None:
    both = result("anna-both", "2026-11-09")
    both["code"]["coding"].append(coding)
    kept = await fresh.caller("anna").put(f"{SERVER}/fhir/stu3/Observation/anna-both", both)
    assert kept.status_code == 201, kept.text
    answer = await At(fresh).get("49", f"/Observation?code={NHG}|&_id=anna-both&_total=accurate")
    assert (answer.json()["total"], "entry" in answer.json()) == (0, False)
    assert (await At(fresh).get("49", "/Observation/anna-both")).status_code == 404


@pytest.mark.parametrize("code", [None, {"text": "Objectief"}, {"coding": [{"system": "urn:x", "code": "E"}]}])
async def test_a_section_that_is_not_known_to_be_e_or_p_is_not_given(fresh: Service, code: Resource | None) -> None:
    at = At(fresh)
    unknown: Resource = {"title": SECRET, "text": said(SECRET)}
    unknown |= {"entry": [{"reference": "Observation/anna-gp-second"}], **({} if code is None else {"code": code})}
    await kept_report(fresh, unknown, section("E", title="Evaluatie", text=said("een oordeel")))
    answer = await at.get("49", f"{REPORTS}&_id=anna-report")
    assert answer.status_code == 200
    assert SECRET not in answer.text
    (found,) = [each["resource"] for each in answer.json()["entry"]]
    assert [each["title"] for each in found["section"]] == ["Evaluatie"]
    assert (await at.get("49", "/Observation/anna-gp-second")).status_code == 404


async def test_a_document_that_is_no_encounter_report_hides_no_results(fresh: Service) -> None:
    letter = {"title": "Uitslagen", "entry": [{"reference": "Observation/anna-gp-second"}]}
    await kept_report(fresh, letter, kind="11503-0")
    assert (await At(fresh).get("49", "/Observation/anna-gp-second")).status_code == 200


@pytest.mark.parametrize("asked", ["section=S", "section:not=E", "entry=Observation/anna-gp", "_sort=-entry"])
async def test_reports_are_not_found_by_what_their_hidden_lines_say(at: At, asked: str) -> None:
    answer = await at.get("49", f"{REPORTS}&{asked}")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["entry"]) == 1
    assert asked.partition("=")[0] not in str(link(answer.json(), "self"))
    nothing = await at.get("49", f"{REPORTS}&section=E,nothing&entry=Observation/nobody")
    assert len(nothing.json()["entry"]) == 1, "passed over, whatever is asked"


@pytest.mark.parametrize("name", ["anna-gp", "anna-line-S", "nobody"])
async def test_a_read_that_says_unchanged_says_nothing_of_what_is_hidden(at: At, name: str) -> None:
    answer = await at.get("49", f"/Observation/{name}", headers(if_none_match='W/"1"'))
    assert answer.status_code == 404
    shown = await at.get("49", "/Observation/anna-gp-second")
    again = await at.get("49", "/Observation/anna-gp-second", headers(if_none_match=shown.headers["etag"]))
    assert (again.status_code, again.content) == (304, b"")


async def test_who_may_not_see_the_reports_is_not_given_what_they_keep_back(at: At) -> None:
    given = headers()
    answer = await at.get("49", f"/Observation?code={NHG}|", given, token="measurements-medmij")
    assert [each["resource"]["id"] for each in answer.json()["entry"]] == ["anna-gp-second"]
    assert (await at.get("49", "/Observation/anna-gp", given, token="measurements-medmij")).status_code == 404
    seen = await at.get("49", "/Observation/anna-gp-second", given, token="measurements-medmij")
    assert seen.status_code == 200


async def test_what_refers_to_a_hidden_line_does_not_say_what_it_is(fresh: Service) -> None:
    named = {"line-S": "", "gp": "", "unmarked": "de notitie", "line-E": "", "weight": ""}
    related = [
        {
            "type": "has-member",
            "target": {"reference": f"Observation/anna-{name}", **({"display": said} if said else {})},
        }
        for name, said in named.items()
    ]
    panel: Resource = {
        "resourceType": "Observation",
        "id": "anna-panel",
        "status": "final",
        "code": {"coding": [{"system": NHG, "code": "1", "display": "een groep"}]},
        "subject": {"reference": "Patient/anna"},
        "effectiveDateTime": "2026-11-03",
        "related": related,
    }
    kept = await fresh.caller("anna").put(f"{SERVER}/fhir/stu3/Observation/anna-panel", panel)
    assert kept.status_code == 201, kept.text
    (found,) = await At(fresh).found("49", f"/Observation?code={NHG}|&_id=anna-panel")
    said = [each["target"].get("display", "") for each in found["related"]]
    assert said == ["", "", "", "Evaluatie", "weight"]
    assert all("_display" in each["target"] for each in found["related"][:3])


async def test_a_line_in_a_section_within_a_section_is_hidden_too(fresh: Service) -> None:
    inner = section("O", entry=[{"reference": "Observation/anna-gp-second"}])
    await kept_report(fresh, section("E", section=[inner]))
    assert (await At(fresh).get("49", "/Observation/anna-gp-second")).status_code == 404


async def test_a_search_of_results_decodes_the_reports_that_name_one_and_no_others(
    fresh: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []

    def counting(body: bytes) -> Resource:
        report = decode(body)
        decoded.append(report["id"])
        return report

    monkeypatch.setattr(lines, "decode", counting)
    at, anna = At(fresh), fresh.caller("anna")
    found = f"/Observation?code={NHG}|&_total=accurate"
    before = (await at.get("49", found)).json()["total"]
    usual = set(decoded)
    coded = {**result("anna-coded", "2026-11-03"), "code": {"coding": [{"system": LINES, "code": "S"}]}}
    assert (await anna.put(f"{SERVER}/fhir/stu3/Observation/anna-coded", coded)).status_code == 201
    await kept_report(fresh, section("S", entry=[{"reference": "Observation/anna-coded"}]))
    decoded.clear()
    assert (await at.get("49", found)).json()["total"] == before
    assert set(decoded) == usual
    assert "anna-report" not in decoded
    await anna.put(f"{SERVER}/fhir/stu3/Observation/anna-coded", result("anna-coded", "2026-11-03"))
    decoded.clear()
    assert (await at.get("49", found)).json()["total"] == before, "it is a result now, and the line hides it"
    assert "anna-report" in decoded


async def test_nothing_of_the_whole_service_tells_a_hidden_line(at: At) -> None:
    for address in (REPORTS, "/Encounter", "/EpisodeOfCare", f"/Observation?code={NHG}|"):
        assert SECRET not in (await at.get("49", address)).text


async def test_a_computed_value_is_no_measurement(at: At) -> None:
    for address in ("/Observation?category=vital-signs", "/Observation?category=vital-signs&_id=anna-mean"):
        assert "96607-7" not in [
            coding["code"] for each in await at.found("52", address) for coding in each["code"]["coding"]
        ]
    assert (await at.get("52", f"/Observation?code={LOINC}|96607-7")).status_code == 400
    assert (await at.get("52", "/Observation/anna-mean")).status_code == 404


async def test_a_file_is_read_when_a_document_that_is_given_names_it(at: At) -> None:
    found = await at.get("51", "/Binary/anna-file")
    assert found.status_code == 200, found.text
    assert (await at.get("51", "/Binary/anna-loose")).status_code == 404
    raw = await at.get("51", "/Binary/anna-file", headers(accept="application/pdf"))
    assert raw.content.startswith(b"%PDF")


async def test_what_is_asked_with_a_condition_is_not_read_without(at: At) -> None:
    for base, name in (("48", "Consent/x"), ("48", "Observation/anna-heart"), ("50", "CarePlan/anna-nursing")):
        assert (await at.get(base, f"/{name}")).status_code == 404


def test_a_hidden_line_within_a_shown_one_goes_and_what_is_contained_for_it() -> None:
    inner = section("S", entry=[{"reference": "#said"}, {"reference": "https://his.example/fhir/Observation/far"}])
    report: Resource = {
        "resourceType": "Composition",
        "title": "Een <b>verslag</b>",
        "contained": [
            {"resourceType": "Observation", "id": "said"},
            {"resourceType": "Observation", "id": "own", "code": {"coding": [{"system": LINES, "code": "O"}]}},
            {"resourceType": "Practitioner", "id": "doctor", "qualification": [{"issuer": {"reference": "#house"}}]},
            {"resourceType": "Organization", "id": "house"},
            {"resourceType": "Organization", "id": "nobody's"},
        ],
        "author": [{"reference": "#doctor"}],
        "section": [section("E", section=[inner]), section("O")],
    }
    assert hidden_entries(report) == {"#said", "Observation/far"}
    without_hidden_lines(report)
    assert [each["id"] for each in report["contained"]] == ["doctor", "house"], "what is left refers to no others"
    assert [each["title"] for each in report["section"]] == ["E"]
    assert "section" not in report["section"][0]
    assert "<b>" not in report["text"]["div"]


@pytest.mark.parametrize(
    ("coding", "hidden"),
    [({"system": LINES, "code": "S"}, True), ({"code": "O"}, True), ({"system": LINES, "code": "E"}, False)],
)
def test_a_line_is_hidden_by_its_code(coding: Resource, *, hidden: bool) -> None:
    assert is_hidden_line({"code": {"coding": [{"system": "urn:x", "code": "y"}, coding]}}) is hidden


def test_of_an_encounter_report_only_lines_that_say_so_are_left() -> None:
    report: Resource = {
        "resourceType": "Composition",
        "type": {"coding": [{"system": LOINC, "code": "67781-5"}]},
        "section": [
            {"title": "zonder", "entry": [{"reference": "Observation/a"}]},
            section("E", section=[{"title": "zonder", "entry": [{"reference": "Observation/b"}]}, section("P")]),
            section("Z", entry=[{"reference": "Observation/c"}]),
        ],
    }
    assert hidden_entries(report) == {"Observation/a", "Observation/b", "Observation/c"}
    without_hidden_lines(report)
    assert [each["title"] for each in report["section"]] == ["E"]
    assert [each["title"] for each in report["section"][0]["section"]] == ["P"]


async def test_a_grant_that_was_looked_up_before_it_changed_is_looked_up_again(fresh: Service) -> None:
    async def change() -> None:
        async with fresh.database.write() as writer:
            await writer.execute("UPDATE access_grant SET stamp = stamp + 1")

    at, name = At(fresh), "/Observation/anna-gp-second"
    for address in (f"/Observation?code={NHG}|", name, REPORTS):
        assert (await at.get("49", address)).status_code == 200
        await change()
        assert (await at.get("49", address)).status_code == 200, address
    assert (await at.get("51", "/Binary/anna-file")).status_code == 200
    await change()
    assert (await at.get("51", "/Binary/anna-file")).status_code == 200
