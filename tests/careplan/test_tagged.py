"""The care plan on paper for who has it read aloud: PDF/UA's rules that a program can check, held on our own pages.

https://pdfa.org/resource/the-matterhorn-protocol/
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import Any, Final

import pytest

from app.careplan.document.content import Content
from app.careplan.printing.glyphs import as_printed
from tests.careplan.documents import content, example_plan, said_in
from tests.careplan.tagged import STANDARD, Tagged
from tests.careplan.test_printing import WORDS, print_now, squeezed, with_goals

PAPERS: Final = ("truus", "truus-en", "bilal", "sixty goals")
"""A plan with an annex in both languages, the smallest one, and one that is far too long for two pages."""


@cache
def made(paper: str) -> Content:
    if paper == "sixty goals":
        return content(with_goals([f"Doel {each}. {WORDS}" for each in range(60)], [WORDS] * 30))
    name, _, language = paper.partition("-")
    return content(example_plan(f"izp-{name}"), "en" if language else "nl")


@cache
def printed(paper: str) -> Tagged:
    return Tagged(print_now(made(paper)))


@pytest.fixture(params=PAPERS)
def paper(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_the_document_says_its_language_title_and_that_it_is_pdf_ua(paper: str) -> None:
    tagged = printed(paper)
    root = tagged.root
    assert root["/Lang"] == ("en" if paper.endswith("-en") else "nl")
    # A boolean of a PDF is an object, which is always true: its value is asked for.
    assert root["/MarkInfo"]["/Marked"].value
    assert "/Suspects" not in root["/MarkInfo"] or not root["/MarkInfo"]["/Suspects"].value
    assert root["/ViewerPreferences"]["/DisplayDocTitle"].value
    about = root["/Metadata"].get_data().decode("utf-8")
    title = re.search(r"<dc:title>.*?<rdf:li[^>]*>([^<]+)</rdf:li>", about, re.DOTALL)
    assert title is not None
    assert tagged.reader.metadata is not None
    assert title[1] == tagged.reader.metadata.title
    assert "<pdfuaid:part>1</pdfuaid:part>" in about
    assert "/Encrypt" not in tagged.reader.trailer, "assistive technology may read it"
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(root), "nothing happens by itself, and nothing is a form"


def test_everything_on_the_page_is_content_with_a_mark_or_an_artifact(paper: str) -> None:
    loose = [each for each in printed(paper).pieces if each.mark is None and each.artifact is None]
    assert loose == []


def test_every_mark_has_one_place_in_the_structure_and_back(paper: str) -> None:
    tagged = printed(paper)
    marks = [(each.page, each.mark) for each in tagged.pieces if each.mark is not None]
    named = [(each.page, each.mark) for each in tagged.leaves]
    assert len(set(marks)) == len(marks), "no mark is used twice on a page"
    assert sorted(named) == sorted(marks)
    elements = {id(each) for each in tagged.elements}
    for at, mark in marks:
        owner = tagged.owner_of(tagged.reader.pages[at], mark)
        assert id(owner) in elements
        assert mark in [each.mark for each in tagged.leaves_of(owner) if each.page == at]


def test_it_is_read_in_the_order_of_the_page(paper: str) -> None:
    tagged = printed(paper)
    marks = [(each.page, each.mark) for each in tagged.pieces if each.mark is not None]
    assert [(each.page, each.mark) for each in tagged.leaves] == marks
    assert all(page.get("/Tabs") == "/S" for page in tagged.reader.pages)


def test_every_word_of_the_plan_is_in_the_structure_and_the_foot_of_the_page_is_not(paper: str) -> None:
    tagged = printed(paper)
    aloud = squeezed("".join(text for _, text in tagged.read_aloud))
    assert [each for each in said_in(made(paper)) if squeezed(as_printed(each)[0]) not in aloud] == []
    feet = [each for each in tagged.pieces if each.artifact is not None and each.text.strip()]
    assert len(feet) >= len(tagged.reader.pages)
    for each in feet:
        assert each.artifact is not None
        assert each.artifact["/Type"] == "/Pagination"
        assert each.artifact["/Subtype"] == "/Footer"


def test_what_is_said_is_a_heading_or_a_paragraph(paper: str) -> None:
    tagged = printed(paper)
    assert set(tagged.types) <= STANDARD
    for each in tagged.leaves:
        assert any(kind == "P" or re.fullmatch(r"H\d", kind) for kind in each.path), each.path
    assert all(text.strip() for _, text in tagged.read_aloud), "none is empty"


def test_headings_go_down_one_step_at_a_time_and_are_in_the_outline(paper: str) -> None:
    tagged = printed(paper)
    headings = [(int(kind[1]), text.strip()) for kind, text in tagged.read_aloud if kind.startswith("H")]
    levels = [level for level, _ in headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert [squeezed(each) for each in _outline(tagged.reader.outline)] == [squeezed(text) for _, text in headings]
    expected = [each.title for each in made(paper).sections if each.items]
    assert [squeezed(text) for level, text in headings if level == 2][: len(expected)] == [
        squeezed(each) for each in expected
    ]


def _outline(listed: Any) -> list[str]:
    found: list[str] = []
    for each in listed:
        found += _outline(each) if isinstance(each, list) else [str(each.title)]
    return found


def test_pictures_tables_and_lists_would_be_told_and_there_is_nothing_to_press(paper: str) -> None:
    tagged = printed(paper)
    for element, kind in zip(tagged.elements, tagged.types, strict=True):
        assert kind != "Figure" or str(element.get("/Alt", "")).strip()
        if kind == "Table":
            assert "TH" in tagged.types_in(element)
    assert not any(page.get("/Annots") for page in tagged.reader.pages)


def test_every_letter_can_be_read_and_its_font_is_there(paper: str) -> None:
    for page in printed(paper).reader.pages:
        fonts: Any = page["/Resources"]["/Font"]  # type: ignore[index]
        for name in fonts:
            font = fonts[name]
            assert "/ToUnicode" in font
            (below,) = font["/DescendantFonts"]
            described = below.get_object()["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(described)
