"""The pages of administrators: for them alone, with a fresh second factor, and without clinical data."""

from __future__ import annotations

import pytest

from app.auth.accounts.account import account_of
from app.auth.roles import Role
from app.web.admin.routes import ADDRESSES
from tests import builders
from tests.people.browsing import browsing
from tests.people.people import People

PAGES = [address for address, show, _ in ADDRESSES if show]
FORMS = [address.replace("{id}", "x").replace("{patient}", "1") for address, _, act in ADDRESSES if act is not None]


@pytest.fixture
async def admin(people: People) -> People:
    await people.account("beheer", role=Role.ADMINISTRATOR)
    return people


@pytest.mark.parametrize("name", ["anna", "paula"])
async def test_for_others_there_is_no_such_page(admin: People, name: str) -> None:
    async with browsing(admin, name) as browser:
        for address in PAGES:
            assert (await browser.get(address)).status_code == 404
        for address in FORMS:
            assert (await browser.post(address)).status_code == 404


async def test_nobody_is_sent_to_log_in(people: People) -> None:
    async with browsing(people) as browser:
        for address in PAGES:
            assert (await browser.get(address)).headers["location"].startswith("/login")


async def test_every_change_asks_for_a_fresh_second_factor(admin: People) -> None:
    async with browsing(admin, "beheer", fresh=False) as browser:
        for address in PAGES:
            assert (await browser.get(address)).status_code == 200
        for address in FORMS:
            if address != "/admin/mandates/find":  # changes nothing
                assert (await browser.post(address)).headers["location"].startswith("/account/confirm"), address


async def test_an_administrator_has_no_record_and_reads_no_data(admin: People) -> None:
    async with browsing(admin, "beheer") as browser:
        assert (await browser.get("/choose")).headers["location"] == "/admin"
        assert (await browser.post("/choose", {"record": "anna"})).status_code == 404
        for address in ("/people", "/people/child"):
            assert (await browser.get(address)).status_code in (303, 403, 200)
        assert (await browser.post("/people/child", {"given": "K", "family": "P", "birth_date": "2022-01-01",
                                                     "declared": "yes"})).status_code == 403  # fmt: skip


async def test_an_organisation_and_a_provider_are_added_and_closed(admin: People) -> None:
    number = f"{admin.now % 10**8:08}"
    async with browsing(admin, "beheer") as browser:
        wrong = await browser.post("/admin/organizations", {"name": "", "agb": "12"})
        assert wrong.status_code == 422
        assert "acht cijfers" in wrong.text
        added = await browser.post("/admin/organizations", {"name": "Beheerde praktijk", "agb": number})
        assert added.headers["location"] == "/admin/organizations?done=added"
        twice = await browser.post("/admin/organizations", {"name": "Nog een", "agb": number})
        assert "Een andere organisatie heeft dit nummer" in twice.text
        rows = await admin.server.database.fetch("SELECT id FROM organization WHERE agb = $1", number)
        organization = rows[0][0]
        provider = {
            "name": "Praktijklogin", "issuer": f"https://idp-{number}.example", "client_id": "zelfregie",
            "client_secret": "very secret indeed", "organization": organization, "strong": "high",
            "claim_agb": "urn:agb", "bsn": "",
        }  # fmt: skip
        for field, value in (("issuer", "http://idp.example"), ("issuer", ""), ("client_id", ""), ("name", "")):
            assert (await browser.post("/admin/providers", {**provider, field: value})).status_code == 422
        assert (await browser.post("/admin/providers", provider)).headers["location"] == "/admin/providers?done=added"
        known = await browser.post("/admin/providers", provider)
        assert known.status_code == 422
        assert "very secret" not in known.text
        found = await admin.server.database.fetch(
            "SELECT id, client_secret, claims FROM identity_provider WHERE organization = $1", organization
        )
        assert b"very secret" not in bytes(found[0][1])
        assert '"agb": "urn:agb"' in found[0][2]
        page = await browser.get("/admin/providers")
        assert "Beheerde praktijk" in page.text
        assert "http://zelfregie.test/login/callback" in page.text
        closed = await browser.post(f"/admin/organizations/{organization}/close")
        assert closed.headers["location"] == "/admin/organizations?done=closed"
        assert (await browser.post("/admin/organizations/nobody/close")).status_code == 404
    resource = await admin.service.caller("operator").get(f"/Organization/{organization}")
    assert resource.json()["active"] is False


async def test_a_mandate_is_given_on_a_ground_that_was_seen_and_ended(admin: People) -> None:
    await admin.service.caller("operator").keep(builders.patient("kees", birthDate="2013-05-31"))
    helper = await account_of(admin.server.database, await admin.account("paula"))
    assert helper is not None
    given = {"patient": "anna", "email": helper.email, "ground": "curator", "evidence": "beschikking 12", "until": ""}
    async with browsing(admin, "beheer") as browser:
        for field, value, said in (
            ("patient", "nobody", "geen dossier"),
            ("email", "nobody@example.org", "geen account"),
            ("ground", "written-authorisation", "Kies een grond"),
            ("evidence", "", "welk besluit of document"),
            ("until", "morgen", "Kies een dag na vandaag"),
            ("ground", "parental-authority", "Vanaf 16 jaar beslist iemand zelf"),
        ):
            answer = await browser.post("/admin/mandates", {**given, field: value})
            assert answer.status_code == 422, field
            assert said in answer.text
        done = await browser.post("/admin/mandates", given)
        assert done.headers["location"] == "/admin/mandates?done=given"
        assert (await browser.post("/admin/mandates", given)).status_code == 409
        listed = await browser.post("/admin/mandates/find", {"patient": "anna"})
        assert "Paula: curator" in listed.text
        action = listed.text.split('/end"')[0].rsplit('action="', 1)[1]
        assert (await browser.post(f"{action}/end")).headers["location"] == "/admin/mandates?done=ended"
        for key in ("0", "x", "9" * 30):
            assert (await browser.post(f"/admin/mandates/{key}/x/end")).status_code == 404
        child = {**given, "patient": "kees", "ground": "parental-authority"}
        both = {**child, "agreed": ["child", "parent"]}
        assert "Vanaf 12 jaar beslist een kind mee" in (await browser.post("/admin/mandates", both)).text
        assert (await browser.post("/admin/mandates/ages", {"gives": "yes"})).status_code == 303
        assert "allebei akkoord" in (await browser.post("/admin/mandates", child)).text
        assert (await browser.post("/admin/mandates", both)).headers["location"] == "/admin/mandates?done=given"
        assert (await browser.post("/admin/mandates/ages", {})).status_code == 303


async def test_a_number_that_is_not_there_is_said_at_the_field_where_it_was_asked(admin: People) -> None:
    async with browsing(admin, "beheer") as browser:
        answer = await browser.post("/admin/mandates/find", {"patient": "nobody"})
        assert 'href="#find"' in answer.text
        assert 'id="find-problem"' in answer.text
