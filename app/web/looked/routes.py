"""``/looked``: who looked, by period, person and organisation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.audit import Recorded, events_of
from app.audit.audit_event import parties
from app.auth.accesslog.names import PartyNames
from app.auth.roles import Role
from app.errors import Forbidden
from app.fhir.scopes import Action
from app.server.access import Access
from app.web.dates import ZONE, local
from app.web.looked.lines import by_day, merged, party_of
from app.web.opened import Opened
from app.web.site import Site
from app.web.texts import texts
from app.web.visitor import Visitor

MOST: Final = 5_000
"""Lines that are looked through for one page."""
PERIODS: Final = {"week": 7, "month": 31, "quarter": 92, "year": 366}
_DEFAULT: Final = "month"
_HOLDERS: Final = "SELECT id FROM account WHERE patient = $1"


@dataclass(frozen=True, slots=True)
class Looked:
    """What the page is given. ``settle`` brings what was just done into the log."""

    site: Site
    settle: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Asked:
    since: int
    until: int
    period: str
    first: str
    last: str
    who: str
    problems: dict[str, str]


def looked_pages(opened: Opened[Looked]) -> APIRouter:
    """The routes."""
    pages = APIRouter()

    @pages.get("/looked")
    async def who_looked(request: Request) -> Response:
        area = opened()
        visitor = await area.site.in_record(request)
        return await _page(area, request, visitor)

    return pages


def check_may_read_log(site: Site, access: Access) -> int:
    """The partition whose log may be read. Raises ``Forbidden``: only the person and who represents them may."""
    patient = access.patient
    permissions = site.server.labels.bits(["permissions"])
    allowed = access.role in (Role.PATIENT, Role.REPRESENTATIVE) and patient is not None
    if not allowed or patient is None or access.denied_labels(patient, Action.READ) & permissions:
        raise Forbidden("The access log is for the person and who represents them.")
    return patient


async def _page(area: Looked, request: Request, visitor: Visitor) -> Response:
    site = area.site
    patient = check_may_read_log(site, visitor.record)
    asked = _asked(request, visitor)
    await area.settle()
    names = PartyNames()
    found: list[Recorded] = []
    cut = False
    async with site.server.database.snapshot() as reader:
        async for recorded in events_of(reader, patient, since=asked.since, until=asked.until):
            if len(found) >= MOST:
                cut = True
                break
            found.append(recorded)
        holders = {row[0] for row in await reader.fetch(_HOLDERS, patient)}
        await names.learn(reader, (party for each in found for party, _ in parties(each.event)))
    everybody = sorted({party_of(each.event).main for each in found} - {""}, key=lambda party: names(party).lower())
    if asked.who:
        found = [each for each in found if asked.who in party_of(each.event).keys]
    await site.recording.record(
        "log-read", 200, agent=visitor.agent, now=visitor.now, patients=(patient,), address=visitor.address
    )
    return site.page(
        request,
        visitor,
        "looked.html",
        days=by_day(merged(found)),
        everybody=[(party, names(party) or party.partition(":")[2]) for party in everybody],
        names=names,
        own=visitor.person.account,
        holders=holders,
        asked=asked,
        problems=asked.problems,
        cut=cut,
        periods=[(each, visitor.t(f"looked.period.{each}")) for each in (*PERIODS, "own")],
        called=lambda name: _called(visitor, name),
        clock=lambda at: f"{local(at):%H:%M}",
    )


def _called(visitor: Visitor, resource_type: str) -> str:
    """What a type of data is called; its own name where there is no other."""
    key = f"looked.type.{resource_type}"
    return visitor.t(key) if key in texts() else resource_type


def _asked(request: Request, visitor: Visitor) -> _Asked:
    """What the filter asks; what cannot be read is said, and the default shown."""
    query = request.query_params
    period = query.get("period", _DEFAULT)
    first, last = query.get("first", ""), query.get("last", "")
    problems: dict[str, str] = {}
    since, until = visitor.now - PERIODS[_DEFAULT] * 86_400_000_000, visitor.now + 1
    if period == "own":
        begin, end = _day(first), _day(last)
        if begin is None:
            problems["first"] = visitor.t("looked.bad_date")
        if end is None:
            problems["last"] = visitor.t("looked.bad_date")
        if begin is not None and end is not None:
            if end < begin:
                problems["last"] = visitor.t("looked.bad_order")
            else:
                since, until = _midnight(begin), _midnight(end + timedelta(days=1))
    elif period in PERIODS:
        since = visitor.now - PERIODS[period] * 86_400_000_000
    else:
        period = _DEFAULT
    return _Asked(since, until, period, first, last, query.get("who", ""), problems)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date) -> int:
    """The first moment of a day in Dutch local time, in µs."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()) * 1_000_000
