"""What cannot be read is kept as it came, for the person alone; tried again after an upgrade; erased with the rest."""

from __future__ import annotations

from typing import Any

from app.config import VERSION
from app.errors import Invalid
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import to_xml
from app.server.intake import quarantine
from app.server.intake.quarantine import UNTRIED
from app.server.intake.tables import INSERT_QUARANTINE
from app.server.interactions.taking.again import Again
from app.server.messages import Refused
from tests import builders
from tests.rights.people import erasures, visit
from tests.server.service import Caller, Service
from tests.taking.deliveries import delivered, diabetes, said, statuses

WRONG = diabetes(clinicalStatus="wrong", note=[{"text": "kanariepiet"}])


def wrong(**members: Any) -> Resource:
    return builders.batch(builders.posted({**WRONG, **members}), builders.posted(builders.goal()))


async def kept(service: Service, patient: str = "anna") -> list[quarantine.Kept]:
    """With the bytes."""
    heads = await quarantine.listed(service.database, await service.key_of(patient))
    return [await quarantine.found(service.database, each.patient, each.id) for each in heads]


async def test_the_rest_is_stored_and_the_sender_is_told(service: Service, gp: Caller, anna: Caller) -> None:
    bad, good = await delivered(gp, wrong())
    assert statuses([bad, good]) == [422, 201]
    assert any("kept as it came in" in each for each in said(bad))
    assert bad["outcome"]["issue"][0]["expression"][0].startswith("Condition.clinicalStatus")
    (one,) = await kept(service)
    assert (one.kind, one.type, one.source, one.fhir_version) == ("entry", "Condition", "organization:practice", "4.0")
    assert decode(one.received) == WRONG
    assert await kept(service, "bram") == []
    assert b"kanariepiet" not in (await anna.get("/Patient/anna/$everything")).content
    assert await anna.found("/Condition") == []


async def test_it_is_kept_as_the_bytes_that_came(service: Service, gp: Caller) -> None:
    resource = encode(WRONG).replace(b'"text":"kanariepiet"', b'"text" :  "kanariepiet"')
    entry = b'{"resource":%b,"request":{"method":"POST","url":"Condition"}}'
    body = b'{"resourceType":"Bundle","type":"batch","entry":[' + entry + b"]}"
    assert (await gp.post("/", body % resource)).status_code == 200
    assert (await kept(service))[0].received == resource
    await gp.post("/", body % resource)
    assert len(await kept(service)) == 1, "what comes again is kept once"


async def test_it_is_kept_in_xml_where_it_came_in_xml(service: Service, gp: Caller) -> None:
    sent = to_xml(builders.batch(builders.posted(diabetes())), service.server.definitions)
    at = sent.index(b'<code value="') + len(b'<code value="')
    sent = sent[:at] + b"nonsense" + sent[sent.index(b'"', at) :]
    answer = await gp.post("/", sent, {"content-type": "application/fhir+xml"})
    assert answer.status_code == 200, answer.text
    (one,) = await kept(service)
    assert one.media_type.startswith("application/fhir+xml")
    assert one.received.startswith(b"<Condition")
    assert b"nonsense" in one.received
    assert await Again().retry(service.server, one, now=service.server.clock()) is None
    assert (await kept(service))[0].problems[0].code == "code-invalid"


