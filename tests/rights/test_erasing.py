"""Erasing one thing or what came from one source: what is left says that it was removed, and nothing of what it was."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import pytest

from app.auth.accounts.mandates import Ground
from app.auth.accounts.tables import INSERT_MANDATE
from app.auth.grants import RAISE_STAMP, NewGrant, write_grant
from app.auth.recipients import app, organization, person
from app.auth.rights.proof import Prover
from app.auth.rights.sources import sources_of
from app.auth.tokens import hash_token
from app.errors import Forbidden, Invalid, NotFound, Unprocessable
from app.fhir.resource import Resource, decode
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL
from app.server.tables import INSERT_PERMIT
from tests.builders import condition, goal, observation, posted, put, transaction
from tests.integrity import problems
from tests.questionnaires.scoring import answered, dimension, key
from tests.questionnaires.test_scores_written import keep
from tests.rights.people import bearer, erasures, visit
from tests.server.service import Caller, Service, codes, issues
from tests.web.login import account

MARK: Final = "kanariepiet"
"""A word that occurs nowhere but in what is to be erased."""
NUMBER: Final = "https://his.example/nummers"


def marked(**members: Any) -> Resource:
    return condition(
        code={"coding": [{"system": f"https://{MARK}.example", "code": MARK, "display": MARK}], "text": MARK},
        identifier=[{"system": NUMBER, "value": MARK}],
        note=[{"text": f"over de {MARK}"}],
        **members,
    )


async def erase(service: Service, name: str) -> None:
    kind, _, resource_id = name.partition("/")
    anna = await visit(service, "anna")
    await erasures(service).one(anna.access, kind, resource_id, now=service.server.clock(), request="r")


async def token(
    service: Service, recipient: str, *, person_: str = "", organization_: str = "", kind: str = "app"
) -> Caller:
    """An app or system with everything that Anna can allow."""
    secret = f"token-{recipient}-{person_}"
    patient = await service.key_of("anna")
    own = "own-use" if kind == "app" else "treatment"
    grant = NewGrant(
        hash_token(secret), recipient, "patient/*.cruds", 1, own, client=recipient, person=person_,
        organization=organization_, patient=patient, patients=[patient], kind=kind,
    )  # fmt: skip
    async with service.database.write() as writer:
        await write_grant(writer, grant)
    return service.caller(secret)


async def test_an_erased_resource_is_gone_in_every_version_and_says_when(service: Service, anna: Caller) -> None:
    kept = await anna.create(marked())
    name = f"Condition/{kept['id']}"
    await anna.keep({**kept, "note": [{"text": f"nog een {MARK}"}]})
    await erase(service, name)
    for address in (f"/{name}", f"/{name}/_history/1", f"/{name}/_history/2", f"/{name}/_history/3"):
        answer = await anna.get(address)
        assert answer.status_code == 410, address
        assert codes(answer) == ["deleted"]
        assert "removed at the person's request on 20" in issues(answer)[0]["diagnostics"]
        assert MARK not in answer.text
        dutch = issues(await anna.get(address, {"accept-language": "nl"}))[0]["details"]["text"]
        assert dutch == "Dit is verwijderd omdat de persoon dat vroeg. Het is niet meer op te halen.", address
    as_xml = await anna.get(f"/{name}", {"accept": "application/fhir+xml"})
    assert "<OperationOutcome" in as_xml.text
    assert "removed at the person" in as_xml.text
    assert (await anna.get(f"/{name}/_history/4")).status_code == 404


async def test_its_history_has_no_gap_and_no_content(service: Service, anna: Caller) -> None:
    kept = await anna.create(marked())
    name = f"Condition/{kept['id']}"
    await anna.keep({**kept, "note": [{"text": f"nog een {MARK}"}]})
    await erase(service, name)
    answer = await anna.get(f"/{name}/_history")
    entries = decode(answer.content)["entry"]
    assert MARK not in answer.text
    assert [each["response"]["etag"] for each in entries] == ['W/"3"', 'W/"2"', 'W/"1"']
    assert {each["request"]["method"] for each in entries} == {"DELETE"}
    assert [each["response"]["status"] for each in entries] == ["204", "410", "410"]
    assert not any("resource" in each for each in entries)
    assert all(
        "removed at the person's request" in each["response"]["outcome"]["issue"][0]["diagnostics"] for each in entries
    )
    rows = await service.database.fetch(
        "SELECT interaction, actor, body FROM history WHERE id = $1 ORDER BY version", kept["id"]
    )
    assert [row[0] for row in rows] == ["erased", "erased", "erase"]
    assert [row[1] for row in rows[:2]] == ["", ""]
    assert [row[2] for row in rows] == [None] * 3


async def test_who_follows_the_history_hears_that_it_was_removed(service: Service, anna: Caller) -> None:
    kept = await anna.create(marked())
    before = (await anna.bundle("/_history?_count=1"))["entry"][0]["response"]["lastModified"]
    await erase(service, f"Condition/{kept['id']}")
    news = (await anna.bundle(f"/Condition/_history?_since={before}"))["entry"]
    assert news[0]["request"] == {"method": "DELETE", "url": f"Condition/{kept['id']}"}
    assert news[0]["response"]["lastModified"] > before


async def test_no_search_finds_it_and_the_tables_hold_no_row_of_it(service: Service, anna: Caller) -> None:
    kept = await anna.create(marked())
    other = await anna.create(condition())
    for query in (f"code={MARK}", f"identifier={NUMBER}|{MARK}", f"code:text={MARK}", f"_id={kept['id']}"):
        assert await anna.found(f"/Condition?{query}") == [kept["id"]], query
    await erase(service, f"Condition/{kept['id']}")
    for query in (f"code={MARK}", f"identifier={NUMBER}|{MARK}", f"code:text={MARK}", f"_id={kept['id']}"):
        assert await anna.found(f"/Condition?{query}") == [], query
    assert await anna.found("/Condition") == [other["id"]]
    everything = await anna.bundle("/Patient/anna/$everything")
    assert kept["id"] not in [each["resource"]["id"] for each in everything["entry"]]
    assert await problems(service.database, service.server) == []
    terms = await service.database.fetch("SELECT system, code FROM term")
    assert MARK not in json.dumps([list(row) for row in terms])


async def test_what_refers_to_it_stays_as_it_is(service: Service, anna: Caller) -> None:
    kept = await anna.create(marked())
    referring = await anna.create(goal(addresses=[{"reference": f"Condition/{kept['id']}"}]))
    await erase(service, f"Condition/{kept['id']}")
    assert decode((await anna.get(f"/Goal/{referring['id']}")).content) == referring
    assert kept["id"] not in await anna.found(f"/Goal?_id={referring['id']}&_include=*")


async def test_what_was_deleted_before_can_be_erased_too(service: Service, anna: Caller) -> None:
    kept = await anna.create(marked())
    assert (await anna.delete(f"/Condition/{kept['id']}")).status_code == 204
    assert MARK in (await anna.get(f"/Condition/{kept['id']}/_history/1")).text
    await erase(service, f"Condition/{kept['id']}")
    assert (await anna.get(f"/Condition/{kept['id']}/_history/1")).status_code == 410
    assert await problems(service.database, service.server) == []


async def test_what_was_erased_cannot_be_erased_again(service: Service, anna: Caller) -> None:
    kept = await anna.create(marked())
    await erase(service, f"Condition/{kept['id']}")
    with pytest.raises(NotFound):
        await erase(service, f"Condition/{kept['id']}")


async def test_another_persons_resource_is_not_there(service: Service, bram: Caller) -> None:
    kept = await bram.create(condition("Patient/bram"))
    with pytest.raises(NotFound):
        await erase(service, f"Condition/{kept['id']}")
    assert (await bram.get(f"/Condition/{kept['id']}")).status_code == 200


async def test_the_patient_goes_with_everything_only(service: Service) -> None:
    with pytest.raises(Unprocessable):
        await erase(service, "Patient/anna")


async def test_who_may_enter_it_again_is_told_in_the_language_of_who_asks(
    service: Service, anna: Caller, practice: Caller
) -> None:
    await practice.keep(marked(id="van-de-praktijk"))
    await erase(service, "Condition/van-de-praktijk")
    answer = await practice.put("/Condition/van-de-praktijk", marked(id="van-de-praktijk"), {"accept-language": "nl"})
    assert answer.status_code == 409
    (issue,) = issues(answer)
    assert issue["details"]["text"].endswith("Alleen de persoon zelf kan dit weer invoeren, na inloggen.")


async def test_what_was_only_deleted_still_has_its_history(anna: Caller) -> None:
    kept = await anna.create(marked())
    await anna.delete(f"/Condition/{kept['id']}")
    (issue,) = issues(await anna.get(f"/Condition/{kept['id']}", {"accept-language": "nl"}))
    assert issue["details"]["text"].endswith("Eerdere versies staan misschien nog in de geschiedenis.")


@pytest.mark.parametrize("door", ["put", "post", "transaction", "batch", "bare update of the id"])
async def test_it_does_not_come_back_by_delivery(service: Service, anna: Caller, practice: Caller, door: str) -> None:
    await practice.keep(marked(id="van-de-praktijk"))
    await erase(service, "Condition/van-de-praktijk")
    again = marked(id="van-de-praktijk")
    if door == "put":
        answer = await practice.put("/Condition/van-de-praktijk", again)
    elif door == "post":
        answer = await practice.post("/Condition", marked())
    elif door == "bare update of the id":
        answer = await practice.put("/Condition/van-de-praktijk", condition(id="van-de-praktijk"))
    else:
        bundle = (
            transaction(posted(marked())) if door == "transaction" else {**transaction(put(again)), "type": "batch"}
        )
        answer = await practice.post("/", bundle)
    if door in ("transaction", "batch"):  # it is left out, and the rest of a delivery is taken in
        (entry,) = answer.json()["entry"]
        assert entry["response"]["status"].startswith("200")
        assert "location" not in entry["response"]
    else:
        assert answer.status_code == 409
        assert codes(answer) == ["conflict"]
    assert "removed at the person's request" in answer.text
    assert await anna.found("/Condition") == []


async def test_an_app_cannot_bring_it_back_and_the_persons_own_session_can(service: Service, anna: Caller) -> None:
    await anna.keep(marked(id="eerst"))
    await erase(service, "Condition/eerst")
    assert (await anna.put("/Condition/eerst", marked(id="eerst"))).status_code == 409
    own = service.caller(await bearer(service, "anna"))
    again = await own.keep(marked(id="eerst"))
    assert again["meta"]["versionId"] == "3"
    assert await anna.found(f"/Condition?code={MARK}") == ["eerst"]
    assert (await anna.get("/Condition/eerst/_history/1")).status_code == 410
    # From then on it is hers like all else, and may be changed by who may change.
    assert (await anna.put("/Condition/eerst", {**again, "recordedDate": "2020-01-01"})).status_code == 200
    assert await problems(service.database, service.server) == []


async def test_other_deliveries_are_not_hindered(service: Service, anna: Caller, practice: Caller) -> None:
    kept = await anna.create(marked())
    await erase(service, f"Condition/{kept['id']}")
    other = condition(identifier=[{"system": NUMBER, "value": "iets anders"}])
    assert (await practice.post("/Condition", other)).status_code == 201
    # The same number in Bram's record is somebody else's.
    assert (
        await practice.post("/Condition", {**marked(), "subject": {"reference": "Patient/bram"}})
    ).status_code == 201


async def test_everything_from_one_source_goes_and_nothing_else(service: Service, anna: Caller) -> None:
    scale = await token(service, app("weegschaal"), person_="Patient/anna")
    practice = await token(service, organization("praktijk"), organization_="De Proef", kind="system")
    weights = [(await scale.create(observation()))["id"] for _ in range(3)]
    await scale.delete(f"/Observation/{weights[0]}")
    theirs = await practice.create(marked())
    hers = await anna.create(goal())
    found = await visit(service, "anna")
    now = service.server.clock()
    sources = {
        each.key: each for each in await sources_of(service.server, found.access, found.access.patient or 0, now=now)
    }
    assert sources["app:weegschaal"].counts == {"Observation": 2}
    assert sources["organization:praktijk"].counts == {"Condition": 1}
    assert sources["Patient/anna"].counts == {"Goal": 1}
    done = await erasures(service).source(found.access, "app:weegschaal", now=now, request="r")
    assert (done.scope, done.resources, done.versions) == ("source", 3, 3)
    assert [(await anna.get(f"/Observation/{each}")).status_code for each in weights] == [410] * 3
    assert (await anna.get(f"/Condition/{theirs['id']}")).status_code == 200
    assert (await anna.get(f"/Goal/{hers['id']}")).status_code == 200
    assert await problems(service.database, service.server) == []


async def test_what_the_service_loaded_has_the_source_that_its_meta_names(service: Service) -> None:
    found = await visit(service, "anna")
    listed = await sources_of(service.server, found.access, found.access.patient or 0, now=service.server.clock())
    assert [(each.kind, each.counts) for each in listed] == [("service", {"Patient": 1})]


async def test_the_proof_is_signed_and_says_how_much_and_nothing_of_what(service: Service, anna: Caller) -> None:
    kept = await anna.create(marked())
    found = await visit(service, "anna")
    done = await erasures(service).one(found.access, "Condition", kept["id"], now=service.server.clock(), request="r")
    claims = Prover(service.server.page_key, "http://zelfregie.test").verify(done.proof)
    assert claims["jti"] == done.id
    assert (claims["erased"]["scope"], claims["erased"]["resources"], claims["erased"]["versions"]) == ("one", 1, 1)
    assert kept["id"] not in json.dumps(claims)
    with pytest.raises(Invalid):
        Prover(service.server.page_key, "").verify(done.proof[:-4] + "AAAA")
    with pytest.raises(Invalid):
        Prover(b"another secret", "").verify(done.proof)
    assert [each.id for each in await erasures(service).listed(service.database, found.access.patient or 0)] == [
        done.id
    ]


@pytest.mark.parametrize(("ground", "may"), [*[(each, each != Ground.WRITTEN_AUTHORISATION) for each in Ground]])
async def test_a_representative_erases_where_the_ground_is_to_decide_in_the_persons_place(
    service: Service, anna: Caller, ground: Ground, *, may: bool
) -> None:
    kept = await anna.create(marked())
    patient, carla, now = await service.key_of("anna"), await account(service, "carla"), service.server.clock()
    mandate = (patient, "m1", carla.id, ground, "active", "beschikking", 0, FOREVER, "beheer", now, 0, "")
    async with service.database.write() as writer:
        await writer.insert(INSERT_MANDATE, [mandate])
        permit = (person(carla.id), patient, "own-use", "m1", EVERY_LABEL, int(EVERY_ACTION), 0, FOREVER)
        await writer.insert(INSERT_PERMIT, [permit])
        await writer.execute(RAISE_STAMP, person(carla.id))
    found = await visit(service, "carla", record="anna")
    erasing = erasures(service).one(found.access, "Condition", kept["id"], now=now, request="r")
    if may:
        assert (await erasing).resources == 1
    else:
        with pytest.raises(Forbidden):
            await erasing


async def test_a_session_whose_second_factor_is_old_and_an_apps_token_erase_nothing(
    service: Service, anna: Caller
) -> None:
    kept = await anna.create(marked())
    stale = await visit(service, "anna", fresh=False)
    now = service.server.clock()
    with pytest.raises(Forbidden):
        await erasures(service).one(stale.access, "Condition", kept["id"], now=now, request="r")
    parts = service.application.parts
    assert parts is not None
    sandbox = await parts.authenticator("Bearer anna", now)
    with pytest.raises(Forbidden):
        await erasures(service).one(sandbox, "Condition", kept["id"], now=now, request="r")
    assert (await anna.get(f"/Condition/{kept['id']}")).status_code == 200


async def test_who_decides_for_somebody_erases_what_they_may_see_and_change(service: Service, anna: Caller) -> None:
    kept, seen = await anna.create(marked()), await anna.create(observation())
    patient, carla, now = await service.key_of("anna"), await account(service, "carla"), service.server.clock()
    mandate = (patient, "m1", carla.id, Ground.MENTOR, "active", "beschikking", 0, FOREVER, "beheer", now, 0, "")
    labels = service.server.labels.bits(["identity", "measurements"])
    async with service.database.write() as writer:
        await writer.insert(INSERT_MANDATE, [mandate])
        permit = (person(carla.id), patient, "own-use", "m1", labels, int(EVERY_ACTION), 0, FOREVER)
        await writer.insert(INSERT_PERMIT, [permit])
        await writer.execute(RAISE_STAMP, person(carla.id))
    access = (await visit(service, "carla", record="anna")).access
    rights = erasures(service)
    with pytest.raises(NotFound):
        await rights.one(access, "Condition", kept["id"], now=now, request="r")
    with pytest.raises(Forbidden):
        await rights.everything(access, now=now)
    assert (await anna.get(f"/Condition/{kept['id']}")).status_code == 200
    assert (await rights.one(access, "Observation", seen["id"], now=now, request="r")).resources == 1


async def test_scores_and_answers_as_observations_go_with_the_answers(service: Service, anna: Caller) -> None:
    """Their own result, obtained elsewhere, stays: it is no copy of what was answered here."""
    await keep(service, key(dimension(items=["1", "2", "3"])))
    filled = await anna.create(answered("bcd"))
    await anna.put(f"/QuestionnaireResponse/{filled['id']}", {**filled, "status": "amended"})
    name = f"QuestionnaireResponse/{filled['id']}"
    scores = await anna.found(f"/Observation?derived-from={name}")
    assert len(scores) == 2
    copied = await anna.create(
        observation(
            id=None,
            derivedFrom=[{"reference": name}],
            identifier=[{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid5(NAMESPACE_URL, MARK)}"}],
        )
    )
    other = await anna.create(observation(id=None, derivedFrom=[{"reference": name}]))
    unrelated = await anna.create(observation(id=None))
    await erase(service, name)
    for gone in (*scores, copied["id"]):
        for version in ("", "/_history/1"):
            assert (await anna.get(f"/Observation/{gone}{version}")).status_code == 410
    assert set(await anna.found("/Observation")) == {other["id"], unrelated["id"]}
    number = service.server.registry.number("Observation")
    bodies = await service.database.fetch("SELECT h.body FROM history h WHERE h.type = $1", number)
    assert not any(row[0] and b"score-basis" in row[0] for row in bodies)
