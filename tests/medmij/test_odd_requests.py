"""Requests that no client should send: odd headers and parameters, ids of others, what is hidden. Nothing breaks,
and none is told anything of another person or of what is kept back.
"""

from __future__ import annotations

from typing import Final

import pytest

from app.medmij.services import load_services
from tests.medmij.bases import At, headers, root
from tests.medmij.record import SECRET
from tests.medmij.test_requests import asked
from tests.server.service import issues

HEADERS: Final[tuple[dict[str, str], ...]] = (
    {"accept": ""},
    {"accept": "application/fhir+xml;q=0.1, application/fhir+json;q=0.9"},
    {"accept": "application/fhir+json; fhirVersion=4.0"},
    {"accept": "text/html"},
    {"accept-charset": "latin-1"},
    {"prefer": "handling=strict"},
    {"if-none-match": "*"},
    {"if-modified-since": "Thu, 01 Jan 2037 00:00:00 GMT"},
    {"if-modified-since": "nonsense"},
    {"x-security-context": "Patient/bram"},
    {"medmij-request-id": "x"},
    {"range": "bytes=0-10"},
    {"x-http-method-override": "DELETE"},
)
MORE: Final = (
    *("_include=*", "_revinclude=*", "_include=Observation:has-member", "_include:iterate=*:*", "_include=Encounter:*"),
    *("_has:Observation:subject:code=x", "_summary=count", "_summary=text", "_elements=code", "_count=0", "_count=-1"),
    *("_count=999999", "_page=xx", "_total=accurate", "_id=bram-visit", "patient=bram", "subject=Patient/bram"),
    *("_sort=-_lastUpdated", "_text=x", "_contained=true", "_lastUpdated=gt2020", "%00=1", "code:in=http://x"),
    *("_type=Patient", "_query=x", "identifier=http://fhir.nl/fhir/NamingSystem/bsn|999911120"),
)
NAMES: Final = (
    *("bram", "bram-visit", "bram-line-S", "anna-line-S", "anna-line-O", "anna-gp", "x" * 65, "a%20b", "%2e%2e"),
    *("anna%2F..%2Fbram", "$meta", "_history", "%00"),
)


def first_requests() -> list[tuple[str, str]]:
    """Of each service a request, of service 49 all."""
    found = []
    for service in load_services().values():
        for row in service.rows if service.id == "49" else service.rows[:1]:
            query = asked(row)
            operation = f"/${row.operation}" if row.operation else ""
            found.append((service.id, f"/{row.type}{operation}" + (f"?{query}" if query else "")))
    return found


@pytest.mark.parametrize(("base", "address"), first_requests())
async def test_nothing_odd_breaks_a_request_or_widens_it(at: At, base: str, address: str) -> None:
    plain = await at.get(base, address)
    given = [(address, each) for each in HEADERS]
    given += [(f"{address}{'&' if '?' in address else '?'}{each}", {}) for each in MORE]
    for where, odd in given:
        answer = await at.get(base, where, {**headers(), **odd})
        assert answer.status_code in (200, 400, 406), (where, odd, answer.text)
        assert SECRET not in answer.text or base != "49", (where, odd)
        if answer.status_code != 200:
            assert issues(answer), (where, odd)
            continue
        assert "/bram" not in answer.text.replace("_id=bram", ""), (where, odd)
        if odd:
            known = {each["fullUrl"] for each in plain.json().get("entry", ())}
            assert {each["fullUrl"] for each in answer.json().get("entry", ())} <= known, odd


@pytest.mark.parametrize("base", ["48", "49", "52", "59", "61"])
async def test_what_is_not_ones_own_or_kept_back_is_not_there_by_any_method(at: At, base: str) -> None:
    caller = at.service.caller("anna-medmij")
    hidden = [name for name in NAMES if base == "49" or not name.startswith("anna-")]
    for kind in sorted(load_services()[base].types):
        for name in hidden:
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                body = b"{}" if method == "PUT" else None
                answer = await caller.send(method, f"{root(base)}/{kind}/{name}", body, headers())
                assert answer.status_code in (400, 404, 405, 422), (method, kind, name, answer.text)
                assert SECRET not in answer.text
                assert "van Testen" not in answer.text
