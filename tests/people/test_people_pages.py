"""The pages about people, as somebody with a browser meets them."""

from __future__ import annotations

import pytest

from app.auth.accounts.acting import records_of
from app.auth.recipients import person
from app.auth.roles import Role
from app.fhir.resource import decode
from tests import builders
from tests.people.browsing import browsing, hidden, invitation
from tests.people.people import People

Fields = dict[str, str | list[str]]
CARER: Fields = {"as": "carer", "name": "Paula (dochter)", "email": "paula@example.org", "until": "2029-12-31"}
MEASUREMENTS: Fields = {**CARER, "categories": ["measurements", "identity"], "actions": ["see"]}


async def invited(people: People, fields: Fields) -> str:
    """Anna invites somebody; the path in the mail."""
    async with browsing(people, "anna", record="anna") as anna:
        check = await anna.post("/people/invite", fields)
        assert check.status_code == 200, check.text
        sent = await anna.post("/people/invite", hidden(check))
        assert sent.headers["location"] == "/people?done=invited"
    return await invitation(people.service)


async def test_who_decides_in_a_record_has_its_permissions_in_place_of_the_page_for_helpers(people: People) -> None:
    async with browsing(people, "anna", record="anna") as anna:
        assert (await anna.get("/working")).headers["location"] == "/permissions"
        assert 'href="/choose"' in (await anna.get("/permissions")).text


async def test_a_record_in_which_one_may_do_nothing_any_more_is_no_longer_chosen(people: People) -> None:
    path = await invited(people, dict(MEASUREMENTS))
    async with browsing(people, "paula") as paula, browsing(people, "anna", record="anna") as anna:
        await paula.post(path, page=path)
        await paula.post("/choose", {"record": "anna"}, page="/choose")
        assert (await paula.get("/apps")).status_code == 200
        await anna.post(f"/people/carers/{await people.account('paula')}/end")
        for address in ("/working", "/apps"):
            assert (await paula.get(address)).headers["location"].startswith("/choose")
        assert "U bekijkt het dossier" not in (await paula.get("/account")).text


async def test_a_person_with_one_record_chooses_it(people: People) -> None:
    async with browsing(people, "anna") as anna:
        page = await anna.get("/choose")
        assert "Anna Proefstra" in page.text
        chosen = await anna.post("/choose", {"record": "anna"}, page="/choose")
        assert (chosen.status_code, chosen.headers["location"]) == (303, "/permissions")
        onwards = await anna.post("/choose", {"record": "anna", "next": "/people"}, page="/choose")
        assert onwards.headers["location"] == "/people"
        elsewhere = await anna.post("/choose", {"record": "anna", "next": "//example.org"}, page="/choose")
        assert elsewhere.headers["location"] == "/permissions"


@pytest.mark.parametrize("record", ["bram", "nobody", "", "x" * 500])
async def test_what_one_may_not_choose_answers_like_what_is_not_there(people: People, record: str) -> None:
    async with browsing(people, "anna") as anna:
        answer = await anna.post("/choose", {"record": record}, page="/choose")
        absent = await anna.post("/choose", {"record": "absent"}, page="/choose")
    assert answer.status_code == absent.status_code == 404
    assert answer.text == absent.text


@pytest.mark.parametrize(
    "address", ["/choose", "/people", "/people/invite", "/people/child", "/account/elsewhere", "/admin"]
)
async def test_nobody_is_sent_to_log_in(people: People, address: str) -> None:
    async with browsing(people) as nobody:
        answer = await nobody.get(address)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize("address", ["/people", "/people/invite"])
async def test_without_a_record_one_is_sent_to_choose(people: People, address: str) -> None:
    async with browsing(people, "anna") as anna:
        assert (await anna.get(address)).headers["location"].startswith("/choose?next=")


