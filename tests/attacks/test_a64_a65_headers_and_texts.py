"""A-64 and A-65: what headers, addresses and bodies cannot bring about, and what no answer tells.

Covered besides: origins, tests/server/test_cors.py; Prefer, test_prefer.py; markup in narratives,
tests/fhir/test_narrative_attacks.py; XML, tests/fhir/test_xml_refusals.py; random addresses and bodies, tests/fuzz.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

import httpx
import pytest

from app.fhir.resource import decode
from tests.builders import observation
from tests.server.grants import token_with
from tests.server.service import BASE, Caller, Service, issues, link

FORM: Final = {"content-type": "application/x-www-form-urlencoded"}


async def raw(service: Service, address: str, *headers: tuple[str, str], method: str = "GET") -> httpx.Response:
    """A request with these very headers."""
    request = httpx.Request(method, f"{BASE}{address}", headers=httpx.Headers(list(headers)))
    return await service.client.send(request)


@pytest.mark.parametrize("pair", [("anna", "bram"), ("bram", "anna"), ("anna", "anna"), ("anna", "")])
async def test_a64_two_authorization_headers_are_refused(service: Service, pair: tuple[str, str]) -> None:
    sent = [("authorization", f"Bearer {each}") for each in pair]
    answer = await raw(service, "/Patient/anna", *sent)
    assert answer.status_code == 400
    assert "one Authorization header" in issues(answer)[0]["diagnostics"]
    assert (await raw(service, "/Patient/anna", sent[0], ("accept", "*/*"), ("accept", "*/*"))).status_code in (
        200,
        404,
    )


async def test_a64_a_token_comes_in_its_header_only(service: Service, anonymous: Caller) -> None:
    assert (await anonymous.get("/Patient/anna?access_token=anna")).status_code == 401
    answer = await anonymous.post("/Observation/_search", b"access_token=anna&patient=anna", FORM)
    assert answer.status_code == 401
    bram = service.caller("bram")
    assert (await bram.get("/Patient/anna?access_token=anna")).status_code == 400
    refused = await bram.post("/Patient/_search", b"access_token=anna&_id=anna", FORM)
    assert refused.status_code == 400
    lenient = await bram.get("/Patient?access_token=anna&_id=anna", {"prefer": "handling=lenient"})
    assert lenient.json().get("entry") is None
    assert "access_token" not in (link(lenient.json(), "self") or "")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer anna", 200),
        ("bearer anna", 200),
        ("BEARER anna", 200),
        ("Bearer  anna", 401),
        ("Bearer\tanna", 401),
        ("Bearer anna,", 401),
        ("Bearer anna, Bearer bram", 401),
        ("Bearer Anna", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("anna", 401),
        ("Basic YW5uYTphbm5h", 401),
        ("Bearer 'anna' OR 1=1", 401),
        ("Bearer " + "a" * 60_000, 401),
        ("Bearer \xff\xfe", 401),
    ],
)
async def test_a64_a_token_is_the_whole_of_what_stands_behind_the_scheme(
    service: Service, header: str, status: int
) -> None:
    answer = await service.client.get("/Patient/anna", headers=[(b"authorization", header.encode("latin-1"))])
    assert answer.status_code == status
    if len(header) > len("Bearer "):
        assert header not in answer.text


async def test_a64_a_method_cannot_be_overridden(anna: Caller) -> None:
    await anna.keep(observation(id="own"))
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        answer = await anna.send("GET", "/Observation/own", None, {name: "DELETE"})
        assert answer.status_code == 200
        assert (await anna.post("/Observation/own", b"{}", {name: "DELETE"})).status_code == 405
    assert (await anna.post("/Observation?_method=DELETE&_id=own", observation())).status_code == 400
    assert (await anna.get("/Observation/own")).status_code == 200


async def test_a64_links_are_those_of_the_service_whatever_the_headers_say(anna: Caller) -> None:
    await anna.keep(observation(id="own"))
    evil = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "gopher",
        "x-forwarded-prefix": "/evil",
        "x-original-url": "/fhir/Patient/bram",
        "x-rewrite-url": "/fhir/Patient/bram",
        "forwarded": "host=evil.example",
        "referer": "https://evil.example",
    }
    for address in (
        "/Observation?_count=1",
        "/Observation/own/_history",
        "/Patient/anna/$everything?_count=1",
        "/metadata",
    ):
        answer = await anna.get(address, evil)
        assert answer.status_code == 200
        assert re.search(r"\b(evil|gopher|bram)\b", answer.text) is None
    created = await anna.send("POST", "/Observation", observation(), evil)
    assert created.headers["location"].startswith(f"{BASE}/Observation/")


async def test_a64_prefer_takes_nothing_away(service: Service, anna: Caller) -> None:
    narrow = service.caller("anna-observations")
    for prefer in ("handling=lenient", "return=representation", "respond-async", "handling=lenient; scope=all"):
        assert (await narrow.get("/Goal", {"prefer": prefer})).status_code == 403
        assert (await narrow.post("/Observation", observation(), {"prefer": prefer})).status_code == 403


async def test_a64_no_origin_gets_credentials(anna: Caller) -> None:
    answer = await anna.get("/Patient/anna", {"origin": "https://evil.example", "cookie": "__Host-session=x"})
    assert "access-control-allow-credentials" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_a64_a_cookie_opens_nothing(anonymous: Caller) -> None:
    for cookie in ("__Host-session=anna", "session=anna", "Authorization=Bearer anna"):
        assert (await anonymous.get("/Patient/anna", {"cookie": cookie})).status_code == 401


async def test_a64_a_refusal_says_what_the_token_lacks_and_nothing_of_what_is_there(
    service: Service, anonymous: Caller, anna: Caller
) -> None:
    nobody = await anonymous.get("/Patient/anna")
    assert nobody.headers["www-authenticate"] == 'Bearer realm="Zelfregie"'
    unknown = await service.caller("unknown").get("/Patient/anna")
    assert unknown.headers["www-authenticate"] == 'Bearer realm="Zelfregie", error="invalid_token"'
    narrow = service.caller("anna-observations")
    for method, address, scope in (
        ("GET", "/Goal/x", "patient/Goal.r"),
        ("GET", "/Goal", "patient/Goal.s"),
        ("DELETE", "/Observation/x", "patient/Observation.d"),
        ("GET", "/?_type=Goal,Condition", "patient/Condition.s patient/Goal.s"),
        ("GET", "/Patient/anna/$everything", "patient/Patient.r"),
        ("POST", "/Observation/x/$meta-add", "patient/Observation.u"),
    ):
        answer = await narrow.send(method, address)
        assert answer.status_code == 403
        said = answer.headers["www-authenticate"]
        assert said == f'Bearer realm="Zelfregie", error="insufficient_scope", scope="{scope}"', address
    assert "www-authenticate" not in (await anna.get("/Patient/bram")).headers
    by_label = await service.caller("anna-create-actions").put("/Observation/x", observation(id="x"))
    assert by_label.status_code == 403
    assert "www-authenticate" not in by_label.headers
    user = await token_with(service, "user/Observation.rs", "anna")
    assert 'scope="user/Goal.s"' in (await user.get("/Goal")).headers["www-authenticate"]


async def test_a64_a_challenge_is_for_pages_too(anonymous: Caller) -> None:
    answer = await anonymous.get("/Patient/anna", {"origin": "https://app.example"})
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "address", ["/metadata", "/metadata?mode=terminology", "/OperationDefinition/Patient-everything"]
)
async def test_a65_what_the_service_can_do_is_the_same_for_everybody(
    service: Service, anonymous: Caller, anna: Caller, bram: Caller, address: str
) -> None:
    answers = [await caller.get(address) for caller in (anna, bram)]
    if address.startswith("/metadata"):
        answers += [await anonymous.get(address), await service.caller("unknown").get(address)]
    assert len({(each.status_code, each.content) for each in answers}) == 1


async def test_a65_a_fault_tells_nothing_of_its_inside(
    service: Service, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise RuntimeError("SELECT body FROM resource WHERE patient = 1 -- GEHEIM")

    monkeypatch.setattr("app.server.interactions.read.stored_for", fault)
    answer = await anna.get("/Patient/anna")
    assert answer.status_code == 500
    for leak in ("SELECT", "GEHEIM", "Traceback", "RuntimeError", ".py"):
        assert leak not in answer.text
    assert issues(answer)[0]["code"]


@pytest.mark.parametrize(
    "path",
    [
        "/Patient/..%2fObservation",
        "/Patient/..%2F..%2F..%2Fetc%2Fpasswd",
        "/Patient/%2e%2e/Observation",
        "/Patient/anna%2f..%2fbram",
        "/Patient/anna%2f_history",
        "/..%2f..%2fadmin",
        "/Patient/anna%00",
        "/Patient/anna%0d%0aSet-Cookie:x=1",
        "/Patient/anna;id=bram",
        "/Patient//bram",
        "/%50atient/bram",
        "/Binary/..%5c..%5cx",
    ],
)
async def test_a65_a_path_leads_to_what_it_says(anna: Caller, bram: Caller, path: str) -> None:
    url = httpx.URL(BASE).copy_with(raw_path=f"/fhir{path}".encode())
    answer = await anna.client.get(url, headers={"authorization": "Bearer anna"})
    assert answer.status_code in (200, 400, 404)
    assert "set-cookie" not in answer.headers
    assert "1944-11-03" not in answer.text
    if answer.status_code == 200:
        body = decode(answer.content)
        found = [body, *(each["resource"] for each in body.get("entry", ()))]
        assert "bram" not in {each.get("id") for each in found}


@pytest.mark.parametrize(
    "form", ["../../etc/passwd", "text/html", "application/fhir+json%0d%0aX: y", "<script>", "json;xml", "a" * 10_000]
)
async def test_a65_a_format_is_one_of_those_that_are_there(anna: Caller, form: str) -> None:
    answer = await anna.get(f"/Patient/anna?_format={form}")
    assert answer.status_code in (200, 406)
    assert "text/html" not in answer.headers["content-type"]
    assert "x" not in answer.headers
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Basic xmlns="{fhir}"><id value="&x;"/></Basic>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "{away}">]><Basic xmlns="{fhir}"><id value="&x;"/></Basic>',
        b'<!DOCTYPE a SYSTEM "{away}x.dtd"><Basic xmlns="{fhir}"/>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><Basic xmlns="{fhir}"/>',
        b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><Basic xmlns="{fhir}"/>',
        b'<Basic xmlns="{fhir}" xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///etc/passwd"/></Basic>',
        b'<?xml-stylesheet href="{away}"?><Basic xmlns="{fhir}"/>',
    ],
)
async def test_a65_xml_brings_nothing_in_from_elsewhere(anna: Caller, body: bytes) -> None:
    sent = body.replace(b"{fhir}", b"http://hl7.org/fhir").replace(b"{away}", b"http://169.254.169.254/")
    answer = await anna.post("/Basic", sent, {"content-type": "application/fhir+xml"})
    assert answer.status_code in (400, 422)
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceType":"Basic","extension":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"resourceType":"Basic",' + b'"a":{' * 100_000 + b"}" * 100_000 + b"}",
        b"[" * 1_000_000,
        b'{"resourceType":"Basic","code":{"text":"' + b"\\u0000" * 10 + b'"}}',
        b'{"resourceType":"Basic","id":"a","id":"b"}',
        b'{"resourceType":"Observation","valueInteger":' + b"9" * 100_000 + b"}",
        b'{"resourceType":"Observation","valueQuantity":{"value":1e999999999}}',
        b"\xff\xfe{\x00}\x00",
        b"null",
        b"",
    ],
)
async def test_a65_json_of_any_shape_is_answered(anna: Caller, body: bytes) -> None:
    answer = await anna.post("/Basic", body)
    assert answer.status_code in (400, 413, 422)
    assert issues(answer)


@pytest.mark.parametrize(
    "query",
    [
        "code=" + "|" * 5_000,
        "code=" + "\\" * 5_001,
        "date=" + "2" * 5_000,
        "date=ge" + "2020-" * 1_000,
        "value-quantity=" + "1" * 5_000 + "e" + "9" * 5_000,
        "code-value-quantity=" + "$" * 5_000,
        "subject.name:contains=" + "%25_" * 1_000,
        "note=" + "a" * 5_000 + "!",
        "_sort=" + "-" * 5_000,
        "_include=" + ":" * 5_000,
        "_has:" * 1_000 + "=x",
        "subject." * 1_000 + "name=x",
        "_page=" + "A" * 5_000,
        "_lastUpdated=" + "gt" * 2_500,
        "_elements=" + "a," * 2_500,
    ],
)
async def test_a65_no_text_keeps_the_service_busy(anna: Caller, query: str) -> None:
    """A pattern that backtracks would not end here."""
    answer = await anna.get(f"/Observation?{query}")
    assert answer.status_code in (200, 400)


TEXTS: Final = ("' OR '1'='1", "'; DROP TABLE resource; --", "x') UNION SELECT 1 --", "$1", "%", "\\", "{0}", '"')
NAMES: Final = (
    "code",
    "code:text",
    "category",
    "_id",
    "subject",
    "identifier",
    "value-quantity",
    "value-string:contains",
    "date",
    "patient.name:contains",
    "_sort",
    "_tag",
    "_include",
    "_type",
    "encounter:identifier",
)


async def test_a65_a_text_is_never_a_statement(anna: Caller) -> None:
    await anna.keep(observation(id="own"))
    for name in NAMES:
        for text in TEXTS:
            for more in ("", "&_total=accurate"):
                answer = await anna.get(f"/Observation?{name}={quote(text, safe='')}{more}")
                assert answer.status_code in (200, 400), (name, text)
                if answer.status_code == 200:
                    assert decode(answer.content).get("entry") is None, (name, text)
                for leak in ("syntax", "sqlite", "asyncpg", "psycopg", "Traceback"):
                    assert leak not in answer.text
    assert (await anna.get("/Observation/own")).status_code == 200
