"""A-50…A-53: what another patient has is not found, read, counted, linked to or brought along; every answer is that
which an id gets that nobody has.

Covered besides: tests/server/test_access.py, test_compartment.py, test_search_links.py, test_search_chains.py,
test_search_includes.py, test_history.py, test_type_history.py, test_read.py.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.builders import LOINC, WEIGHT, goal, observation, reference
from tests.server.service import BASE, Caller

HIS: Final = "his"
NOBODYS: Final = "nobodys"
SECRET: Final = "GEHEIM"


@pytest.fixture
async def his(bram: Caller, anna: Caller) -> None:
    """What Bram has, twice changed, once deleted; Anna names it wherever a reference can stand."""
    await bram.keep(goal("Patient/bram", id=HIS, note=[{"text": SECRET}]))
    for text in (SECRET, f"{SECRET} 2"):
        await bram.keep(observation("Patient/bram", id=HIS, note=[{"text": text}], focus=[reference(f"Goal/{HIS}")]))
    await bram.keep(observation("Patient/bram", id=f"{HIS}-gone", note=[{"text": SECRET}]))
    await bram.delete(f"/Observation/{HIS}-gone")
    for name in (HIS, NOBODYS):
        await anna.keep(
            observation(
                id=f"about-{name}",
                focus=[
                    reference(f"Observation/{name}"),
                    reference("Patient/bram" if name == HIS else "Patient/nobodys"),
                ],
                hasMember=[reference(f"Observation/{name}"), reference(f"{BASE}/Observation/{name}")],
                performer=[reference("Patient/bram" if name == HIS else "Patient/nobodys")],
            )
        )


def plain(text: str) -> str:
    """Without the ids that were asked for, and without what belongs to one request or one moment."""
    text = re.sub(r"_page=[^\"&]*", "_page=", text)
    text = re.sub(r'"lastUpdated":"[^"]*"', "", text)
    return re.sub(r"his-gone|nobodys-gone|bram|his|nobodys", "?", text)


async def alike(caller: Caller, method: str, address: str, body: bytes | None = None) -> None:
    """Bram's id and one that nobody has get the same answer, headers included."""
    answers = []
    for name, person in ((HIS, "bram"), (NOBODYS, "nobodys")):
        sent = None if body is None else body.replace(b"{id}", name.encode()).replace(b"{person}", person.encode())
        headers = {"content-type": "application/x-www-form-urlencoded"} if body is not None else None
        answers.append(
            await caller.send(method, address.replace("{id}", name).replace("{person}", person), sent, headers)
        )
    first, second = answers
    assert SECRET not in first.text
    assert first.status_code == second.status_code
    assert plain(first.text) == plain(second.text)
    leave = ("x-request-id", "content-length")
    heads = [{name: value for name, value in each.headers.items() if name not in leave} for each in answers]
    assert heads[0] == heads[1]


