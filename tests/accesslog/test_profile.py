"""Lines of the access log as the service gives them follow the profile that it publishes."""

from __future__ import annotations

from typing import Final

from app.config import CANONICAL_BASE
from app.fhir.resource import decode, encode
from tests import builders
from tests.medmij_profiles.package import profiles
from tests.server.service import Caller, Service

PROFILE: Final = f"{CANONICAL_BASE}/StructureDefinition/AccessLogEntry"


async def test_every_line_follows_it(service: Service, anna: Caller, practice: Caller) -> None:
    goal = await anna.create(builders.goal())
    await practice.get(f"/Goal/{goal['id']}")
    await practice.get("/Goal?patient=anna")
    await practice.get("/Patient/anna/$everything")
    await anna.post("/Goal/$validate", builders.goal())
    assert service.application.parts is not None
    await service.application.parts.mover.drain()
    pages = await service.caller("anna-permissions").pages("/AuditEvent")
    lines = [decode(encode(entry["resource"])) for page in pages for entry in page.get("entry", ())]
    assert {"create", "read", "search-type", "everything"} <= {each["subtype"][0]["code"] for each in lines}
    for line in lines:
        found = profiles().check(line, PROFILE)
        assert [(each.severity, each.rule, each.expression) for each in found] == []
