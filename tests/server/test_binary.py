"""Binary as itself and as a resource. https://hl7.org/fhir/R4/binary.html#rest"""

from __future__ import annotations

from base64 import b64encode

import pytest

from app.fhir.resource import Resource, decode
from app.server.asgi import LARGEST_BODY
from tests.builders import binary, goal
from tests.server.service import BASE, Caller, Service, codes

PDF = b"%PDF-1.7\n\x00\xff not really"
FHIR_JSON = {"accept": "application/fhir+json"}


def holding(content: bytes, content_type: str, **members: object) -> Resource:
    return binary(contentType=content_type, data=b64encode(content).decode(), **members)


async def made(caller: Caller, content: bytes = PDF, content_type: str = "application/pdf") -> str:
    """The address of a Binary that was sent as itself."""
    answer = await caller.post("/Binary", content, {"content-type": content_type})
    assert answer.status_code == 201, answer.text
    return f"/Binary/{decode(answer.content)['id']}"


async def test_what_is_sent_as_itself_comes_back_as_itself(anna: Caller) -> None:
    address = await made(anna)
    answer = await anna.get(address, {"accept": "application/pdf"})
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["x-security-context"] == "Patient/anna"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "content-disposition" not in answer.headers


async def test_it_is_a_resource_for_who_asks_for_fhir(anna: Caller) -> None:
    address = await made(anna)
    stored = decode((await anna.get(address, FHIR_JSON)).content)
    assert stored["contentType"] == "application/pdf"
    assert stored["securityContext"] == {"reference": "Patient/anna"}
    assert stored["data"] == b64encode(PDF).decode()
    in_xml = await anna.get(address, {"accept": "application/fhir+xml"})
    assert b"<Binary " in in_xml.content
    assert in_xml.headers["content-type"] == "application/fhir+xml; charset=utf-8"


RESOURCE = [
    "application/fhir+json",
    "application/fhir+json, */*;q=0.1",
    "application/json",
    "image/png, application/fhir+json",
]
CONTENT = [
    "*/*",
    "image/png",
    "text/html,application/xml;q=0.9,*/*;q=0.8",
    "application/fhir+json;q=0.1, application/pdf",
]


@pytest.mark.parametrize(
    ("accept", "raw"), [*((each, False) for each in RESOURCE), *((each, True) for each in CONTENT)]
)
async def test_accept_says_which_of_the_two(anna: Caller, accept: str, *, raw: bool) -> None:
    answer = await anna.get(await made(anna), {"accept": accept})
    assert answer.status_code == 200, answer.text
    assert (answer.content == PDF) is raw
    assert answer.headers["content-type"].startswith("application/pdf" if raw else "application/fhir+json")


