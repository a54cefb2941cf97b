"""The care plan on paper: two pages in brief and an annex, tagged, with every word of the plan on them."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from copy import deepcopy
from io import BytesIO
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from pypdf.generic import DictionaryObject, IndirectObject

from app.careplan.document.content import Content
from app.careplan.document.gather import Gathered
from app.careplan.printing import pages, press
from app.careplan.printing.glyphs import as_printed
from app.careplan.printing.pages import Press
from app.errors import Unavailable, Unprocessable
from app.fhir.resource import Resource
from tests.careplan.documents import NOW, anna_starts, content, example_plan, said_in, texts_of
from tests.medmij_profiles.package import examples
from tests.server.service import Caller, codes

A4 = (595, 842)
WORDS = "Ik wil elke dag een stuk fietsen met mijn buurvrouw, ook als het regent, en daarna koffie drinken. "
PDF = {"accept": "application/pdf"}


def print_now(made: Content) -> bytes:
    return asyncio.run(Press().printed(made, now=NOW))


def with_goals(texts: Sequence[str], agreements: Sequence[str] = ()) -> Gathered:
    """Truus's plan with further goals and agreements."""
    found = example_plan("izp-truus")
    found.plan = deepcopy(found.plan)
    for number, text in enumerate(texts):
        goal: Resource = {**examples()["Goal/doel-wandelen"], "id": f"doel-{number}", "description": {"text": text}}
        found.resources["Goal", goal["id"]] = goal
        found.plan["goal"].append({"reference": f"Goal/{goal['id']}"})
    found.plan["activity"] += [{"detail": {"status": "in-progress", "description": each}} for each in agreements]
    return found


def squeezed(text: str) -> str:
    return "".join(text.replace("\N{ZERO WIDTH SPACE}", "").split())


def missing(made: Content, pdf: bytes) -> list[str]:
    """Texts of the plan that are on no page."""
    everything = squeezed(" ".join(without_footers(pdf)))
    return [text for text in said_in(made) if squeezed(as_printed(text)[0]) not in everything]


def without_footers(pdf: bytes) -> list[str]:
    """The words of the pages without what stands at the foot of each, in the middle of texts that go on."""
    found = []
    for number, text in enumerate(texts_of(pdf), 1):
        body, _, _ = text.rpartition(f"bladzijde {number} van")
        found.append(body.rpartition("Truus Vermeulen · Versie")[0] or body)
    return found


def test_a_plan_with_one_goal_is_one_page() -> None:
    pdf = print_now(content(example_plan("izp-bilal")))
    (page,) = texts_of(pdf)
    assert "Ik wil weer een nacht doorslapen." in page
    assert "Hier staat nog niets over" in page
    assert "ijlage" not in page


def test_a_plan_that_does_not_fit_has_an_annex_and_page_two_says_so() -> None:
    first, second, *annex = texts_of(print_now(content(example_plan("izp-truus"))))
    assert "Ik wil in de zomer met mijn kleinkinderen naar het strand kunnen lopen." in first
    assert (
        "Niet alles past op deze twee bladzijden. In de bijlage vanaf bladzijde 3 staat compleet: Mijn doelen" in second
    )
    assert annex[0].startswith("Bijlage: alles van het plan dat niet in het kort past")
    assert "Buiten zijn en niet te veel reizen." in " ".join(annex)


def test_sixty_goals_leave_room_for_all_the_rest() -> None:
    made = content(with_goals([f"Doel {each}. {WORDS * (1 + each % 4)}" for each in range(60)], [WORDS] * 30))
    pdf = print_now(made)
    first, second, third, *_ = texts_of(pdf)
    assert third.startswith("Bijlage")
    for title in ("Mijn doelen", "Wat wij hebben afgesproken"):
        assert title in first + second
    for title in ("Wat ik doe als het slechter gaat", "Rood: spoed", "Wie mij helpen", "Joost Smeets", "Hoe het gaat"):
        assert title in first + second
    assert "Nog 56 in de bijlage" in first + second
    assert missing(made, pdf) == []


def test_it_names_version_and_day_on_every_page_and_says_which_plan_is_current() -> None:
    found = texts_of(print_now(content(example_plan("izp-truus"))))
    for number, page in enumerate(found, 1):
        assert "Versie 7 van 14 oktober 2026" in page
        assert f"bladzijde {number} van {len(found)}" in page
    assert "Weet u niet zeker of dit het nieuwste plan is? Vraag het uw zorgverlener." in found[0]
    assert "112 Bij levensgevaar" in found[1]


