"""The page of an archive that says in plain words what is in it. One file, without scripts, readable anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

import yaml

from app.fhir.dates import instant

_STYLE: Final = (
    "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;"
    "border-bottom:1px solid #767676}@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}"
    "a{color:#9cf}}"
)


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("index_page.yaml").read_text("utf-8"))
    return found


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the page: how many resources of a type there are, in which data category."""

    type: str
    count: int
    category: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What the page says. ``limited``: some data categories may not be seen by who asked; ``omitted``: names of
    resources of which there is no XML; ``unread``: there is what could not be read; ``at`` in µs.
    """

    at: int
    kinds: Sequence[Kind]
    versions: int
    attachments: int
    permissions: bool
    limited: bool
    omitted: Sequence[str] = ()
    unread: bool = False


def index_page(summary: Summary, language: str) -> bytes:
    """The page in Dutch or English."""
    known = language if language in _texts() else "nl"
    t = _texts()[known]
    rows = "".join(
        f"<tr><td>{escape(each.category)}</td><td>{escape(each.type)}</td><td>{each.count}</td>"
        f'<td><a href="ndjson/{each.type}.ndjson">ndjson/{each.type}.ndjson</a></td></tr>'
        for each in summary.kinds
    )
    more = [*(["unread"] if summary.unread else []), *(["permissions", "log"] if summary.permissions else [])]
    parts = ["files", "history", "attachments", *more, "account"]
    listed = "".join(f"<li>{t[each]}</li>" for each in parts)
    notes = "".join(
        f"<p>{t[name]}</p>" for name, said in (("limited", summary.limited), ("omitted", summary.omitted)) if said
    )
    page = (
        f'<!doctype html><html lang="{known}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{t['title']}</title><style>{_STYLE}</style></head><body><main><h1>{t['title']}</h1>"
        f"<p>{t['made'].format(at=instant(summary.at)[:16].replace('T', ' '))}</p><p>{t['careful']}</p>{notes}"
        f'<h2>{t["what"]}</h2><table><thead><tr><th scope="col">{t["category"]}</th><th scope="col">{t["type"]}</th>'
        f'<th scope="col">{t["count"]}</th><th scope="col">{t["file"]}</th></tr></thead><tbody>{rows}</tbody></table>'
        f"<h2>{t['where']}</h2><ul>{listed}</ul>"
        f"<p>{t['counts'].format(versions=summary.versions, attachments=summary.attachments)}</p>"
        f"<p>{t['manifest']}</p></main></body></html>"
    )
    return page.encode()