@pytest.mark.parametrize(
    "address",
    [
        "/Observation/{id}",
        "/Observation/{id}/_history",
        "/Observation/{id}/_history/1",
        "/Observation/{id}/_history/2",
        "/Observation/{id}/_history/3",
        "/Observation/{id}-gone",
        "/Observation/{id}-gone/_history",
        "/Observation/{id}-gone/_history/1",
        "/Observation/{id}-gone/_history/2",
        "/Patient/{person}",
        "/Patient/{person}/_history",
        "/Patient/{person}/Observation/{id}",
        "/Patient/anna/Observation/{id}",
        "/Patient/{person}/Observation/{id}/_history/1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a50_a_read_is_that_of_what_is_not_there(anna: Caller, his: None, address: str, method: str) -> None:
    await alike(anna, method, address)
    headers = {"if-none-match": 'W/"1"', "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    answer = await anna.send(method, address.replace("{id}", HIS).replace("{person}", "bram"), None, headers)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "patient={person}",
        "patient=Patient/{person}",
        f"patient={BASE}/Patient/{{person}}",
        "patient=anna,{person}",
        "patient=anna&patient={person}",
        "subject={person}",
        "subject=Patient/{person}",
        "subject:Patient={person}",
        "subject:Patient._id={person}",
        "subject.family=Testen&_id={id}",
        "_id={id}",
        "_id={id},{id}-gone",
        "_id={id}&_lastUpdated=gt2000-01-01",
        "_id={id}&_summary=count",
        "_id={id}&_total=accurate",
        "_id={id}&_sort=code",
        "_id={id}&_elements=id",
        "_id={id}&status:missing=false",
        "has-member=Observation/{id}&_summary=count&_id=none",
    ],
)
async def test_a51_a_search_finds_what_it_finds_of_nobody(anna: Caller, his: None, query: str) -> None:
    await alike(anna, "GET", f"/Observation?{query}")
    await alike(anna, "POST", "/Observation/_search", query.encode())
    await alike(
        anna, "GET", f"/?_type=Observation&{query}" if "subject" not in query and "has-" not in query else "/Goal"
    )


@pytest.mark.parametrize(
    "address",
    [
        "/Patient/{person}/Observation",
        "/Patient/{person}/Observation?_summary=count",
        "/Patient/{person}/*",
        "/Patient/{person}/_history",
        "/Patient/{person}/Observation/_history",
        "/Patient?_id={person}",
        "/Patient?family=Testen&_id={person}",
        "/Patient?_has:Observation:patient:status=final&_id={person}",
    ],
)
async def test_a51_a_compartment_is_that_of_nobody(anna: Caller, his: None, address: str) -> None:
    await alike(anna, "GET", address)


@pytest.mark.parametrize(
    "address", ["/Observation", "/Observation?status=final", "/?_type=Observation,Goal", "/_history"]
)
async def test_a51_what_names_nobody_is_ones_own(anna: Caller, his: None, address: str) -> None:
    found = await anna.found(f"{address}{'&' if '?' in address else '?'}_count=500")
    assert {"about-his", "about-nobodys"} <= set(found)
    assert not {HIS, "bram"} & set(found)


async def test_a51_the_history_of_a_type_is_ones_own(anna: Caller, his: None) -> None:
    for address in ("/Observation/_history", "/_history"):
        answer = await anna.get(f"{address}?_count=500")
        assert SECRET not in answer.text
        assert f"Observation/{HIS}" not in {entry["request"]["url"] for entry in answer.json()["entry"]}


@pytest.mark.parametrize(
    "query",
    [
        "has-member:Observation.status=final&_id=about-{id}",
        f"has-member:Observation.code={LOINC}|{WEIGHT}&_id=about-{{id}}",
        "focus:Patient.family=Testen&_id=about-{id}",
        "focus:Observation._id={id}&_id=about-{id}",
        "performer:Patient.birthdate=1944-11-03&_id=about-{id}",
        "focus:Observation.focus:Goal.description:missing=false&_id=about-{id}",
        "has-member:Observation.focus:Goal.lifecycle-status=active&_id=about-{id}",
        "_has:Observation:has-member:_id=about-{id}",
        "_has:Observation:has-member:_has:Observation:focus:status=final&_id={id}",
    ],
)
async def test_a52_chains_are_no_oracle(anna: Caller, his: None, query: str) -> None:
    for more in ("", "&_summary=count", "&_total=accurate", "&_sort=-date"):
        await alike(anna, "GET", f"/Observation?{query}{more}")


@pytest.mark.parametrize(
    "query", ["_filter=subject eq Patient/{person}", "_text=Testen", "_content=Testen", "_query=x"]
)
async def test_a52_what_is_not_supported_says_nothing_of_anybody(anna: Caller, his: None, query: str) -> None:
    await alike(anna, "GET", f"/Observation?{query}")
    assert (await anna.get(f"/Observation?{query}")).status_code == 400


@pytest.mark.parametrize(
    "include",
    [
        "_include=Observation:focus",
        "_include=Observation:has-member",
        "_include=Observation:performer",
        "_include=Observation:subject",
        "_include=*",
        "_include=Observation:*",
        "_include=*&_include:iterate=*",
        "_include=Observation:has-member&_include:iterate=Observation:focus",
        "_revinclude=Observation:focus",
        "_revinclude=Observation:has-member&_revinclude:iterate=Observation:focus",
        "_revinclude=*",
        "_revinclude=Provenance:target",
        "_revinclude=AuditEvent:entity",
        "_contained=both",
    ],
)
async def test_a53_nothing_of_another_comes_along(anna: Caller, his: None, include: str) -> None:
    await alike(anna, "GET", f"/Observation?_id=about-{{id}}&{include}")
    answer = await anna.get(f"/Observation?_id=about-{HIS}&{include}")
    if answer.status_code == 200:
        assert not {HIS, "bram"} & {entry["resource"]["id"] for entry in answer.json()["entry"]}


@pytest.mark.parametrize(
    ("resource_type", "members", "parameter"),
    [
        (
            "List",
            {"status": "current", "mode": "working", "entry": [{"item": reference(f"Observation/{HIS}")}]},
            "item",
        ),
        (
            "Provenance",
            {
                "target": [reference(f"Observation/{HIS}"), reference("Observation/about-his")],
                "recorded": "2026-01-01T00:00:00Z",
                "agent": [{"who": reference("Patient/bram")}],
            },
            "target",
        ),
        ("Basic", {"code": {"text": "x"}, "author": reference("Patient/bram")}, "author"),
    ],
)
async def test_a53_lists_and_provenance_lead_nowhere(
    anna: Caller, his: None, resource_type: str, members: dict[str, object], parameter: str
) -> None:
    made = {"resourceType": resource_type, "id": "leads", **members}
    if resource_type != "Provenance":
        made["subject"] = reference("Patient/anna")
    await anna.keep(made)
    for include in (f"_include={resource_type}:{parameter}", "_include=*&_include:iterate=*"):
        answer = await anna.get(f"/{resource_type}?_id=leads&{include}")
        assert answer.status_code == 200, answer.text
        assert SECRET not in answer.text
        assert not {HIS, "bram"} & {entry["resource"]["id"] for entry in answer.json()["entry"]}


async def test_a53_an_included_type_outside_the_scopes_is_left_out(anna: Caller, his: None) -> None:
    caller = Caller(anna.client, "anna-observations")
    found = await caller.found("/Observation?_id=about-his&_include=*&_revinclude=*")
    assert "anna" not in found
