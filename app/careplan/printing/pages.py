"""The words of the document, handed over to be printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from app.careplan.document.content import Content, Item, Line
from app.careplan.document.texts import Texts
from app.careplan.printing.glyphs import FAMILIES, as_printed
from app.careplan.printing.press import Printer
from app.fhir.dates import LOCAL

SHORTENED: Final = 140
"""Characters of a title that has to go on in the annex."""
MOST_CALLED: Final = 4
"""Numbers of the network beside the emergency number; all of them stand in its section."""
_TEMPLATE: Final = Path(__file__).with_name("plan.typ")
_PAPER: Final = ("page", "calls", "annex", "in-annex", "in-annex-more", "in-annex-one", "in-annex-details")
_EMERGENCY: Final = "112"
_MANY: Final = 999


class Press(Printer):
    """Prints care plans."""

    def __init__(self) -> None:
        super().__init__(_TEMPLATE, "care plan")

    async def printed(self, content: Content, *, now: int, form: str = "pdf") -> bytes:
        """The pages of a plan. Raises what ``run`` does."""
        return await self.run(_Words(content).data(now=now), form=form)


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
