"""What is read of a token is what everybody reads of it."""

from __future__ import annotations

import pytest

from app.auth.strict_json import read_object


def test_an_object_is_read_with_what_is_in_it() -> None:
    assert read_object(b'{"iss": "a", "aud": [{"iss": 1}]}') == {"iss": "a", "aud": [{"iss": 1}]}


@pytest.mark.parametrize(
    "content",
    [b'{"sub": "a", "sub": "b"}', b'{"cnf": {"a": 1, "a": 1}}', b"[]", b'"sub"', b"", b"{", b"\xff", b"[" * 100_000],
    ids=["a name twice", "a name twice inside", "a list", "a text", "nothing", "half", "no UTF-8", "too deep"],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        read_object(content)
