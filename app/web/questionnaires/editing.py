"""A draft changed at one place: answers put in, one more of a group, one less; and all of it made ready to send.
https://hl7.org/fhir/R4/questionnaireresponse.html
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from app.fhir.resource import Resource
from app.questionnaires.answers.choices import initial_of
from app.questionnaires.answers.enabling import Enabling, enabled
from app.questionnaires.answers.filled import Node
from app.questionnaires.calculated import CALCULATED, calculate
from app.questionnaires.items import Form, Item, answers_of, value_in
from app.questionnaires.placing import with_answers
from app.web.questionnaires.wording import HIDDEN

_ROUNDS = 5
"""What is calculated may enable what is calculated: after so many rounds it has come to rest or is left."""


def answers_at(form: Form, response: Resource, key: str) -> list[Resource]:
    """The answers at a place, of a response that is not changed by it."""
    found = _at(form, copy.deepcopy(response), key)
    return [] if found is None else [each for each in found.get("answer", ()) if value_in(each)[0]]


def with_answers_at(form: Form, response: Resource, key: str, answers: Sequence[Resource]) -> Resource:
    """The response with other answers at a place; as it was where there is no such place."""
    made = copy.deepcopy(response)
    found = _at(form, made, key)
    if found is not None:
        if answers:
            found["answer"] = copy.deepcopy(list(answers))
        else:
            found.pop("answer", None)
    return made


def with_one_more(form: Form, response: Resource, key: str) -> tuple[Resource, int]:
    """The response with one more of a group that repeats, with what it begins with; and the number of that one."""
    made = copy.deepcopy(response)
    holder, item = _holder(form, made, key)
    if holder is None or item is None or not item.repeats:
        return made, 0
    there = [each for each in holder.get("item", ()) if each.get("linkId") == item.link_id]
    fresh = _begun(item)
    if there:
        holder["item"].insert(_index(holder["item"], there[-1]) + 1, fresh)
    else:
        _insert(holder, item, form, fresh)
    return made, len(there)


def with_one_less(form: Form, response: Resource, key: str) -> Resource:
    """The response without one of a group that repeats. ``key`` ends with its number."""
    head, _, number = key.rpartition("_")
    made = copy.deepcopy(response)
    holder, item = _holder(form, made, head)
    if holder is not None and item is not None and item.repeats:
        there = [each for each in holder.get("item", ()) if each.get("linkId") == item.link_id]
        if int(number) < len(there):
            del holder["item"][_index(holder["item"], there[int(number)])]
    return made


def recalculated(form: Form, response: Resource, now: datetime) -> Resource:
    """The draft with what the Questionnaire calculates from it. What somebody can fill in themselves stays, once it has
    an answer.
    """
    listed = [item for item in form.walk() if item.extension(CALCULATED) is not None]
    if not listed:
        return response
    there = answers_of(response)
    made = calculate(form, ready(form, response, now, calculating=False), now)
    return with_answers(
        form,
        response,
        {
            item.link_id: made[item.link_id]
            for item in listed
            if item.link_id in made
            and (item.raw.get("readOnly") or item.extension(HIDDEN) or not there.get(item.link_id))
        },
    )


def ready(form: Form, response: Resource, now: datetime, *, calculating: bool = True) -> Resource:
    """The response as it is sent: without what is not enabled, and without items and groups that hold nothing."""
    made = response
    for _ in range(_ROUNDS):
        before = made
        enabling = enabled(form, made, now=now)
        items = _kept(enabling, enabling.tree.roots)
        made = {name: value for name, value in made.items() if name != "item"}
        if items:
            made["item"] = items
        if calculating:
            made = recalculated(form, made, now)
        if made == before:
            break
    return made


def changed_questions(form: Form, before: Resource, after: Resource) -> list[Item]:
    """The questions whose answers differ; not those that are filled in by the Questionnaire itself."""
    first, second = answers_of(before), answers_of(after)
    return [
        item
        for item in form.walk()
        if item.is_question
        and not (item.raw.get("readOnly") or item.extension(HIDDEN) or item.extension(CALCULATED))
        and [value_in(each) for each in first.get(item.link_id, ())]
        != [value_in(each) for each in second.get(item.link_id, ())]
    ]


def _kept(enabling: Enabling, nodes: Iterable[Node]) -> list[Resource]:
    made = []
    for node in nodes:
        if node.item is None or not enabling.of(node):
            continue
        kept = {name: value for name, value in node.raw.items() if name not in ("item", "answer")}
        if not node.item.is_question:
            below = _kept(enabling, node.children)
            if below:
                made.append({**kept, "item": below})
            continue
        answers = []
        for number, answer in node.answers:
            plain = {name: value for name, value in answer.items() if name != "item"}
            below = _kept(enabling, [each for each in node.children if each.answer == number])
            answers.append({**plain, "item": below} if below else plain)
        if answers:
            made.append({**kept, "answer": answers})
    return made


def _begun(item: Item) -> Resource:
    made: Resource = {"linkId": item.link_id}
    if "text" in item.raw:
        made["text"] = item.raw["text"]
    if item.is_question:
        answers = [{f"value{kind}": value} for kind, value in initial_of(item)]
        return {**made, "answer": answers} if answers else made
    below = [_begun(child) for child in item.children if child.type != "display" and not child.repeats]
    return {**made, "item": below} if below else made


def _at(form: Form, response: Resource, key: str) -> Resource | None:
    """The element of a question, made where it is not there; None where it has no place."""
    holder, item = _holder(form, response, key)
    if holder is None or item is None:
        return None
    return _element(holder, item, form)


def _holder(form: Form, response: Resource, key: str) -> tuple[Resource | None, Item | None]:
    """What has the item of a key among its own, and the item."""
    holder: Resource | None = response
    items: Sequence[Item] = form.items
    *above, last = key.split("-")
    for segment in above:
        index, _, number = segment.partition("_")
        if holder is None or int(index) >= len(items):
            return None, None
        item = items[int(index)]
        holder = _occurrence(holder, item, form, int(number or 0))
        items = item.children
    at = int(last.partition("_")[0])
    return (holder, items[at]) if at < len(items) else (None, None)


def _occurrence(holder: Resource, item: Item, form: Form, number: int) -> Resource | None:
    """One of a group, made where it is the next one; or one answer of a question."""
    if item.is_question:
        answers = [each for each in holder.get("item", ()) if each.get("linkId") == item.link_id]
        given: list[Resource] = answers[0].get("answer", []) if answers else []
        return given[number] if number < len(given) else None
    there = [each for each in holder.get("item", ()) if each.get("linkId") == item.link_id]
    if number < len(there):
        return there[number]  # type: ignore[no-any-return] # JSON
    if number > len(there):
        return None
    if not there:
        return _element(holder, item, form)
    fresh = _begun(item)
    holder["item"].insert(_index(holder["item"], there[-1]) + 1, fresh)
    return fresh


def _element(holder: Resource, item: Item, form: Form) -> Resource:
    for each in holder.get("item", ()):
        if each.get("linkId") == item.link_id:
            return each  # type: ignore[no-any-return] # JSON
    made: Resource = {"linkId": item.link_id}
    if "text" in item.raw:
        made["text"] = item.raw["text"]
    _insert(holder, item, form, made)
    return made


def _insert(holder: Resource, item: Item, form: Form, made: Resource) -> None:
    """In the order of the Questionnaire."""
    siblings = form.items if item.parent is None else item.parent.children
    order = {each.link_id: number for number, each in enumerate(siblings)}
    listed: list[Any] = holder.setdefault("item", [])
    at = next((n for n, each in enumerate(listed) if order.get(each.get("linkId"), -1) > order[item.link_id]), None)
    listed.insert(len(listed) if at is None else at, made)


def _index(listed: list[Any], element: Any) -> int:
    return next(number for number, each in enumerate(listed) if each is element)
