"""The page where a parent begins the record of a child under 12. An administrator confirms it before it opens."""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from app.auth.accounts import helping, representation
from app.auth.accounts.mandates import Ground
from app.auth.accounts.own_record import Names
from app.errors import Unprocessable
from app.web.people.visit import Visit, explained, refusal_key

_FIELDS: Final = ("given", "family", "birth_date")


async def show(visit: Visit) -> Response:
    """The form, and which children wait."""
    visit.site.check_fresh(visit.visitor)
    return await _page(visit, dict.fromkeys(_FIELDS, ""))


async def start(visit: Visit) -> Response:
    """Begin the record; it waits for an administrator."""
    form = await visit.form()
    visit.site.check_fresh(visit.visitor)
    given = {name: form.get(name) for name in _FIELDS}
    problems = {
        name: visit.visitor.t(f"people.problem.{name}") for name in Names(given["given"], given["family"]).problems
    }
    if form.get("declared") != "yes":
        problems["declared"] = visit.visitor.t("people.problem.declared")
    if problems:
        return await _page(visit, given, problems)
    with explained():
        try:
            mandate = await helping.start_child(visit.accounts, visit.visitor.person, now=visit.now, **given)
        except Unprocessable as error:
            return await _page(visit, given, {"birth_date": visit.visitor.t(refusal_key(error))})
    await visit.record("mandate-asked", patients=[mandate.patient])
    return visit.go("/people/child?done=asked")


async def _page(visit: Visit, given: dict[str, str], problems: dict[str, str] | None = None) -> Response:
    mine = await representation.of_account(visit.accounts.database, visit.visitor.person.account)
    asked = [each for each in mine if each.ground is Ground.PARENTAL_AUTHORITY and each.state in ("asked", "refused")]
    return visit.page("child", problems=problems, given=given, asked=asked)
