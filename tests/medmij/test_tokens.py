"""Which token holds under which base: base × token, as a table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest

from app.auth.bases import audiences, holding_under, known_services, problem_of_services
from app.errors import Unauthenticated
from app.medmij.services import load_services
from tests.server.service import Service, running_service

TOKENS: Final[Mapping[str, Mapping[str, Any]]] = {
    "smart": {"patient": "anna", "scopes": "patient/*.cruds"},
    "bgz": {"patient": "anna", "scopes": "patient/*.cruds", "profile": "medmij", "services": [48]},
    "bgz-and-gp": {"patient": "anna", "scopes": "patient/*.rs", "profile": "medmij", "services": [48, 49]},
}
HOLDS: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"smart"}),
    "48": frozenset({"bgz", "bgz-and-gp"}),
    "49": frozenset({"bgz-and-gp"}),
    "52": frozenset(),
}
"""By service ("" for the bases of SMART), the tokens that hold there."""


@pytest.fixture(scope="module")
async def some_service(filled_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """A service of its own, which the tests only ask."""
    async with running_service(filled_url, tmp_path_factory.mktemp("tokens"), tokens=TOKENS) as service:
        yield service


async def test_a_token_holds_under_the_bases_that_it_is_for_and_no_others(some_service: Service) -> None:
    assert some_service.application.parts is not None
    authenticator, now = some_service.application.parts.authenticator, some_service.server.clock()
    for base, held in HOLDS.items():
        found = set()
        for token in TOKENS:
            try:
                await holding_under(authenticator, base)(f"Bearer {token}", now)
            except Unauthenticated:
                continue
            found.add(token)
        assert found == held, base


@pytest.mark.parametrize("token", TOKENS)
async def test_under_fhir_a_medmij_token_is_answered_401_with_what_it_lacks(some_service: Service, token: str) -> None:
    answer = await some_service.caller(token).get("/Observation")
    if token == "smart":
        assert answer.status_code == 200
        return
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("profile", "services", "fits"),
    [
        ("smart", [], True),
        ("smart", ["48"], False),
        ("medmij", ["48", "49"], True),
        ("medmij", [], False),
        ("medmij", ["48", "48"], False),
        ("medmij", ["zorg"], False),
        ("medmij", ["48", "99"], False),
    ],
)
def test_a_profile_and_its_services_belong_together(profile: str, services: list[str], *, fits: bool) -> None:
    assert (problem_of_services(profile, services) == "") is fits


def test_the_services_that_a_token_may_name_are_those_that_have_a_base() -> None:
    assert known_services() == load_services().keys()


def test_a_token_is_addressed_to_the_bases_that_it_holds_under() -> None:
    assert audiences("https://z.example/fhir", []) == ["https://z.example/fhir", "https://z.example/fhir/stu3"]
    assert audiences("https://z.example/fhir", ["48"]) == ["https://z.example/medmij/48/fhir"]
