"""Permissions change by the person's own hand only: $grant and $withdraw, in a session with a fresh second factor."""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import decode
from app.fhir.validation import validate
from tests.consents.people import APP, DAY, Permissions, consent_of, parameters
from tests.server.service import Caller, codes, issues

GRANT = "/Consent/$grant"


def grant(**values: Any) -> dict[str, Any]:
    return parameters(**{"app": "dagboek", "action": "see", **values})


async def test_a_person_gives_a_permission(permissions: Permissions) -> None:
    anna = await permissions.session()
    answer = await anna.post(GRANT, grant(category=["measurements", "laboratory"], language="en"))
    assert answer.status_code == 200, answer.text
    given = decode(answer.content)
    assert given["status"] == "active"
    assert given["performer"] == [{"reference": "Patient/anna"}]
    assert [each["code"] for each in given["provision"]["securityLabel"]] == ["measurements", "laboratory"]
    assert [row[0] for row in await permissions.permits()] == [f"{given['id'].removeprefix('consent-')}/1"]


async def test_a_person_withdraws_a_permission(permissions: Permissions) -> None:
    anna = await permissions.session()
    given = decode((await anna.post(GRANT, grant())).content)
    address = f"/Consent/{given['id']}/$withdraw"
    answer = await anna.post(address, parameters(reason="niet meer nodig"))
    assert answer.status_code == 200, answer.text
    assert decode(answer.content)["status"] == "inactive"
    assert await permissions.permits() == []
    again = await anna.post(address)
    assert again.status_code == 200
    assert decode(again.content)["meta"]["versionId"] == "2"


async def test_a_permission_is_replaced_by_a_version(permissions: Permissions) -> None:
    anna = await permissions.session()
    given = decode((await anna.post(GRANT, grant())).content)
    answer = await anna.post(GRANT, grant(consent=given["id"], category="care-plan"))
    assert answer.status_code == 200, answer.text
    changed = decode(answer.content)
    assert (changed["id"], changed["meta"]["versionId"]) == (given["id"], "2")
    assert len(await permissions.permits()) == 1
    unknown = await anna.post(GRANT, grant(consent=f"consent-{'0' * 32}"))
    assert unknown.status_code == 404


async def test_a_permission_has_a_period(permissions: Permissions) -> None:
    anna = await permissions.session()
    answer = await anna.post(GRANT, grant(period={"start": "2030-01-01", "end": "2030-12-31"}))
    assert answer.status_code == 200, answer.text
    (row,) = await permissions.permits()
    assert row[4] - row[3] == 365 * DAY
    past = await anna.post(GRANT, grant(period={"end": "2020-12-31"}))
    assert past.status_code == 422


async def test_an_organisation_is_named_by_number_or_reference(permissions: Permissions) -> None:
    anna = await permissions.session()
    agb = {"identifier": {"system": "http://fhir.nl/fhir/NamingSystem/agb-z", "value": permissions.practice.agb}}
    for recipient in (agb, {"reference": f"Organization/{permissions.practice.id}"}):
        answer = await anna.post(GRANT, parameters(recipient=recipient, action="see"))
        assert answer.status_code == 200, answer.text
        given = decode(answer.content)["provision"]
        assert given["purpose"][0]["code"] == "TREAT"
        assert given["actor"][0]["reference"]["display"] == "Praktijk De Linde"
    named = given["actor"][0]["reference"]["identifier"]
    assert (await anna.post(GRANT, parameters(recipient={"identifier": named}, action="see"))).status_code == 200
    assert len(await permissions.permits(f"organization:{permissions.practice.id}")) == 3


