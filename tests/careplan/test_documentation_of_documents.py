"""docs/plan-document.md lists the sections and parameters that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from app.careplan.document.sections import ALWAYS, WHERE_ANY
from app.careplan.document.texts import words
from app.careplan.operations.document import DOCUMENT_PARAMETERS
from tests.medmij_profiles.package import of_type
from tests.postgresql import CHECKOUT

PAGE: Final = CHECKOUT / "docs" / "plan-document.md"
SYSTEM: Final = "https://zelfregie.example/fhir/CodeSystem/plan-section"


def sections() -> str:
    definitions = {each["code"]: each["definition"] for each in of_type("CodeSystem")[SYSTEM]["concept"]}
    rows = [
        f"| `{code}` | {words()[f'section.{code}']['nl']} | {words()[f'section.{code}']['en']} | {definitions[code]} |"
        for code in (*ALWAYS, *WHERE_ANY)
    ]
    return "\n".join(["| section | Dutch | English | what is in it |", "|---|---|---|---|", *rows])


def page_with(text: str) -> str:
    """The page with its table made anew."""
    return re.sub(
        r"(<!-- sections: [^>]*-->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}{sections()}\n{found[2]}",
        text,
        flags=re.DOTALL,
    )


def test_the_table_of_sections_is_that_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page_with(text), "make it anew: python -m tests.careplan.test_documentation_of_documents"


def test_every_section_has_a_code_of_its_own() -> None:
    published = {each["code"] for each in of_type("CodeSystem")[SYSTEM]["concept"]}
    assert published == {*ALWAYS, *WHERE_ANY}


def test_every_parameter_is_named() -> None:
    text = PAGE.read_text("utf-8")
    for each in DOCUMENT_PARAMETERS:
        assert each.use == "out" or f"| `{each.name}` |" in text


def test_every_text_is_in_both_languages() -> None:
    for key, texts in words().items():
        assert set(texts) == {"nl", "en"}, key
        assert all(each.strip() for each in texts.values()), key
        assert re.findall(r"{\w+}", texts["nl"]) == re.findall(r"{\w+}", texts["en"]), key


def test_dutch_sentences_are_short() -> None:
    for key, texts in words().items():
        for sentence in re.split(r"[.:;?!]\s", texts["nl"]):
            assert len(sentence.split()) <= 15, key


if __name__ == "__main__":
    Path(PAGE).write_text(page_with(PAGE.read_text("utf-8")), "utf-8")
