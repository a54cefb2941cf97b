"""What ``zelfregie packages`` does, in the process that holds the database."""

from __future__ import annotations

import asyncio
import datetime
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from app.cli.control import Asked, Done, Line, Say
from app.config import Settings
from app.errors import ZelfregieError
from app.fhir.packages.reading import Package, read
from app.server.packages import keeping
from app.server.packages.built_in import PACKAGE, built_in
from app.server.packages.keeping import Installed
from app.server.server import FhirServer

_MOST_LINES: Final = 20


async def _install(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    packages: list[Package] = []
    for file in asked.files:
        # In a thread: a service goes on answering meanwhile.
        packages += await asyncio.to_thread(_read, Path(file), asked.options["name"])
    states = await keeping.install(
        server.database, packages, replace=bool(asked.options["replace"]), now=server.clock()
    )
    found = {each.package: each for each in await keeping.listed(server.database)}
    remarks = {each.name: each.remarks for each in packages}
    left_out = {each.name: each.left_out for each in packages}
    for name, state in states.items():
        await say(Line(f"{_line(found[name])}, {state}"))
        if left_out[name]:
            await say(Line(f"  {left_out[name]} files with examples and other resources were left out"))
        for text in (*_short(remarks[name]), *_missing(found[name]), *_shared(found[name])):
            await say(Line(f"  {text}"))
    await say(Done(dict(Counter(states.values()))))


def _read(path: Path, name: str) -> tuple[Package, ...]:
    """Raises ``ZelfregieError`` that names the path."""
    try:
        return read(path, name)
    except ZelfregieError as error:
        error.diagnostics = f"{path}: {error.diagnostics}"
        raise


async def _list(_: Settings, server: FhirServer, __: Asked, say: Say) -> None:
    own = built_in(server.canonical_base)
    await say(Line(f"{PACKAGE}  FHIR 4.0.1  {_counted(Counter(each.kind for each in own))}, built in"))
    found = await keeping.listed(server.database)
    for each in found:
        when = datetime.datetime.fromtimestamp(each.installed / 1_000_000, datetime.UTC)
        await say(Line(f"{_line(each)}, installed {when:%Y-%m-%d %H:%M} UTC"))
        for text in _missing(each):
            await say(Line(f"  {text}"))
        for other, canonicals in each.shared.items():
            await say(Line(f"  {len(canonicals)} canonicals are in {other} too"))
    await say(Done({"packages": len(found)}))


async def _remove(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    package = asked.options["package"]
    count = await keeping.remove(server.database, package)
    await say(Line(f"{package} is removed, with its {count} resources."))
    for each in await keeping.listed(server.database):
        if any(wanted.name == package.partition("#")[0] for wanted in each.missing):
            await say(Line(f"  {each.package} builds upon it."))
    await say(Done({"packages": 1}))


def _line(package: Installed) -> str:
    return f"{package.package}  FHIR {package.fhir_version}  {_counted(package.counts)}"


def _counted(counts: Mapping[str, int]) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    return f"{sum(counts.values())} resources ({kinds})"


def _missing(package: Installed) -> Iterator[str]:
    """What it asks for that is not there."""
    for each in package.missing:
        others = f" ({', '.join(each.held)} is)" if each.held else ""
        yield f"asks for {each.name}#{each.wanted}, which is not installed{others}"


def _shared(package: Installed) -> Iterator[str]:
    """What it has in common with others."""
    for other, canonicals in package.shared.items():
        yield f"{len(canonicals)} canonicals are in {other} too; the newest counts, of equals the last installed:"
        yield from (f"  {text}" for text in _short(canonicals))


def _short(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"and {len(lines) - _MOST_LINES} more"


PACKAGE_ORDERS: Final[Mapping[str, Callable[[Settings, FhirServer, Asked, Say], Awaitable[None]]]] = {
    "packages-install": _install,
    "packages-list": _list,
    "packages-remove": _remove,
}
"""By the name of the command."""
