"""What a person sees when an app asks to be let in: log in, pick a record, read what it asks, say yes or no.

Nothing that is decided comes from the form: what was shown waits under a secret of its own, tied to the request, the
account and the session, and counts once.
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from fastapi.responses import Response

from app.auth import tickets
from app.auth.accounts.acting import Record
from app.auth.consents.allowances import ACTIONS, CATEGORIES
from app.auth.consents.text import Terms, consent_text
from app.auth.oauth.asking import (
    PERIODS,
    USUAL,
    Allowance,
    Cells,
    actions_in,
    allowances,
    asked,
    chosen,
    end_of,
    rows,
)
from app.auth.oauth.authorize import WAITING_SECONDS, Consented, answered, is_allowed, let_in, proven_at
from app.auth.oauth.clients import Users
from app.auth.oauth.scopes import FHIR_USER, OFFLINE, OPENID
from app.auth.roles import Role
from app.server.access import OWN_USE
from app.web.authorize.waiting import CHANGED, PICKED, Waiting
from app.web.forms import Form
from app.web.problems import PageProblem

DECISION: Final = "authorization-decision"
_DECIDING: Final = frozenset({Role.PATIENT, Role.REPRESENTATIVE})
"""Who may give an app consent. A carer's app works where the patient has."""


async def show(waiting: Waiting) -> Response:
    """The next thing to settle, or the way back to the app."""
    silent = "none" in waiting.wanted.prompt
    if waiting.visitor.session is None:
        if silent:
            await waiting.use_up()
            return await waiting.send_back("login_required", "Nobody is logged in.")
        return _by_way_of(waiting, "/login")
    waiting.check_person()
    if reason := waiting.unfit():
        return await _cannot(waiting, reason)
    if _must_prove(waiting):
        if silent:
            await waiting.use_up()
            return await waiting.send_back("login_required", "The person has to log in again.")
        return _by_way_of(waiting, "/account/confirm")
    if waiting.scopes.needs_patient:
        return await _in_record(waiting, silent=silent)
    return await _decide(waiting, await _own(waiting), silent=silent)


async def act(waiting: Waiting, form: Form) -> Response:
    """What a button does."""
    waiting.check_person()
    do = form.get("do")
    if do == "deny":
        await waiting.use_up()
        return await waiting.send_back("access_denied", "The request was declined.")
    if waiting.unfit():
        raise PageProblem(403, "site.error.403")
    if do == "pick":
        return await _pick(waiting, form)
    if do == "change":
        ticked = [each for each in form.all("cell") if len(each) < 60][:200]
        period = form.get("period")
        return await waiting.again_with(
            **{CHANGED: {"cells": ticked, "period": period if period in PERIODS else USUAL}}
        )
    if do == "allow":
        return await _allow(waiting, form)
    raise PageProblem(400, "site.error.400")


def _by_way_of(waiting: Waiting, address: str) -> Response:
    """Somewhere first, and then back. By way of a page that goes on by itself, since the form of that other page may
    not lead to an app.
    """
    following = quote(f"{waiting.address}/continue", safe="")
    return waiting.site.go(waiting.visitor, f"{address}?next={following}")


def _must_prove(waiting: Waiting) -> bool:
    """Whether the app wants to be sure that the person is there now, and they have not shown it since it asked."""
    limit, proven = waiting.wanted.max_age, proven_at(waiting.person)
    if proven >= waiting.wanted.received:
        return False
    too_long = limit >= 0 and waiting.fhir_now - proven > limit * 1_000_000
    return too_long or bool({"login", "select_account"} & set(waiting.wanted.prompt))


async def _cannot(waiting: Waiting, reason: str) -> Response:
    """Why this does not work, and the way back."""
    if "none" in waiting.wanted.prompt:
        await waiting.use_up()
        return await waiting.send_back("access_denied", "The request was declined.")
    return waiting.page("cannot", status=403, reason=f"authorize.cannot.{reason}")


async def _own(waiting: Waiting) -> Record | None:
    """The person's own record, for an app that only asks who they are."""
    if waiting.client.users is Users.PROFESSIONALS:
        return None
    return next((each for each in await waiting.records() if each.role is Role.PATIENT), None)


async def _in_record(waiting: Waiting, *, silent: bool) -> Response:
    if waiting.is_picked:
        record = await waiting.record()
        if record is None:
            return await _cannot(waiting, "record")
        return await _decide(waiting, record, silent=silent)
    records = await waiting.records()
    if not records:
        return await _cannot(waiting, "none")
    if len(records) == 1 and waiting.client.users is Users.PATIENTS:
        return await _decide(waiting, records[0], silent=silent)
    if silent:
        await waiting.use_up()
        return await waiting.send_back("interaction_required", "A record has to be picked.")
    chosen_one = waiting.person.patient
    return waiting.page("pick", records=records, chosen=chosen_one)


async def _pick(waiting: Waiting, form: Form) -> Response:
    picked = form.get("patient")
    if not picked:
        return waiting.page(
            "pick",
            status=422,
            records=await waiting.records(),
            chosen=None,
            problems={"patient": waiting.visitor.t("authorize.pick.missing")},
        )
    if picked not in {each.patient_id for each in await waiting.records()}:
        raise PageProblem(403, "site.error.403")
    return await waiting.again_with(**{PICKED: picked})