async def test_a_bsn_in_the_condition_of_an_entry_is_not_kept(service: Service, gp: Caller) -> None:
    condition = "identifier=http%3A%2F%2Ffhir.nl%2Ffhir%2FNamingSystem%2Fbsn%7C999999011"
    resource = {name: each for name, each in WRONG.items() if name != "id"}
    entry = {"resource": resource, "request": {"method": "PUT", "url": f"Condition?{condition}"}}
    await delivered(gp, {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    (one,) = await kept(service)
    assert one.sent.url == "Condition"
    rows = await service.database.fetch("SELECT received, sent, problems FROM quarantine")
    assert not any(b"999999011" in bytes(each) for row in rows for each in row)


async def test_a_bsn_is_masked_in_what_is_kept(service: Service, gp: Caller) -> None:
    bsn = {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "999999011"}
    await delivered(gp, wrong(identifier=[bsn]))
    assert b"999999011" not in (await kept(service))[0].received


async def test_a_bsn_of_one_entry_is_masked_in_the_words_of_all_and_in_what_is_kept(
    service: Service, gp: Caller, anna: Caller
) -> None:
    number, written = "999911120", "9999.11.120"
    person = builders.patient(identifier=[{"system": builders.BSN, "value": number}])
    person |= {"name": [{"family": "Proefstra", "given": ["Anna"]}]}
    noted = diabetes(note=[{"text": f"Patient {written} belde"}])
    unread = {**WRONG, "note": [{"text": f"BSN {number}"}]}
    for form in ("json", "xml"):
        given = (person, noted, unread) if form == "json" else (person, noted)
        bundle = builders.batch(*map(builders.posted, given))
        sent = encode(bundle) if form == "json" else to_xml(bundle, service.server.definitions)
        answer = await gp.post("/", sent, {"content-type": f"application/fhir+{form}"})
        assert answer.status_code == 200, answer.text
        received = (each.received.decode() for each in await kept(service))
        for text in (*received, (await anna.get("/Condition")).text, answer.text):
            assert number not in text
            assert written not in text
    assert len(await kept(service)) == 1
    assert "Patient ********* belde" in (await anna.get("/Condition")).text


async def test_what_is_about_somebody_else_is_not_kept(service: Service, gp: Caller) -> None:
    await delivered(gp, wrong(subject=builders.reference("Patient/bram")))
    await delivered(gp, wrong(asserter=builders.reference("Patient/zoe")))
    assert await kept(service) == await kept(service, "bram") == []


async def test_of_two_people_each_gets_their_own(service: Service, group: Caller) -> None:
    await delivered(
        group,
        builders.batch(
            builders.posted(WRONG), builders.posted({**WRONG, "subject": builders.reference("Patient/bram")})
        ),
    )
    assert len(await kept(service)) == len(await kept(service, "bram")) == 1
    nobody = {name: value for name, value in WRONG.items() if name != "subject"}
    await delivered(group, builders.batch(builders.posted(nobody)))
    assert len(await kept(service)) == len(await kept(service, "bram")) == 1


async def test_what_a_border_refused_is_kept_in_its_own_version(service: Service, gp: Caller) -> None:
    stu3 = gp.client.base_url.copy_with(path="/fhir/stu3/")
    resource = {"resourceType": "Condition", "clinicalStatus": "nonsense", "x": 1}
    entry = {"resource": resource, "request": {"method": "POST", "url": "Condition"}}
    whole = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    answer = await gp.post(str(stu3), whole)
    assert answer.status_code == 200, answer.text
    (one,) = await kept(service)
    assert one.fhir_version == "3.0"
    assert decode(one.received) == resource


def test_a_refusal_of_a_border_says_why() -> None:
    assert Refused(Invalid("No table.")).error.diagnostics == "No table."


async def test_it_is_tried_again_after_an_upgrade_with_what_the_sender_may_then(
    service: Service, gp: Caller, anna: Caller
) -> None:
    await delivered(gp, wrong())
    told: list[Any] = []

    async def tell(one: quarantine.Kept, resources: Any) -> None:
        told.append((one.id, resources))

    again, now = Again(), service.server.clock()
    assert await again.retry_all(service.server, now=now, told=tell) == (0, 0), "this version tried it already"
    assert await again.retry_all(service.server, now=now, told=tell, program="0.0.9") == (0, 1)
    assert len(await kept(service)) == 1
    async with service.database.write() as writer:
        right = encode({**WRONG, "clinicalStatus": diabetes()["clinicalStatus"]})
        await writer.execute("UPDATE quarantine SET received = $1, program = 'old'", right)
    assert await again.retry_all(service.server, now=now, told=tell) == (1, 0)
    assert [len(resources) for _, resources in told] == [0, 1], "whoever asked is told of what stays as it was, too"
    assert await kept(service) == []
    (stored,) = [each["resource"] for each in (await anna.bundle("/Condition"))["entry"]]
    assert stored["meta"]["source"].endswith("/Organization/practice")


async def test_what_this_version_tried_is_not_read_to_find_what_another_tried(service: Service, gp: Caller) -> None:
    await delivered(gp, wrong())
    patient = await service.key_of("anna")
    (row,) = await service.database.fetch("SELECT * FROM quarantine WHERE patient = $1", patient)
    columns = INSERT_QUARANTINE.columns
    assert len(row) == len(columns)
    tried = dict(zip(columns, row, strict=True))
    many = [tuple({**tried, "id": f"more-{number}"}.values()) for number in range(3000)]
    async with service.database.write() as writer:
        await writer.insert(INSERT_QUARANTINE, many)
        await writer.execute("UPDATE quarantine SET program = 'old' WHERE id = 'more-7'")
        await writer.execute("ANALYZE quarantine")
    how = "EXPLAIN QUERY PLAN " if service.database.dialect == "sqlite" else "EXPLAIN "
    plan = str(await service.database.fetch(how + UNTRIED.replace("$1", f"'{VERSION}'")))
    assert "ix_quarantine_program" in plan, plan
    assert "Seq Scan" not in plan
    assert "SCAN quarantine" not in plan
    assert await quarantine.untried(service.database) == [(patient, "more-7")]


async def test_it_is_not_tried_for_who_has_no_permission_any_more(service: Service, gp: Caller) -> None:
    await delivered(gp, wrong())
    (one,) = await kept(service)
    async with service.database.write() as writer:
        await writer.execute("DELETE FROM permit WHERE recipient = 'organization:practice'")
    assert await Again().retry(service.server, one, now=service.server.clock()) is None
    assert "permission" in (await kept(service))[0].problems[0].diagnostics


async def test_it_goes_with_what_is_erased(service: Service, gp: Caller, hospital: Caller) -> None:
    await delivered(gp, wrong())
    await delivered(hospital, wrong())
    anna, now = await visit(service, "anna"), service.server.clock()
    await erasures(service).source(anna.access, "organization:practice", now=now, request="r")
    assert [each.source for each in await kept(service)] == ["organization:hospital"]
    key = await service.key_of("anna")
    await erasures(service).everything(anna.access, now=now)
    for table in ("quarantine", "delivered", "delivered_under"):
        assert await service.database.fetch(f"SELECT 1 FROM {table} WHERE patient = $1", key) == []


async def test_the_person_throws_it_away(service: Service, gp: Caller, anna: Caller, bram: Caller) -> None:
    await delivered(gp, wrong())
    (one,) = await kept(service)
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "delivery", "valueId": one.id}, {"name": "decision", "valueCode": "drop"}],
    }
    for other in (bram, gp):
        assert (await other.post("/Patient/anna/$decide-delivery", body)).status_code in (403, 404)
    assert (await bram.post("/Patient/bram/$decide-delivery", body)).status_code == 404
    released = {**body, "parameter": [body["parameter"][0], {"name": "decision", "valueCode": "release"}]}
    assert (await anna.post("/Patient/anna/$decide-delivery", released)).status_code == 422
    assert (await anna.post("/Patient/anna/$decide-delivery", body)).status_code == 204
    assert await kept(service) == []
