"""What a checked resource refers to is looked at only where it is held and the caller may see it: anything else counts
as what is not there, another patient's above all.
"""

from __future__ import annotations

from typing import Final

import pytest

from app.fhir.resource import Resource, decode
from app.server.intake import held
from tests.builders import observation, patient, posted, practitioner, put, reference, transaction
from tests.intake.profiles import REACHABLE, WEIGHING, by, rules, weighing
from tests.server.grants import token_with
from tests.server.service import BASE, Caller, Service, issues

FIRST: Final = "urn:uuid:11111111-1111-4111-8111-111111111111"
SECOND: Final = "urn:uuid:22222222-2222-4222-8222-222222222222"
TARGET: Final = ("error", "target-profile", "Observation.derivedFrom[0]")


def derived(target: str) -> Resource:
    """A weighing that says what other weighing it comes from."""
    return weighing(derivedFrom=[reference(target)])


async def verdict(caller: Caller, resource: Resource) -> tuple[int, list[tuple[str, str, str]]]:
    answer = await caller.post(f"/{resource['resourceType']}", resource)
    return answer.status_code, rules(issues(answer)) if answer.status_code >= 400 else []


@pytest.fixture
async def plain(anna: Caller) -> str:
    """An Observation of Anna's that is no weighing by the profile."""
    return str((await anna.create(observation(id=None)))["id"])


async def test_what_is_held_is_looked_at_by_every_form_of_reference(anna: Caller, plain: str) -> None:
    assert await verdict(anna, derived(f"Observation/{plain}")) == (422, [TARGET])
    assert await verdict(anna, derived(f"{BASE}/Observation/{plain}")) == (422, [TARGET])
    assert await verdict(anna, derived(f"Observation/{plain}/_history/1")) == (422, [TARGET])
    assert await verdict(anna, derived(f"https://elders.example/fhir/Observation/{plain}")) == (201, [])
    good = await anna.create(weighing())
    assert await verdict(anna, derived(f"Observation/{good['id']}")) == (201, [])


async def test_a_version_that_is_not_the_present_one_is_not_looked_at(anna: Caller, plain: str) -> None:
    await anna.keep({**weighing(), "id": plain})
    assert await verdict(anna, derived(f"Observation/{plain}/_history/1")) == (201, [])
    assert await verdict(anna, derived(f"Observation/{plain}/_history/2")) == (201, [])


async def test_what_is_absent_or_deleted_is_not_looked_at(anna: Caller, plain: str) -> None:
    assert await verdict(anna, derived("Observation/never")) == (201, [])
    await anna.delete(f"/Observation/{plain}")
    assert await verdict(anna, derived(f"Observation/{plain}")) == (201, [])


async def test_the_catalogue_is_looked_in_after_the_own_record(anna: Caller, operator: Caller) -> None:
    await operator.keep({**practitioner(id="nameless"), "name": []} | {"name": [{"text": "x"}]})
    assert await verdict(anna, weighing(performer=by("Practitioner/doctor"))) == (201, [])
    await operator.keep({name: value for name, value in practitioner(id="nameless").items() if name != "name"})
    bad = weighing(performer=by("Practitioner/nameless"))
    assert await verdict(anna, bad) == (422, [("error", "target-profile", "Observation.performer[0]")])
    own = {"x-security-context": "Patient/anna"}
    named = practitioner(id="nameless")
    assert (await anna.put("/Practitioner/nameless", named, own)).status_code == 201
    assert await verdict(anna, bad) == (201, []), "the record's own hides the catalogue's"


@pytest.mark.parametrize("caller", ["bram", "other-app"])
async def test_a_reference_to_another_patients_resource_tells_nothing(
    service: Service, anna: Caller, bram: Caller, caller: str
) -> None:
    """An attack: to learn from the answer whether a resource is there, or what it is like."""
    await anna.keep(observation(id="hers"))
    await anna.keep(weighing(id="hers-too"))
    attacker = bram if caller == "bram" else await token_with(service, "patient/*.cruds", "bram", kind="app")
    key = (await anna.create(observation()))["id"]

    async def answer(target: str, profile: str = WEIGHING) -> Resource:
        sent = weighing("Patient/bram", derivedFrom=[reference(target)], profile=profile)
        found: Resource = decode((await attacker.post("/Observation/$validate", sent)).content)
        written = await attacker.post("/Observation", sent)
        return {"validated": found, "status": written.status_code, "said": rules(issues(written))}

    absent = await answer("Observation/never")
    for target in ("Observation/hers", "Observation/hers-too", f"Observation/{key}", f"{BASE}/Observation/{key}"):
        assert await answer(target) == absent
    named = weighing("Patient/anna")
    refused = await attacker.post("/Observation", named)
    unknown = await attacker.post("/Observation", {**named, "subject": reference("Patient/never")})
    assert refused.status_code == unknown.status_code == 422
    assert refused.content == unknown.content