async def _decide(waiting: Waiting, record: Record | None, *, silent: bool) -> Response:
    """Straight to the app where nothing has to be asked, else the question."""
    professional = waiting.client.users is Users.PROFESSIONALS
    carer = record is not None and record.role not in _DECIDING and not professional
    if carer and not await is_allowed(waiting.oauth, waiting.client, _needed(record), asked(waiting.scopes)):
        return await _cannot(waiting, "carer")
    if professional or carer or await answered(waiting.oauth, waiting.wanted, record, waiting.client):
        return await _enter(waiting, record)
    if silent:
        await waiting.use_up()
        return await waiting.send_back("consent_required", "The person has to be asked.")
    if not waiting.visitor.is_fresh:
        return _by_way_of(waiting, "/account/confirm")
    return await _question(waiting, record)


def _needed(record: Record | None) -> Record:
    assert record is not None, "looked at by the caller"
    return record


async def _enter(waiting: Waiting, record: Record | None) -> Response:
    await waiting.use_up()
    address = await let_in(waiting.oauth, waiting.person, waiting.wanted, waiting.client, record, scopes=waiting.scopes)
    return waiting.site.go(waiting.visitor, address)


async def _question(waiting: Waiting, record: Record | None) -> Response:
    """The consent screen. What it shows is kept under the secret of its form."""
    whole: Cells = asked(waiting.scopes) if record is not None else {}
    changed: dict[str, Any] = waiting.data.get(CHANGED) or {}
    cells = chosen(changed["cells"], whole) if changed else whole
    period = changed.get("period", USUAL)
    until = end_of(period, waiting.fhir_now)
    texts = [_shown(waiting, record, each, until) for each in allowances(cells)] if record is not None else []
    kept = {
        "request": waiting.mark,
        "session": waiting.person.hash.hex(),
        "patient": record.patient_id if record is not None else "",
        "cells": dict(cells),
        "texts": [
            {
                "labels": each.allowance.labels,
                "actions": each.allowance.actions,
                "text": each.text,
                "version": each.text_version,
                "language": each.language,
                "until": each.until,
            }
            for each in texts
        ],
    }
    async with waiting.oauth.database.write() as writer:
        decision = await tickets.issue(
            writer,
            DECISION,
            now=waiting.fhir_now,
            seconds=WAITING_SECONDS,
            account=waiting.person.account,
            data=kept,
        )
    empty = any(whole.values()) and not texts
    return waiting.page(
        "consent",
        record=record,
        texts=[each.text for each in texts],
        empty=empty,
        decision=decision,
        table=[(name, CATEGORIES[name], found) for name, found in rows(whole)],
        actions=list(ACTIONS),
        cells={f"{action}:{name}" for name, found in rows(cells) for action in found},
        periods=list(PERIODS),
        period=period,
        identity=bool({OPENID, FHIR_USER} & set(waiting.scopes.context)),
        offline=OFFLINE in waiting.scopes.context,
        changed=bool(changed),
    )


def _shown(waiting: Waiting, record: Record, allowance: Allowance, until: int) -> Consented:
    terms = Terms(waiting.client.name, OWN_USE, allowance.labels, allowance.actions, waiting.fhir_now, until)
    text = consent_text(
        terms,
        language=waiting.visitor.language,
        now=waiting.fhir_now,
        representative=record.role is Role.REPRESENTATIVE,
    )
    return Consented(allowance, text.text, text.version, text.language, until)


async def _allow(waiting: Waiting, form: Form) -> Response:
    """Yes to exactly what was shown, by the same person in the same session, once."""
    if not waiting.visitor.is_fresh:
        return _by_way_of(waiting, "/account/confirm")
    decision = await tickets.take(waiting.oauth.database, DECISION, form.get("decision"), now=waiting.fhir_now)
    session = waiting.person
    if decision is None:
        raise PageProblem(410, "authorize.error.gone")
    kept = decision.data
    if (decision.account, kept["request"], kept["session"]) != (session.account, waiting.mark, session.hash.hex()):
        raise PageProblem(403, "authorize.error.other_person")
    record = None
    if kept["patient"]:
        record = next((each for each in await waiting.records() if each.patient_id == kept["patient"]), None)
        if record is None or record.role not in _DECIDING:
            return await _cannot(waiting, "record")
    agreed = [
        Consented(
            Allowance(each["labels"], each["actions"]), each["text"], each["version"], each["language"], each["until"]
        )
        for each in kept["texts"]
    ]
    whole = asked(waiting.scopes)
    if any(whole.values()) and not agreed:
        raise PageProblem(422, "authorize.consent.nothing")
    await waiting.use_up()
    scopes = waiting.scopes.within(actions_in(kept["cells"])) if agreed else waiting.scopes
    address = await let_in(
        waiting.oauth,
        session,
        waiting.wanted,
        waiting.client,
        record,
        scopes=scopes,
        agreed=agreed,
        decided=whole,
    )
    return waiting.site.go(waiting.visitor, address)