def test_numbers_to_call_are_printed() -> None:
    found = example_plan("izp-truus")
    telecom = [{"system": "phone", "value": "0612345678", "use": "old"}, {"system": "phone", "value": "020-555 01 23"}]
    doctor = {**found.resources["Practitioner", "poh-smeets"], "telecom": telecom}
    found.resources["Practitioner", "poh-smeets"] = doctor
    second = texts_of(print_now(content(found)))[1]
    assert "020-555 01 23 Joost Smeets" in second
    assert "0612345678" not in second


def test_it_speaks_english() -> None:
    found = texts_of(print_now(content(example_plan("izp-truus"), "en")))
    assert "Ask your care provider which plan is current." in found[0]
    assert "page 1 of" in found[0]
    assert "annex from page 3" in found[1]


def kinds(node: Any, found: list[str]) -> list[str]:
    """The types of all structure elements, in reading order."""
    node = node.get_object() if isinstance(node, IndirectObject) else node
    if isinstance(node, DictionaryObject):
        if "/S" in node:
            found.append(str(node["/S"]))
        if "/K" in node:
            kinds(node["/K"], found)
    elif isinstance(node, list):
        for each in node:
            kinds(each, found)
    return found


def test_it_is_tagged_and_says_that_it_is_pdf_ua() -> None:
    reader = PdfReader(BytesIO(print_now(content(example_plan("izp-truus")))))
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"].value
    assert root["/Lang"] == "nl"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"].value
    assert reader.metadata is not None
    assert reader.metadata.title == "Mijn zorgplan · Truus Vermeulen"
    assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()
    found = kinds(root["/StructTreeRoot"]["/K"], [])
    assert found.count("/H1") == 1
    assert found.count("/H2") >= 8
    assert found.count("/P") > 20
    assert all((round(page.mediabox.width), round(page.mediabox.height)) == A4 for page in reader.pages)


def test_letters_are_never_smaller_than_eleven_points() -> None:
    reader = PdfReader(BytesIO(print_now(content(with_goals([WORDS] * 20)))))
    sizes: set[float] = set()

    def visit(text: str, _matrix: Any, text_matrix: Any, _font: Any, size: float) -> None:
        if text.strip():
            sizes.add(round(size * abs(text_matrix[3]), 1))

    for page in reader.pages:
        page.extract_text(visitor_text=visit)
    assert min(sizes) >= 11


@pytest.mark.parametrize(
    "hostile",
    [
        '#panic("x") #read("/etc/passwd") *vet* _schuin_ $x^2$ `code` = kop',
        '#include "/etc/passwd" <label> @verwijzing // geen commentaar',
        "{number} {pages} {0} \\u{41} ~ -- --- ...",
        "</Metadata> <metadata> %PDF-1.7",
    ],
)
def test_markup_in_somebodys_words_stays_words(hostile: str) -> None:
    made = content(with_goals([hostile]))
    pdf = print_now(made)
    assert missing(made, pdf) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ik ben blij 😀", "Ik ben blij [grinning face]"),
        ("中文", "[U+4E2D, U+6587]"),
        ("Özgür, Łódź, ħ, ĳ, Ελλάδα, Київ", "Özgür, Łódź, ħ, ĳ, Ελλάδα, Київ"),
        ("tab\ten\x07bel", "tab enbel"),
        ("e\N{COMBINING ACUTE ACCENT}én", "één"),
        ("van rechts \N{RIGHT-TO-LEFT OVERRIDE}naar links", "van rechts naar links"),
    ],
)
def test_what_the_fonts_lack_is_named(text: str, shown: str) -> None:
    assert as_printed(text)[0] == shown
    pdf = print_now(content(with_goals([text])))
    told = " ".join(texts_of(pdf))
    assert squeezed(shown) in squeezed(told)
    assert ("Sommige tekens kunnen niet op papier" in told) == ("[" in shown)