async def test_a_reference_across_records_of_one_system_is_not_followed(
    service: Service, backend: Caller, anna: Caller
) -> None:
    await anna.keep(observation(id="hers"))
    stored = await backend.post("/Observation", weighing("Patient/bram", derivedFrom=[reference("Observation/hers")]))
    assert rules(issues(stored)) == [("warning", "target-profile", "Observation.subject")]
    own = await backend.post("/Observation", weighing(derivedFrom=[reference("Observation/hers")]))
    assert rules(issues(own)) == [("warning", "target-profile", "Observation.derivedFrom[0]")]


async def test_what_the_token_may_not_read_is_not_looked_at(service: Service, anna: Caller, plain: str) -> None:
    lab = await anna.create(observation(category=None))
    sent = derived(f"Observation/{plain}")
    for token in ("anna-writer", "anna-create-actions"):
        assert (await service.caller(token).post("/Observation", sent)).status_code == 201, token
    narrow = service.caller("anna-measurements")
    assert await verdict(narrow, sent) == (422, [TARGET])
    assert await verdict(narrow, derived(f"Observation/{lab['id']}")) == (201, [])


async def test_a_query_in_the_scopes_hides_what_it_does_not_allow(service: Service, anna: Caller) -> None:
    measured = await anna.create(observation())
    other = await anna.create(observation(category=None))
    scopes = "patient/Observation.c patient/Observation.rs?category=vital-signs"
    caller = await token_with(service, scopes, "anna", kind="app")
    assert await verdict(caller, derived(f"Observation/{measured['id']}")) == (422, [TARGET])
    assert await verdict(caller, derived(f"Observation/{other['id']}")) == (201, [])


async def test_entries_of_a_transaction_resolve_before_what_is_stored(anna: Caller, operator: Caller) -> None:
    await anna.keep(observation(id="w"))
    sent = transaction(posted(derived(FIRST), SECOND), posted(weighing(), FIRST))
    assert (await anna.post("/", sent)).status_code == 200
    sent = transaction(posted(derived(FIRST), SECOND), posted(observation(), FIRST))
    answer = await anna.post("/", sent)
    assert rules(issues(answer)) == [("error", "target-profile", "Bundle.entry[0].resource.derivedFrom[0]")]
    sent = transaction(posted(derived("Observation/w")), put(weighing(id="w")))
    assert (await anna.post("/", sent)).status_code == 200, "as it will be, not as it is"
    sent = transaction(posted(derived("Observation/w")), put(observation(id="w")))
    assert (await anna.post("/", sent)).status_code == 422
    url = "http://elders.example/fhir/Observation/w"
    sent = transaction(posted(derived("Observation/w")), posted(observation(), url))
    assert (await anna.post("/", sent)).status_code == 422


async def test_a_new_patient_in_a_transaction_is_looked_at(operator: Caller) -> None:
    def sent(**members: object) -> Resource:
        return transaction(
            put(patient("dirk", **members), "urn:uuid:33333333-3333-4333-8333-333333333333"),
            posted(weighing("urn:uuid:33333333-3333-4333-8333-333333333333"), FIRST),
        )

    answer = decode((await operator.post("/", sent())).content)
    said = answer["entry"][1]["response"]["outcome"]["issue"]
    assert rules(said) == [("warning", "target-profile", "Bundle.entry[1].resource.subject")]
    assert REACHABLE in str(said)


async def test_a_conditional_reference_is_not_held_against_a_profile(anna: Caller) -> None:
    sent = transaction(posted(weighing("Patient?_id=anna")))
    assert (await anna.post("/", sent)).status_code == 200


async def test_so_many_references_are_looked_up_and_no_more(
    anna: Caller, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "MOST", 3)
    many = [reference(f"Observation/o-{number}") for number in range(5)]
    assert (
        await anna.post("/Observation", weighing(derivedFrom=[*many, reference(f"Observation/{plain}")]))
    ).is_success
    assert await verdict(anna, derived(f"Observation/{plain}")) == (422, [TARGET])


async def test_a_large_resource_is_not_read_because_something_refers_to_it(anna: Caller) -> None:
    large = await anna.create(observation(note=[{"text": "x" * held.LARGEST}]))
    assert await verdict(anna, derived(f"Observation/{large['id']}")) == (201, [])