@pytest.mark.parametrize(
    ("address", "record"), [("/people/invite", "anna"), ("/people/child", ""), ("/account/elsewhere", "")]
)
async def test_without_a_fresh_second_factor_one_is_sent_to_give_it(people: People, address: str, record: str) -> None:
    async with browsing(people, "anna", record=record, fresh=False) as anna:
        assert (await anna.get(address)).headers["location"].startswith("/account/confirm")
        if record:
            assert (await anna.post("/people/invite", MEASUREMENTS)).headers["location"].startswith("/account/confirm")


async def test_a_form_without_the_token_of_the_visit_does_nothing(people: People) -> None:
    async with browsing(people, "anna", record="anna") as anna:
        for address in ("/choose", "/people/invite", "/people/child", "/people/carers/x/end"):
            assert (await anna.client.post(address, data={"record": "anna"})).status_code == 403
            assert (await anna.client.post(address, data={"csrf": "guessed"})).status_code == 403


async def test_a_carer_sees_what_was_named_and_nothing_else_until_it_is_withdrawn(people: People) -> None:
    operator = people.service.caller("operator")
    weight = await operator.create(builders.observation())
    goal = await operator.create(builders.goal())
    path = await invited(people, dict(MEASUREMENTS))
    async with browsing(people) as nobody:
        page = await nobody.get(path)
        assert "Anna Proefstra" in page.text
        assert f"/login?next={path}" in page.text
    async with browsing(people, "paula") as paula:
        assert "Metingen" in (await paula.get(path)).text
        accepted = await paula.post(path, page=path)
        assert accepted.headers["location"] == "/choose?done=accepted"
        chosen = await paula.post("/choose", {"record": "anna"}, page="/choose")
        assert chosen.headers["location"] == "/working"
        working = (await paula.get("/working")).text
        assert all(each in working for each in ("Anna Proefstra", "U helpt als mantelzorger", "Bekijken", "Metingen"))
        assert not any(each in working for each in ("Toevoegen", "Medicijnen"))
        assert (await paula.get("/permissions")).status_code == 403
        assert "/permissions" not in (await paula.get("/apps")).text
        assert (await paula.get(path)).status_code == 410
    session = await people.session("paula")
    (record,) = await records_of(people.server, session, now=people.now)
    assert (record.role, record.name) == (Role.CARER, "Anna Proefstra")
    carer = await people.api(await people.sessions.choose(session, record.session_grant()))
    assert (await carer.get(f"/Observation/{weight['id']}")).status_code == 200
    assert (await carer.get(f"/Goal/{goal['id']}")).status_code == 404
    assert await carer.found("/Observation") == [weight["id"]]
    assert (await carer.post("/Observation", builders.observation())).status_code == 403
    helper = decode((await operator.get(f"/{record.fhir_user}")).content)
    assert helper["name"] == [{"text": "Paula"}]
    assert helper["patient"] == {"reference": "Patient/anna"}
    async with browsing(people, "anna", record="anna") as anna:
        shown = await anna.get("/people")
        assert "Paula" in shown.text
        account = await people.account("paula")
        ended = await anna.post(f"/people/carers/{account}/end")
        assert ended.headers["location"] == "/people?done=ended"
        assert (await anna.post(f"/people/carers/{account}/end")).status_code == 404
        log = (await anna.get("/looked")).text
        assert "een uitnodiging om te helpen aangenomen" in log
        assert "dit dossier gekozen om in te werken" in log
        assert "iets gedaan" not in log
    assert (await carer.get(f"/Observation/{weight['id']}")).status_code in (401, 404)
    assert await records_of(people.server, session, now=people.now) == []
    assert decode((await operator.get(f"/{record.fhir_user}")).content)["active"] is False


