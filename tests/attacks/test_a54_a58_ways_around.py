"""A-54…A-58: page links, operations, Bundles, writes and attachments open no way around the record's border.

Covered besides: A-54 tests/server/test_search_paging.py (a link is no permission, tampering, withdrawal in
test_grants.py), A-55 test_everything.py, test_lastn.py, test_meta.py, test_validate.py, A-56
test_transaction_conditions.py, test_bundle_grants.py, A-57 test_placement.py, test_update.py, test_patch.py,
test_conditional_update.py, A-58 test_binary.py.
"""

from __future__ import annotations

import socket
from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import asking, batch, goal, observation, posted, put, reference, transaction
from tests.server.grants import token_with
from tests.server.service import Caller, Service, ids, link

HIS: Final = "his"
JSON_PATCH: Final = {"content-type": "application/json-patch+json"}


@pytest.fixture
async def his(bram: Caller) -> None:
    for number in range(3):
        await bram.keep(observation("Patient/bram", id=f"{HIS}-{number}"))
    await bram.keep(observation("Patient/bram", id=HIS))


async def untouched(bram: Caller) -> None:
    """Bram's resource is still the first version, and Anna's record has nothing under its id."""
    stored = decode((await bram.get(f"/Observation/{HIS}")).content)
    assert stored["meta"]["versionId"] == "1"


async def test_a54_a_page_link_of_another_gives_nothing(anna: Caller, bram: Caller, his: None) -> None:
    for address in ("/Observation?_count=2", "/Observation/_history?_count=2", "/Patient/bram/$everything?_count=2"):
        following = link(await bram.bundle(address), "next")
        assert following is not None
        answer = await anna.get(following)
        assert answer.status_code in (200, 404)
        if answer.status_code == 200:
            assert ids(answer.json()) == []


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/Patient/{}/$everything"),
        ("GET", "/Patient/{}/Observation/$lastn"),
        ("GET", "/Observation/$lastn?patient={}"),
        ("GET", "/Patient/{}/$meta"),
        ("GET", "/Patient/{}/$validate"),
    ],
)
async def test_a55_an_operation_on_another_is_that_on_nobody(
    anna: Caller, his: None, method: str, address: str
) -> None:
    answers = [await anna.send(method, address.format(who)) for who in ("bram", "nobodys")]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].text.replace("bram", "?") == answers[1].text.replace("nobodys", "?")
    assert HIS not in answers[0].text.replace("this", "")


@pytest.mark.parametrize(
    "address",
    [
        "/$export",
        "/Patient/$export",
        "/$graphql?query=x",
        "/Patient/anna/$graphql?query=x",
        "/Patient/$match",
        "/Composition/x/$document",
        "/$reindex",
        "/Patient/$merge",
    ],
)
async def test_a55_what_there_is_not_says_so(anna: Caller, address: str) -> None:
    for method in ("GET", "POST"):
        assert (await anna.send(method, address)).status_code == 404


async def test_a55_the_record_without_an_id_is_the_tokens_own(anna: Caller, practice: Caller, his: None) -> None:
    found = await anna.found("/Patient/$everything")
    assert "anna" in found
    assert not {"bram", HIS} & set(found)
    assert (await practice.get("/Patient/$everything")).status_code == 403


async def test_a55_validation_fetches_no_profile(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*_: Any, **__: Any) -> None:
        raise AssertionError("the server went out")

    monkeypatch.setattr(socket, "create_connection", no_socket)
    monkeypatch.setattr(socket, "getaddrinfo", no_socket)
    url = "http://169.254.169.254/latest/meta-data"
    body = observation(meta={"profile": [url]})
    for address in (f"/Observation/$validate?profile={url}", "/Observation/$validate"):
        answer = await anna.post(address, body)
        assert answer.status_code == 200
        assert "was not looked at" in answer.text


