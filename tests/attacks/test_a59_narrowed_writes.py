"""A-59: what a scope with a query lets write, match and change; ``test_a59_narrowed_scopes.py`` has the rest."""

from __future__ import annotations

from app.fhir.resource import Resource, decode
from tests.attacks.laboratory import CREATININE, HIDDEN, LABORATORY, SHOWN, laboratory, same_as_unknown
from tests.builders import (
    LOINC,
    WEIGHT,
    asking,
    batch,
    goal,
    observation,
    put,
    reference,
    transaction,
)
from tests.server.grants import token_with
from tests.server.service import Caller, Service


async def test_a59_writes_must_fit_before_and_after(app: Caller, anna: Caller) -> None:
    refused = await app.post("/Observation", observation())
    assert refused.status_code == 403
    assert (await app.post("/Observation", laboratory())).status_code == 201
    assert (await app.put(f"/Observation/{SHOWN}", observation(id=SHOWN))).status_code == 403
    assert (await app.put(f"/Observation/{HIDDEN}", laboratory(id=HIDDEN))).status_code == 404
    assert (await app.put("/Observation/new", observation(id="new"))).status_code == 403
    assert (await app.put("/Observation/new", laboratory(id="new"))).status_code == 201
    assert (await app.delete(f"/Observation/{HIDDEN}")).status_code == 404
    assert (await anna.bundle("/Observation/hidden/_history"))["entry"][0]["resource"]["meta"]["versionId"] == "1"
    assert (await anna.bundle("/Observation/shown/_history"))["entry"][0]["resource"]["meta"]["versionId"] == "1"
    assert (await app.delete(f"/Observation/{SHOWN}")).status_code == 204


async def test_a59_a_patch_leads_neither_in_nor_out(app: Caller) -> None:
    kind = {"content-type": "application/json-patch+json"}
    out = b'[{"op": "replace", "path": "/category/0/coding/0/code", "value": "vital-signs"}]'
    into = b'[{"op": "replace", "path": "/category/0/coding/0/code", "value": "laboratory"}]'
    probe = b'[{"op": "test", "path": "/status", "value": "final"}]'
    assert (await app.send("PATCH", f"/Observation/{SHOWN}", out, kind)).status_code == 403
    for patch in (into, probe):
        assert (await app.send("PATCH", f"/Observation/{HIDDEN}", patch, kind)).status_code == 404
        assert (await app.send("PATCH", f"/Observation?_id={HIDDEN}", patch, kind)).status_code == 404
    assert (await app.send("PATCH", f"/Observation/{SHOWN}", probe, kind)).status_code == 200


async def test_a59_what_may_be_read_and_not_changed_is_forbidden_and_not_hidden(service: Service, record: None) -> None:
    scopes = f"patient/Observation.rs patient/Observation.ud?{LABORATORY}"
    app = await token_with(service, scopes, "anna", purpose="own-use")
    assert (await app.get(f"/Observation/{HIDDEN}")).status_code == 200
    assert (await app.put(f"/Observation/{HIDDEN}", laboratory(id=HIDDEN))).status_code == 403
    assert (await app.delete(f"/Observation/{HIDDEN}")).status_code == 403


async def test_a59_conditions_match_only_what_the_query_lets_through(app: Caller, anna: Caller) -> None:
    weight = f"code={LOINC}|{WEIGHT}"
    created = await app.post("/Observation", laboratory(), {"if-none-exist": weight})
    assert created.status_code == 201
    await anna.delete(created.headers["location"])
    updated = await app.put(f"/Observation?{weight}", laboratory())
    assert updated.status_code == 201
    await anna.delete(updated.headers["location"])
    deleted = await app.delete(f"/Observation?{weight}")
    assert deleted.status_code == 200
    assert "nothing was deleted" in deleted.text
    assert (await app.post("/Observation", laboratory(), {"if-none-exist": f"_id={SHOWN}"})).status_code == 200
    assert (await anna.get(f"/Observation/{HIDDEN}")).status_code == 200


async def test_a59_a_condition_tells_of_what_may_be_found_and_not_read_only_that_it_is_there(
    service: Service, record: None
) -> None:
    scopes = f"patient/Observation.cs patient/Observation.r?{LABORATORY}"
    app = await token_with(service, scopes, "anna", purpose="own-use")
    for wanted, shown in ((HIDDEN, False), (SHOWN, True)):
        body = observation()
        headers = {"if-none-exist": f"_id={wanted}", "prefer": "return=representation"}
        answer = await app.post("/Observation", body, headers)
        assert answer.status_code == 200
        assert bool(answer.content) == shown
        entry = {
            "resource": body,
            "request": {"method": "POST", "url": "Observation", "ifNoneExist": f"_id={wanted}"},
        }
        answer = await app.post("/", transaction(entry), {"prefer": "return=representation"})
        assert answer.status_code == 200, answer.text
        assert ("resource" in decode(answer.content)["entry"][0]) == shown


async def test_a59_entries_of_batches_and_transactions_are_held_to_it_each(app: Caller, anna: Caller) -> None:
    entries = (asking("GET", f"Observation/{HIDDEN}"), asking("GET", f"Observation/{SHOWN}"), put(observation(id="n")))
    answer = await app.post("/", batch(*entries))
    statuses = [entry["response"]["status"][:3] for entry in answer.json()["entry"]]
    assert statuses == ["404", "200", "403"]
    answer = await app.post("/", transaction(put(goal(id="new-goal")), put(observation(id="n"))))
    assert answer.status_code == 403
    assert (await anna.get("/Goal/new-goal")).status_code == 404
    answer = await app.post("/", transaction(put(goal(id="new-goal")), put(laboratory(id="n"))))
    assert answer.status_code == 200


async def test_a59_a_conditional_reference_does_not_find_what_is_hidden(app: Caller) -> None:
    def about(query: str) -> Resource:
        return transaction(put(laboratory(id="n", hasMember=[reference(f"Observation?{query}")])))

    assert (await app.post("/", about(f"code={LOINC}|{WEIGHT}"))).status_code == 412
    assert (await app.post("/", about(f"code={LOINC}|{CREATININE}"))).status_code == 200


async def test_a59_validation_of_what_is_stored_and_of_writes_is_held_to_it(app: Caller) -> None:
    await same_as_unknown(app, f"/Observation/{HIDDEN}/$validate")
    refused = await app.post("/Observation/$validate?mode=create", observation())
    assert "narrowed by a query" in refused.text
    assert "All OK" in (await app.post("/Observation/$validate?mode=create", laboratory())).text
    gone = await app.get(f"/Observation/{HIDDEN}/$validate?mode=delete")
    assert gone.text.replace(HIDDEN, "?") == (await app.get("/Observation/nobody/$validate?mode=delete")).text.replace(
        "nobody", "?"
    )


async def test_a59_meta_is_changed_only_of_what_is_let_through(app: Caller) -> None:
    tag = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}]}
    assert (await app.post(f"/Observation/{HIDDEN}/$meta-add", tag)).status_code == 404
    assert (await app.post(f"/Observation/{SHOWN}/$meta-add", tag)).status_code == 200
