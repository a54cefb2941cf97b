"""``/pairing``: a one-time code by which an organisation's system learns which patient is meant. Shown once."""

from __future__ import annotations

from typing import Final

import segno
from fastapi.responses import Response

from app.auth.consents import service as consents
from app.auth.consents.directory import Recipient
from app.auth.consents.pairing import LIFE, Pairing, PairingCode
from app.auth.recipients import parts
from app.auth.sealing import Seal
from app.database import Writer
from app.errors import Unprocessable
from app.web.permissions.listing import deciding
from app.web.permissions.visit import Visit

MINUTES: Final = LIFE // 60_000_000


async def show(visit: Visit) -> Response:
    """For which organisation."""
    return visit.page("pairing", organizations=_listed(await _organizations(visit)))


async def make(visit: Visit) -> Response:
    """The code, on the answer itself: it is stored as a keyed hash only. To let in is to widen, so it takes a second
    factor that was just given.
    """
    form = await visit.form()
    visit.check_fresh()
    known = {each.key: each for each in await _organizations(visit)}
    chosen = known.get(form.get("organization"))
    if chosen is None:
        problems = {"organization": visit.visitor.t("permissions.problem.organization")}
        return visit.page("pairing", problems=problems, organizations=_listed(list(known.values())))
    pairing = Pairing(Seal(visit.site.settings.page_key(), "pairing"))

    async def work(writer: Writer) -> PairingCode:
        return await pairing.make(
            writer,
            patient=visit.patient,
            organization=parts(chosen.key)[1],
            given_by=visit.visitor.person.account,
            now=visit.now,
        )

    try:
        code = await deciding(visit, work)
    except Unprocessable:  # the permission ended just now
        return visit.go("/pairing")
    await visit.decided("pairing-code")
    title = visit.visitor.t("permissions.pairing.picture")
    return visit.page("code", code=code, name=chosen.name, minutes=MINUTES, picture=picture(code.text, title))


def _listed(organizations: list[Recipient]) -> list[tuple[str, str]]:
    return [(each.key, each.name) for each in organizations]


async def _organizations(visit: Visit) -> list[Recipient]:
    """Those that have a permission now, by name."""
    found = {
        each.recipient: Recipient(each.recipient, each.recipient_name)
        for each in await consents.current(visit.site.server.database, visit.patient)
        if each.holds(visit.now) and parts(each.recipient)[0] == "organization"
    }
    return sorted(found.values(), key=lambda each: each.name.casefold())


def picture(text: str, title: str) -> str:
    """The code as a QR code, an ``<svg>`` element. ``title`` is what a screen reader says of it."""
    return segno.make(text.replace("-", ""), error="m", micro=False).svg_inline(
        scale=5, border=4, dark="#000", light="#fff", title=title, svgclass="qr", lineclass=None, omitsize=True
    )