async def test_a56_an_entry_for_another_fails_alone_in_a_batch(anna: Caller, bram: Caller, his: None) -> None:
    entries = (
        asking("GET", "Patient/anna"),
        asking("GET", "Patient/bram"),
        asking("GET", f"Observation/{HIS}"),
        asking("GET", "Observation?patient=bram"),
        asking("DELETE", f"Observation/{HIS}"),
        posted(observation("Patient/bram")),
    )
    answer = await anna.post("/", batch(*entries))
    listed = answer.json()["entry"]
    assert [each["response"]["status"][:3] for each in listed] == ["200", "404", "404", "200", "404", "422"]
    assert "entry" not in listed[3]["resource"]
    await untouched(bram)


async def test_a56_one_bad_entry_undoes_all(anna: Caller, bram: Caller, his: None) -> None:
    for bad in (posted(observation("Patient/bram")), asking("DELETE", f"Observation/{HIS}")):
        answer = await anna.post("/", transaction(put(goal(id="of-the-transaction")), bad))
        assert answer.status_code in (404, 422)
        assert (await anna.get("/Goal/of-the-transaction")).status_code == 404
    await untouched(bram)


async def test_a56_an_entry_of_a_type_without_scope_is_refused(service: Service, anna: Caller) -> None:
    narrow = service.caller("anna-observations")
    answer = await narrow.post("/", batch(asking("GET", "Goal"), asking("GET", "Observation")))
    assert [each["response"]["status"][:3] for each in answer.json()["entry"]] == ["403", "200"]
    assert (await narrow.post("/", transaction(posted(goal())))).status_code == 403


async def test_a56_a_urn_cannot_be_swapped_for_another_patient(anna: Caller, bram: Caller, his: None) -> None:
    urn = "urn:uuid:5a1f6a2e-0000-4000-8000-000000000001"
    swapped = {**posted(goal()), "fullUrl": urn}
    about = posted(observation(urn))
    assert (await anna.post("/", transaction(swapped, about))).status_code in (200, 422)
    for full_url in ("http://zelfregie.test/fhir/Patient/bram", "Patient/bram"):
        person = {**posted({"resourceType": "Patient", "id": "bram"}), "fullUrl": full_url}
        answer = await anna.post("/", transaction(person, posted(observation("Patient/bram"))))
        assert answer.status_code in (200, 422)  # a Patient entry means the one that the token is for
    assert len(await bram.found("/Observation")) == 4


async def test_a56_conditional_references_and_creates_do_not_tell_who_is_there(
    anna: Caller, bram: Caller, his: None
) -> None:
    for query in ("family=Testen", "birthdate=1944-11-03", "_id=bram", "_id=nobodys"):
        entry = put(observation(id="n", performer=[reference(f"Patient?{query}")]))
        answer = await anna.post("/", transaction(entry))
        assert answer.status_code == 412, answer.text
        answer = await anna.post("/Observation", observation(), {"if-none-exist": f"subject:Patient.{query}"})
        assert answer.status_code == 201
    for who in ("bram", "nobodys"):
        refused = await anna.put(f"/Patient?_id={who}", {"resourceType": "Patient"})
        assert refused.status_code == 403


@pytest.mark.parametrize("subject", ["Patient/bram", "http://zelfregie.test/fhir/Patient/bram"])
async def test_a57_nothing_is_written_into_or_out_of_a_record(
    anna: Caller, bram: Caller, his: None, subject: str
) -> None:
    own = await anna.keep(observation(id="own"))
    move = b'[{"op": "replace", "path": "/subject/reference", "value": "%b"}]' % subject.encode()
    path = {
        "resourceType": "Parameters",
        "parameter": [
            {
                "name": "operation",
                "part": [
                    {"name": "type", "valueCode": "replace"},
                    {"name": "path", "valueString": "Observation.subject"},
                    {"name": "value", "valueReference": reference(subject)},
                ],
            }
        ],
    }
    attempts = (
        await anna.post("/Observation", observation(subject)),
        await anna.put("/Observation/chosen", observation(subject, id="chosen")),
        await anna.put("/Observation/own", observation(subject, id="own")),
        await anna.put(f"/Observation/{HIS}", observation(subject, id=HIS)),
        await anna.put(f"/Observation?_id={HIS}", observation(subject)),
        await anna.send("PATCH", "/Observation/own", move, JSON_PATCH),
        await anna.send("PATCH", "/Observation/own", path),
        await anna.send("PATCH", f"/Observation/{HIS}", move, JSON_PATCH),
        await anna.delete(f"/Observation/{HIS}"),
        await anna.post("/Patient/bram/Observation", observation(subject)),
        await anna.post("/Patient/bram/Observation", observation()),
    )
    assert {each.status_code for each in attempts} <= {404, 422}
    deleted = await anna.delete(f"/Observation?_id={HIS}")
    assert deleted.status_code == 200
    assert "nothing was deleted" in deleted.text
    stored = decode((await anna.get("/Observation/own")).content)
    assert stored["meta"]["versionId"] == own["meta"]["versionId"]
    await untouched(bram)


