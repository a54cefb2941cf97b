"""Parsing that keeps nothing: the refusals themselves are tested through the XML of resources."""

from __future__ import annotations

from typing import Any, Final

import pytest
from lxml import etree

from app.fhir import markup

UNTYPED: Final[Any] = etree


@pytest.fixture(autouse=True)
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing had been parsed before."""
    monkeypatch.setattr(markup, "_parse", markup._Parse())


def names_kept() -> int:
    """How many names libxml2 keeps for this thread."""
    kept: int = UNTYPED.memory_debugger.dict_size()
    return kept


def test_names_are_kept_up_to_a_limit_and_then_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    before = names_kept()
    markup.parse(b"<a><early-1/><early-2/></a>")
    assert names_kept() > before

    monkeypatch.setattr(markup, "MOST_KEPT", 0)
    before = names_kept()
    root = markup.parse(b"<a><late-1 late-2='3'/></a>")
    assert names_kept() == before
    assert [child.tag for child in root] == ["late-1"]
    with pytest.raises(etree.XMLSyntaxError) as error:
        markup.parse(b"<a>\n<late-4></a>")
    assert error.value.position[0] == 2


def test_a_document_without_new_names_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    markup.parse(b"<a><b/></a>")
    before = names_kept()
    monkeypatch.setattr(markup, "MOST_KEPT", markup._parse.kept)
    for _ in range(3):
        markup.parse(b"<a><b/></a>")
    assert markup._parse.kept == markup.MOST_KEPT
    assert names_kept() == before
