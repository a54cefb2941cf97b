"""Log-in at an OpenID Connect provider: what is believed, and what is refused without a trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from app.auth.organizations import identity_providers, registry
from app.auth.organizations.discovery import PAUSE, Discovery
from app.auth.organizations.identity_providers import SEAL, Claims, IdentityProvider
from app.auth.organizations.log_in import link, linked, log_in
from app.auth.organizations.openid import Aim, NotLoggedIn, OpenId, Reason, Returned
from app.auth.organizations.tables import INSERT_ORGANIZATION
from app.auth.sealing import Seal
from app.errors import Unprocessable
from tests.openid_provider import ATTACKS, CLIENT, OTHER_KEY, SECRET, Provider, running_provider
from tests.people.people import TENANT, People

BSN: Final = "999999990"
CALLBACK: Final = "http://zelfregie.test/login/callback"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with running_provider() as provider:
        yield provider


class Site:
    """Our side: providers, and one browser's visit."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.later = 0
        self.seal = Seal(b"secret", SEAL)
        self.discovery = Discovery(lambda: people.now + self.later)
        self.openid = OpenId(people.server.database, self.discovery, self.seal, callback=CALLBACK)

    async def register(
        self, provider: Provider, *, organization: str = "", claims: Claims | None = None
    ) -> IdentityProvider:
        return await identity_providers.add(
            self.people.server.database,
            self.seal,
            tenant=TENANT,
            name="Provider",
            issuer=provider.issuer,
            client_id=CLIENT,
            client_secret=SECRET,
            organization=organization,
            claims=claims,
            now=self.people.now,
        )

    async def begin(
        self, provider: IdentityProvider, *, visit: str = "visit", aim: Aim = "log-in", account: str = ""
    ) -> dict[str, str]:
        """What the browser brings back from the provider."""
        address = await self.openid.begin(provider.id, visit=visit, now=self.people.now, aim=aim, account=account)
        async with httpx.AsyncClient() as browser:
            answer = await browser.get(address)
        assert answer.status_code == 303
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    async def come_back(self, provider: IdentityProvider, *, aim: Aim = "log-in", account: str = "") -> Returned:
        answer = await self.begin(provider, aim=aim, account=account)
        return await self.openid.finish(answer, visit="visit", now=self.people.now)

    async def refusal(self, answer: dict[str, str], *, visit: str = "visit") -> Reason:
        with pytest.raises(NotLoggedIn) as raised:
            await self.openid.finish(answer, visit=visit, now=self.people.now)
        return raised.value.reason


@pytest.fixture
async def site(people: People) -> Site:
    return Site(people)


async def test_a_person_comes_back_as_who_they_are(site: Site, provider: Provider) -> None:
    provider.claims["acr"] = "substantial"
    found = await site.come_back(await site.register(provider))
    assert (found.person.subject, found.person.name, found.person.assurance) == (
        "subject-1",
        "Anna Proefstra",
        "substantial",
    )
    (asked,) = provider.asked
    assert asked["redirect_uri"] == CALLBACK
    assert asked["scope"] == "openid profile"
    assert "prompt" not in asked


async def test_the_first_log_in_makes_an_account_and_the_next_ones_find_it(site: Site, provider: Provider) -> None:
    registered = await site.register(provider)
    server, now = site.people.server, site.people.now
    first = await log_in(server, await site.come_back(registered), language="nl", now=now)
    again = await log_in(server, await site.come_back(registered), language="nl", now=now)
    provider.claims["sub"] = "subject-2"
    other = await log_in(server, await site.come_back(registered), language="nl", now=now)
    assert first.account == again.account != other.account
    assert first.issuer == provider.issuer
    assert not first.fresh, "the provider's assurance levels are not registered as strong"


async def test_an_account_is_never_found_by_name_or_e_mail(site: Site, provider: Provider) -> None:
    anna = await site.people.account("anna")
    rows = await site.people.server.database.fetch("SELECT email, name FROM account WHERE id = $1", anna)
    provider.claims |= {"email": rows[0][0], "email_verified": True, "name": rows[0][1]}
    found = await log_in(
        site.people.server, await site.come_back(await site.register(provider)), language="nl", now=site.people.now
    )
    assert found.account != anna


