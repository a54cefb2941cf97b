"""Permissions as FHIR Consents: read-only, apart from clinical consents, for who has that data category only."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

import pytest

from app.auth.consents.allowances import ACTIONS, CATEGORIES
from app.auth.consents.purposes import PURPOSES
from app.auth.recipients import organization, person
from app.errors import Unprocessable
from app.fhir.resource import Resource, decode, encode
from app.fhir.validation import validate
from tests import builders
from tests.consents.people import PRIVACY, SCOPE, Permissions, consent_of
from tests.server.service import Caller, ids, issues, link

OWN = f"/Consent?scope={PRIVACY}"


def privacy(**members: Any) -> Resource:
    return builders.consent(scope=builders.concept(SCOPE, "patient-privacy"), **members)


async def test_a_permission_is_read_with_its_versions(permissions: Permissions) -> None:
    consent = await permissions.give()
    await permissions.give(categories=["laboratory"], consent_id=consent)
    await permissions.withdraw(consent)
    session = await permissions.session()
    found = await consent_of(session, consent)
    assert (found["status"], found["meta"]["versionId"]) == ("inactive", "3")
    history = await session.bundle(f"/Consent/consent-{consent}/_history")
    assert [each["resource"]["meta"]["versionId"] for each in history["entry"]] == ["3", "2", "1"]
    first = await session.get(f"/Consent/consent-{consent}/_history/1")
    assert decode(first.content)["status"] == "active"
    assert len(decode(first.content)["provision"]["securityLabel"]) == len(CATEGORIES) - 1
    assert first.headers["etag"] == 'W/"1"'
    assert (await session.get(f"/Consent/consent-{consent}/_history/4")).status_code == 404
    same = await session.get(f"/Consent/consent-{consent}", {"if-none-match": 'W/"3"'})
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_every_permission_is_valid_and_another_library_reads_it(permissions: Permissions, purpose: str) -> None:
    from fhir.resources.R4B.consent import Consent

    actions = list(ACTIONS) if not PURPOSES[purpose].secondary else ["see"]
    recipient = organization(permissions.practice.id)
    consent = await permissions.give(
        recipient, categories=list(CATEGORIES), actions=actions, purpose=purpose, until=4 * 10**15
    )
    session = await permissions.session()
    answer = await session.get(f"/Consent/consent-{consent}")
    assert validate(decode(answer.content), permissions.people.server.definitions) == []
    read = Consent.model_validate_json(answer.content)
    assert read.provision
    assert len(read.provision.action or ()) == len(actions)
    assert len(read.provision.securityLabel or ()) == len(CATEGORIES)
    xml = await session.get(f"/Consent/consent-{consent}?_format=xml")
    assert xml.status_code == 200
    assert b"<scope>" in xml.content


async def test_the_text_that_was_shown_is_in_it(permissions: Permissions) -> None:
    consent = await permissions.give(categories=["laboratory"])
    attachment = (await consent_of(await permissions.session(), consent))["sourceAttachment"]
    text = base64.b64decode(attachment["data"])
    assert "Laboratoriumuitslagen" in text.decode()
    (told,) = attachment["extension"]
    assert {each["url"]: each["valueString"] for each in told["extension"]} == {
        "version": "1",
        "sha256": sha256(text).hexdigest(),
    }


async def test_a_search_finds_permissions_or_other_consents_never_both(permissions: Permissions) -> None:
    consent = await permissions.give()
    session = await permissions.session()
    wish = await session.create(builders.consent())
    own, clinical = [f"consent-{consent}"], [wish["id"]]
    assert await session.found(OWN) == own
    assert await session.found("/Consent?scope=patient-privacy") == own
    assert await session.found(f"/Patient/anna/Consent?scope={PRIVACY}") == own
    assert await session.found(f"{OWN}&patient=anna") == own
    assert await session.found(f"{OWN}&patient=Patient/anna") == own
    assert await session.found(f"{OWN}&patient=bram") == []
    posted = await session.client.post(
        "/Consent/_search", data={"scope": PRIVACY}, headers={"authorization": f"Bearer {session.token}"}
    )
    assert ids(decode(posted.content)) == own
    assert await session.found("/Consent") == clinical
    assert await session.found(f"/Consent?scope={SCOPE}|adr") == clinical
    assert await session.found("/Consent?scope:not=adr") == []
    assert await session.found("/?_type=Consent") == clinical
    both = await session.get(f"/Consent?scope={PRIVACY},{SCOPE}|adr")
    assert both.status_code == 400
    assert "apart" in issues(both)[0]["diagnostics"]


async def test_permissions_are_searched_by_each_parameter(permissions: Permissions) -> None:
    practice = organization(permissions.practice.id)
    app = f"consent-{await permissions.give(categories=['laboratory'], until=4 * 10**15)}"
    care = f"consent-{await permissions.give(practice, actions=['see', 'add'], purpose='treatment')}"
    gone = await permissions.give(categories=["documents"])
    await permissions.withdraw(gone)
    session = await permissions.session()
    found = {
        "status=active": {app, care},
        "status=inactive": {f"consent-{gone}"},
        "security-label=laboratory": {app, care},
        "security-label=administration": {care},
        "action=collect": {care},
        "purpose=TREAT": {care},
        "purpose=http://terminology.hl7.org/CodeSystem/v3-ActReason|PATRQT": {app, f"consent-{gone}"},
        "category=http://loinc.org|59284-0": {app, care, f"consent-{gone}"},
        "category=http://loinc.org|1": set(),
        f"actor=Organization/{permissions.practice.id}": {care},
        f"actor:identifier=http://fhir.nl/fhir/NamingSystem/agb-z|{permissions.practice.agb}": {care},
        "consentor=Patient/anna": {app, care, f"consent-{gone}"},
        "consentor=Patient/bram": set(),
        "date=ge2020": {app, care, f"consent-{gone}"},
        "date=lt2020": set(),
        "period=gt2099": {care, f"consent-{gone}"},
        f"_id={care}": {care},
        f"_id={care},{app}&status=active": {app, care},
        "_lastUpdated=lt2020": set(),
    }
    for query, expected in found.items():
        assert set(await session.found(f"{OWN}&{query}")) == expected, query


@pytest.mark.parametrize(
    "query",
    [
        "code=x",
        "_include=Consent:patient",
        "status:not=active",
        "patient.name=x",
        "data=x",
        "_sort=status",
        "_count=x",
        "patient=Practitioner/anna",
    ],
)
async def test_no_other_parameter_is_taken(permissions: Permissions, query: str) -> None:
    session = await permissions.session()
    answer = await session.get(f"{OWN}&{query}")
    assert answer.status_code == 400, answer.text
    lenient = await session.get(f"{OWN}&{query}", {"prefer": "handling=lenient"})
    known = query.partition("=")[0] in ("_sort", "_count", "patient")  # with a value that it does not take
    assert lenient.status_code == (400 if known else 200)


async def test_permissions_come_in_pages_the_latest_change_first(permissions: Permissions) -> None:
    given = [await permissions.give() for _ in range(3)]
    session = await permissions.session()
    pages = await session.pages(f"{OWN}&_count=1&_total=accurate")
    assert [each for page in pages for each in ids(page)] == [f"consent-{each}" for each in reversed(given)]
    assert {page["total"] for page in pages} == {3}
    following = link(pages[0], "next") or ""
    assert (await session.get(following.replace("_count=1", "_count=2"))).status_code == 400, "a link is for its search"
    counted = await session.bundle(f"{OWN}&_summary=count")
    assert (counted["total"], counted.get("entry")) == (3, None)
    assert await session.found(f"{OWN}&_sort=-date") == [f"consent-{each}" for each in reversed(given)]


async def test_a81_permissions_are_off_for_every_app(permissions: Permissions) -> None:
    consent = await permissions.give()
    app = await permissions.app()
    assert await app.found("/Patient") == ["anna"]
    assert await app.found(OWN) == []
    for address in ("", "/_history", "/_history/1"):
        assert (await app.get(f"/Consent/consent-{consent}{address}")).status_code == 404
    system = await permissions.system()
    await permissions.give(organization(permissions.practice.id), purpose="treatment")
    assert await system.found(OWN) == []
    assert (await system.get(f"/Patient/anna/Consent/consent-{consent}")).status_code == 404


async def test_a81_not_even_the_person_lets_an_app_see_them(permissions: Permissions) -> None:
    with pytest.raises(Unprocessable, match="app"):
        await permissions.give(categories=["permissions"])
    consent = await permissions.give(actions=list(ACTIONS))
    app = await permissions.app(scopes="patient/Consent.rs")
    assert await app.found(OWN) == []
    elsewhere = await permissions.app(scopes="patient/Observation.rs")
    assert (await elsewhere.get(OWN)).status_code == 403
    assert (await elsewhere.get(f"/Consent/consent-{consent}")).status_code == 403


async def test_nobody_reads_anothers(permissions: Permissions, bram: Caller, anonymous: Caller) -> None:
    consent = await permissions.give()
    theirs, nobodys = [await bram.get(f"/Consent/consent-{each}") for each in (consent, "0" * 32)]
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.text.replace(consent, "") == nobodys.text.replace("0" * 32, "")
    assert await bram.found(OWN) == []
    assert (await anonymous.get(OWN)).status_code == 401
    assert (await anonymous.get(f"/Consent/consent-{consent}")).status_code == 401


async def test_withdrawal_of_insight_between_two_pages(permissions: Permissions) -> None:
    carl = person(await permissions.people.account("carl"))
    consent = await permissions.give(carl, categories=["permissions"])
    await permissions.give(carl, categories=["identity"])
    carer = await permissions.session("carl")
    page = await carer.bundle(f"{OWN}&_count=1")
    assert len(ids(page)) == 1
    await permissions.withdraw(consent)
    assert ids(await carer.bundle(link(page, "next") or "")) == []


WRITES: dict[str, tuple[str, str, Resource | bytes | None]] = {
    "create": ("POST", "/Consent", privacy()),
    "create for a patient": ("POST", "/Patient/anna/Consent", privacy()),
    "create with another code first": (
        "POST",
        "/Consent",
        builders.consent(
            scope={"coding": [{"system": SCOPE, "code": "adr"}, {"system": SCOPE, "code": "patient-privacy"}]}
        ),
    ),
    "update of an own id": ("PUT", "/Consent/mine", privacy(id="mine")),
    "update of an id of ours": ("PUT", "/Consent/{id}", builders.consent(id="{id}")),
    "update of an id that might be ours": ("PUT", f"/Consent/consent-{'0' * 32}", builders.consent(id="x")),
    "patch": ("PATCH", "/Consent/{id}", b'[{"op":"replace","path":"/status","value":"inactive"}]'),
    "patch that makes it one": (
        "PATCH",
        "/Consent/wish",
        b'[{"op":"replace","path":"/scope/coding/0/code","value":"patient-privacy"}]',
    ),
    "delete": ("DELETE", "/Consent/{id}", None),
    "conditional update": ("PUT", f"/Consent?scope={PRIVACY}", builders.consent()),
    "conditional delete": ("DELETE", f"/Consent?scope={PRIVACY}", None),
}


@pytest.mark.parametrize("write", WRITES)
async def test_a81_nobody_writes_a_permission_as_a_resource(permissions: Permissions, write: str, anna: Caller) -> None:
    consent = f"consent-{await permissions.give(categories=['advance-directives'], actions=list(ACTIONS))}"
    await anna.keep(builders.consent(id="wish"))
    method, address, body = WRITES[write]
    content = (encode(body) if isinstance(body, dict) else body or b"").replace(b"{id}", consent.encode())
    kind = "application/json-patch+json" if method == "PATCH" else "application/fhir+json"
    for caller in (anna, await permissions.session(), await permissions.app(), permissions.service.caller("operator")):
        if caller.token == "operator" and "mine" not in address and "{id}" not in address:
            continue  # the operator names a patient otherwise
        answer = await caller.send(method, address.replace("{id}", consent), content or None, {"content-type": kind})
        assert answer.status_code == 403, (write, answer.text)
        assert "$grant" in answer.text
    assert len(await permissions.permits()) == 1


async def test_a_transaction_writes_no_permission(permissions: Permissions, anna: Caller) -> None:
    consent = f"consent-{await permissions.give()}"
    entries = (
        builders.posted(privacy()),
        builders.put(privacy(id="mine")),
        builders.put(builders.consent(id=consent)),
        builders.deleted(f"Consent/{consent}"),
        builders.deleted(f"Consent?scope={PRIVACY}"),
    )
    for entry in entries:
        answer = await anna.post("/", builders.transaction(entry))
        assert answer.status_code == 403, answer.text
        assert "$grant" in answer.text
        single = decode((await anna.post("/", builders.batch(entry))).content)
        assert single["entry"][0]["response"]["status"].startswith("403"), single
    assert len(await permissions.permits()) == 1


async def test_everything_has_permissions_only_when_they_are_named(permissions: Permissions) -> None:
    consent = f"consent-{await permissions.give()}"
    session = await permissions.session()
    wish = await session.create(builders.consent())
    assert consent not in ids(await session.bundle("/Patient/anna/$everything"))
    assert ids(await session.bundle("/Patient/anna/$everything?_type=Consent")) == [wish["id"], consent]
    pages = await session.pages("/Patient/anna/$everything?_type=Consent&_count=1")
    assert [each for page in pages for each in ids(page)] == [wish["id"], consent]
    later = "/Patient/anna/$everything?_type=Consent&_since=2099-01-01T00:00:00Z"
    assert ids(await session.bundle(later)) == []
    app = await permissions.app()
    assert consent not in ids(await app.bundle("/Patient/anna/$everything?_type=Consent"))


async def test_chains_and_includes_do_not_lead_to_permissions(permissions: Permissions) -> None:
    await permissions.give()
    session = await permissions.session()
    assert await session.found(f"/Patient?_has:Consent:patient:scope={PRIVACY}") == []
    included = await session.bundle("/Patient?_revinclude=Consent:patient")
    assert ids(included) == ["anna"]
    history = await session.bundle("/Consent/_history")
    assert history.get("entry") is None


async def test_reading_permissions_is_logged(permissions: Permissions) -> None:
    consent = await permissions.give()
    session = await permissions.session()
    await consent_of(session, consent)
    assert f"Consent/consent-{consent}" in str(permissions.service.journal_lines()[-1])


async def test_several_patients_are_asked_for_by_name(permissions: Permissions) -> None:
    answer = await permissions.service.caller("operator").get(OWN)
    assert answer.status_code == 403
    assert issues(answer)[0]["code"] == "too-costly"
    consent = await permissions.give()
    operator = permissions.service.caller("operator")
    assert await operator.found(f"{OWN}&patient=anna") == [f"consent-{consent}"]
    absent = await operator.get(f"/Patient/nobody/Consent/consent-{consent}")
    assert absent.status_code == 404


async def test_the_capability_statement_tells_of_them(permissions: Permissions) -> None:
    statement = decode((await permissions.service.caller("").get("/metadata")).content)
    row = next(each for each in statement["rest"][0]["resource"] if each["type"] == "Consent")
    assert "patient-privacy" in row["documentation"]
    assert {"grant", "withdraw"} <= {each["name"] for each in row["operation"]}
