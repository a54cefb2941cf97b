"""Questionnaires filled in on their pages by Chromium, whatever they ask: sent, scored, and read back over FHIR as they
were filled in. https://hl7.org/fhir/R4/questionnaire.html https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from app.cli.sandbox import write_demo
from app.fhir.resource import Resource, encode
from tests.pages.every_kind import every_kind
from tests.pages.filling import Filler, same_answers, stored_answers
from tests.pages.serving import ours, ours_in_use, tell
from tests.pages.visiting import barriers, log_in, resize
from tests.process import Process, run, serving
from tests.questionnaires import nictiz, stu3

pytestmark = pytest.mark.timeout(400)  # many steps, each looked at
SHELLS: Final = {"pam-13": "PAM-13", "semas": "SeMaS", "phq-9": "PHQ-9", "gad-7": "GAD-7"}
SCORED: Final = {"hoe-belangrijk": 1, "hoeveel-vertrouwen": 1, "kom-verder": 1, "levenswiel": 1}
"""How many scores at least there are of answers."""
HL7: Final = ("3141", "bb", "f201", "gcs", "qs1", "zika-virus-exposure-assessment")
NOT_HERE: Final = {"qs1": ("Account.coverage", "Account.guarantor")}
"""What cannot be answered on a page: groups that are nothing without a reference."""
WIDTHS: Final = (320, 375, 1280)
SCREENSHOTS: Final = os.environ.get("ZELFREGIE_SCREENSHOTS")
"""A folder to put pictures of the pages in, for people to look at."""


@dataclass
class World:
    """A served demo, in which Anna has logged in."""

    process: Process
    page: Page
    folder: Path
    axe: str

    def fhir(
        self, method: str, path: str, body: Resource | None = None, *, token: str = "demo-anna-proefstra"
    ) -> Resource:
        return tell(self.process, method, path, body, token=token)

    def hold(self, questionnaire: Resource) -> Resource:
        """Put it in the catalogue."""
        return self.fhir("PUT", f"Questionnaire/{questionnaire['id']}", questionnaire, token="demo-operator")

    def begin(self, query: str, *, mode: str = "one") -> None:
        self.page.goto(f"{self.process.url}/questionnaires/start?{query}")
        self.page.check(f"input[name=mode][value={mode}]")
        self.press("Beginnen", "Opnieuw beginnen")

    def press(self, *names: str) -> None:
        found = next(each for name in names if (each := self.page.get_by_role("button", name=name, exact=True)).count())
        with self.page.expect_navigation():
            found.click()

    def send(self) -> Resource:
        """From the overview; the response as FHIR has it then."""
        self.press("Versturen")
        if "/help" in self.page.url:
            with self.page.expect_navigation():
                self.page.locator("main .buttons a").click()
        assert self.page.locator(".done").count(), self.page.locator(".problems, h1").all_inner_texts()
        return self.fhir("GET", f"QuestionnaireResponse/{self.id}")

    @property
    def id(self) -> str:
        return self.page.url.partition("/questionnaires/")[2].partition("?")[0].partition("/")[0]

    def look(self, name: str) -> None:
        """The page fits every screen and has no known barrier."""
        for width in WIDTHS:
            resize(self.page, width, name)
            if SCREENSHOTS:
                self.page.screenshot(path=Path(SCREENSHOTS) / f"q-{name}-{width}.png", full_page=True)
        assert barriers(self.page, self.axe) == [], name
        assert self.page.locator("h1").count() == 1, name


@pytest.fixture(scope="module")
def world(browser: Browser, axe: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("questionnaires")
    sandbox = write_demo(folder / "demo")
    arguments = ("serve", "--sandbox", sandbox, "--database", f"sqlite:///{folder / 'zelfregie.db'}")
    with serving(folder, *arguments) as process:
        context = browser.new_context(bypass_csp=True, locale="nl-NL")  # for the checker
        context.set_default_timeout(30_000)
        page = context.new_page()
        log_in(page, process.url, sandbox, "anna")
        yield World(process, page, folder, axe)
        context.close()


def filled(
    world: World, questionnaire: Resource, *, mode: str = "one", pick: int = 0, skip: tuple[str, ...] = ()
) -> tuple[Filler, Resource]:
    """Answer all of it and send it."""
    canonical = questionnaire["url"]
    world.begin(f"questionnaire={canonical}", mode=mode)
    filler = Filler(world.page, questionnaire, world.folder, pick, skip=skip)
    if mode == "one":
        filler.by_steps()
    else:
        filler.at_once()
    return filler, world.send()


def held_against(questionnaire: Resource, filler: Filler, response: Resource) -> None:
    assert response["status"] == "completed"
    assert response["source"] == {"reference": "Patient/anna-proefstra"}
    stored = stored_answers(questionnaire, response)
    assert same_answers(filler.given, stored) == []
    assert len(filler.given) > 0


@pytest.mark.parametrize("mode", ["one", "all"])
@pytest.mark.parametrize("name", ours_in_use())
def test_one_of_ours_is_filled_in_and_read_back(world: World, name: str, mode: str) -> None:
    questionnaire = ours(name)
    filler, response = filled(world, questionnaire, mode=mode, pick=1)
    held_against(questionnaire, filler, response)
    scores = world.fhir("GET", f"Observation?derived-from=QuestionnaireResponse/{response['id']}")
    assert len(scores.get("entry", ())) >= SCORED.get(name, 0)


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_says_why_it_cannot_be_filled_in(world: World, name: str) -> None:
    world.page.goto(f"{world.process.url}/questionnaires")
    world.page.get_by_role("link", name=SHELLS[name], exact=True).click()
    world.page.wait_for_url("**/start?**")
    said = world.page.locator("main").inner_text()
    assert "is van een ander" in said
    assert "licentie" in said
    assert world.page.locator("main form").count() == 0
    world.look(f"shell-{name}")


def sets_in(items: list[Resource]) -> Iterator[str]:
    """The value sets that questions are answered from and that the Questionnaire does not hold itself."""
    for item in items:
        if item.get("answerValueSet", "#").startswith("http"):
            yield item["answerValueSet"]
        yield from sets_in(item.get("item", []))


def made_up(url: str, set_id: str) -> Resource:
    """A value set with codes of ours, in the place of one that is not held."""
    concepts = [{"code": code, "display": f"Antwoord {code}"} for code in ("a", "b")]
    compose = {"include": [{"system": "http://example.org/antwoorden", "concept": concepts}]}
    return {"resourceType": "ValueSet", "id": set_id, "url": url, "status": "active", "compose": compose}


def linked(item: Resource, place: str) -> Resource:
    """With the linkId that R4 wants everywhere, and STU3 does not."""
    made = {"linkId": place, **item}
    if "item" in item:
        made["item"] = [linked(each, f"{place}.{number}") for number, each in enumerate(item["item"])]
    return made


@pytest.mark.parametrize("mode", ["one", "all"])
@pytest.mark.parametrize("name", HL7)
def test_an_example_of_hl7_is_filled_in_and_read_back(
    world: World, fhir_definitions: Path, name: str, mode: str
) -> None:
    questionnaire = stu3.questionnaire_of(stu3.hl7(fhir_definitions)["Questionnaire"][name])
    questionnaire = {**questionnaire, "id": f"hl7-{name}", "status": "active"}
    questionnaire.pop("subjectType", None)
    questionnaire["item"] = [linked(each, str(number)) for number, each in enumerate(questionnaire["item"])]
    world.hold(questionnaire)
    for number, canonical in enumerate(sorted(set(sets_in(questionnaire["item"])))):
        world.fhir(
            "PUT", f"ValueSet/hl7-{name}-{number}", made_up(canonical, f"hl7-{name}-{number}"), token="demo-operator"
        )
    filler, response = filled(world, questionnaire, mode=mode, skip=NOT_HERE.get(name, ()))
    held_against(questionnaire, filler, response)


def test_the_example_of_nictiz_is_filled_in_scored_and_asks_help(world: World, fhir_definitions: Path) -> None:
    questionnaire = nictiz.questionnaire(fhir_definitions)
    asked, key = world.folder / "phq.json", world.folder / "key.json"
    asked.write_bytes(encode(questionnaire))
    key.write_text(json.dumps(nictiz.key()))
    installed = run(
        world.folder, "questionnaires", "install", asked, "--scoring", key, "--base", "phq-9",
        "--licence", "Voorbeeld van Nictiz, voor test en kwalificatie", "--holder", "Nictiz",
        "--source", "Nictiz", "--database", f"sqlite:///{world.folder / 'zelfregie.db'}",
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr + installed.stdout
    world.begin(f"questionnaire={nictiz.URL}")
    filler = Filler(world.page, questionnaire, world.folder, 3)
    helps = []
    for _ in range(40):
        if "/overview" in world.page.url:
            break
        if "/help" in world.page.url:
            helps.append(filler.seen[-1])
            assert "113" in world.page.locator("main").inner_text()
            assert "geen bericht naar een zorgverlener" in world.page.locator("main").inner_text()
            world.look("help")
            with world.page.expect_navigation():
                world.page.locator("main .buttons a").click()
            continue
        assert "Voorbeeld van Nictiz" in world.page.locator("main").inner_text()
        filler.fill_what_is_shown()
        filler.next()
    assert [filler.item(each)["linkId"] for each in helps] == ["9"]
    response = world.send()
    held_against(questionnaire, filler, response)
    found = world.fhir("GET", f"Observation?derived-from=QuestionnaireResponse/{response['id']}")
    values = [each["resource"].get("valueQuantity", {}).get("value") for each in found["entry"]]
    assert 27 in values or any(each["resource"].get("valueInteger") == 27 for each in found["entry"])


@pytest.mark.parametrize("mode", ["one", "all"])
def test_every_kind_of_question_is_filled_in_and_read_back(world: World, mode: str) -> None:
    questionnaire = every_kind()
    world.hold(questionnaire)
    filler, response = filled(world, questionnaire, mode=mode)
    held_against(questionnaire, filler, response)
    stored = stored_answers(questionnaire, response)
    by_link = {filler.item(key)["linkId"]: answers for key, answers in stored.items()}
    assert by_link["computed"] == [("valueDecimal", 2 * by_link["integer"][0][1])]
    assert by_link["given"] == [("valueString", "Vast")]
    assert by_link["unseen"] == [("valueString", "verborgen")]
    assert "reference" not in by_link


def test_every_page_fits_and_has_no_known_barrier(world: World) -> None:
    questionnaire = every_kind()
    world.hold(questionnaire)
    page, url = world.page, world.process.url
    page.goto(f"{url}/questionnaires")
    world.look("list")
    page.goto(f"{url}/questionnaires/start?questionnaire={questionnaire['url']}")
    world.look("start")
    world.begin(f"questionnaire={questionnaire['url']}")
    filler = Filler(page, questionnaire, world.folder)
    for number in range(60):
        if "/overview" in page.url:
            break
        world.look(f"step-{number}")
        filler.fill_what_is_shown()
        if not filler._add_group():
            filler.next()
    world.look("overview")
    page.goto(f"{url}/questionnaires/{world.id}/fill/all")
    world.look("all")
    page.goto(f"{url}/questionnaires/{world.id}/overview")
    world.send()
    world.look("answered")


def test_one_is_filled_in_with_the_keyboard_alone(world: World) -> None:
    page, keys = world.page, world.page.keyboard
    page.set_viewport_size({"width": 375, "height": 900})
    page.goto(f"{world.process.url}/questionnaires/start?questionnaire={ours('hoe-belangrijk')['url']}")

    def to(selector: str) -> None:
        """Press Tab until the focus is there; it shows wherever it is."""
        for _ in range(40):
            keys.press("Tab")
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"the keyboard does not come to {selector}")

    def press(key: str) -> None:
        with page.expect_navigation():
            keys.press(key)

    to("main form button")
    press("Enter")
    to("#q0\\.0")
    keys.type("Meer bewegen")
    press("Enter")
    assert "/fill/1" in page.url
    to("input[type=radio]")
    keys.press("Space")
    for _ in range(7):
        keys.press("ArrowRight")
    to("button[value=next]")
    press("Enter")
    for _ in range(10):
        if "/overview" in page.url:
            break
        to("button[value=next]:not([tabindex])")
        press("Enter")
    to("main form:has(input[name=version]) button")
    press("Enter")
    assert page.locator(".done").is_visible()
    response = world.fhir("GET", f"QuestionnaireResponse/{world.id}")
    stored = stored_answers(ours("hoe-belangrijk"), response)
    assert stored["0"] == [("valueString", "Meer bewegen")]
    assert stored["1"] == [("valueInteger", 7)]


def test_nothing_needs_a_script_and_what_is_wrong_has_the_focus(world: World, browser: Browser) -> None:
    questionnaire = every_kind()
    world.hold(questionnaire)
    state = world.page.context.storage_state()
    context = browser.new_context(
        locale="nl-NL", java_script_enabled=False, viewport={"width": 320, "height": 700}, storage_state=state
    )
    page = context.new_page()
    page.goto(f"{world.process.url}/questionnaires/start?questionnaire={questionnaire['url']}")
    page.check("input[name=mode][value=all]")
    page.get_by_role("button", name="Beginnen").or_(page.get_by_role("button", name="Opnieuw beginnen")).click()
    page.wait_for_url("**/fill/all")
    name = next(f"q{number}" for number, each in enumerate(questionnaire["item"]) if each["linkId"] == "several")
    page.fill(f"[name='{name}.0']", "een")
    page.get_by_role("button", name="Nog een antwoord toevoegen").click()
    page.wait_for_url("**/fill/all?done=kept*")
    page.fill(f"[name='{name}.1']", "twee")
    group = next(number for number, each in enumerate(questionnaire["item"]) if each["linkId"] == "group")
    page.locator(f"button[value='add:{group}']").click()
    page.wait_for_url(f"**/fill/all?done=kept#q{group}_*")
    assert page.locator(f"[name='{name}.0']").input_value() == "een"
    assert page.locator(f"[name='{name}.1']").input_value() == "twee"
    assert page.locator(f"#q{group}_1-group").count() == 1
    number = next(number for number, each in enumerate(questionnaire["item"]) if each["linkId"] == "integer")
    page.fill(f"[name='q{number}.0']", "veel")
    page.get_by_role("button", name="Naar het overzicht").click()
    page.wait_for_selector(".problems")
    assert page.title().startswith("Fout: ")
    assert page.locator("#problems[autofocus][tabindex='-1']").count() == 1
    assert page.locator(".problems a").first.get_attribute("href") == f"#q{number}.0"
    assert page.locator(f"[name='q{number}.0']").input_value() == "veel"
    context.close()


def test_targets_are_large_enough_to_touch(world: World) -> None:
    """WCAG 2.2, 2.5.8: 24 by 24 CSS pixels; what stands in a line of text is excepted."""
    questionnaire = every_kind()
    world.hold(questionnaire)
    world.begin(f"questionnaire={questionnaire['url']}", mode="all")
    world.page.set_viewport_size({"width": 320, "height": 900})
    sizes = world.page.locator("main form :is(input:not([type=hidden]), select, textarea, button:not(.hidden))")
    boxes = sizes.evaluate_all("all => all.map(each => [each.name, each.offsetWidth, each.offsetHeight])")
    assert len(boxes) > 40
    assert [each for each in boxes if min(each[1], each[2]) < 24] == []
