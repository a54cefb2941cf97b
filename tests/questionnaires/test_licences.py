"""A questionnaire whose wording is not ours is refused until somebody with a licence installs it, for as long as that
lasts; its key is never served (MODEL 5).
"""

from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO
from typing import Any, Final

import pytest

from app.auth.rights import exports
from app.auth.rights.exports import archive_seal
from app.auth.rights.worker import ExportWorker
from app.config import CANONICAL_BASE
from app.errors import Conflict, NotFound, Unprocessable
from app.fhir.resource import Resource, decode
from app.questionnaires import refusals
from app.questionnaires.installing import keeping
from app.questionnaires.installing.reading import read
from app.questionnaires.installing.wanted import Order
from app.questionnaires.names import Names
from tests import builders
from tests.questionnaires.fakes import FOREIGN, PAM, TOLD, file, foreign, key
from tests.rights.people import visit
from tests.server.service import Caller, Service, issues

TENANT: Final = 1
SECRET: Final = 987_654_321_987
"""A number of the key that stands nowhere else."""
WORDS: Final = (str(SECRET), "NEPSLEUTEL", "NEPNUMMER")
"""Those of a key, and of a licence record, that are nobody's to see."""
VERSION: Final = f"{PAM}|nep-1"
SYSTEM: Final = f"{CANONICAL_BASE}/CodeSystem/instrument-answer"


def keyed(**members: Any) -> dict[str, Any]:
    """The example with a key of which one number is not to be missed."""
    steps = [{"look_up": {"26": 50, "27": SECRET}, "complete": True}]
    score = {"then": steps, "straight_line": {"values": [SECRET]}}
    return file(key={"version": "nep-1", "source": "NEPSLEUTEL", "dimensions": {"score": score}}, **members)


async def install(service: Service, data: Any, order: Order | None = None, *, now: int = 0, **more: Any) -> str:
    server = service.server
    wanted = read(data, order or Order(), server.definitions, Names(server.canonical_base))
    return await keeping.install(server, wanted, tenant=TENANT, now=now or server.clock(), **more)


def answered(canonical: str = PAM, *, code: str = "2", status: str = "completed") -> Resource:
    """Every question of the thirteen answered alike."""
    coding = {"system": SYSTEM, "code": code}
    items = [{"linkId": str(each), "answer": [{"valueCoding": coding}]} for each in range(1, 14)]
    return builders.questionnaire_response(questionnaire=canonical, status=status, item=items)


async def refused(caller: Caller, response: Resource, rule: str) -> str:
    """What is said of a response that is refused by this rule only."""
    answer = await caller.post("/QuestionnaireResponse", response)
    assert answer.status_code == 422, answer.text
    (issue,) = [each for each in issues(answer) if each["severity"] == "error"]
    assert rule in answer.text
    text: str = issue["diagnostics"]
    return text


async def copied(service: Service) -> dict[str, bytes]:
    """Anna's copy of everything, by file."""
    parts = service.application.parts
    assert parts is not None
    await parts.rights.worker.stop()
    try:
        found, now = await visit(service, "anna"), service.server.clock()
        asked = await exports.ask(service.database, found.access, now=now)
        assert await ExportWorker(service.server).run() == 1
        secret = await exports.link(service.database, found.session, found.access, asked.id, now=now)
        seal = archive_seal(service.server.page_key)
        download = await exports.fetch(service.database, seal, found.session, found.access, secret, now=now)
        archive = zipfile.ZipFile(BytesIO(b"".join([piece async for piece in download.pieces])))
        return {name: archive.read(name) for name in archive.namelist()}
    finally:
        parts.rights.worker.start()


@pytest.mark.parametrize("status", ["completed", "in-progress"])
@pytest.mark.parametrize("name", ["pam-13", "semas", "phq-9", "gad-7"])
async def test_a_shell_is_not_answered_and_the_way_out_is_said(anna: Caller, name: str, status: str) -> None:
    canonical = f"{CANONICAL_BASE}/Questionnaire/{name}"
    said = builders.questionnaire_response(questionnaire=canonical, status=status)
    text = await refused(anna, said, "questionnaire-licence")
    assert "zelfregie questionnaires install" in text
    assert "elders" in text
    assert "elsewhere" in text


async def test_what_is_installed_can_be_answered_and_is_preferred(service: Service, anna: Caller) -> None:
    assert await install(service, keyed()) == VERSION
    for canonical in (PAM, VERSION):
        await anna.create(answered(canonical))
    await refused(anna, answered(f"{PAM}|0.1.0"), "questionnaire-licence")
    found = await anna.bundle(f"/Questionnaire?url={PAM}&version=nep-1")
    (entry,) = found["entry"]
    assert entry["resource"]["copyright"] == "NEP: dit is geen echte licentie"
    assert entry["resource"]["item"][1]["text"] == "Nepvraag 1"


async def test_a_licence_ends_with_its_last_day(service: Service, anna: Caller) -> None:
    await install(service, keyed(until="2020-01-31"))
    text = await refused(anna, answered(VERSION), "questionnaire-licence-ended")
    assert "2020-01-31" in text
    with pytest.raises(Conflict):
        await install(service, keyed(until="2999-12-31"))
    await install(service, keyed(until="2999-12-31"), replace=True)
    await anna.create(answered(VERSION))