async def test_what_is_kept_is_the_text_that_the_patient_was_shown(people: People) -> None:
    async with browsing(people, "anna", record="anna") as anna:
        check = await anna.post("/people/invite", MEASUREMENTS)
        fields = hidden(check)
        await anna.post("/people/invite", fields)
        shown = people.service
    path = await invitation(shown)
    async with browsing(people, "paula") as paula:
        await paula.post(path, page=path)
    rows = await people.server.database.fetch(
        "SELECT text, text_hash, recipient_name, given_by FROM consent WHERE recipient = $1",
        person(await people.account("paula")),
    )
    ((text, digest, name, given_by),) = rows
    assert bytes(digest).hex() == fields["seen"][0]
    assert all(line in check.text for line in text.splitlines() if line and "&" not in line)
    assert (name, given_by) == ("Paula (dochter)", await people.account("anna"))


async def test_what_changes_after_it_was_seen_is_shown_again(people: People) -> None:
    async with browsing(people, "anna", record="anna") as anna:
        fields = hidden(await anna.post("/people/invite", MEASUREMENTS))
        more = await anna.post("/people/invite", {**fields, "categories": ["measurements", "medication"]})
        assert more.status_code == 200
        assert "Medicijnen" in more.text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, "hoe deze persoon heet"),
        ({"name": "x" * 200}, "hoe deze persoon heet"),
        ({"email": "geen adres"}, "Vul een e-mailadres in"),
        ({"categories": []}, "soorten gegevens"),
        ({"categories": ["unclassified", "catalogue", "permissions"]}, "soorten gegevens"),
        ({"actions": []}, "wat deze persoon mag"),
        ({"until": "2020-01-01"}, "Kies een dag na vandaag"),
        ({"until": "gisteren"}, "Kies een dag na vandaag"),
        ({"as": "representative", "until": "2099-01-01"}, "hoogstens 5 jaar"),
    ],
)
async def test_every_mistake_is_explained_at_its_field(people: People, fields: Fields, problem: str) -> None:
    async with browsing(people, "anna", record="anna") as anna:
        answer = await anna.post("/people/invite", {**MEASUREMENTS, **fields})
    assert answer.status_code == 422
    assert problem in answer.text
    assert 'id="problems"' in answer.text


async def test_an_invitation_is_accepted_once_and_can_be_taken_back(people: People) -> None:
    path = await invited(people, dict(MEASUREMENTS))
    async with browsing(people, "paula") as paula, browsing(people, "carl") as carl:
        assert (await paula.post(path, page="/choose")).status_code == 303
        assert (await carl.post(path, page="/choose")).status_code == 410
    path = await invited(people, {**MEASUREMENTS, "name": "Carl", "email": "carl@example.org"})
    async with browsing(people, "anna", record="anna") as anna:
        page = await anna.get("/people")
        action = page.text.split('action="/people/invitations/')[-1].split('"')[0]
        cancelled = await anna.post(f"/people/invitations/{action}", page="/people")
        assert cancelled.headers["location"] == "/people?done=cancelled"
        assert (await anna.post("/people/invitations/zz/cancel")).status_code == 404
    async with browsing(people, "carl") as carl:
        assert (await carl.post(path, page="/choose")).status_code == 410


async def test_an_invitation_of_oneself_is_refused(people: People) -> None:
    path = await invited(people, dict(MEASUREMENTS))
    async with browsing(people, "anna") as anna:
        assert (await anna.post(path, page="/choose")).status_code == 422


async def test_a_representative_acts_and_cannot_pass_it_on(people: People) -> None:
    path = await invited(
        people, {"as": "representative", "name": "Paula", "email": "paula@example.org", "until": "2029-12-31"}
    )
    async with browsing(people, "paula") as paula:
        assert (await paula.post(path, page="/choose")).status_code == 303
        assert (await paula.post("/choose", {"record": "anna"}, page="/choose")).headers["location"] == "/permissions"
        page = await paula.get("/people")
        assert "U doet dit namens Anna Proefstra" in page.text
        assert "as=representative" not in page.text
        further = {"as": "representative", "name": "Carl", "email": "carl@example.org", "until": "2029-12-31"}
        assert (await paula.post("/people/invite", further)).status_code == 403
        rows = await people.server.database.fetch(
            "SELECT id FROM mandate WHERE account = $1", await people.account("paula")
        )
        stopped = await paula.post(f"/people/mandates/{rows[0][0]}/end")
        assert stopped.headers["location"] == "/choose"
        assert (await paula.get("/people")).headers["location"].startswith("/choose")


