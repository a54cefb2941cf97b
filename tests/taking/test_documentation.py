"""The examples of ``docs/taking.md`` are answered as the page says."""

from __future__ import annotations

import re
from pathlib import Path

from app.fhir.resource import decode
from app.server.asgi import LARGEST_BODY
from app.server.interactions.entries import MOST_ENTRIES
from tests.postgresql import CHECKOUT
from tests.server.service import BASE, Caller
from tests.taking.deliveries import delivered, place, read, statuses

PAGE = (Path(CHECKOUT) / "docs" / "taking.md").read_text("utf-8")


async def test_the_delivery_of_the_page_is_taken(gp: Caller, anna: Caller) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    sent = decode(example.encode())
    known = await read(anna, "/Patient/anna")
    sent["entry"][0]["resource"]["birthDate"] = known["birthDate"]
    person, condition = await delivered(gp, sent)
    assert statuses([person, condition]) == [200, 201]
    assert place(person) == "/Patient/anna"
    assert statuses(await delivered(gp, sent)) == [200, 200]


async def test_the_search_of_the_page_leaves_out_what_was_given(gp: Caller) -> None:
    (line,) = re.findall(r"GET \[base\](\S+)", PAGE)
    address = line.replace("[base]", BASE).replace("<id>", "practice")
    assert (await gp.get(address)).status_code == 200


def test_the_limits_of_the_page_are_those_of_the_service() -> None:
    assert f"at most {MOST_ENTRIES:,} entries and {LARGEST_BODY // 1024 // 1024} MB" in PAGE
