"""Passkeys on both databases: what a device must show, and what is refused of one that lies."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from app.auth.accounts import credentials, passkeys
from app.auth.accounts.account import Account
from app.auth.accounts.logging_in import Browser as From
from app.auth.accounts.relying_party import RelyingParty
from app.auth.accounts.service import Accounts
from app.errors import NotFound, Unprocessable
from tests.server.service import Service
from tests.web.account.authenticator import PRESENT, Authenticator
from tests.web.browsing import Time, accounts_of, mails
from tests.web.login import account


@pytest.fixture
def accounts(service: Service, time: Time) -> Accounts:
    """At an address with a name, where passkeys work."""
    return replace(accounts_of(service), relying_party=RelyingParty.at("http://localhost:8000"))


@pytest.fixture
async def anna(service: Service) -> Account:
    return await account(service, "anna")


async def make(accounts: Accounts, who: Account, device: Authenticator, time: Time) -> list[str] | None:
    asked = await passkeys.begin_making(accounts, who, now=time.now)
    answer = device.make(asked["options"])
    return await passkeys.finish_making(accounts, who, asked["ticket"], answer, name=" mijn  telefoon ", now=time.now)


async def use(accounts: Accounts, device: Authenticator, time: Time) -> Account | None:
    asked = await passkeys.begin_using(accounts, browser=From("192.0.2.7"), now=time.now)
    found = await passkeys.finish_using(accounts, asked["ticket"], device.use(asked["options"]), now=time.now)
    return None if found is None else found[0]


async def test_a_passkey_is_made_once_and_logs_in_by_itself(
    accounts: Accounts, anna: Account, service: Service, time: Time
) -> None:
    await mails(service)
    device = Authenticator()
    codes = await make(accounts, anna, device, time)
    assert codes == [] or len(codes or []) == 10
    found = await use(accounts, device, time)
    assert found is not None
    assert found.id == anna.id
    (kept,) = await passkeys.passkeys_of(accounts, anna.id)
    assert (kept.id, kept.name, kept.used) == (device.id, "mijn telefoon", time.now)
    assert any("passkey" in each.get_content() for each in await mails(service, "anna@example.org"))


async def test_the_device_must_have_checked_its_owner(accounts: Accounts, anna: Account, time: Time) -> None:
    assert await make(accounts, anna, Authenticator(flags=PRESENT), time) is None
    device = Authenticator()
    await make(accounts, anna, device, time)
    device.flags = PRESENT
    assert await use(accounts, device, time) is None


async def test_a_page_of_another_site_gets_nothing_out_of_a_passkey(
    accounts: Accounts, anna: Account, time: Time
) -> None:
    assert await make(accounts, anna, Authenticator(origin="http://localhost:8001"), time) is None
    device = Authenticator()
    await make(accounts, anna, device, time)
    device.origin = "https://evil.example"
    assert await use(accounts, device, time) is None


async def test_a_passkey_that_nobody_made_here_is_nobodys(accounts: Accounts, anna: Account, time: Time) -> None:
    device = Authenticator()
    await make(accounts, anna, device, time)
    other = Authenticator(id=device.id, handle=device.handle)  # another key under the same id
    assert await use(accounts, other, time) is None
    assert await use(accounts, Authenticator(), time) is None


async def test_a_passkey_that_says_it_is_for_somebody_else_is_refused(
    accounts: Accounts, anna: Account, service: Service, time: Time
) -> None:
    device = Authenticator()
    await make(accounts, anna, device, time)
    device.handle = (await account(service, "bram")).handle
    assert await use(accounts, device, time) is None


async def test_an_answer_counts_once_and_for_five_minutes(accounts: Accounts, anna: Account, time: Time) -> None:
    device = Authenticator()
    await make(accounts, anna, device, time)
    asked = await passkeys.begin_using(accounts, browser=From(), now=time.now)
    answer = device.use(asked["options"])
    results = await asyncio.gather(
        *(passkeys.finish_using(accounts, asked["ticket"], answer, now=time.now) for _ in range(4))
    )
    assert sum(each is not None for each in results) == 1
    asked = await passkeys.begin_using(accounts, browser=From(), now=time.now)
    time.move(301)
    assert await passkeys.finish_using(accounts, asked["ticket"], device.use(asked["options"]), now=time.now) is None


async def test_a_copy_of_a_device_is_found_out_by_its_count(accounts: Accounts, anna: Account, time: Time) -> None:
    device = Authenticator(count=4)
    await make(accounts, anna, device, time)
    assert await use(accounts, device, time) is not None
    device.count -= 1  # the copy is behind
    assert await use(accounts, device, time) is None
    device.count += 5
    assert await use(accounts, device, time) is not None


async def test_devices_that_do_not_count_are_taken_as_they_are(accounts: Accounts, anna: Account, time: Time) -> None:
    device = Authenticator()
    await make(accounts, anna, device, time)
    for _ in range(2):
        device.count = -1
        assert await use(accounts, device, time) is not None


async def test_transports_that_make_no_sense_are_left_out(accounts: Accounts, anna: Account, time: Time) -> None:
    device = Authenticator()
    asked = await passkeys.begin_making(accounts, anna, now=time.now)
    answer = json.loads(device.make(asked["options"]))
    answer["response"]["transports"] = [{}, [], 1, "usb", "smoke"]
    made = await passkeys.finish_making(accounts, anna, asked["ticket"], json.dumps(answer), name="", now=time.now)
    assert made is not None
    (kept,) = await passkeys.passkeys_of(accounts, anna.id)
    assert kept.transports == ("usb",)


@pytest.mark.parametrize(
    "answer",
    ["", "null", "[]", "{}", "nonsense", '{"id": "a", "rawId": "a", "type": "public-key", "response": {}}', "\ud800"],
)
async def test_what_is_no_answer_is_refused(accounts: Accounts, anna: Account, time: Time, answer: str) -> None:
    asked = await passkeys.begin_making(accounts, anna, now=time.now)
    assert await passkeys.finish_making(accounts, anna, asked["ticket"], answer, name="", now=time.now) is None
    asked = await passkeys.begin_using(accounts, browser=From(), now=time.now)
    assert await passkeys.finish_using(accounts, asked["ticket"], answer, now=time.now) is None
    assert await passkeys.finish_using(accounts, "no ticket", answer, now=time.now) is None


@pytest.mark.parametrize("part", ["signature", "authenticatorData", "clientDataJSON", "userHandle", "rawId"])
async def test_an_answer_that_was_changed_is_refused(accounts: Accounts, anna: Account, time: Time, part: str) -> None:
    device = Authenticator()
    await make(accounts, anna, device, time)
    asked = await passkeys.begin_using(accounts, browser=From(), now=time.now)
    answer = json.loads(device.use(asked["options"]))
    (answer if part == "rawId" else answer["response"])[part] = "AAAA"
    assert await passkeys.finish_using(accounts, asked["ticket"], json.dumps(answer), now=time.now) is None


async def test_a_passkey_is_one_accounts_only(accounts: Accounts, anna: Account, service: Service, time: Time) -> None:
    device = Authenticator()
    await make(accounts, anna, device, time)
    bram = await account(service, "bram")
    assert await make(accounts, bram, device, time) is None
    asked = await passkeys.begin_making(accounts, anna, now=time.now)
    other = Authenticator()
    answer = other.make(asked["options"])
    assert await passkeys.finish_making(accounts, bram, asked["ticket"], answer, name="", now=time.now) is None


async def test_two_removals_at_once_leave_a_second_factor(
    accounts: Accounts, anna: Account, service: Service, time: Time
) -> None:
    device = Authenticator()
    await make(accounts, anna, device, time)
    anna = await account(service, "anna")
    assert anna.totp
    done = await asyncio.gather(
        credentials.remove_totp(accounts, anna, now=time.now, session=b""),
        passkeys.remove_passkey(accounts, anna, device.id, now=time.now, session=b""),
        return_exceptions=True,
    )
    assert sorted(map(type, done), key=str) == [type(None), Unprocessable]


async def test_the_last_second_factor_stays(accounts: Accounts, anna: Account, service: Service, time: Time) -> None:
    await service.database.change("UPDATE account SET totp = $1 WHERE id = $2", b"", anna.id)
    alone = await account(service, "anna")
    device, other = Authenticator(), Authenticator()
    codes = await make(accounts, alone, device, time)
    assert len(codes or []) == 10  # the first second factor brings the recovery codes
    with pytest.raises(Unprocessable):
        await passkeys.remove_passkey(accounts, alone, device.id, now=time.now, session=b"")
    time.move(1)
    assert await make(accounts, alone, other, time) == []
    with pytest.raises(NotFound):
        await passkeys.remove_passkey(accounts, alone, b"unknown", now=time.now, session=b"")
    bram = await account(service, "bram")
    with pytest.raises(NotFound):
        await passkeys.remove_passkey(accounts, bram, device.id, now=time.now, session=b"")
    await passkeys.remove_passkey(accounts, alone, device.id, now=time.now, session=b"")
    assert [each.id for each in await passkeys.passkeys_of(accounts, alone.id)] == [other.id]
    assert await use(accounts, device, time) is None


async def test_a_closed_account_has_no_passkey_that_works(
    accounts: Accounts, anna: Account, service: Service, time: Time
) -> None:
    device = Authenticator()
    await make(accounts, anna, device, time)
    await service.database.change("UPDATE account SET state = 'closed' WHERE id = $1", anna.id)
    assert await use(accounts, device, time) is None


@pytest.mark.parametrize(
    ("url", "id_"),
    [
        ("https://zelf.example", "zelf.example"),
        ("https://zelf.example:8443/path", "zelf.example"),
        ("http://localhost:8000", "localhost"),
        ("http://zelf.example", None),
        ("http://127.0.0.1:8000", None),
        ("https://192.0.2.7", None),
        ("https://[2001:db8::1]", None),
    ],
)
def test_passkeys_are_for_an_address_with_a_name_over_tls(url: str, id_: str | None) -> None:
    party = RelyingParty.at(url)
    assert (None if party is None else party.id) == id_
