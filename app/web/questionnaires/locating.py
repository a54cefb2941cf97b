"""Where a problem of a response is, as the key of a place on the page. The response that is checked has lost what it
leaves out, so its numbers are not those of the draft: each item carries its key along until then.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Final

from app.fhir.resource import Resource
from app.questionnaires.items import Form, Item, walk_answers

_TAG: Final = "_place"
_MISSING: Final = re.compile(r"\.item\.where\(linkId='((?:[^'\\]|\\.)*)'\)")
_ANSWER: Final = re.compile(r"\.answer\[(\d+)\]")
_ESCAPED: Final = re.compile(r"\\(.)")


def tagged(form: Form, response: Resource) -> Resource:
    """A copy in which each item says its key."""
    made = copy.deepcopy(response)
    _tag(form.items, made, "")
    return made


def untagged(response: Resource) -> tuple[Resource, Mapping[str, str]]:
    """The response without the keys, and these by FHIRPath. Changes what it is given."""
    known: dict[str, str] = {}
    for path, item in walk_answers(response):
        key = item.pop(_TAG, None)
        if isinstance(key, str):
            known[path] = key
    return response, known


def key_of_path(form: Form, known: Mapping[str, str], path: str) -> str:
    """The key of the place that a FHIRPath leads to or into; "" for what is at no item."""
    start = path
    while start not in known:
        start, dot, _ = start.rpartition(".")
        if not dot:
            break
    key = known.get(start, "")
    rest = path[len(start) :] if key else path.removeprefix("QuestionnaireResponse")
    items = _children(form, key)
    answer = _ANSWER.match(rest)
    below = key
    if answer is not None:
        below, rest = f"{key}_{answer[1]}", rest[answer.end() :]
    while (missing := _MISSING.match(rest)) is not None:
        link_id = _ESCAPED.sub(r"\1", missing[1])
        index = next((n for n, each in enumerate(items) if each.link_id == link_id), None)
        if index is None:
            break
        key = f"{below}-{index}" if below else str(index)
        below, items, rest = f"{key}_0", items[index].children, rest[missing.end() :]
    return key


def _tag(items: Sequence[Item], holder: Resource, prefix: str) -> None:
    for index, item in enumerate(items):
        there = [each for each in holder.get("item", ()) if each.get("linkId") == item.link_id]
        for number, each in enumerate(there):
            key = f"{prefix}{index}"
            if item.is_question:
                each[_TAG] = key
                for which, answer in enumerate(each.get("answer", ())):
                    _tag(item.children, answer, f"{key}_{which}-")
            else:
                each[_TAG] = f"{key}_{number}"
                _tag(item.children, each, f"{key}_{number}-")


def _children(form: Form, key: str) -> Sequence[Item]:
    items: Sequence[Item] = form.items
    for segment in key.split("-") if key else ():
        items = items[int(segment.partition("_")[0])].children
    return items