def test_a_word_without_end_stays_within_the_page() -> None:
    made = content(with_goals(["https://" + "a" * 400]))
    pdf = print_now(made)
    assert missing(made, pdf) == []
    lines = [line for page in PdfReader(BytesIO(pdf)).pages for line in page.extract_text().splitlines()]
    longest = max(len(line) for line in lines if "aaaa" in line)
    assert longest <= 90  # what a line of this width takes


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_cut_however_much_is_written(seed: int) -> None:
    """Every sentence has a number of its own, so that none is taken for another."""
    random = Random(seed)
    numbers = count(1)

    def written() -> str:
        return " ".join(f"Zin {next(numbers)}. {WORDS}" for _ in range(random.choice((1, 1, 2, 3, 8, 40))))

    goals = [written() for _ in range(random.choice((0, 3, 20, 60)))]
    made = content(with_goals(goals, [written() for _ in range(random.choice((0, 2, 30)))]))
    pdf = print_now(made)
    assert missing(made, pdf) == []
    found = texts_of(pdf)
    assert found[2].startswith("Bijlage")
    assert "In de bijlage vanaf bladzijde 3" in found[1]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), min_size=1, max_size=20))
@settings(max_examples=15, deadline=None)
def test_whatever_characters_are_written_it_is_printed(goals: list[str]) -> None:
    assert print_now(content(with_goals(goals))).startswith(b"%PDF-")


def test_the_same_plan_gives_the_same_bytes() -> None:
    made = content(example_plan("izp-truus"))
    assert print_now(made) == print_now(made)


def test_a_plan_that_is_too_large_is_refused() -> None:
    with pytest.raises(Unprocessable, match="too large to be printed"):
        print_now(content(with_goals([WORDS * 11_000])))


def test_a_document_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "PATIENCE", 0.01)
    with pytest.raises(Unavailable, match="takes too long"):
        print_now(content(example_plan("izp-truus")))


def test_nothing_of_the_person_is_written_to_disk_or_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    printing = Press()  # its fonts stay as long as it does
    with caplog.at_level(logging.DEBUG):
        asyncio.run(printing.printed(content(example_plan("izp-truus")), now=NOW))
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert {each.suffix for each in files} == {".ttf"}
    assert not any(b"kleinkinderen" in each.read_bytes() for each in files)
    told = caplog.text + "".join(capfd.readouterr())
    assert "Truus" not in told
    assert "kleinkinderen" not in told


def test_what_goes_wrong_says_nothing_of_the_words(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "as_printed", lambda text: (text, False))
    with pytest.raises(Unavailable) as raised:
        print_now(content(with_goals(["Geheim 😀"])))
    assert "Geheim" not in str(raised.value) + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("accept", "query", "media_type"),
    [
        ("application/pdf", "", "application/pdf"),
        ("application/pdf, application/fhir+json;q=0.5", "", "application/pdf"),
        ("application/fhir+json", "?_format=application/pdf", "application/pdf"),
        ("application/fhir+json, application/pdf;q=0.5", "", "application/fhir+json; charset=utf-8"),
        ("*/*", "", "application/fhir+json; charset=utf-8"),
        ("application/pdf", "?_format=json", "application/fhir+json; charset=utf-8"),
    ],
)
async def test_it_is_given_to_who_asks_for_pages(anna: Caller, accept: str, query: str, media_type: str) -> None:
    plan = await anna_starts(anna, "Buiten zijn")
    answer = await anna.get(f"/CarePlan/{plan['id']}/$document{query}", {"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    if media_type == "application/pdf":
        assert answer.content.startswith(b"%PDF-")
        assert answer.headers["cache-control"] == "no-store"
        assert "Buiten zijn" in texts_of(answer.content)[0]


async def test_other_formats_are_not_had(anna: Caller) -> None:
    plan = await anna_starts(anna, "Buiten zijn")
    answer = await anna.get(f"/CarePlan/{plan['id']}/$document", {"accept": "text/csv"})
    assert (answer.status_code, codes(answer)) == (406, ["not-supported"])
    assert (await anna.get(f"/CarePlan/{plan['id']}", PDF)).status_code == 406
    assert (await anna.get("/Patient/anna/$everything", PDF)).status_code == 406


async def test_printing_leaves_the_service_free_for_others(anna: Caller) -> None:
    plan = await anna_starts(anna, "Buiten zijn")
    printing = [asyncio.create_task(anna.get(f"/CarePlan/{plan['id']}/$document", PDF)) for _ in range(5)]
    await asyncio.sleep(0)
    answer = await anna.get("/Patient/anna")
    assert answer.status_code == 200
    assert not all(each.done() for each in printing)
    assert [each.status_code for each in await asyncio.gather(*printing)] == [200] * 5