WRONG: dict[str, tuple[dict[str, Any], int]] = {
    "nobody": ({"app": []}, 400),
    "two": ({"recipient": {"reference": "Organization/x"}}, 400),
    "an app that is not registered": ({"app": "unknown"}, 422),
    "no action": ({"action": []}, 400),
    "an unknown action": ({"action": "own"}, 422),
    "an unknown category": ({"category": "everything"}, 422),
    "what is for the patient only": ({"category": "unclassified"}, 422),
    "insight in permissions for an app": ({"category": ["identity", "permissions"]}, 422),
    "an unknown purpose": ({"purpose": "marketing"}, 422),
    "an unknown language": ({"language": "de"}, 422),
    "no date": ({"period": {"start": "soon"}}, 400),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_wrong_with_a_grant_is_said(permissions: Permissions, wrong: str) -> None:
    values, status = WRONG[wrong]
    answer = await (await permissions.session()).post(GRANT, grant(**values))
    assert answer.status_code == status, answer.text
    assert issues(answer)[0]["diagnostics"]
    assert await permissions.permits() == []


async def test_a81_no_token_of_an_app_or_system_gives_or_withdraws(permissions: Permissions, anna: Caller) -> None:
    consent = await permissions.give(actions=["see", "add", "change"])
    callers = (await permissions.app(), await permissions.system(), anna, permissions.service.caller("operator"))
    for caller in callers:
        for address in (GRANT, f"/Consent/consent-{consent}/$withdraw"):
            answer = await caller.post(address, grant() if address == GRANT else None)
            assert answer.status_code == 403, answer.text
            assert "/session/token" in issues(answer)[0]["diagnostics"]
    assert len(await permissions.permits()) == 1


async def test_a_session_that_is_not_fresh_decides_nothing(permissions: Permissions) -> None:
    consent = await permissions.give()
    anna = await permissions.session(fresh=False)
    for address, body in ((GRANT, grant()), (f"/Consent/consent-{consent}/$withdraw", None)):
        answer = await anna.post(address, body)
        assert answer.status_code == 403
        assert "second factor" in issues(answer)[0]["diagnostics"]
    assert len(await permissions.permits()) == 1


async def test_a_representative_decides_and_is_named(permissions: Permissions) -> None:
    await permissions.represented_by("paula")
    paula = await permissions.session("paula")
    answer = await paula.post(GRANT, grant(category="measurements"))
    assert answer.status_code == 200, answer.text
    given = decode(answer.content)
    assert given["patient"] == {"reference": "Patient/anna"}
    assert given["performer"][0]["reference"].startswith("RelatedPerson/")
    assert (await paula.post(f"/Consent/{given['id']}/$withdraw")).status_code == 200


async def test_a_carer_decides_nothing_whatever_they_see(permissions: Permissions) -> None:
    carl = await permissions.people.account("carl")
    consent = await permissions.give(
        f"person:{carl}", categories=["permissions", "identity"], actions=["see", "add", "change"]
    )
    caller = await permissions.session("carl")
    assert (await consent_of(caller, consent))["status"] == "active"
    for address, body in ((GRANT, grant()), (f"/Consent/consent-{consent}/$withdraw", None)):
        assert (await caller.post(address, body)).status_code == 403
    assert await permissions.permits() == []


async def test_nobody_withdraws_in_another_record(permissions: Permissions) -> None:
    theirs = await permissions.give(patient="bram")
    anna = await permissions.session()
    assert codes(await anna.post(f"/Consent/consent-{theirs}/$withdraw")) == ["not-found"]
    absent = await anna.post(f"/Consent/consent-{'0' * 32}/$withdraw")
    assert absent.status_code == 404


async def test_the_answer_is_valid_fhir(permissions: Permissions) -> None:
    given = decode((await (await permissions.session()).post(GRANT, grant())).content)
    assert validate(given, permissions.people.server.definitions) == []


async def test_what_was_decided_is_in_the_access_log(permissions: Permissions) -> None:
    anna = await permissions.session()
    given = decode((await anna.post(GRANT, grant())).content)
    await anna.post(f"/Consent/{given['id']}/$withdraw", parameters(reason="geheim"))
    lines = permissions.service.journal_lines()[-2:]
    assert [line["event"]["interaction"] if "event" in line else line["interaction"] for line in lines] == [
        "$grant",
        "$withdraw",
    ]
    assert given["id"] in str(lines[0])
    assert "geheim" not in str(lines)


async def test_a_grant_in_a_batch_is_a_request_of_its_own(permissions: Permissions) -> None:
    anna = await permissions.session()
    entry = {"request": {"method": "POST", "url": "Consent/$grant"}, "resource": grant()}
    answer = await anna.post("/", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert decode(answer.content)["entry"][0]["response"]["status"].startswith("200")
    refused = await anna.post("/", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert refused.status_code == 400
    assert len(await permissions.permits(APP)) == 1
