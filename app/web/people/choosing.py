"""The page where a person chooses in whose record to work, and as what that will be."""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from app.auth.accounts.account import account_of
from app.auth.accounts.acting import PAGE, Record, record_of, records_of
from app.auth.accounts.own_record import needs_record
from app.auth.roles import OWN, Role
from app.server.access import FOREVER
from app.server.ids import key_of, write_key
from app.web.dates import date
from app.web.following import own_path
from app.web.people.visit import Visit
from app.web.problems import PageProblem

_LONGEST: Final = 100


async def show(visit: Visit) -> Response:
    """The records, the own one first. Those of many patients come in pages, by their keys."""
    person = visit.visitor.person
    if person.role is Role.ADMINISTRATOR:
        return visit.go("/admin")
    after = key_of(visit.request.query_params.get("after", "")) or 0
    records = await records_of(visit.site.server, person, now=visit.now, after=after)
    return await _page(visit, records, visit.following, more=len(records) == PAGE)


async def find(visit: Visit) -> Response:
    """A professional's patient, by our id or the organisation's own number. There is no search by name."""
    form = await visit.form()
    asked = form.get("find")
    if not visit.visitor.person.organization or not 0 < len(asked) <= _LONGEST:
        return visit.go("/choose")
    records = await records_of(visit.site.server, visit.visitor.person, now=visit.now, find=asked)
    return await _page(visit, records, own_path(form.get("next")), asked=asked)


async def _page(
    visit: Visit, records: list[Record], following: str, *, more: bool = False, asked: str = ""
) -> Response:
    person = visit.visitor.person
    if others := [each.patient for each in records if each.role is not Role.PATIENT]:
        await visit.record("records-listed", patients=others)
    account = await account_of(visit.accounts.database, person.account)

    def until(end: int) -> str:
        t = visit.visitor.t
        return (
            t("people.choose.forever")
            if end >= FOREVER
            else t("people.choose.until", date=date(end - 1, visit.visitor.language))
        )

    return visit.page(
        "choose",
        records=records,
        chosen=person.patient,
        following=following,
        more=write_key(max(each.patient for each in records)) if more else "",
        asked=asked,
        until=until,
        needs_record=account is not None and needs_record(account) and not person.organization,
    )


async def choose(visit: Visit) -> Response:
    """Work in one record from now on."""
    form = await visit.form()
    person, following = visit.visitor.person, own_path(form.get("next"))
    record = await record_of(visit.site.server, person, form.get("record"), now=visit.now)
    if record is None:
        raise PageProblem(404, "people.choose.unknown")
    session = await visit.site.sessions.choose(person, record.session_grant())
    visit.visitor.session = session
    visit.visitor.access = await visit.site.sessions.access(session, now=visit.now)
    await visit.record("record-chosen", patients=[record.patient])
    return visit.go(following or ("/permissions" if record.role in OWN else "/working"))
