"""The summary or the BgZ on paper: tagged PDF (PDF/UA-1), A4. https://pdfa.org/resource/iso-14289-pdfua/"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from app.bgz.summary.content import Content
from app.bgz.telling.entries import WORDS
from app.careplan.document.content import Item
from app.careplan.document.texts import Texts
from app.careplan.printing.glyphs import FAMILIES, as_printed
from app.careplan.printing.press import Printer
from app.fhir.dates import LOCAL

_TEMPLATE: Final = Path(__file__).with_name("record.typ")


class RecordPress(Printer):
    """Prints summaries and the BgZ."""

    def __init__(self) -> None:
        super().__init__(_TEMPLATE, "overview")

    async def printed(self, content: Content, *, now: int, form: str = "pdf") -> bytes:
        """The pages. Raises what ``run`` does."""
        return await self.run(_Words(content).data(now), form=form)


class _Words:
    """The data that the pages are set from; remembers whether some character could not be printed."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._replaced = False

    def data(self, now: int) -> dict[str, Any]:
        content, texts = self._content, Texts(self._content.language, WORDS)
        moment = datetime.fromtimestamp(now // 1_000_000, UTC).astimezone(LOCAL)
        name = content.name or content.title
        found = {
            "language": content.language,
            "fonts": list(FAMILIES),
            "title": content.title,
            "document": self._text(" · ".join(dict.fromkeys((content.title, name)))),
            "author": "Zelfregie",
            "person": self._text(content.person),
            "footer": self._text(" · ".join(dict.fromkeys((name, content.title)))),
            "told-first": list(content.told_first),
            "sources": [self._text(each) for each in content.sources],
            "sections": [
                {
                    "title": each.words.title,
                    "empty": self._text(each.words.empty),
                    "items": [self._item(item) for item in each.words.items],
                }
                for each in content.chapters
            ],
            "words": {"page": texts.template("head.page"), "sources": texts("head.sources")},
            "date": {"year": moment.year, "month": moment.month, "day": moment.day},
            "timestamp": now // 1_000_000,
        }
        return {**found, "remarks": [texts("head.script")] if self._replaced else []}

    def _text(self, text: str) -> str:
        shown, replaced = as_printed(text)
        self._replaced |= replaced
        return shown

    def _item(self, item: Item) -> dict[str, Any]:
        lines = [{"label": self._text(each.label), "text": self._text(each.text)} for each in item.all_lines()]
        return {"title": self._text(item.title), "lines": lines}
