"""What ``zelfregie questionnaires`` does, in the process that holds the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from app.cli.control import Asked, Done, Line, Say
from app.config import Settings
from app.questionnaires.counting import LEAST, counts_of
from app.questionnaires.installing import keeping
from app.questionnaires.installing.keeping import Installed
from app.questionnaires.installing.reading import content_of, read
from app.questionnaires.installing.wanted import Order
from app.questionnaires.instruments import shipped
from app.questionnaires.names import Names
from app.server.server import FhirServer


async def _install(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    given = asked.options
    # In a thread: a service goes on answering meanwhile.
    data, *scoring = [await asyncio.to_thread(content_of, Path(each)) for each in asked.files]
    told = {name: given[name] for name in ("licence", "holder", "number", "until", "source", "base")}
    order = Order(**told, scoring=scoring[0] if scoring else None, safety=given["safety"].split())
    wanted = await asyncio.to_thread(read, data, order, server.definitions, Names(server.canonical_base))
    tenant, replace = int(given["tenant"]), bool(given["replace"])
    canonical = await keeping.install(server, wanted, tenant=tenant, replace=replace, now=server.clock())
    until = f" until {wanted.licence.until}" if wanted.licence.until else ""
    await say(Line(f"{canonical} is installed, and can be used{until}."))
    base = shipped(server.canonical_base).get(wanted.facts["base"])
    if wanted.scoring is None and "keyed" in (base.row if base is not None else {}):
        await say(Line("  There is no key in it: what needs one is not computed."))
    await say(Done({"questionnaires": 1}))


async def _list(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    for each in shipped(server.canonical_base).values():
        state = "can be used" if each.wording == "own" else "cannot be used: its wording is not here"
        await say(Line(f"{each.url}|{each.version}  {each.licence.holder}  {state}"))
    found = await keeping.listed(server.database, tenant=int(asked.options["tenant"]))
    for one in found:
        await say(Line(f"{one.canonical}  {one.licence.holder}  installed, {_state(one, server.clock())}"))
        number = f"licence {one.licence.number}, " if one.licence.number else ""
        key = "with a key of its own" if one.scored else "without a key of its own"
        await say(Line(f"  {number}from {one.licence.source}, {key}"))
    await say(Done({"questionnaires": len(found)}))


async def _remove(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    given = asked.options
    removed = await keeping.remove(
        server, given["canonical"], tenant=int(given["tenant"]), erase=bool(given["erase"]), now=server.clock()
    )
    wording = "Its wording is erased." if given["erase"] else "Its wording stays with what was answered, as retired."
    await say(Line(f"{removed.canonical} can no more be used, and its key is deleted. {wording}"))
    await say(Line("  What was answered stays. A task that asks for it cannot be completed any more."))
    await say(Done({"questionnaires": 1}))


async def _counts(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    found = await counts_of(server, asked.options["canonical"], tenant=int(asked.options["tenant"]))
    if found.respondents is None:
        await say(Line(f"Fewer than {LEAST} people filled this in: nothing is told of it."))
    else:
        await say(Line(f"{found.respondents} people filled this in. – is not told: too few people would be in it."))
    for each in found.questions:
        await say(Line(f"{each.link_id}  {each.text}".rstrip()))
        for answer, number in each.cells:
            await say(Line(f"  {'–' if number is None else number}  {answer}"))
    await say(Done({"respondents": found.respondents or 0}))


def _state(one: Installed, now: int) -> str:
    if one.removed:
        return "removed"
    if one.ended(now=now):
        return f"cannot be used: the licence ended after {one.licence.until}"
    return f"can be used until {one.licence.until}" if one.licence.until else "can be used"


QUESTIONNAIRE_ORDERS: Final[Mapping[str, Callable[[Settings, FhirServer, Asked, Say], Awaitable[None]]]] = {
    "questionnaires-install": _install,
    "questionnaires-list": _list,
    "questionnaires-remove": _remove,
    "questionnaires-counts": _counts,
}
"""By the name of the command."""
