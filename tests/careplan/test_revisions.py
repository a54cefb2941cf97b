"""``CarePlan/$revisions``: what happened to the plan, newest first, in sentences."""

from __future__ import annotations

import re

from tests.careplan.histories import AGREEMENT, sentences, started
from tests.server.service import Caller


def without_day(text: str) -> str:
    """A sentence without the day that it begins with."""
    found = re.fullmatch(r"\d{1,2} \w+ \d{4}: (.+\.)", text)
    assert found is not None, text
    return found[1]


async def test_each_revision_is_a_sentence_in_dutch_and_english_the_newest_first(anna: Caller) -> None:
    journey = await started(anna)
    await journey.add_goal("Beter slapen")
    await journey.change("CarePlan", journey.plan, activity=[{"id": "ommetje", "detail": AGREEMENT}])
    await journey.change("Goal", journey.goal, description={"text": "Elke dag met de hond wandelen"})
    await journey.agree()
    bundle = await anna.bundle(f"/CarePlan/{journey.plan}/$revisions")
    assert [without_day(each) for each in sentences(bundle)] == [
        "Anna ging akkoord met het plan: terugkijken op "
        + re.findall(r"terugkijken op (.+)\.", sentences(bundle)[0])[0]
        + ".",
        "Anna veranderde de woorden van een doel: ‘Weer met de hond wandelen’ werd ‘Elke dag met de hond wandelen’.",
        "Anna voegde een afspraak toe: ‘Elke dag een ommetje’.",
        "Anna voegde een doel toe: ‘Beter slapen’.",
        "Anna begon het plan: doel ‘Weer met de hond wandelen’ toegevoegd.",
    ]
    assert [without_day(each) for each in sentences(bundle, "en")][1:4] == [
        "Anna changed the words of a goal: ‘Weer met de hond wandelen’ became ‘Elke dag met de hond wandelen’.",
        "Anna added an agreement: ‘Elke dag een ommetje’.",
        "Anna added a goal: ‘Beter slapen’.",
    ]
