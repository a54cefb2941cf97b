"""The frame of people's own pages: texts in both languages, forms of this visit only, refusals as pages."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from string import Formatter
from typing import Any

import httpx
import pytest
from fastapi import Request

from app.errors import Forbidden, Invalid, TooLarge, UnsupportedMediaType, ZelfregieError
from app.web.forms import LARGEST, Form, check_origin, check_token, read_form
from app.web.languages import LANGUAGES
from app.web.texts import texts, translate
from tests.server.service import Service

FORM = "application/x-www-form-urlencoded"
_FIELD = re.compile(r"\bt\(\"([a-z_.0-9]+)\"")


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    assert len(texts()) > 30
    for key, by_language in texts().items():
        named = [{name for _, name, _, _ in Formatter().parse(by_language[each]) if name} for each in LANGUAGES]
        assert named[0] == named[1], key
        assert all(by_language[each].strip() for each in LANGUAGES), key


def test_every_text_that_a_template_names_is_there() -> None:
    from app.web.pages import environment

    loader = environment().loader
    assert loader is not None
    for name in environment().list_templates():
        source, _, _ = loader.get_source(environment(), name)
        for key in _FIELD.findall(source):
            assert key.endswith(".") or key in texts(), f"{name}: {key}"


def test_a_text_that_is_not_there_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        translate("nl")("site.nonsense")


@pytest.mark.parametrize(("language", "said"), [("nl", "Dit ging niet goed"), ("en", "That did not work")])
async def test_a_page_that_is_not_there_says_so_in_the_language(
    site: httpx.AsyncClient, language: str, said: str
) -> None:
    answer = await site.get("/nonsense", headers={"accept-language": language})
    assert answer.status_code == 404
    assert said in answer.text
    assert f'<html lang="{language}">' in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_language_that_was_chosen_stays(site: httpx.AsyncClient) -> None:
    answer = await site.get("/nonsense?lang=en", headers={"accept-language": "nl"})
    chosen = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("__Host-language="))
    assert all(part in chosen for part in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"))
    later = await site.get("/nonsense", headers={"accept-language": "nl", "cookie": chosen.partition(";")[0]})
    assert "That did not work" in later.text


def request_with(body: bytes = b"", kind: str = FORM, /, **headers: str) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    listed = [
        (b"content-type", kind.encode()),
        *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
    ]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": listed}
    return Request(scope, receive)


async def test_a_form_gives_its_fields_once() -> None:
    form = await read_form(request_with(b"a=1&b=%20x%20&c=1&c=2&d="))
    assert (form.get("a"), form.get("b"), form.exactly("b"), form.all("c"), form.get("none")) == (
        "1",
        "x",
        " x ",
        ["1", "2"],
        "",
    )
    assert form.has("d")
    assert not form.has("none")
    with pytest.raises(Invalid):
        form.get("c")


@pytest.mark.parametrize(
    ("body", "kind", "refusal"),
    [
        (b"{}", "application/json", UnsupportedMediaType),
        (b"a=" + b"x" * LARGEST, "application/x-www-form-urlencoded", TooLarge),
        (b"&".join([b"a=1"] * 400), "application/x-www-form-urlencoded", Invalid),
        (b"a=%FF", "application/x-www-form-urlencoded", Invalid),
        (b"a=\xff", "application/x-www-form-urlencoded", Invalid),
        (b"a=%00", "application/x-www-form-urlencoded", Invalid),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(body: bytes, kind: str, refusal: type[ZelfregieError]) -> None:
    with pytest.raises(refusal):
        await read_form(request_with(body, kind))


@pytest.mark.parametrize("given", ["", "other", "é"])
def test_a_form_of_another_visit_is_refused(given: str) -> None:
    check_token(Form([("csrf", "token")]), "token")
    with pytest.raises(Forbidden):
        check_token(Form([("csrf", given)]), "token")
    with pytest.raises(Forbidden):
        check_token(Form([("csrf", "")]), "")


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({}, True),
        ({"origin": "https://zelf.example"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, True),
        ({"sec_fetch_site": "same-origin", "origin": "null"}, True),
        ({"sec_fetch_site": "cross-site", "origin": "null"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "none"}, True),
    ],
)
def test_a_form_of_another_site_is_refused(headers: dict[str, str], *, ours: bool) -> None:
    if ours:
        check_origin(request_with(b"", FORM, **headers), "https://zelf.example")
    else:
        with pytest.raises(Forbidden):
            check_origin(request_with(b"", FORM, **headers), "https://zelf.example")


@pytest.mark.parametrize("path", ["/metrics", "/nonsense", "/login", "/looked", "/oauth/token", "/oauth/authorize"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_a_query_that_is_no_text_is_answered(served: Service, method: str, path: str) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"a\xff=1",
        "headers": [(b"host", b"zelfregie.test")], "scheme": "https", "server": ("zelfregie.test", 443),
        "client": ("127.0.0.1", 1), "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    await served.application(scope, receive, send)
    assert sent[0]["status"] < 500
