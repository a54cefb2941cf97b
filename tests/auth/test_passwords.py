"""Which passwords are refused, and how they are kept."""

from __future__ import annotations

import asyncio

import pytest

from app.auth.accounts.passwords import LONGEST, SHORTEST, Passwords, problem

ABOUT = ("anna.proefstra@example.org", "Anna Proefstra")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("", "short"),
        ("a1!B2@c3#D4", "short"),
        ("x" * (LONGEST + 1), "long"),
        ("vier blauwe ezels", None),
        ("mijn kat eet graag vis", None),
        ("correct horse battery staple", None),
        ("ÄÖÜ-éàè-ßñç-øåæ", None),
        ("正しい馬電池ステープル号", None),
        ("kdjfhgqmzpwo", None),  # no digits or signs are asked for
        ("password1234", "common"),
        ("P@ssw0rd2024!", "common"),
        ("Wachtwoord123!", "common"),
        ("welkomwelkom", "common"),
        ("Welkom-Welkom", "common"),
        ("januari februari", "common"),
        ("ikhouvanjou123", "common"),
        ("aaaaaaaaaaaa", "common"),
        ("123123123123", "common"),
        ("123456789012", "common"),
        ("qwertyuiopas", "common"),
        ("1q2w3e4r5t6y", "common"),
        ("!qwertyuiop12", "common"),
        ("anna.proefstra", "personal"),
        ("AnnaProefstra1!", "personal"),
        ("Änna-Proefstra", "personal"),
        ("zelfregie2026", "personal"),
        ("zelfregie-anna", "personal"),
        ("example-org-anna", "personal"),
        ("anna houdt van rode tulpen", None),
    ],
)
def test_length_counts_and_what_everybody_chooses_does_not(password: str, expected: str | None) -> None:
    assert problem(password, about=ABOUT) == expected


def test_length_is_counted_in_characters_after_composing() -> None:
    decomposed = "e\u0301" * (SHORTEST - 1)
    assert problem(decomposed + "x") != "short"
    assert problem(decomposed) == "short"


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(memory=8, rounds=1)


async def test_a_password_is_known_again_however_the_keyboard_composes_it(passwords: Passwords) -> None:
    stored = await passwords.hash("caf\u00e9 om de hoek")
    assert await passwords.verify(stored, "cafe\u0301 om de hoek")
    assert not await passwords.verify(stored, "cafe om de hoek")
    assert "hoek" not in stored
    assert stored != await passwords.hash("caf\u00e9 om de hoek")


@pytest.mark.parametrize("stored", ["", "$argon2id$nonsense", "plain"])
async def test_nobodys_password_is_checked_all_the_same_and_never_right(passwords: Passwords, stored: str) -> None:
    assert not await passwords.verify(stored, "")
    assert not await passwords.verify(stored, stored)


async def test_a_hash_made_at_other_costs_is_outdated(passwords: Passwords) -> None:
    stored = await passwords.hash("vier blauwe ezels")
    assert not passwords.outdated(stored)
    assert Passwords(memory=16, rounds=1).outdated(stored)
    assert await Passwords(memory=16, rounds=1).verify(stored, "vier blauwe ezels")


async def test_a_few_are_hashed_at_once_and_the_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    running = most = 0

    async def to_thread(*_: object) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return "hash"

    passwords = Passwords(memory=8, rounds=1, threads=2)
    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    await asyncio.gather(*(passwords.hash("vier blauwe ezels") for _ in range(10)))
    assert most == 2