@pytest.mark.parametrize("form", ["json", "xml", "application/fhir%2Bjson", "application/fhir+xml"])
async def test_format_comes_before_accept(anna: Caller, form: str) -> None:
    answer = await anna.get(f"{await made(anna)}?_format={form}", {"accept": "application/pdf"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/fhir+")


async def test_a_json_document_is_itself_for_who_asks_for_json(anna: Caller) -> None:
    document = b'{"resourceType": "nothing of FHIR\'s"}'
    address = await made(anna, document, "application/json")
    answer = await anna.get(address, {"accept": "application/json"})
    assert (answer.content, answer.headers["content-type"]) == (document, "application/json")
    assert decode((await anna.get(address, FHIR_JSON)).content)["contentType"] == "application/json"


@pytest.mark.parametrize(
    ("content_type", "kept"),
    [
        ("text/html", True),
        ("image/svg+xml", True),
        ("application/xhtml+xml", True),
        ("text/xml", True),
        ("application/javascript", True),
        ("application/octet-stream", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("text/plain; charset=utf-8", False),
        ('text/plain;charset="utf-8"', False),
        ("image/png", False),
        ("video/mp4", False),
    ],
)
async def test_what_a_browser_could_run_is_for_keeping(anna: Caller, content_type: str, *, kept: bool) -> None:
    stored = await anna.create(holding(b"<script>alert(1)</script>", content_type))
    answer = await anna.get(f"/Binary/{stored['id']}")
    assert answer.headers["content-type"] == content_type
    assert answer.headers.get("content-disposition") == ("attachment" if kept else None)
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_type_that_is_none_is_not_made_a_header(anna: Caller) -> None:
    stored = await anna.post("/Binary", holding(b"x", "text/plain\nSet-Cookie: a=b"))
    if stored.status_code == 201:
        answer = await anna.get(f"/Binary/{decode(stored.content)['id']}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "set-cookie" not in answer.headers
    else:
        assert stored.status_code == 422


async def test_a_version_is_itself_too(anna: Caller) -> None:
    address = await made(anna)
    assert (await anna.put(address, b"second", {"content-type": "text/plain"})).status_code == 200
    first, second = [await anna.get(f"{address}/_history/{version}") for version in (1, 2)]
    assert (first.content, second.content) == (PDF, b"second")
    assert second.headers["content-type"] == "text/plain"
    assert (await anna.get(f"{address}/_history")).headers["content-type"].startswith("application/fhir+json")


async def test_head_is_the_same_without_a_body(anna: Caller) -> None:
    answer = await anna.send("HEAD", await made(anna))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(PDF))
    assert answer.headers["content-type"] == "application/pdf"


async def test_a_binary_without_content_is_a_resource(anna: Caller) -> None:
    stored = await anna.create({"resourceType": "Binary", "contentType": "text/plain"})
    answer = await anna.get(f"/Binary/{stored['id']}")
    assert decode(answer.content) == stored


async def test_a_binary_resource_is_taken_as_what_it_is(anna: Caller) -> None:
    for content_type in ("application/fhir+json", "application/json"):
        answer = await anna.post("/Binary", binary(), {"content-type": content_type})
        assert answer.status_code == 201, answer.text
        assert (await anna.get(answer.headers["location"])).content == b"hallo"
    refused = await anna.post("/Binary", goal())
    assert refused.status_code == 400
    assert (await anna.post("/Goal", PDF, {"content-type": "application/pdf"})).status_code == 415


async def test_put_makes_it_under_an_id_of_the_clients(anna: Caller) -> None:
    answer = await anna.put("/Binary/own-1", PDF, {"content-type": "application/pdf"})
    assert answer.status_code == 201, answer.text
    assert (await anna.get("/Binary/own-1")).content == PDF
    as_resource = await anna.put("/Binary/own-1", binary(id="own-1"))
    assert as_resource.status_code == 200, as_resource.text
    assert (await anna.get("/Binary/own-1")).content == b"hallo"


async def test_what_has_no_body_or_no_type_is_refused(anna: Caller) -> None:
    assert (await anna.post("/Binary", b"", {"content-type": "application/pdf"})).status_code == 400
    for content_type in ("", "nonsense", "text/plain; charset", "a/b/c"):
        answer = await anna.post("/Binary", PDF, {"content-type": content_type})
        assert answer.status_code == 415, content_type


async def test_it_is_as_large_as_a_body_may_be(anna: Caller) -> None:
    headers = {"content-type": "application/pdf", "content-length": str(LARGEST_BODY + 1)}
    assert (await anna.post("/Binary", PDF, headers)).status_code == 413


async def test_the_security_context_says_whose_it_is(practice: Caller, anna: Caller, bram: Caller) -> None:
    pdf = {"content-type": "application/pdf"}
    assert (await practice.post("/Binary", PDF, pdf)).status_code == 422
    answer = await practice.post("/Binary", PDF, {**pdf, "x-security-context": f"{BASE}/Patient/anna"})
    assert answer.status_code == 201, answer.text
    address = f"/Binary/{decode(answer.content)['id']}"
    assert (await anna.get(address)).content == PDF
    assert (await bram.get(address)).status_code == 404
    below = await practice.put("/Patient/bram/Binary/own-1", PDF, pdf)
    assert below.status_code == 201, below.text
    assert (await bram.get("/Binary/own-1")).headers["x-security-context"] == "Patient/bram"


async def test_the_context_in_the_resource_says_so_too(practice: Caller, anna: Caller, bram: Caller) -> None:
    of_anna = binary(securityContext={"reference": "Patient/anna"})
    stored = await practice.create(of_anna)
    assert (await anna.get(f"/Binary/{stored['id']}")).status_code == 200
    differing = await practice.post("/Binary", of_anna, {"x-security-context": "Patient/bram"})
    assert (differing.status_code, codes(differing)) == (422, ["business-rule"])
    assert (await practice.post("/Patient/bram/Binary", of_anna)).status_code == 422
    for name in ("anna", "nobody"):
        foreign = await bram.post("/Binary", binary(securityContext={"reference": f"Patient/{name}"}))
        assert (foreign.status_code, codes(foreign)) == (422, ["not-found"])


async def test_nobody_else_gets_the_content(service: Service, anna: Caller, bram: Caller, anonymous: Caller) -> None:
    address = await made(anna)
    for accept in ("application/pdf", "*/*", "application/fhir+json"):
        assert (await anonymous.get(address, {"accept": accept})).status_code == 401
        assert (await bram.get(address, {"accept": accept})).status_code == 404
        assert (await service.caller("anna-observations").get(address, {"accept": accept})).status_code == 403
        assert (await anna.get(address, {"accept": accept})).status_code == 200


async def test_a_refusal_is_an_outcome_whatever_is_accepted(anna: Caller) -> None:
    answer = await anna.get("/Binary/never", {"accept": "image/png"})
    assert answer.status_code == 404
    assert codes(answer) == ["not-found"]