async def test_a57_an_id_that_another_uses_makes_ones_own(anna: Caller, bram: Caller, his: None) -> None:
    answer = await anna.put(f"/Observation/{HIS}", observation(id=HIS))
    assert answer.status_code == 201
    assert decode(answer.content)["meta"]["versionId"] == "1"
    await untouched(bram)


async def test_a57_deleting_takes_its_letter(service: Service, anna: Caller) -> None:
    await anna.keep(observation(id="own"))
    app = await token_with(service, "patient/*.crus", "anna", purpose="own-use")
    assert (await app.delete("/Observation/own")).status_code == 403
    assert (await app.delete("/Observation?_id=own")).status_code == 403
    assert (await app.post("/", transaction(asking("DELETE", "Observation/own")))).status_code == 403


async def test_a57_what_the_server_says_of_a_version_cannot_be_forged(anna: Caller) -> None:
    forged: Resource = {"versionId": "77", "lastUpdated": "1999-01-01T00:00:00Z"}
    stored = await anna.keep(observation(id="own", meta=forged))
    assert stored["meta"]["versionId"] == "1"
    assert stored["meta"]["lastUpdated"] > "2026"


async def test_a57_a_contained_patient_decides_nothing(anna: Caller, bram: Caller) -> None:
    inner = {"resourceType": "Patient", "id": "bram"}
    answer = await anna.post("/Observation", observation("#bram", contained=[inner]))
    assert answer.status_code in (201, 422)
    assert await bram.found("/Observation") == []


async def test_a57_the_access_log_is_not_written_by_apps(anna: Caller) -> None:
    body = {"resourceType": "AuditEvent", "id": "x"}
    assert (await anna.post("/AuditEvent", body)).status_code in (403, 405)
    assert (await anna.put("/AuditEvent/x", body)).status_code in (403, 405)


async def test_a58_attachments_and_answers_do_not_reach_into_another_record(anna: Caller, bram: Caller) -> None:
    content = {"content-type": "text/plain"}
    answer = await anna.post("/Binary", b"x", {**content, "x-security-context": "Patient/bram"})
    assert answer.status_code == 400
    answer = await anna.post(
        "/Binary",
        {
            "resourceType": "Binary",
            "contentType": "text/plain",
            "data": "eA==",
            "securityContext": reference("Patient/bram"),
        },
    )
    assert answer.status_code == 422
    his = await bram.post("/Binary", b"GEHEIM", content)
    name = his.headers["location"].partition("/fhir")[2].partition("/_history")[0]
    assert (await anna.get(name)).status_code == 404
    document = {
        "resourceType": "DocumentReference",
        "id": "points",
        "status": "current",
        "subject": reference("Patient/anna"),
        "content": [{"attachment": {"url": name.strip("/"), "contentType": "text/plain"}}],
    }
    await anna.keep(document)
    brought = await anna.get("/DocumentReference?_id=points&_include=*&_include:iterate=*")
    assert "GEHEIM" not in brought.text
    answers = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "subject": reference("Patient/bram"),
        "author": reference("Patient/bram"),
    }
    assert (await anna.post("/QuestionnaireResponse", answers)).status_code == 422
