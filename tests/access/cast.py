"""Everybody who may ask for something of Anna, and what she has: the callers of every endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.auth import NewGrant, hash_token, write_grant
from app.auth.consents import service as consents
from app.auth.consents.allowances import CONTENT, actions_named, labels_of
from app.auth.consents.resource import resource_id
from app.auth.consents.text import Terms, consent_text
from app.auth.oauth.tables import INSERT_AUTHORIZATION, authorization
from app.auth.recipients import app, organization, person
from app.auth.roles import Role
from app.config import CANONICAL_BASE
from app.database import Writer
from app.fhir.resource import Resource, decode
from app.fhir.scopes import EVERY_ACTION
from app.medmij.services import load_services
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL
from app.server.tables import INSERT_PERMIT
from tests import builders
from tests.careplan.turning import LATER
from tests.server.service import Caller, Service

TENANT: Final = 1
HOUR: Final = 3_600_000_000
MARK: Final = "Zqmarkering"
"""What stands in every resource of Anna that the endpoints are about, and nowhere else."""
EVERYTHING: Final = "patient/*.cruds"
KOM_VERDER: Final = f"{CANONICAL_BASE}/Questionnaire/kom-verder"
"""A questionnaire that gives a score."""

CALLERS: Final[Mapping[str, str]] = {
    "anonymous": "nobody: no token",
    "unknown": "a token that was never given",
    "expired": "an app of hers whose token has expired",
    "withdrawn": "an app of hers whose consent she withdrew",
    "wrong-scope": "an app of hers with a scope for something else",
    "other-patient": "another patient's app, which may do everything there",
    "carer": "an informal carer who may see measurements",
    "professional-without": "a professional whose organisation has no consent of hers",
    "professional": "a professional whose organisation may see everything",
    "system": "a system of an organisation that may see and add everything",
    "administrator": "an administrator of the tenant",
    "app": "an app of hers that may do everything",
    "session": "she herself, with a second factor that was just given",
    "collector": "a personal health environment of hers, with a token for every data service of MedMij",
}


@dataclass(frozen=True, slots=True)
class Cast:
    """What the endpoints need to know: ids of what was made."""

    consent: str
    event: str
    plan: str
    """Her individual care plan, which was agreed."""
    goal: str
    """Its goal."""
    proposed: str
    """A goal that the practice proposes for the plan by itself."""
    proposal: str
    """What a practice proposes for it."""


async def build(service: Service) -> Cast:
    """Anna's record, the consents, and a token for each caller (its name)."""
    now = service.server.clock()
    anna, bram = await service.key_of("anna"), await service.key_of("bram")
    own, own_right = service.caller("anna"), person("anna-account")
    await own.keep(builders.goal(id="kept", description={"text": MARK}))
    weight = [{"text": MARK}]
    await own.keep(builders.observation(id="weight", note=weight))
    await own.keep(builders.observation(id="weight", note=weight, status="amended"))
    await own.keep(_filled(await _first(own, "/Questionnaire?url=" + KOM_VERDER)))
    await own.keep(builders.binary(id="file", contentType=f"text/x-{MARK}"))
    await own.keep(_run("weighing", "in-progress", "2026-11-18", "2026-11-24"))
    await own.keep(_run("asked", "requested", "2027-02-01", "2027-02-07"))
    async with service.database.write() as writer:
        for key, account in ((anna, "anna-account"), (bram, "bram-account")):
            row = (person(account), key, "own-use", "", EVERY_LABEL, EVERY_ACTION, 0, FOREVER)
            await writer.insert(INSERT_PERMIT, [row])
        gone = ""
        given = ""
        for recipient, purpose, labels, actions in (
            (app("gone"), "own-use", CONTENT, ("see", "add", "change")),
            (app("diary"), "own-use", CONTENT, ("see", "add", "change")),
            (person("carer"), "own-use", labels_of(["measurements"]), ("see",)),
            (organization("practice"), "treatment", CONTENT, ("see",)),
            (organization("hospital"), "treatment", CONTENT, ("see", "add")),
        ):
            given = await _consent(
                writer, anna, Terms(MARK, purpose, labels, actions_named(actions), 0, FOREVER), recipient, now=now
            )
            gone = gone or given
        for grant in _grants(anna, bram, now=now):
            await write_grant(writer, grant)
        known = {"id": "gone-family", "client": "gone", "recipient": app("gone"), "within": own_right, "patient": anna}
        await writer.insert(INSERT_AUTHORIZATION, [authorized(known)])
    async with service.database.write() as writer:
        await consents.withdraw(writer, patient=anna, consent_id=gone, given_by="anna-account", method="page", now=now)
    await service.caller("app").get("/Goal/kept")
    assert service.application.parts is not None
    await service.application.parts.mover.drain()
    events = await service.caller("anna-permissions").bundle("/AuditEvent?subtype=read&_count=1")
    plan, goal, proposal = await _plan(service)
    proposed = await _proposed_goal(service, plan)
    event = events["entry"][0]["resource"]["id"]
    return Cast(resource_id(given), event, plan=plan, goal=goal, proposed=proposed, proposal=proposal)