async def test_a_second_factor_counts_only_at_a_level_that_is_registered_as_strong(
    site: Site, provider: Provider
) -> None:
    provider.claims["acr"] = "high"
    registered = await site.register(provider, claims=Claims(strong=("high",)))
    assert (await site.come_back(registered)).person.strong
    provider.claims["acr"] = "low"
    assert not (await site.come_back(registered)).person.strong
    provider.claims |= {"acr": "high", "auth_time": 1_700_000_000}
    assert not (await site.come_back(registered)).person.strong, "long ago"


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_provider_that_lies_is_not_believed(site: Site, provider: Provider, attack: str) -> None:
    registered = await site.register(provider)
    provider.attack = attack
    assert await site.refusal(await site.begin(registered)) is Reason.PROVIDER
    provider.attack = ""
    assert (await site.come_back(registered)).person.subject == "subject-1"


async def test_a_35_a_state_of_another_browser_is_refused_and_used_up(site: Site, provider: Provider) -> None:
    answer = await site.begin(await site.register(provider), visit="somebody else's")
    assert await site.refusal(answer) is Reason.STATE
    assert await site.refusal(answer, visit="somebody else's") is Reason.STATE
    assert "/token" not in provider.fetched


async def test_a_state_counts_once_and_not_for_long(site: Site, provider: Provider) -> None:
    registered = await site.register(provider)
    answer = await site.begin(registered)
    await site.openid.finish(answer, visit="visit", now=site.people.now)
    assert await site.refusal(answer) is Reason.STATE
    late = await site.begin(registered)
    with pytest.raises(NotLoggedIn) as raised:
        await site.openid.finish(late, visit="visit", now=site.people.now + 601_000_000)
    assert raised.value.reason is Reason.STATE
    assert await site.refusal({"state": "made up", "code": "x"}) is Reason.STATE
    assert await site.refusal({}) is Reason.STATE


async def test_who_turns_back_at_the_provider_is_told_so(site: Site, provider: Provider) -> None:
    registered = await site.register(provider)
    provider.error = "access_denied"
    assert await site.refusal(await site.begin(registered)) is Reason.CANCELLED
    provider.error = "server_error"
    assert await site.refusal(await site.begin(registered)) is Reason.PROVIDER


async def test_a_provider_that_cannot_be_reached_is_a_refusal(site: Site, provider: Provider) -> None:
    provider.issuer = "http://127.0.0.1:9"
    registered = await site.register(provider)
    with pytest.raises(NotLoggedIn) as raised:
        await site.openid.begin(registered.id, visit="visit", now=site.people.now)
    assert raised.value.reason is Reason.PROVIDER


async def test_a_provider_that_says_it_is_another_is_a_refusal(site: Site, provider: Provider) -> None:
    registered = await site.register(provider)
    provider.issuer = "https://other.example"
    with pytest.raises(NotLoggedIn):
        await site.openid.begin(registered.id, visit="visit", now=site.people.now)


async def test_what_a_provider_publishes_is_kept_and_a_new_key_is_found(site: Site, provider: Provider) -> None:
    registered = await site.register(provider)
    for _ in range(3):
        await site.come_back(registered)
    assert provider.fetched.count("/.well-known/openid-configuration") == 1
    assert provider.fetched.count("/jwks") == 1
    provider.key = OTHER_KEY
    assert await site.refusal(await site.begin(registered)) is Reason.PROVIDER, "we do not look again at once"
    site.later = PAUSE + 1
    await site.come_back(registered)
    assert provider.fetched.count("/jwks") == 2


