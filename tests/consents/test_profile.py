"""Permissions as the service writes them follow the profile that it publishes. https://profiles.ihe.net/ITI/PCF/"""

from __future__ import annotations

from typing import Final

import pytest

from app.auth.consents.allowances import CATEGORIES
from app.auth.consents.purposes import PURPOSES
from app.auth.recipients import organization
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode
from tests.consents.people import Permissions, parameters
from tests.medmij_profiles.package import profiles

PROFILE: Final = f"{CANONICAL_BASE}/StructureDefinition/PrivacyConsent"


def found(consent: Resource) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """What deviates, and what could not be told."""
    return [(each.severity, each.rule, each.expression) for each in profiles().check(consent, PROFILE)]


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_permission_for_any_purpose_follows_it(permissions: Permissions, purpose: str) -> None:
    actions = ["see"] if PURPOSES[purpose].secondary else ["see", "add", "change"]
    recipient = organization(permissions.practice.id)
    consent = await permissions.give(recipient, categories=list(CATEGORIES), actions=actions, purpose=purpose)
    answer = await (await permissions.session()).get(f"/Consent/consent-{consent}")
    assert found(decode(answer.content)) == []


async def test_every_version_of_a_permission_follows_it(permissions: Permissions) -> None:
    consent = await permissions.give(until=4 * 10**15)
    await permissions.give(categories=["laboratory"], consent_id=consent)
    await permissions.withdraw(consent)
    session = await permissions.session()
    history = await session.bundle(f"/Consent/consent-{consent}/_history")
    assert [found(each["resource"]) for each in history["entry"]] == [[], [], []]


async def test_what_the_operations_answer_follows_it(permissions: Permissions) -> None:
    anna = await permissions.session()
    given = decode((await anna.post("/Consent/$grant", parameters(app="dagboek", action="see"))).content)
    assert found(given) == []
    withdrawn = await anna.post(f"/Consent/{given['id']}/$withdraw")
    assert found(decode(withdrawn.content)) == []


async def test_a_permission_that_was_changed_by_hand_does_not(permissions: Permissions) -> None:
    consent = await permissions.give()
    answer = await (await permissions.session()).get(f"/Consent/consent-{consent}")
    resource = decode(answer.content)
    resource["provision"]["type"] = "deny"
    assert found(resource) == [("error", "fixed", ("Consent.provision.type",))]
