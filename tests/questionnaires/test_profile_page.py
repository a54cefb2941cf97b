"""The profile page: several dimensions in words and drawings, now and before, what it is not, and the same support for
everybody; both databases.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import httpx
import pytest
from lxml import html

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.measurements.watching import watching
from app.questionnaires.scoring.program import Words
from app.questionnaires.scoring.shown import Shown
from app.questionnaires.support import support_options
from app.web.profile.drawing import size_of, wheel
from tests.questionnaires.scoring import answered, dimension, key, program
from tests.questionnaires.test_scores_written import keep, obtained
from tests.rights.people import bearer
from tests.server.service import Caller, Service
from tests.web.login import logged_in

BASE: Final = f"{CANONICAL_BASE}/Questionnaire"
AXES: Final = ("body", "mind", "meaning", "quality", "taking-part", "daily")
CLASSES: Final = [
    {"class": "no", "nl": "geen nepdrempel", "en": "no fake barrier", "from": 4, "to": 6},
    {"class": "minor", "nl": "kleine nepdrempel", "en": "minor fake barrier", "ranges": [{"from": 2, "to": 3}]},
    {"class": "major", "nl": "grote nepdrempel", "en": "major fake barrier", "ranges": [{"to": 1}, {"from": 7}]},
]
CIRCLES: Final = (
    dimension("one", items=["1", "2", "3"], bands=CLASSES, show="circle"),
    dimension("each", method="items", items=["2", "3"], show="text"),
)


@pytest.fixture
async def service(seeded_service: Service) -> AsyncIterator[Service]:
    """The service with a questionnaire whose key has circles."""
    await seeded_service.reset()
    await keep(seeded_service, key(*CIRCLES, cut_offs="1"))
    yield seeded_service
    await seeded_service.reset()


@pytest.fixture
async def anna(service: Service) -> Caller:
    return service.caller(await bearer(service, "anna"))


async def page(service: Service, address: str = "/profile") -> Any:
    async with logged_in(service, "anna") as client:
        answer: httpx.Response = await client.get(address)
    assert answer.status_code == 200, answer.text
    return html.document_fromstring(answer.text)


def words(root: Any) -> str:
    return " ".join(root.xpath("string(//main)").split())


def life_wheel(numbers: Mapping[str, int], authored: str) -> Resource:
    axes = [{"linkId": name, "answer": [{"valueInteger": number}]} for name, number in numbers.items()]
    return answered(
        "", questionnaire=f"{BASE}/levenswiel|0.1.0", authored=authored, item=[{"linkId": "axes", "item": axes}]
    )


async def levels(anna: Caller) -> list[Resource]:
    page = await anna.bundle(f"/Questionnaire?url={BASE}/kom-verder")
    (item,) = [each for each in page["entry"][0]["resource"]["item"] if each["linkId"] == "level"]
    return [each["valueCoding"] for each in item["answerOption"]]


def level(coding: Resource, authored: str) -> Resource:
    item = [{"linkId": "level", "answer": [{"valueCoding": coding}]}]
    return answered("", questionnaire=f"{BASE}/kom-verder|0.1.0", authored=authored, item=item)


async def test_without_answers_it_says_so_and_has_the_support_and_who_to_call(service: Service) -> None:
    said = words(await page(service))
    assert "Hier staat nog niets." in said
    assert "Het is geen diagnose." in said
    assert watching()["nl"] in said
    for each in support_options():
        assert each.name.nl in said


async def test_a_wheel_has_every_part_in_a_drawing_and_in_a_table_now_and_before(
    service: Service, anna: Caller
) -> None:
    await anna.create(life_wheel(dict.fromkeys(AXES, 5), "2026-09-01T10:00:00Z"))
    await anna.create(life_wheel({**dict.fromkeys(AXES, 7), "mind": 3}, "2026-11-01T10:00:00Z"))
    root = await page(service)
    assert len(root.xpath("//div[@class='wheel']//*[local-name()='path' and @class='ground']")) == 6
    assert len(root.xpath("//div[@class='wheel']//*[local-name()='path' and @class='before']")) == 6
    rows = [[" ".join(cell.xpath("string(.)").split()) for cell in row] for row in root.xpath("//table//tbody/tr")]
    assert rows[0] == ["1. Lichaamsfuncties", "7 van 10", "5 van 10"]
    assert rows[1][1] == "3 van 10"
    assert len(rows) == 6
    said = words(root)
    assert "Het meet uw gezondheid niet." in said
    assert "Nu is van 1 november 2026. Eerder is van 1 september 2026." in said
    assert "otaal" not in said


async def test_levels_are_told_in_words_with_now_and_before(service: Service, anna: Caller) -> None:
    codes = await levels(anna)
    await anna.create(level(codes[0], "2026-09-01T10:00:00Z"))
    await anna.create(level(codes[2], "2026-11-01T10:00:00Z"))
    for address, now, before in (
        ("/profile?lang=nl", "hier staat u nu", "hier stond u eerder"),
        ("/profile?lang=en", "you are here now", "you were here before"),
    ):
        root = await page(service, address)
        steps = [" ".join(each.xpath("string(.)").split()) for each in root.xpath("//ol[@class='steps']/li")]
        assert len(steps) == 4
        assert [now in each for each in steps] == [False, False, True, False]
        assert [before in each for each in steps] == [True, False, False, False]


async def test_circles_have_three_sizes_and_words_and_answers_stand_one_by_one(service: Service, anna: Caller) -> None:
    await anna.create(answered("bbb", authored="2026-09-01T10:00:00Z"))
    await anna.create(answered("ccc", authored="2026-11-01T10:00:00Z"))
    root = await page(service)
    circles = [each.get("aria-label") for each in root.xpath("//*[local-name()='svg' and @class='circle']")]
    assert circles == ["grote cirkel", "middelgrote cirkel"]
    said = words(root)
    assert "grote cirkel: geen nepdrempel" in said
    assert "Nepvraag 2: " in said
    assert "Een nepscore. Hij zegt niets." in said


async def test_a_score_that_cannot_be_computed_says_why(service: Service, anna: Caller) -> None:
    await anna.create(answered("b.."))
    said = words(await page(service))
    assert "2 vragen zijn niet beantwoord." in said
    assert "te weinig" in said.casefold()


async def test_a_result_from_elsewhere_is_told_with_who_scored_it_and_what_it_is_not(
    service: Service, practice: Caller
) -> None:
    await practice.create(obtained())
    said = words(await page(service))
    assert "PAM-13" in said
    assert "99,9 punten: Niveau 1" in said
    assert "Zelfregie heeft hem niet berekend." in said
    assert "Berekend door: Dienst van de licentiehouder." in said
    assert "Het is geen diagnose." in said


async def test_support_is_the_same_in_the_same_order_whatever_was_answered(service: Service, anna: Caller) -> None:
    def listed(root: Any) -> list[str]:
        return list(root.xpath("//dl[contains(@class, 'support')]/dt/text()"))

    before = listed(await page(service))
    for answers in ("aaa", "ccc", "ddd"):
        await anna.create(answered(answers))
        assert listed(await page(service)) == before
    assert before == [each.name.nl for each in support_options()]


async def test_every_number_has_its_scale_and_a_sentence_beside_it(service: Service, anna: Caller) -> None:
    item = [{"linkId": "importance", "answer": [{"valueInteger": 7}]}]
    await anna.create(answered("", questionnaire=f"{BASE}/hoe-belangrijk|0.1.0", item=item))
    said = words(await page(service))
    assert "7 op een lijn van 0 tot 10" in said
    assert "Er is geen goed of fout cijfer." in said


async def test_answers_that_were_a_mistake_are_not_in_it(service: Service, anna: Caller) -> None:
    kept = await anna.create(life_wheel(dict.fromkeys(AXES, 5), "2026-09-01T10:00:00Z"))
    await anna.keep({**kept, "status": "entered-in-error"})
    assert "Hier staat nog niets." in words(await page(service))


async def test_what_somebody_called_a_result_is_text(service: Service, practice: Caller) -> None:
    result = obtained()
    result["component"][1]["valueCodeableConcept"]["text"] = "<script>alert(1)</script>"
    await practice.create(result)
    async with logged_in(service, "anna") as client:
        text = (await client.get("/profile")).text
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def result(value: int, words_of: str) -> Shown:
    level = Words(words_of, words_of)
    return Shown(
        "x",
        "final",
        "",
        ("", ""),
        level,
        Decimal(value),
        None,
        level,
        confirmed=True,
        reason=None,
        answers=(),
        parts=(),
        basis={},
    )


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        (["no", "minor", "major"], ["large", "middle", "small"]),
        (["major", "no"], ["small", "large"]),
        (["first", "second", "third"], ["large", "middle", "small"]),
        (["first", "second"], ["large", "small"]),
        (["a", "b", "c", "d"], ["", "", "", ""]),
    ],
)
def test_a_class_has_a_size_where_there_are_at_most_three(bands: list[str], expected: list[str]) -> None:
    listed = [{"class": each, "nl": each, "en": each, "from": place, "to": place} for place, each in enumerate(bands)]
    (found,) = program(dimension("x", items=["1"], bands=listed, show="circle")).dimensions
    assert [size_of(found, result(place, each)) for place, each in enumerate(bands)] == expected


def test_a_wheel_begins_at_the_top_and_leaves_an_empty_part_empty() -> None:
    sectors = wheel([(Fraction(1), None), (Fraction(0), Fraction(1, 2))])
    assert sectors[0].ground.startswith("M120 120L120.0 36.0")
    assert sectors[0].filled
    assert not sectors[0].before
    assert not sectors[1].filled
    assert sectors[1].before