@pytest.mark.parametrize("by", ["end", "time"])
async def test_what_a_representative_offered_ends_with_the_mandate(people: People, by: str) -> None:
    path = await invited(
        people, {"as": "representative", "name": "Paula", "email": "paula@example.org", "until": "2029-12-31"}
    )
    async with browsing(people, "paula") as paula:
        await paula.post(path, page="/choose")
        await paula.post("/choose", {"record": "anna"}, page="/choose")
        fields = hidden(await paula.post("/people/invite", {**MEASUREMENTS, "email": "carl@example.org"}))
        assert (await paula.post("/people/invite", fields)).headers["location"] == "/people?done=invited"
    path = await invitation(people.service)
    async with browsing(people, "carl") as carl:
        assert (await carl.get(path)).status_code == 200
        database = people.server.database
        if by == "time":
            await database.change("UPDATE mandate SET until = $1", people.now)
        else:
            async with browsing(people, "anna", record="anna") as anna:
                rows = await database.fetch("SELECT id FROM mandate")
                assert (await anna.post(f"/people/mandates/{rows[0][0]}/end")).status_code == 303
        assert (await carl.get(path)).status_code == 410
        assert (await carl.post(path, page="/choose")).status_code == 410
    assert await records_of(people.server, await people.session("carl"), now=people.now) == []


async def test_a_carer_decides_about_nothing(people: People) -> None:
    path = await invited(people, dict(MEASUREMENTS))
    async with browsing(people, "paula") as paula:
        await paula.post(path, page="/choose")
        await paula.post("/choose", {"record": "anna"}, page="/choose")
        for address in ("/people", "/people/invite"):
            assert (await paula.get(address)).status_code == 403
        assert (await paula.post("/people/invite", MEASUREMENTS)).status_code == 403


async def test_a_parent_begins_a_childs_record_and_an_administrator_confirms_it(people: People) -> None:
    await people.account("beheer", role=Role.ADMINISTRATOR)
    child = {"given": "Kees", "family": "Proefkind", "birth_date": "2022-05-31", "declared": "yes"}
    async with browsing(people, "paula") as paula:
        assert (await paula.post("/people/child", {**child, "declared": ""})).status_code == 422
        older = await paula.post("/people/child", {**child, "birth_date": "2012-05-31"})
        assert older.status_code == 422
        assert "Vanaf 12 jaar beslist een kind mee" in older.text
        assert (await paula.post("/people/child", {**child, "birth_date": "2022"})).status_code == 422
        asked = await paula.post("/people/child", child)
        assert asked.headers["location"] == "/people/child?done=asked"
        assert "Kees" in (await paula.get("/people/child")).text
        assert "Kees" not in (await paula.get("/choose")).text
    async with browsing(people, "beheer") as admin:
        page = await admin.get("/admin/mandates")
        assert "Kees Proefkind, 2022-05-31" in page.text
        action = page.text.split('action="/admin/mandates/')[1].split('"')[0]
        nothing_seen = await admin.post(f"/admin/mandates/{action}", {"evidence": " "})
        assert nothing_seen.status_code == 422
        given = await admin.post(f"/admin/mandates/{action}", {"evidence": "gezagsregister gezien"})
        assert given.headers["location"] == "/admin/mandates?done=given"
        assert (await admin.post(f"/admin/mandates/{action}", {"evidence": "nog eens"})).status_code == 409
    (record,) = await records_of(people.server, await people.session("paula"), now=people.now)
    assert (record.name, record.role, record.reason) == ("Kees Proefkind", Role.REPRESENTATIVE, "parental-authority")
