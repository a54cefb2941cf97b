"""One-time codes, with the examples of RFC 6238 and 4226. https://www.rfc-editor.org/rfc/rfc6238#appendix-B"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from app.auth.accounts import totp

SECRET = b"12345678901234567890"
SECOND = 1_000_000


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    assert totp.code_at(SECRET, at * SECOND // totp.STEP) == code
    assert totp.step_of(SECRET, code, now=at * SECOND) == at // 30


@pytest.mark.parametrize("step", range(-3, 4))
def test_a_code_counts_half_a_minute_early_and_late(step: int) -> None:
    now = 1_800_000_015 * SECOND
    code = totp.code_at(SECRET, now // totp.STEP + step)
    found = totp.step_of(SECRET, code, now=now)
    assert found == (now // totp.STEP + step if abs(step) <= 1 else None)


@pytest.mark.parametrize("code", ["", "28708", "2870820", "28708a", "\uff128\uff17082", "-1", "287 08"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert totp.step_of(SECRET, code, now=59 * SECOND) is None


def test_a_code_may_be_typed_in_two_halves() -> None:
    assert totp.step_of(SECRET, " 287 082 ", now=59 * SECOND) == 1


def test_a_secret_is_random_and_can_be_typed() -> None:
    secret = totp.new_secret()
    assert (len(secret), secret != totp.new_secret()) == (20, True)
    spaced = " ".join(totp.written(secret)[at : at + 4] for at in range(0, 32, 4)).lower()
    assert totp.read_secret(spaced) == secret
    with pytest.raises(ValueError, match="base 32"):
        totp.read_secret("1!")


def test_the_picture_says_what_an_app_needs_and_runs_nothing() -> None:
    text = totp.address(SECRET, email="anna+x@example.org", issuer="Zelf & regie")
    parts = urlsplit(text)
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Zelf%20%26%20regie:anna%2Bx@example.org")
    assert parse_qs(parts.query) == {"secret": [totp.written(SECRET)], "issuer": ["Zelf & regie"]}
    svg = totp.picture(text, title="QR <code>")
    assert svg.startswith("<svg")
    assert "&lt;code&gt;" in svg
    assert "style=" not in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