@pytest.mark.parametrize(
    "claims",
    [
        {"bsn": BSN},
        {"BSN": "anything at all"},
        {"urn:nl-eid-gdi:1.0:BSN": BSN},
        {"legalSubjectBsn": BSN},
        {"burger_service_nummer": BSN},
        {"person": {"ids": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": BSN}]}},
        {"identifier": f"urn:oid:2.16.840.1.113883.2.4.6.3|{BSN}"},
        {"citizen": BSN},  # a name that is registered for this provider
        {"sub": BSN},
    ],
)
async def test_a_bsn_is_refused_and_leaves_no_trace(
    site: Site,
    provider: Provider,
    claims: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    provider.claims |= claims
    registered = await site.register(provider, claims=Claims(bsn=("citizen",)))
    assert await site.refusal(await site.begin(registered)) is Reason.BSN
    database = site.people.server.database
    for table in ("account", "identity", "session", "ticket", "identity_provider"):
        rows = await database.fetch(f"SELECT * FROM {table}")
        assert BSN not in repr(rows)
    assert await database.fetch("SELECT 1 FROM identity WHERE issuer = $1", provider.issuer) == []
    journal = site.people.service.journal
    assert all(BSN.encode() not in file.read_bytes() for file in journal.folder.glob("*"))
    printed = capfd.readouterr()
    assert BSN not in caplog.text + printed.out + printed.err


async def test_numbers_that_are_no_bsn_are_let_through(site: Site, provider: Provider) -> None:
    provider.claims |= {"employee": "123456789", "absent": True, "sub": "123456789"}
    assert (await site.come_back(await site.register(provider))).person.subject == "123456789"


async def test_a_professional_has_the_numbers_that_the_organisations_provider_gave(
    site: Site, provider: Provider
) -> None:
    server, now = site.people.server, site.people.now
    practice = await registry.add(server, tenant=TENANT, name="De Proeftuin", agb="01234567", now=now)
    registered = await site.register(provider, organization=practice.id)
    assert await site.refusal(await site.begin(registered)) is Reason.IDENTIFIERS
    provider.claims |= {"agb": "1234", "big": "19012345601", "uzi": "12 34", "role": "huisarts", "acr": "high"}
    found = await log_in(server, await site.come_back(registered), language="nl", now=now)
    assert found.identifiers == {"big": "19012345601"}
    assert (found.organization, found.assurance) == (practice.id, "high")
    operator = site.people.service.caller("operator")
    (entry,) = (await operator.bundle("/Practitioner?identifier=http://fhir.nl/fhir/NamingSystem/big|19012345601"))[
        "entry"
    ]
    assert entry["resource"]["name"] == [{"text": "Anna Proefstra"}]
    roles = await operator.bundle(f"/PractitionerRole?practitioner=Practitioner/{entry['resource']['id']}")
    assert roles["entry"][0]["resource"]["organization"] == {"reference": f"Organization/{practice.id}"}
    assert roles["entry"][0]["resource"]["code"] == [{"text": "huisarts"}]
    await log_in(server, await site.come_back(registered), language="nl", now=now)
    again = await operator.bundle("/Practitioner?identifier=http://fhir.nl/fhir/NamingSystem/big|19012345601")
    assert again["entry"][0]["resource"]["meta"]["versionId"] == "1", "nothing changed, so nothing is written"


async def test_nobody_logs_in_at_an_organisation_that_was_closed(site: Site, provider: Provider) -> None:
    server, now = site.people.server, site.people.now
    practice = await registry.add(server, tenant=TENANT, name="De Proeftuin", ura="12345678", now=now)
    registered = await site.register(provider, organization=practice.id)
    answer = await site.begin(registered)
    await registry.close(server, tenant=TENANT, organization=practice.id, now=now)
    assert await site.refusal(answer) is Reason.PROVIDER
    with pytest.raises(NotLoggedIn):
        await site.openid.begin(registered.id, visit="visit", now=now)


@pytest.mark.parametrize(("name", "state"), [("Zonder nummer", "closed"), ("", "active")])
async def test_an_organisation_closes_wholly_or_not_at_all(site: Site, name: str, state: str) -> None:
    """Also one without numbers; one that the catalogue refuses stays as it was."""
    server, now = site.people.server, site.people.now
    async with server.database.write() as writer:
        await writer.insert(INSERT_ORGANIZATION, [("numberless", TENANT, name, "", "", "active", now)])
    with nullcontext() if name else pytest.raises(Unprocessable):
        await registry.close(server, tenant=TENANT, organization="numberless", now=now)
    found = await registry.find(server.database, TENANT, "numberless")
    assert found is not None
    assert found.state == state
    shown = await site.people.service.caller("operator").get("/Organization/numberless")
    assert (shown.status_code, '"active":false' in shown.text) == ((200, True) if name else (404, False))


async def test_a_further_way_in_is_linked_from_the_own_session_only(site: Site, provider: Provider) -> None:
    server, now, registered = site.people.server, site.people.now, await site.register(provider)
    anna, session = await site.people.account("anna"), await site.people.session("anna")
    stale, other = await site.people.session("anna", fresh=False), await site.people.session("paula")
    for wrong in (None, stale, other):
        with pytest.raises(NotLoggedIn) as raised:
            await link(server, await site.come_back(registered, aim="link", account=anna), wrong, now=now)
        assert raised.value.reason is Reason.LINKED
    await link(server, await site.come_back(registered, aim="link", account=anna), session, now=now)
    assert provider.asked[-1]["prompt"] == "login"
    assert [issuer for issuer, _ in await linked(server.database, anna)] == [provider.issuer]
    found = await log_in(server, await site.come_back(registered), language="nl", now=now)
    assert found.account == anna
    with pytest.raises(NotLoggedIn):
        await link(server, await site.come_back(registered, aim="link", account=anna), session, now=now)