async def test_a_removed_one_is_refused_and_its_answers_stay(service: Service, anna: Caller) -> None:
    await install(service, keyed())
    made = await anna.create(answered(VERSION))
    await keeping.remove(service.server, VERSION, tenant=TENANT, now=service.server.clock())
    await refused(anna, answered(VERSION), "questionnaire-licence-ended")
    await refused(anna, answered(), "questionnaire-licence-ended")
    kept = await anna.get(f"/QuestionnaireResponse/{made['id']}")
    assert decode(kept.content)["item"] == made["item"]
    (entry,) = (await anna.bundle(f"/Questionnaire?url={PAM}&version=nep-1"))["entry"]
    assert entry["resource"]["status"] == "retired"
    (row,) = await keeping.listed(service.database, tenant=TENANT)
    assert (row.removed, row.scored) == (True, False)
    await install(service, keyed())  # with a new licence it is there again
    await anna.create(answered(VERSION))


async def test_wording_is_erased_from_every_version(service: Service, anna: Caller) -> None:
    await install(service, keyed())
    await install(service, keyed(intro="Andere nepuitleg"), replace=True)
    made = await anna.create(answered(VERSION))
    await keeping.remove(service.server, VERSION, tenant=TENANT, erase=True, now=service.server.clock())
    bodies = await service.database.fetch("SELECT body FROM resource UNION ALL SELECT body FROM history")
    assert not [each for (each,) in bodies if each is not None and b"Nepvraag" in each]
    await refused(anna, answered(), "questionnaire-licence")
    assert (await anna.get(f"/QuestionnaireResponse/{made['id']}")).status_code == 200
    await install(service, keyed())
    await anna.create(answered(VERSION))


async def test_a_questionnaire_of_the_tenant_itself_needs_no_licence(service: Service, anna: Caller) -> None:
    operator = service.caller("operator")
    await operator.create(foreign())
    said = {"linkId": "a", "answer": [{"valueCoding": {"system": "https://nep.example/antwoord", "code": "ja"}}]}
    await anna.create(builders.questionnaire_response(questionnaire=FOREIGN, item=[said]))


async def test_a_copy_of_a_shell_in_the_catalogue_is_no_way_around_it(service: Service, anna: Caller) -> None:
    operator = service.caller("operator")
    wanted = read(keyed(), Order(), service.server.definitions, Names(CANONICAL_BASE))
    await operator.create({**wanted.questionnaire, "version": "sluipweg"})
    await refused(anna, answered(), "questionnaire-licence")
    await refused(anna, answered(f"{PAM}|sluipweg"), "questionnaire-licence")


async def test_another_key_needs_a_version_of_its_own(service: Service) -> None:
    await install(service, keyed())
    with pytest.raises(Unprocessable) as error:
        await install(service, file(key=key()), replace=True)
    assert "version of its own" in error.value.diagnostics
    await install(service, file(key=key(version="nep-2")), replace=True)


async def test_another_questionnaire_is_not_written_over(service: Service) -> None:
    operator = service.caller("operator")
    await operator.put("/Questionnaire/nepvragen-1", {**foreign(url="https://nep.example/other"), "id": "nepvragen-1"})
    with pytest.raises(Conflict):
        await install(service, foreign(), TOLD)
    assert await keeping.listed(service.database, tenant=TENANT) == []


async def test_what_is_not_there_is_not_found(service: Service) -> None:
    with pytest.raises(NotFound):
        await keeping.remove(service.server, VERSION, tenant=TENANT, now=service.server.clock())
    wanted = read(keyed(), Order(), service.server.definitions, Names(CANONICAL_BASE))
    for tenant in (0, -1, 7):
        with pytest.raises(NotFound):
            await keeping.install(service.server, wanted, tenant=tenant, now=service.server.clock())


async def test_the_key_is_served_nowhere(service: Service, anna: Caller) -> None:
    order = replace(TOLD, number="NEPNUMMER")
    await install(service, keyed(), order)
    made = await anna.create(answered(VERSION))
    operator = service.caller("operator")
    (entry,) = (await operator.bundle(f"/Questionnaire?url={PAM}&version=nep-1"))["entry"]
    name = f"Questionnaire/{entry['resource']['id']}"
    addresses = [
        *(f"/{name}", f"/{name}/_history", f"/{name}/_history/1", "/Questionnaire", "/Questionnaire/_history"),
        *(f"/Questionnaire?url={PAM}&_include=*", f"/{name}/$everything", "/_history?_count=200", "/metadata"),
        *("/Patient/anna/$everything", f"/QuestionnaireResponse/{made['id']}", "/Observation", "/Provenance"),
        *(f"/QuestionnaireResponse/{made['id']}/_history", "/QuestionnaireResponse?_include=*", "/Basic", "/Library"),
    ]
    seen = 0
    for caller in (anna, operator):
        for address in addresses:
            answer = await caller.get(address)
            seen += answer.status_code == 200
            for word in WORDS:
                assert word not in answer.text, address
    assert seen > 20
    copy = await copied(service)
    assert any(made["id"].encode() in content for content in copy.values())
    for word in WORDS:
        assert not any(word.encode() in content for content in copy.values())
    bodies = await service.database.fetch("SELECT body FROM resource UNION ALL SELECT body FROM history")
    assert [each for (each,) in bodies if each is not None and str(SECRET).encode() in each] == []


def test_every_refusal_is_said_in_both_languages() -> None:
    facts = {"title": "Nep", "holder": "Nephouder", "until": "2026-01-01"}
    for code in ("licence", "licence-ended"):
        error = refusals.error(refusals.issue(code, **facts))
        (issue,) = error.issues
        assert issue.rule == f"questionnaire-{code}"
        assert " / " in issue.diagnostics
        assert "{" not in issue.diagnostics