async def _proposed_goal(service: Service, plan: str) -> str:
    """The id of a goal beside the plan that waits to be accepted."""
    url = f"{CANONICAL_BASE}/StructureDefinition/proposed-for-plan"
    named = {"url": url, "valueReference": {"reference": f"CarePlan/{plan}"}}
    made = await service.caller("practice").create(builders.goal(description={"text": MARK}, extension=[named]))
    return str(made["id"])


def _run(task_id: str, status: str, first: str, last: str) -> Resource:
    """Weighing every day, from one day up to another."""
    return {
        "resourceType": "Task",
        "id": task_id,
        "status": status,
        "intent": "order",
        "code": builders.concept(f"{CANONICAL_BASE}/CodeSystem/protocol", "daily-weight"),
        "for": {"reference": "Patient/anna"},
        "executionPeriod": {"start": first, "end": last},
        "note": [{"text": MARK}],
    }


async def _first(caller: Caller, address: str) -> Resource:
    entries: list[Resource] = (await caller.bundle(address))["entry"]
    found: Resource = entries[0]["resource"]
    return found


def _filled(asked: Resource) -> Resource:
    """Answers that have a score."""
    chosen = next(each["answerOption"][0] for each in asked["item"] if "answerOption" in each)
    item = {"linkId": "level", "answer": [{"valueCoding": chosen["valueCoding"]}]}
    author = {"reference": "Patient/anna", "display": MARK}
    return builders.questionnaire_response(id="filled", questionnaire=KOM_VERDER, author=author, item=[item])


async def _plan(service: Service) -> tuple[str, str, str]:
    """The ids of her plan, of its goal and of a proposal for it."""

    async def asked(name: str, address: str, *parameters: Resource) -> Resource:
        body = {"resourceType": "Parameters", "parameter": list(parameters)}
        answer = await service.caller(name).post(address, body)
        assert answer.status_code in (200, 201), answer.text
        return decode(answer.content)

    plan = await asked("anna", "/Patient/anna/$start", {"name": "goal", "valueString": MARK})
    await asked("anna", f"/CarePlan/{plan['id']}/$agree", {"name": "nextReview", "valueDate": LATER})
    wish = {"name": "title", "valueString": MARK}
    proposed = await asked("practice", f"/CarePlan/{plan['id']}/$propose", wish)
    goal = plan["goal"][0]["reference"].removeprefix("Goal/")
    return plan["id"], goal, proposed["parameter"][0]["resource"]["id"]


def authorized(known: Mapping[str, object]) -> list[object]:
    """A row of an authorization; what is not known is empty."""
    empty = {"TEXT": "", "BLOB": b"", "BIGINT": 0, "INTEGER": TENANT}
    return [known.get(column.name, empty[str(column.type)]) for column in authorization.columns]


async def _consent(writer: Writer, patient: int, terms: Terms, recipient: str, *, now: int) -> str:
    text = consent_text(terms, language="nl", now=now)
    return await consents.give(
        writer,
        patient=patient,
        tenant=TENANT,
        recipient=recipient,
        recipient_name=terms.recipient_name,
        purpose=terms.purpose,
        labels=terms.labels,
        actions=terms.actions,
        since=0,
        until=FOREVER,
        given_by="anna-account",
        method="page",
        language="nl",
        text=text.text,
        text_version=text.version,
        now=now,
    )


def _grants(anna: int, bram: int, *, now: int) -> list[NewGrant]:
    own = person("anna-account")

    def of(name: str, recipient: str, **known: object) -> NewGrant:
        facts: dict[str, object] = {
            "scopes": EVERYTHING, "purpose": "own-use", "patient": anna, "kind": "app", "role": Role.PATIENT,
            "person": "anna-account", "client": recipient, "expires": now + 24 * HOUR, **known,
        }  # fmt: skip
        return NewGrant(hash=hash_token(name), recipient=recipient, tenant=TENANT, **facts)  # type: ignore[arg-type]

    care = {"purpose": "treatment", "patient": None}
    return [
        of("expired", app("diary"), within=own, expires=now - 1),
        of("withdrawn", app("gone"), within=own, family="gone-family"),
        of("wrong-scope", app("diary"), within=own, scopes="patient/Encounter.cruds"),
        of("other-patient", person("bram-account"), patient=bram, person="bram-account"),
        of("carer", person("carer"), kind="session", role=Role.CARER, person="carer"),
        of("professional-without", organization("elsewhere"), **care, role=Role.PROFESSIONAL, scopes="user/*.cruds"),
        of("professional", organization("practice"), **care, role=Role.PROFESSIONAL, scopes="user/*.cruds"),
        of("system", organization("hospital"), **care, kind="system", role=Role.ORGANIZATION, scopes="system/*.cruds"),
        of("administrator", person("admin"), **care, kind="session", role=Role.ADMINISTRATOR, scopes="user/*.cruds"),
        of("app", app("diary"), within=own),
        of("session", own, kind="session", fresh=now + HOUR),
        of("collector", app("diary"), within=own, services=tuple(load_services())),
    ]


def caller(service: Service, name: str) -> Caller:
    return service.caller("" if name == "anonymous" else name)
