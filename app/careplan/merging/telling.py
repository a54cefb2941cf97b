"""What merging would do, or did, as parameters, with words in the language that is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from app.careplan.merging.items import Item
from app.careplan.merging.merged import Merged
from app.careplan.merging.overlaps import Overlap, Side
from app.careplan.merging.sources import Source
from app.careplan.words import Language

Entry = dict[str, Any]


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = yaml.load(
        Path(__file__).with_name("texts.yaml").read_text("utf-8"), yaml.CSafeLoader
    )
    return found


def told(found: Merged, language: Language, present: str) -> Iterator[Entry]:
    """The output parameters. ``present``: the version of the plan itself."""
    for source in found.sources:
        becomes = "named" if not source.version else "linked" if source.received else "closed"
        parts: list[Entry] = (
            [{"name": "plan", "valueReference": {"reference": source.reference}}] if source.version else []
        )
        parts += [{"name": "becomes", "valueCode": becomes}, {"name": "hidden", "valueInteger": source.hidden}]
        yield {"name": "source", "part": parts}
    for item in found.items:
        outcome = _outcome(item, found)
        parts = [
            {"name": "id", "valueString": item.id},
            {"name": "kind", "valueCode": item.kind},
            {"name": "outcome", "valueCode": outcome},
            {"name": "text", "valueString": item.facts.text or item.name},
            {"name": "from", "valueString": _from(item.source)},
            {"name": "explanation", "valueString": _texts()[outcome][language]},
        ]
        yield {"name": "item", "part": parts}
    for each in found.overlaps:
        if each in found.open or each.id in found.choices:
            yield _overlap(each, found, language, present)


def _overlap(each: Overlap, found: Merged, language: Language, present: str) -> Entry:
    parts: list[Entry] = [
        {"name": "id", "valueString": each.id},
        {"name": "kind", "valueCode": each.first.kind},
        *({"name": "reason", "valueCode": reason} for reason in each.reasons),
    ]
    if each.id in found.choices:
        parts.append({"name": "keep", "valueCode": found.choices[each.id]})
    parts += [
        {"name": "first", "part": _side(each.first, present)},
        {"name": "second", "part": _side(each.second, present)},
        {"name": "explanation", "valueString": " ".join(_texts()[reason][language] for reason in each.reasons)},
    ]
    return {"name": "overlap", "part": parts}


def _side(side: Side, present: str) -> list[Entry]:
    return [
        {"name": "item", "valueString": side.id},
        {"name": "text", "valueString": side.facts.text or side.id.partition(".")[2]},
        {"name": "from", "valueString": present if side.item is None else _from(side.item.source)},
    ]


def _from(source: Source) -> str:
    return source.reference or source.key


def _outcome(item: Item, found: Merged) -> str:
    if item.id in found.known:
        return "known"
    if item.left:
        return item.left
    return "left" if item.id in found.chosen.dropped else "taken"
