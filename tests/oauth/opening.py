"""Opening an app from its page."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from lxml import html


async def opened(browser: httpx.AsyncClient, page: httpx.Response, client: str) -> dict[str, str]:
    """Press the button that opens ``client``; what its launch URI is given."""
    root: Any = html.document_fromstring(page.text)
    (form,) = root.xpath(f"//form[@action='/apps/open'][input[@name='client' and @value='{client}']]")
    data = {each.get("name"): each.get("value") for each in form.xpath(".//input")}
    answer = await browser.post("/apps/open", data=data)
    assert answer.status_code == 303, answer.text
    return {name: value for name, (value,) in parse_qs(urlsplit(answer.headers["location"]).query).items()}
