"""What counts as an e-mail address, and as the same one."""

from __future__ import annotations

import pytest

from app.auth.accounts.emails import folded


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Anna@Example.ORG ", "anna@example.org"),
        ("a.b+c@sub.example.nl", "a.b+c@sub.example.nl"),
        ("\uff41nna@example.org", "anna@example.org"),
        ("anna@localhost", ""),
        ("anna", ""),
        ("@example.org", ""),
        ("anna@", ""),
        ("a@b@example.org", ""),
        ("a b@example.org", ""),
        ('"a b"@example.org', ""),
        ("anna@exa mple.org", ""),
        ("anna@-example.org", ""),
        ("anna@example..org", ""),
        ("anna@[192.0.2.1]", ""),
        ("anna@example.org\r\nBcc: x@example.org", ""),
        ("anna@example.org\x00", ""),
        ("Anna <anna@example.org>", ""),
        ("x" * 65 + "@example.org", ""),
        ("x@" + "a" * 250 + ".nl", ""),
    ],
)
def test_an_address_has_one_form_and_what_is_none_has_none(text: str, address: str) -> None:
    assert folded(text) == address
