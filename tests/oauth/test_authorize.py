"""A-1 … A-11: what an authorization request may not be, and where its refusal goes."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.oauth.apps import BASE, CHALLENGE, ISSUER, STATE, allowed, ask, press, redeem, sent, wanted
from tests.server.clients import CALLBACK
from tests.server.service import Service
from tests.web.login import account, logged_in

NARROW = {"client_id": "narrow", "scope": "launch/patient patient/Observation.rs"}


async def stopped(answer: httpx.Response) -> None:
    """Fails the test unless this is a page of ours that sends nobody anywhere, and repeats nothing."""
    assert answer.status_code == 400, answer.headers
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    for word in ("evil", "<script>", "callback", STATE):
        assert word not in answer.text
    assert "http-equiv" not in answer.text


@pytest.mark.parametrize(
    "client_id",
    [
        None,
        "",
        "nobody",
        "APP",
        "app ",
        "app\x00",
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "system",
        "a" * 5000,
        "é",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a01_a02_a03_an_unknown_client_is_not_sent_anywhere(
    client: httpx.AsyncClient, client_id: str | None, method: str
) -> None:
    request = wanted(client_id=client_id, redirect_uri="https://evil.example/callback")
    if method == "GET":
        await stopped(await client.get("/oauth/authorize", params=request))
    else:
        await stopped(await client.post("/oauth/authorize", data=request))


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://app.example/callback/",
        "https://app.example/callback/more",
        "https://app.example/callback/../callback",
        "https://app.example/./callback",
        "https://app.example/callback.",
        "https://app.example./callback",
        "https://app.example:443/callback",
        "https://app.example:8443/callback",
        "https://app.example@evil.example/callback",
        "https://evil@app.example/callback",
        "https://app.example.evil.example/callback",
        "https://evil.example/app.example/callback",
        "https://APP.example/callback",
        "HTTPS://app.example/callback",
        "https://app.example/Callback",
        "https://app.example/%63allback",
        "https://app.example%2eevil.example/callback",
        "https://app.example//callback",
        "//app.example/callback",
        "https:\\\\app.example\\callback",
        "https://app.example\\@evil.example/callback",
        "https://app.example/callback#x",
        "https://app.example/callback#",
        "https://app.example/callback?x=1",
        "https://app.example/callback?",
        "http://app.example/callback",
        "org.example.app:/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://\u0430pp.example/callback",
        "https://xn--pp-6kc.example/callback",
        " https://app.example/callback",
        "https://app.example/callback ",
        "https://app.example/callback\r\nX: y",
        "https://app.example/callback\x00",
        "*",
        "/callback",
        "https://narrow.example/one",
    ],
    ids=ascii,
)
async def test_a04_redirect_uri_variants(client: httpx.AsyncClient, redirect_uri: str) -> None:
    await stopped(await client.get("/oauth/authorize", params=wanted(redirect_uri=redirect_uri)))


async def test_a04_the_redirect_uri_is_needed_where_several_are_registered(client: httpx.AsyncClient) -> None:
    await stopped(await client.get("/oauth/authorize", params=wanted(**NARROW, redirect_uri=None)))
    for each in ("https://narrow.example/one", "https://narrow.example/two?x=1", "org.example.narrow:/callback"):
        started = await client.get("/oauth/authorize", params=wanted(**NARROW, redirect_uri=each))
        assert started.headers["location"].startswith("/authorize/")
    started = await client.get("/oauth/authorize", params=wanted(redirect_uri=None))
    assert started.headers["location"].startswith("/authorize/"), "the only one needs no naming"


async def test_a04_a_parameter_that_stands_twice(client: httpx.AsyncClient) -> None:
    for name, value in (
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", CALLBACK),
        ("client_id", "app"),
    ):
        await stopped(await client.get("/oauth/authorize", params=[*wanted().items(), (name, value)]))
    array = {**wanted(client_id="narrow", redirect_uri=None), "redirect_uri[]": "https://narrow.example/one"}
    await stopped(await client.get("/oauth/authorize", params=array))
    for name in ("scope", "state", "code_challenge", "aud", "response_type"):
        back = sent(await client.get("/oauth/authorize", params=[*wanted().items(), (name, "x")]))
        assert back["error"] == "invalid_request"
        assert back.get("state") == (None if name == "state" else STATE)


WRONG: dict[str, tuple[dict[str, str | None], str]] = {
    "no type": ({"response_type": None}, "invalid_request"),
    "token": ({"response_type": "token"}, "unsupported_response_type"),
    "id_token": ({"response_type": "id_token"}, "unsupported_response_type"),
    "code token": ({"response_type": "code token"}, "unsupported_response_type"),
    "code id_token": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "CODE": ({"response_type": "CODE"}, "unsupported_response_type"),
    "fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "empty scope": ({"scope": ""}, "invalid_scope"),
    "no state": ({"state": None}, "invalid_request"),
    "long state": ({"state": "x" * 1001}, "invalid_request"),
    "line break in state": ({"state": "a\r\nSet-Cookie: x=y"}, "invalid_request"),
    "unicode state": ({"state": "é"}, "invalid_request"),
    "request": ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    "request_uri": ({"request_uri": "https://evil.example/request"}, "request_uri_not_supported"),
    "request_uri here": ({"request_uri": "http://127.0.0.1:8000/metrics"}, "request_uri_not_supported"),
    "registration": ({"registration": "{}"}, "registration_not_supported"),
    "prompt": ({"prompt": "none login"}, "invalid_request"),
    "other prompt": ({"prompt": "shout"}, "invalid_request"),
    "max_age": ({"max_age": "-1"}, "invalid_request"),
    "no challenge": ({"code_challenge": None}, "invalid_request"),
    "no PKCE": ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    "plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "no method": ({"code_challenge_method": None}, "invalid_request"),
    "s256": ({"code_challenge_method": "s256"}, "invalid_request"),
    "short challenge": ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
    "long challenge": ({"code_challenge": CHALLENGE + "A"}, "invalid_request"),
    "padded challenge": ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
    "charset of challenge": ({"code_challenge": CHALLENGE[:-1] + "+"}, "invalid_request"),
    "line break in challenge": ({"code_challenge": CHALLENGE + "\n"}, "invalid_request"),
    "no aud": ({"aud": None}, "invalid_request"),
    "other aud": ({"aud": "https://other.example/fhir"}, "invalid_request"),
    "aud prefix": ({"aud": ISSUER}, "invalid_request"),
    "aud suffix": ({"aud": f"{BASE}/stu3/x"}, "invalid_request"),
    "aud of a data service": ({"aud": f"{ISSUER}/medmij/48/fhir"}, "invalid_request"),
    "aud two slashes": ({"aud": f"{BASE}//"}, "invalid_request"),
    "aud longer host": ({"aud": "http://zelfregie.test.evil.example/fhir"}, "invalid_request"),
    "aud other scheme": ({"aud": "https://zelfregie.test/fhir"}, "invalid_request"),
    "aud upper case": ({"aud": BASE.upper()}, "invalid_request"),
    "aud and another resource": ({"resource": "https://other.example/fhir"}, "invalid_request"),
    "launch without scope": ({"launch": "x"}, "invalid_request"),
    "scope without launch": ({"scope": "launch patient/*.rs"}, "invalid_request"),
    "unknown launch": ({"scope": "launch patient/*.rs", "launch": "guess"}, "invalid_request"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a05_a06_a07_a08_a10_a11_what_is_wrong_is_told_to_the_app(client: httpx.AsyncClient, case: str) -> None:
    changes, error = WRONG[case]
    answer = await client.get("/oauth/authorize", params=wanted(**changes))
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    assert answer.headers["cache-control"] == "no-store"
    back = sent(answer)
    assert back["error"] == error
    assert back["iss"] == ISSUER
    assert "code" not in back
    state = changes.get("state", STATE)
    assert back.get("state") == state
    assert "\r" not in answer.headers["location"]
    assert "\n" not in answer.headers["location"]


@pytest.mark.parametrize("case", WRONG)
async def test_a05_what_is_wrong_besides_does_not_send_anybody_to_another_address(
    client: httpx.AsyncClient, case: str
) -> None:
    changes, _ = WRONG[case]
    await stopped(
        await client.get(
            "/oauth/authorize", params=wanted(**{**changes, "redirect_uri": "https://evil.example/callback"})
        )
    )


async def test_a06_state_comes_back_to_the_letter(browser: httpx.AsyncClient) -> None:
    state = "\"><script>alert(1)</script>&x=%20+'/~"
    page = await ask(browser, state=state)
    assert "<script>" not in page.text
    back = sent(await ask(browser, state=state, scope="patient/Nothing.rs"))
    assert back["state"] == state


@pytest.mark.parametrize("aud", [BASE, f"{BASE}/"])
@pytest.mark.parametrize("name", ["aud", "resource"])
async def test_a10_this_server_is_named_with_or_without_a_slash(client: httpx.AsyncClient, aud: str, name: str) -> None:
    started = await client.get("/oauth/authorize", params={**wanted(aud=None), name: aud})
    assert started.headers["location"].startswith("/authorize/")


BAD_SCOPES = [
    "patient/Nothing.rs",
    "patient/observation.rs",
    "patient/Observation.dus",
    "patient/Observation.",
    "patient/Observation",
    "patient/.rs",
    "patient/*.rss",
    "patient/*.execute",
    "patients/*.rs",
    "system/*.rs",
    "user/*.rs",
    "patient/*.rs system/Patient.r",
    "patient/Observation.rs?code:in=http://evil.example/ValueSet",
    "patient/Observation.rs?subject.name=x",
    "patient/Observation.rs?",
    "patient/Observation.rs?x",
    "patient/Observation.rs?nothing=1",
    "patient/*.rs\u00a0patient/Goal.rs",
    "patient/*.rs\npatient/Goal.rs",
    "patient/*.rs\tpatient/Goal.rs",
    "patient/*.rs  patient/Goal.rs",
    " patient/*.rs",
    'patient/"*".rs',
    "patient/*.rs\\",
    "offline_access",
    "nothing that is known",
    " ".join(f"patient/Observation.rs?code=c{number}" for number in range(151)),
    "x" * 6001,
]


@pytest.mark.parametrize("scope", BAD_SCOPES, ids=lambda each: ascii(each[:50]))
async def test_a09_scopes_that_are_refused(client: httpx.AsyncClient, scope: str) -> None:
    back = sent(await client.get("/oauth/authorize", params=wanted(scope=scope)))
    assert (back["error"], back["state"]) == ("invalid_scope", STATE)
    assert all(32 <= ord(each) < 127 and each not in '"\\' for each in back["error_description"])


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("patient/*.*", "patient/*.cruds"),
        ("patient/*.read", "patient/*.rs"),
        ("patient/Observation.write", "patient/Observation.cud"),
        ("patient/*.read patient/Observation.rs patient/Observation.rs", "patient/*.rs"),
        ("patient/Observation.r patient/Observation.s", "patient/Observation.rs"),
        ("patient/Goal.rs unknown launch/encounter", "patient/Goal.rs"),
        (
            "patient/Observation.rs?category=vital-signs patient/Goal.c",
            "patient/Goal.c patient/Observation.rs?category=vital-signs",
        ),
    ],
)
async def test_a09_what_is_granted_is_said_in_one_form(
    browser: httpx.AsyncClient, client: httpx.AsyncClient, asked: str, granted: str
) -> None:
    code = await allowed(browser, scope=asked)
    assert (await redeem(client, code)).json()["scope"] == granted


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("launch/patient patient/*.cruds", "launch/patient patient/Observation.rs"),
        ("patient/Observation.cruds offline_access openid", "patient/Observation.rs"),
        ("patient/Observation.s?code=x", "patient/Observation.s?code=x"),
    ],
)
async def test_a09_never_more_than_registered(
    browser: httpx.AsyncClient, client: httpx.AsyncClient, asked: str, granted: str
) -> None:
    where = "https://narrow.example/one"
    code = await allowed(browser, client_id="narrow", redirect_uri=where, scope=asked)
    answer = (await redeem(client, code, client_id="narrow", redirect_uri=where)).json()
    assert answer["scope"] == granted
    assert "refresh_token" not in answer
    assert "id_token" not in answer


async def test_a17_every_answer_names_who_gave_it(browser: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    metadata = (await client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert sent(await ask(browser, aud="x"))["iss"] == metadata["issuer"]
    page = await ask(browser)
    for button in ("deny", "allow"):
        back = sent(await press(browser, page, button))
        assert back["iss"] == metadata["issuer"]
        page = await ask(browser)
    assert sent(page)["iss"] == metadata["issuer"]


async def launched(browser: httpx.AsyncClient) -> str:
    """The secret with which Anna opens the app from its page."""
    page = await browser.get("/apps")
    from tests.oauth.opening import opened

    return (await opened(browser, page, "app"))["launch"]


async def test_a11_a_launch_counts_once(browser: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    launch = await launched(browser)
    code = await allowed(browser, scope="launch patient/*.rs", launch=launch)
    given = (await redeem(client, code)).json()
    assert (given["patient"], given["need_patient_banner"]) == ("anna", False)
    again = sent(await ask(browser, scope="launch patient/*.rs", launch=launch))
    assert again["error"] == "invalid_request"


async def test_a11_a_launch_at_once_counts_once(browser: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    launch = await launched(browser)
    request = wanted(scope="launch patient/*.rs", launch=launch)
    answers = await asyncio.gather(*(client.get("/oauth/authorize", params=request) for _ in range(5)))
    assert sum(each.headers["location"].startswith("/authorize/") for each in answers) == 1


async def test_a11_a_launch_is_of_who_opened_the_app(service: Service, browser: httpx.AsyncClient) -> None:
    launch = await launched(browser)
    async with logged_in(service, "bram") as other:
        page = await ask(other, scope="launch patient/*.rs", launch=launch)
        assert page.status_code == 403
        assert "code" not in page.text


async def test_a11_a_launch_is_of_the_app_that_was_opened(browser: httpx.AsyncClient) -> None:
    launch = await launched(browser)
    request = {"client_id": "web", "scope": "launch patient/*.rs", "launch": launch}
    assert sent(await ask(browser, **request))["error"] == "invalid_request"
    assert sent(await ask(browser, scope="launch patient/*.rs", launch=launch))["error"] == "invalid_request"


async def test_a11_a_launch_does_not_wait_long(service: Service, browser: httpx.AsyncClient) -> None:
    launch = await launched(browser)
    await service.database.change("UPDATE ticket SET expires = expires - 300000000 WHERE kind = 'launch'")
    assert sent(await ask(browser, scope="launch patient/*.rs", launch=launch))["error"] == "invalid_request"


async def test_a12_a_person_without_a_record_lets_no_app_in(service: Service) -> None:
    async with logged_in(service, "carla", record=None) as browser:
        page = await ask(browser)
        assert page.status_code == 403
        assert "Een app" in page.text
        assert (await account(service, "carla")).patient is None
