"""Answers put where their questions stand in a response. https://hl7.org/fhir/R4/questionnaireresponse.html"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from app.fhir.resource import Resource
from app.questionnaires.items import Form, Item


def with_answers(form: Form, response: Resource, answers: Mapping[str, Sequence[Resource]]) -> Resource:
    """A response with the answers of some items replaced: groups that are not there yet are made, in the order of the
    Questionnaire; an item whose answers are none is left without. What stands below a question that has no answer, or
    in a group that repeats, has no one place and is left as it is.
    """
    made = copy.deepcopy(response)
    for link_id, given in answers.items():
        item = form.by_link_id.get(link_id)
        holder = None if item is None else _holder(form, made, item)
        if item is None or holder is None:
            continue
        place = _found(holder, form, item, make=bool(given))
        if place is not None:
            if given:
                place["answer"] = copy.deepcopy(list(given))
            else:
                place.pop("answer", None)
    return made


def _holder(form: Form, response: Resource, item: Item) -> Resource | None:
    """The element of the response that has the item among its own: the response, a group, or an answer."""
    if item.parent is None:
        return response
    above = item.parent
    if above.repeats:
        return None
    holder = _holder(form, response, above)
    if holder is None:
        return None
    place = _found(holder, form, above, make=not above.is_question)
    if place is None or not above.is_question:
        return place
    answers = place.get("answer", ())
    return answers[0] if answers else None


def _found(holder: Resource, form: Form, item: Item, *, make: bool) -> Resource | None:
    """The item among those of an element; made in its place when it is not there."""
    for each in holder.get("item", ()):
        if each.get("linkId") == item.link_id:
            return each  # type: ignore[no-any-return] # JSON
    if not make:
        return None
    siblings = [each.link_id for each in (form.items if item.parent is None else item.parent.children)]
    order = {link_id: number for number, link_id in enumerate(siblings)}
    listed = holder.setdefault("item", [])
    after = order.get(item.link_id, len(order))
    at = next((n for n, each in enumerate(listed) if order.get(each.get("linkId"), -1) > after), len(listed))
    made: Resource = {"linkId": item.link_id}
    if "text" in item.raw:
        made["text"] = item.raw["text"]
    listed.insert(at, made)
    return made
