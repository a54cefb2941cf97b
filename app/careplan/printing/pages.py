"""The words of the document, handed over to be printed."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import weakref
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from app.careplan.document.content import Content, Item, Line
from app.careplan.document.texts import Texts
from app.careplan.printing.glyphs import FAMILIES, FONTS, as_printed, font
from app.errors import Unavailable, Unprocessable
from app.fhir.dates import LOCAL

MOST_CHARACTERS: Final = 1_000_000
"""Of all words together: some four hundred pages."""
PATIENCE: Final = 30.0
"""Seconds that one document may take."""
AT_ONCE: Final = 2
"""Documents that are printed at the same time by one process of the service."""
SHORTENED: Final = 140
"""Characters of a title that has to go on in the annex."""
MOST_CALLED: Final = 4
"""Numbers of the network beside the emergency number; all of them stand in its section."""
_WORKER: Final = Path(__file__).with_name("worker.py")
_ROOT: Final = Path(__file__).parents[3]
_PAPER: Final = ("page", "calls", "annex", "in-annex", "in-annex-more", "in-annex-one", "in-annex-details")
_EMERGENCY: Final = "112"
_MANY: Final = 999


class Press:
    """Prints for one process of the service, a few documents at a time. The fonts, which hold nothing of anybody, are
    files in a folder of its own, made at first use.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._folder: Path | None = None

    async def printed(self, content: Content, *, now: int, form: str = "pdf") -> bytes:
        """The pages as PDF/UA-1 (``form`` png: as pictures, each with its length in four bytes before it). Raises
        ``Unprocessable`` for a plan that is too large, ``Unavailable`` when it takes too long.
        """
        data = _Words(content).data(now=now)
        if _size(data) > MOST_CHARACTERS:
            raise Unprocessable(
                "This care plan is too large to be printed; ask for application/fhir+json.", "too-costly"
            )
        return await self._run(json.dumps({**data, "form": form}).encode())

    async def _run(self, data: bytes) -> bytes:
        """What the worker makes of it."""
        async with self._places:
            fonts = await asyncio.to_thread(self._fonts)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", str(_WORKER), str(fonts), str(_ROOT), stdin=PIPE, stdout=PIPE, stderr=DEVNULL
            )
            try:
                async with asyncio.timeout(PATIENCE):
                    pages, _ = await process.communicate(data)
            except TimeoutError:
                raise Unavailable("Printing this care plan takes too long; ask for application/fhir+json.") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode != 0 or not pages:
            raise Unavailable("This care plan cannot be printed now; ask for application/fhir+json.")
        return pages

    def _fonts(self) -> Path:
        if self._folder is None or not all((self._folder / f"{name}.ttf").is_file() for name in FONTS):
            self._folder = Path(tempfile.mkdtemp(prefix="zelfregie-fonts-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            for name in FONTS:
                (self._folder / f"{name}.ttf").write_bytes(font(name))
        return self._folder


def _size(value: Any) -> int:
    """The characters in a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 0


@dataclass(slots=True)
class _Words:
    """The data that the pages are set from; remembers whether some character could not be printed."""

    content: Content
    replaced: bool = False

    def data(self, *, now: int) -> dict[str, Any]:
        content, texts = self.content, Texts(self.content.language)
        moment = datetime.fromtimestamp(now // 1_000_000, UTC).astimezone(LOCAL)
        sections = [
            {
                "code": each.code,
                "title": each.title,
                "notice": texts("paper.in-annex-more", number=_MANY),
                "items": [self._item(item, texts) for item in each.items],
            }
            for each in content.sections
            if each.items
        ]
        name = content.name or content.title
        found = {
            "language": content.language,
            "fonts": list(FAMILIES),
            "title": self._text(content.title),
            "document": self._text(" · ".join(filter(None, (content.title, content.name)))),
            "author": self._text(name),
            "person": self._text(content.person),
            "revision": self._text(content.revision),
            "footer": self._text(" · ".join(filter(None, (name, content.revision)))),
            "facts": [self._text(each) for each in content.facts],
            "current": content.current,
            "source": self._text(content.source),
            "calls": self._calls(texts),
            "sections": sections,
            "annex-notice": texts("paper.in-annex", sections="; ".join(each.title for each in content.sections)),
            "words": {each: texts.template(f"paper.{each}") for each in _PAPER},
            "date": {"year": moment.year, "month": moment.month, "day": moment.day},
            "timestamp": now // 1_000_000,
        }
        remarks = [*content.remarks, *([texts("remark.script")] if self.replaced else [])]
        empty = [each.title for each in content.sections if not each.items]
        if empty:
            remarks.append(texts("paper.nothing-yet", sections="; ".join(empty)))
        return {**found, "remarks": remarks}

    def _text(self, text: str) -> str:
        shown, replaced = as_printed(text)
        self.replaced |= replaced
        return shown

    def _item(self, item: Item, texts: Texts) -> dict[str, Any]:
        title = self._text(item.title)
        short = title
        if len(title) > SHORTENED:
            start = title[:SHORTENED].rpartition(" ")[0] or title[:SHORTENED]
            short = texts("paper.continued", start=start)
        return {
            "title": title,
            "short": short,
            "lines": self._lines(item.lines),
            "more": self._lines(item.more),
            "tone": item.tone,
        }

    def _lines(self, lines: tuple[Line, ...]) -> list[dict[str, str]]:
        return [{"label": self._text(each.label), "text": self._text(each.text)} for each in lines]

    def _calls(self, texts: Texts) -> list[dict[str, str]]:
        """Whom to call: the emergency number, those of the network, and help for who thinks of suicide."""
        people = [item for section in self.content.sections for item in section.items if item.phone]
        return [
            {"number": _EMERGENCY, "who": texts("paper.emergency")},
            *({"number": self._text(each.phone), "who": self._text(each.title)} for each in people[:MOST_CALLED]),
            {"number": texts("paper.suicide-number"), "who": texts("paper.suicide")},
        ]
