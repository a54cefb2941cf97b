"""What is wrong with a request of a data service is told in the language of who asks, in JSON and XML.
https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
"""

from __future__ import annotations

from typing import Final

import pytest

from app.medmij.services import load_services
from tests.medmij.bases import At, headers, read, root
from tests.server.bad_requests import WORD
from tests.server.test_telling import DUTCH, ENGLISH, outcomes

BASES: Final = {each.fhir: each.id for each in load_services().values() if each.takes_reads}
"""One of each version of FHIR."""
ADDRESSES: Final = {
    "unknown parameter": "/Observation?colour=red",
    "value": f"/Observation?date={WORD}",
    "not of the service": "/Basic",
    "not there": "/Observation/nowhere",
}


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("base", sorted(BASES.values()))
async def test_every_refusal_of_a_service_is_told_in_the_language_of_who_asks(at: At, base: str, form: str) -> None:
    for name, address in ADDRESSES.items():
        told = {}
        for language, pattern in (("nl", DUTCH), ("en", ENGLISH)):
            answer = await at.get(base, address, headers(form, accept_language=language))
            assert answer.status_code in (400, 404), (name, answer.text)
            assert answer.headers["content-language"] == language
            assert "Accept-Language" in answer.headers["vary"]
            texts = [issue["details"]["text"] for each in outcomes(read(answer, base)) for issue in each["issue"]]
            assert texts, name
            assert all(pattern.match(each) and WORD not in each for each in texts), (name, texts)
            told[language] = texts
        assert told["nl"] != told["en"], name
        plain = await at.get(base, address, headers(form))
        assert "content-language" not in plain.headers
        assert all("details" not in issue for each in outcomes(read(plain, base)) for issue in each["issue"]), name


async def test_a_header_that_is_missing_is_named_as_a_header(at: At) -> None:
    caller = at.service.caller("anna-medmij")
    answer = await caller.get(f"{root('48')}/Patient", {"accept-language": "nl", "accept": "application/fhir+json"})
    (first, *_) = read(answer, "48")["issue"]
    assert first["details"]["text"] == (
        "Er ontbreekt iets dat verplicht is in de header MedMij-Request-ID. Vul het aan en verstuur het opnieuw."
    )


async def test_another_version_of_fhir_is_told_as_such(at: At) -> None:
    asked = headers(accept="application/fhir+json; fhirVersion=4.0", accept_language="nl")
    answer = await at.get("48", "/Patient", asked)
    (issue,) = read(answer, "48")["issue"]
    assert (answer.status_code, issue["details"]["text"].partition(".")[0]) == (
        400,
        "Dit adres antwoordt niet in die versie van FHIR",
    )
