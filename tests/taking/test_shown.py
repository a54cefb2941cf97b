"""That a source no longer delivers something is said wherever a person or a clinician reads it."""

from __future__ import annotations

import pytest

from tests.server.service import Caller, Service
from tests.taking.deliveries import collection, delivered, diabetes, given
from tests.web.login import logged_in

WORDS = {"nl": "Deze bron levert dit niet meer sinds", "en": "This source no longer delivers this since"}


async def gone(gp: Caller) -> None:
    await delivered(gp, collection(given(diabetes(code={"text": "Suikerziekte"}), "1"), answers="Condition"))
    await delivered(gp, collection({"resource": {"resourceType": "Patient"}}, answers="Condition"))


@pytest.mark.parametrize("language", WORDS)
async def test_the_page_of_the_record_says_so(service: Service, gp: Caller, language: str) -> None:
    await gone(gp)
    async with logged_in(service, "anna") as client:
        page = (await client.get(f"/record?lang={language}")).text
    assert "Suikerziekte" in page
    assert WORDS[language] in page


@pytest.mark.parametrize("operation", ["$overview", "$summary"])
@pytest.mark.parametrize("language", WORDS)
async def test_the_lists_and_the_summary_say_so(gp: Caller, anna: Caller, operation: str, language: str) -> None:
    await gone(gp)
    answer = await anna.get(f"/Patient/anna/{operation}", {"accept-language": language})
    assert answer.status_code == 200, answer.text
    assert "Suikerziekte" in answer.text
    assert "no-longer-delivered-since" in answer.text or WORDS[language] in answer.text


async def test_the_summary_says_so_in_its_narrative(gp: Caller, anna: Caller) -> None:
    await gone(gp)
    text = (await anna.get("/Patient/anna/$summary")).text
    assert any(words in text for words in WORDS.values())
