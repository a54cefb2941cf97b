"""Mandates that an administrator gives, confirms or ends, with what they rest on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from fastapi.responses import Response

from app.auth.accounts import helping, representation
from app.auth.accounts.account import Account, account_of, account_of_email
from app.auth.accounts.emails import folded
from app.auth.accounts.mandates import Asked, Ground, Party, Refusal
from app.auth.accounts.representation import Mandate
from app.auth.accounts.sessions import Session
from app.auth.grants import service_access
from app.errors import NotFound, Unprocessable
from app.fhir.dates import midnight
from app.server.store.find import find_patient
from app.web.admin.visit import Visit, administrator
from app.web.people.visit import explained, refusal_key

GROUNDS: Final = (Ground.PARENTAL_AUTHORITY, Ground.CURATOR, Ground.MENTOR)
"""What an administrator gives; a written authorisation is the patient's own."""
_FIELDS: Final = ("patient", "email", "ground", "evidence", "until")
_PARTIES: Final[tuple[Party, ...]] = ("child", "parent")


@dataclass(frozen=True, slots=True)
class Line:
    """A mandate with who has it."""

    mandate: Mandate
    account: Account | None = field(repr=False)


async def show(visit: Visit) -> Response:
    """What waits, the setting for 12 to 15, and the form to give one."""
    administrator(visit)
    return await _page(visit, dict.fromkeys(_FIELDS, ""))


async def find(visit: Visit) -> Response:
    """The mandates of one patient, by the record's number."""
    form = await visit.form()
    person = administrator(visit)
    patient = await _patient(visit, person, form.get("patient"))
    if patient is None:
        return await _page(visit, dict.fromkeys(_FIELDS, ""), {"find": visit.visitor.t("admin.problem.patient")})
    found = [await _line(visit, each) for each in await representation.of_patient(visit.accounts.database, patient)]
    return await _page(visit, {**dict.fromkeys(_FIELDS, ""), "patient": form.get("patient")}, found=found)


async def give(visit: Visit) -> Response:
    """Give a mandate whose ground an administrator has seen."""
    form = await visit.form()
    person = administrator(visit, fresh=True)
    given = {name: form.get(name) for name in _FIELDS}
    agreed: frozenset[Party] = frozenset(each for each in _PARTIES if each in form.all("agreed"))
    t = visit.visitor.t
    patient = await _patient(visit, person, given["patient"])
    helper = await account_of_email(visit.accounts.database, person.tenant, folded(given["email"]) or "-")
    problems = {}
    if patient is None:
        problems["patient"] = t("admin.problem.patient")
    if helper is None or not helper.active:
        problems["email"] = t("admin.problem.account")
    until, is_date = _until(given["until"])
    if given["ground"] not in GROUNDS:
        problems["ground"] = t("admin.problem.ground")
    if not is_date:
        problems["until"] = t(f"people.refusal.{Refusal.PERIOD}")
    if problems or patient is None or helper is None:
        return await _page(visit, given, problems, agreed=agreed)
    asked = Asked(Ground(given["ground"]), "administrator", visit.now, until, given["evidence"], agreed)
    with explained():
        try:
            await helping.give_mandate(
                visit.accounts,
                asked,
                patient=patient,
                tenant=person.tenant,
                account=helper.id,
                given_by=person.account,
                now=visit.now,
            )
        except Unprocessable as error:
            field_name = "evidence" if error.issues[0].rule == Refusal.EVIDENCE else "ground"
            return await _page(visit, given, {field_name: t(refusal_key(error))}, agreed=agreed)
    await visit.record("mandate-given", patients=[patient])
    return visit.go("/admin/mandates?done=given")


async def decide(visit: Visit) -> Response:
    """Confirm what a parent asked for, or not."""
    form = await visit.form()
    person = administrator(visit, fresh=True)
    patient, mandate_id = _key(visit.part("patient")), visit.part("id")
    with explained():
        if form.has("refuse"):
            async with visit.accounts.database.write() as writer:
                await representation.refuse(
                    writer,
                    patient=patient,
                    tenant=person.tenant,
                    mandate_id=mandate_id,
                    refused_by=person.account,
                    now=visit.now,
                )
            await visit.record("mandate-refused", patients=[patient])
            return visit.go("/admin/mandates?done=refused")
        await helping.confirm_mandate(
            visit.accounts,
            patient=patient,
            tenant=person.tenant,
            mandate_id=mandate_id,
            given_by=person.account,
            evidence=form.get("evidence"),
            now=visit.now,
        )
    await visit.record("mandate-given", patients=[patient])
    return visit.go("/admin/mandates?done=given")


async def end(visit: Visit) -> Response:
    """End a mandate now."""
    await visit.form()
    person = administrator(visit, fresh=True)
    patient = _key(visit.part("patient"))
    await helping.end_mandate(
        visit.accounts,
        patient=patient,
        tenant=person.tenant,
        mandate_id=visit.part("id"),
        ended_by=person.account,
        now=visit.now,
    )
    await visit.record("mandate-ended", patients=[patient])
    return visit.go("/admin/mandates?done=ended")


async def set_ages(visit: Visit) -> Response:
    """Whether this tenant gives parents mandates for children from 12 to 15."""
    form = await visit.form()
    person = administrator(visit, fresh=True)
    async with visit.accounts.database.write() as writer:
        await representation.set_from_12_to_15(writer, person.tenant, gives=form.get("gives") == "yes")
    await visit.record("setting-changed")
    return visit.go("/admin/mandates?done=set")


async def _page(
    visit: Visit,
    given: dict[str, str],
    problems: dict[str, str] | None = None,
    *,
    agreed: frozenset[Party] = frozenset(),
    found: list[Line] | None = None,
) -> Response:
    database, tenant = visit.accounts.database, visit.visitor.person.tenant
    t = visit.visitor.t
    return visit.page(
        "mandates",
        problems=problems,
        waiting=[await _line(visit, each) for each in await representation.waiting(database, tenant)],
        found=found,
        given=given,
        agreed=agreed,
        grounds=[(each.value, t(f"people.ground.{each}")) for each in GROUNDS],
        parties=[(each, t(f"admin.mandates.agreed_{each}"), "") for each in _PARTIES],
        gives=await representation.gives_from_12_to_15(database, tenant),
    )


async def _line(visit: Visit, mandate: Mandate) -> Line:
    return Line(mandate, await account_of(visit.accounts.database, mandate.account))


async def _patient(visit: Visit, person: Session, patient_id: str) -> int | None:
    """The record with this number; None when there is none in the tenant."""
    server = visit.site.server
    number = server.registry.number("Patient")
    async with service_access(
        server.database, tenant=person.tenant, reason="mandates", now=visit.now, patient_type=number
    ) as access:
        return await find_patient(server.database, access, patient_id, server.registry)


def _until(text: str) -> tuple[int | None, bool]:
    """The end that a last day means, None for none; and whether it is a date at all."""
    if not text:
        return None, True
    try:
        return midnight(date.fromisoformat(text) + timedelta(days=1)), True
    except (ValueError, OverflowError):
        return None, False


def _key(text: str) -> int:
    """A record's key in an address. Raises ``NotFound``."""
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 2**63:
        raise NotFound("There is no such mandate.")
    return int(text)
