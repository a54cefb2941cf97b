"""Errors in the language of who asks, through every door. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4

Each bad request is sent without a language, in Dutch and in English. What is technical is the same in all three; what
people read is in their language, and says nothing of what the resource says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import httpx
import pytest

from app.errors import Issue
from app.fhir.definitions import load
from app.fhir.resource import Resource, decode, encode, walk_dicts
from app.fhir.validation import validate
from app.fhir.xml import from_xml, to_xml
from app.server.outcomes import outcome
from app.server.telling import asking, table
from tests.builders import batch, goal, organization
from tests.server.bad_requests import ANONYMOUS, BROKEN, CASES, SPOKEN, STU3_CASES, WORD
from tests.server.service import Caller, Service
from tests.stu3.record import ROOT as STU3

XML: Final = "application/fhir+xml"
_WHERE: Final = re.compile(r"\\{\w+\\}")


def _patterns(language: str) -> re.Pattern[str]:
    """Any text of the table."""
    whats = [
        row["what"][language]
        for section in ("codes", "parameters", "refusals", "problems")
        for row in table()[section].values()
    ]
    return re.compile("|".join(_WHERE.sub(r".*", re.escape(each)) for each in whats))


DUTCH, ENGLISH = _patterns("nl"), _patterns("en")


def outcomes(body: Resource) -> list[Resource]:
    """Every OperationOutcome in a body."""
    return [each for each in walk_dicts(body) if each.get("resourceType") == "OperationOutcome"]


def read(answer: httpx.Response) -> Resource:
    if "xml" in answer.headers["content-type"]:
        return from_xml(answer.content, load("4.0.1"))
    return decode(answer.content)


def issues_in(answer: httpx.Response) -> list[Resource]:
    found = [issue for each in outcomes(read(answer)) for issue in each["issue"]]
    assert found, answer.text
    return found


def technical(issue: Resource) -> Resource:
    """What does not depend on the language; a version that a write makes is another each time."""
    text = re.sub(r"\w+/[\w-]+ was (created|updated): .*", "was written", issue.get("diagnostics", ""))
    return {**{name: each for name, each in issue.items() if name != "details"}, "diagnostics": text}


def check(answers: Sequence[httpx.Response], name: str) -> None:
    """The three answers to one request."""
    plain, dutch, english = answers
    assert plain.status_code == dutch.status_code == english.status_code, name
    for answer in (plain, dutch, english):
        assert "Accept-Language" in answer.headers["vary"], name
    assert "content-language" not in plain.headers, name
    whole = read(dutch)["resourceType"] == "OperationOutcome"
    assert dutch.headers.get("content-language") == ("nl" if whole else None), name
    assert english.headers.get("content-language") == ("en" if whole else None), name
    for none, nl, en in zip(issues_in(plain), issues_in(dutch), issues_in(english), strict=True):
        assert technical(none) == technical(nl) == technical(en), name
        rule = none.get("details", {}).get("text")
        for each in (nl, en):
            assert [coding["code"] for coding in each["details"].get("coding", ())] == ([rule] if rule else []), name
            assert WORD not in each["details"]["text"], name
        assert nl["details"]["text"] != en["details"]["text"], name
        own = none["diagnostics"] == f"{en['details']['text']} / {nl['details']['text']}"
        assert own or DUTCH.match(nl["details"]["text"]), (name, nl)
        assert own or ENGLISH.match(en["details"]["text"]), (name, en)


async def thrice(
    caller: Caller, method: str, address: str, body: Resource | bytes | None, headers: Mapping[str, str]
) -> list[httpx.Response]:
    """Without a language, in Dutch, in English."""
    return [
        await caller.send(method, address, body, {**headers, **language})
        for language in (
            {},
            {"accept-language": "fr;q=0.9, nl-NL;q=0.5, en;q=0.1"},
            {"accept-language": "en-GB, nl;q=0.5"},
        )
    ]


@pytest.fixture
async def ready(anna: Caller) -> Caller:
    """Anna, with a goal and one that is deleted."""
    await anna.keep(goal(id="held"))
    await anna.keep(goal(id="gone"))
    await anna.delete("/Goal/gone")
    return anna


async def test_every_bad_request_is_told_in_the_language_of_who_asks(ready: Caller) -> None:
    for name, (method, address, body, headers, status) in CASES.items():
        answers = await thrice(ready, method, address, body, headers)
        assert answers[0].status_code == status, (name, answers[0].text)
        check(answers, name)
        for answer in answers:
            for each in outcomes(read(answer)):
                assert validate(each, load("4.0.1")) == [], name


async def test_the_same_in_xml(ready: Caller) -> None:
    accept = {"accept": XML}
    for name, (method, address, body, headers, status) in CASES.items():
        if "accept" in headers:
            continue  # what cannot be answered in the format that is asked for is answered in JSON
        sent, kind = body, dict[str, str]()
        if isinstance(body, dict) and "content-type" not in headers and name in ("validate, all right", "write"):
            sent, kind = to_xml(body, load("4.0.1")), {"content-type": XML}
        answers = await thrice(ready, method, address, sent, {**headers, **accept, **kind})
        assert answers[0].status_code == status, (name, answers[0].text)
        assert {each.headers["content-type"].partition(";")[0] for each in answers} == {XML}, name
        check(answers, name)
    wrong = f'<Goal xmlns="http://hl7.org/fhir"><colour value="{WORD}"/><statusDate value="{WORD}"/></Goal>'.encode()
    check(await thrice(ready, "POST", "/Goal", wrong, {**accept, "content-type": XML}), "structure")


async def test_who_may_not_is_told_so_in_their_language(service: Service, ready: Caller) -> None:
    for name, (token, method, address, status) in ANONYMOUS.items():
        answers = await thrice(service.caller(token), method, address, None, {})
        assert {each.status_code for each in answers} == {status}, name
        check(answers, name)
    (text,) = {each["details"]["text"] for each in issues_in(answers[1])}
    assert text == "Het token geeft hiervoor niet genoeg rechten. Log opnieuw in en vraag om de rechten die ontbreken."


async def test_the_same_at_the_door_of_stu3_with_its_names(ready: Caller) -> None:
    for name, (method, address, body, headers, status) in STU3_CASES.items():
        answers = await thrice(ready, method, f"{STU3}{address}", body, headers)
        assert answers[0].status_code == status, (name, answers[0].text)
        check(answers, name)
        for each in issues_in(answers[1]):
            assert "ServiceRequest" not in each["details"]["text"], name
            for place in each.get("expression", ())[:3]:
                own = each["diagnostics"].endswith(each["details"]["text"])
                assert own or place.removeprefix("http.") in each["details"]["text"], (name, each)


async def test_what_to_send_instead_is_left_to_the_diagnostics_where_it_differs_by_request(ready: Caller) -> None:
    nl = {"accept-language": "nl"}
    answers = [
        await ready.post("/Goal/_search", SPOKEN, nl),
        await ready.send("PATCH", "/Goal/held", SPOKEN, {**nl, "content-type": "text/plain"}),
        await ready.send("POST", "/Goal", b"x", {**nl, "content-encoding": "br"}),
        await ready.get("/Goal?_format=image/png", nl),
        await ready.get("/Goal", {**nl, "accept-charset": "latin1"}),
        await ready.post(STU3, batch({"resource": SPOKEN, "request": {"method": "PATCH", "url": "Goal/held"}}), nl),
    ]
    assert [each.status_code for each in answers[:5]] == [415, 415, 415, 406, 406]
    for answer in answers:
        (issue,) = issues_in(answer)
        text = issue["details"]["text"]
        assert "diagnostics" in text, text
        assert "fhir+json" not in text, text
        assert "Allow" not in text, text
        assert issue["diagnostics"], text


async def test_a_place_is_named_with_what_to_do_and_the_version_that_a_write_made(ready: Caller) -> None:
    nl = {"accept-language": "nl"}
    broken = issues_in(await ready.post("/Goal", BROKEN, nl))
    texts = {tuple(each["expression"]): each["details"]["text"] for each in broken}
    assert texts["Goal.description",] == (
        "Er ontbreekt iets dat verplicht is bij Goal.description. Vul het aan en verstuur het opnieuw."
    )
    assert texts["Goal.colour",].startswith("Er staat een element dat FHIR niet kent bij Goal.colour. Verbeter de naam")
    assert "geen geldige date bij Goal.statusDate" in texts["Goal.statusDate",]
    written = await ready.put("/Goal/held", {**SPOKEN, "id": "held"}, {**nl, "prefer": "return=OperationOutcome"})
    assert issues_in(written)[0]["details"]["text"] == "Goal is gewijzigd. Dit is versie 2."
    assert written.headers["content-language"] == "nl"


async def test_a_warning_beside_a_write_is_told_in_the_language_too(practice: Caller) -> None:
    odd = organization(identifier=[{"system": "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers", "value": WORD}])
    given = {"prefer": "return=OperationOutcome"}
    answers = await thrice(practice, "POST", "/Organization/$validate", odd, given)
    check(answers, "warning")
    warned = [each for each in issues_in(answers[1]) if each["severity"] == "warning"]
    assert warned
    assert all(each["details"]["text"].endswith(table()["warning"]["nl"]) for each in warned)


async def test_what_is_no_error_is_the_same_in_every_language(ready: Caller) -> None:
    for address in ("/Goal/held", "/metadata"):
        answers = await thrice(ready, "GET", address, None, {})
        assert len({each.content for each in answers}) == 1
        assert all("content-language" not in each.headers for each in answers)
    tag = (await ready.get("/Goal/held", {"accept-language": "nl"})).headers["etag"]
    again = await ready.get("/Goal/held", {"if-none-match": tag, "accept-language": "en"})
    assert (again.status_code, again.content) == (304, b"")
    assert "content-language" not in again.headers


async def test_the_capability_statement_says_so(ready: Caller) -> None:
    for root in ("", STU3):
        (rest,) = decode((await ready.get(f"{root}/metadata")).content)["rest"]
        assert "Accept-Language" in rest["documentation"], root


async def test_a_page_of_another_origin_may_name_its_language_and_is_told_in_it(ready: Caller) -> None:
    page = {"origin": "https://app.example", "accept-language": "nl"}
    answer = await ready.get("/Goal/nowhere", page)
    # Both Accept-Language and Content-Language are safelisted: https://fetch.spec.whatwg.org/#cors-safelisted-request-header
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-language"] == "nl"


async def test_two_headers_are_one_list(ready: Caller) -> None:
    given = [("authorization", f"Bearer {ready.token}"), ("accept-language", "en;q=0.1"), ("accept-language", "nl")]
    answer = await ready.client.get("/Goal/nowhere", headers=given)
    assert answer.headers["content-language"] == "nl"


async def test_a_browser_that_names_no_language_in_particular_is_told_as_ever(ready: Caller) -> None:
    plain = await ready.get("/Goal/nowhere")
    for header in ("*", "fr", "", "nonsense;q=x", "nl;q=0, en;q=0"):
        answer = await ready.get("/Goal/nowhere", {"accept-language": header})
        assert answer.content == plain.content, header


def test_the_language_of_a_request_ends_with_it() -> None:
    def texts() -> Iterator[Any]:
        yield outcome([Issue("not-found", "x")])["issue"][0].get("details")

    with asking([(b"accept-language", b"nl")]):
        assert list(texts()) != [None]
        with asking([(b"accept-language", b"en")]):
            (english,) = texts()
        assert list(texts()) != [english]
    assert list(texts()) == [None]
    assert encode(outcome([Issue("not-found", "x")])).count(b"details") == 0
