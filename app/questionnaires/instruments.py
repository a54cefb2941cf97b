"""Instruments: a Questionnaire with what is not in it, its licence record and its scoring program.

Those that come with this service are files beside this one (``instruments/*.yaml``); what a tenant installed is in the
table ``instrument``, and counts before them. https://hl7.org/fhir/R4/questionnaire.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import yaml

from app.database import Reader

FOLDER: Final = Path(__file__).with_name("instruments")
Wording = Literal["own", "shell", "installed"]
_GENERATION: Final = "SELECT value FROM setting WHERE name = 'instruments'"
_INSTALLED: Final = "SELECT catalogue, url, version, licence, scoring, facts FROM instrument"


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the wording and the key, and on which terms they may be used. ``redistributable``: whether the wording
    may be handed on: yes, no or unknown; ``line``: what must be shown beside the questions; ``period``: until when
    (YYYY-MM-DD), "" without an end; ``source``: where the text came from.
    """

    holder: str
    terms: str
    redistributable: Literal["yes", "no", "unknown"] = "unknown"
    line: str = ""
    number: str = ""
    until: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument. ``wording``: our own; a shell, which cannot be used; or installed. ``scoring``: the program as
    data, None where nothing is scored; ``row``: all that the file says, for what else is known of it (``help``, the
    items that need a help text, what it is offered after).
    """

    url: str
    version: str
    wording: Wording
    licence: Licence
    scoring: Mapping[str, Any] | None
    row: Mapping[str, Any]


@cache
def shipped(canonical_base: str) -> Mapping[str, Instrument]:
    """Those that come with this service, by the URL of their Questionnaire."""
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        row = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
        url = f"{canonical_base}/Questionnaire/{path.stem}"
        licence = msgspec.convert(row["licence"], Licence)
        found[url] = Instrument(url, str(row["version"]), row["wording"], licence, row.get("scoring"), row)
    return found


class Instruments:
    """What one server has of instruments. Each question costs one small statement; what was read for an earlier one is
    given again until something was installed, here or in another process.
    """

    def __init__(self, canonical_base: str) -> None:
        self._canonical_base = canonical_base
        self._generation = -1
        self._installed: Mapping[tuple[int, str, str], Instrument] = {}

    async def find(self, reader: Reader, catalogue: int, url: str, version: str) -> Instrument | None:
        """The instrument of a Questionnaire that stands in a catalogue; None when there is only the Questionnaire."""
        generation = int((await reader.fetch(_GENERATION))[0][0])
        if generation > self._generation:
            self._installed = await self._read(reader)
            self._generation = generation
        return self._installed.get((catalogue, url, version)) or shipped(self._canonical_base).get(url)

    async def _read(self, reader: Reader) -> Mapping[tuple[int, str, str], Instrument]:
        found = {}
        for catalogue, url, version, licence, scoring, facts in await reader.fetch(_INSTALLED):
            said = msgspec.json.decode(facts)
            base = shipped(self._canonical_base).get(said["base"])
            found[catalogue, url, version] = Instrument(
                url,
                version,
                "installed",
                msgspec.json.decode(licence, type=Licence),
                msgspec.json.decode(scoring) or (None if base is None else base.scoring),
                {**({} if base is None else base.row), **said},
            )
        return found
