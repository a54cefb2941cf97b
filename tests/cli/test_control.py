"""The socket beside a SQLite file: one command per connection, said back line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from app.cli.control import Asked, Done, Refused, Run, Said, Say, ask, listening, socket_path
from app.errors import Invalid, Issue, Unavailable, ZelfregieError
from app.fhir.languages import Both

ISSUE = Issue("value", "Niet goed.", ("Goal.note", "Goal.target[1]"), "warning", "goal-1")


@dataclass
class Heard:
    """What a command said, in its order."""

    said: list[Said] = field(default_factory=list)
    first: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, said: Said) -> None:
        self.said.append(said)
        self.first.set()


@asynccontextmanager
async def taking(folder: Path, run: Run) -> AsyncIterator[Path]:
    path = socket_path(folder / "x.db")
    async with listening(path, run):
        yield path
    assert not path.exists()


async def test_what_a_command_says_arrives_as_it_was_said(tmp_path: Path) -> None:
    asked = Asked("load", ("/a file", "/één"), "anna")

    async def run(given: Asked, say: Say) -> None:
        assert given == asked
        await say(Refused("a file", (ISSUE,)))
        await say(Done({"stored": 3}))

    async with taking(tmp_path, run) as path:
        heard = Heard()
        await ask(path, asked, heard)
    assert heard.said == [Refused("a file", (ISSUE,)), Done({"stored": 3})]


async def test_a_text_in_both_languages_arrives_as_one(tmp_path: Path) -> None:
    both = Both("A revision names its plan.", "Een herziening noemt haar plan.")
    issue = Issue("business-rule", both)

    async def run(_: Asked, say: Say) -> None:
        await say(Refused("a file", (issue,)))
        raise Invalid(both, "business-rule", (issue,))

    async with taking(tmp_path, run) as path:
        heard = Heard()
        with pytest.raises(ZelfregieError) as raised:
            await ask(path, Asked("load"), heard)
    assert heard.said == [Refused("a file", (replace(issue, diagnostics=str(both)),))]
    assert raised.value.diagnostics == str(both)


async def test_a_refusal_is_said_before_the_command_has_ended(tmp_path: Path) -> None:
    goes_on = asyncio.Event()

    async def run(_: Asked, say: Say) -> None:
        await say(Refused("a", ()))
        await goes_on.wait()
        await say(Done({}))

    async with taking(tmp_path, run) as path:
        heard = Heard()
        asking = asyncio.create_task(ask(path, Asked("load"), heard))
        await heard.first.wait()
        assert heard.said == [Refused("a", ())]
        goes_on.set()
        await asking
    assert heard.said[-1] == Done({})


async def test_an_error_is_raised_where_it_was_asked(tmp_path: Path) -> None:
    async def run(_: Asked, say: Say) -> None:
        raise Invalid("Zo niet.", "not-found", (ISSUE,))

    async with taking(tmp_path, run) as path:
        with pytest.raises(ZelfregieError) as raised:
            await ask(path, Asked("load"), Heard())
    assert (raised.value.diagnostics, raised.value.code, raised.value.issues) == ("Zo niet.", "not-found", (ISSUE,))


async def test_a_fault_is_told_without_its_details(tmp_path: Path) -> None:
    async def run(_: Asked, say: Say) -> None:
        raise RuntimeError("het geheim")

    async with taking(tmp_path, run) as path:
        with pytest.raises(ZelfregieError, match="its log says what") as raised:
            await ask(path, Asked("load"), Heard())
    assert "geheim" not in str(raised.value)


async def test_a_command_ends_when_who_asked_goes_away(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def run(_: Asked, say: Say) -> None:
        try:
            await say(Refused("a", ()))
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with taking(tmp_path, run) as path:
        heard = Heard()
        asking = asyncio.create_task(ask(path, Asked("load"), heard))
        await heard.first.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await ended.wait()


async def test_a_command_is_told_that_the_service_stops(tmp_path: Path) -> None:
    async def run(_: Asked, say: Say) -> None:
        await say(Refused("a", ()))
        await asyncio.Event().wait()

    heard = Heard()
    async with taking(tmp_path, run) as path:
        asking = asyncio.create_task(ask(path, Asked("load"), heard))
        await heard.first.wait()
    with pytest.raises(ZelfregieError, match="stopped meanwhile"):
        await asking


async def test_commands_run_beside_each_other(tmp_path: Path) -> None:
    both = asyncio.Barrier(2)

    async def run(asked: Asked, say: Say) -> None:
        await both.wait()
        await say(Done({asked.command: 1}))

    async with taking(tmp_path, run) as path:
        one, other = Heard(), Heard()
        await asyncio.gather(ask(path, Asked("one"), one), ask(path, Asked("other"), other))
    assert (one.said, other.said) == ([Done({"one": 1})], [Done({"other": 1})])


async def test_a_folder_with_a_long_name_does_not_matter(tmp_path: Path) -> None:
    async def run(_: Asked, say: Say) -> None:
        await say(Done({}))

    folder = tmp_path / ("a" * 100) / ("b" * 100)
    folder.mkdir(parents=True)
    async with taking(folder, run) as path:
        heard = Heard()
        await ask(path, Asked("load"), heard)
    assert heard.said == [Done({})]


async def test_a_socket_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    async def run(_: Asked, say: Say) -> None:
        await say(Done({}))

    with pytest.raises(Unavailable, match=r"x\.db\.sock"):
        async with listening(tmp_path / "none" / "x.db.sock", run):
            pass


async def test_where_nobody_listens_any_more_nobody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await ask(socket_path(tmp_path / "x.db"), Asked("load"), Heard())
