"""A key held against its Questionnaire: every item is there and is a question, and every answer that can be chosen has
a number or counts as none. https://hl7.org/fhir/R4/questionnaire.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.questionnaires.items import Form, Item
from app.questionnaires.scoring.program import Dimension, Key, Part, Program
from app.questionnaires.scoring.weights import option_weights

_NUMBERS: Final = frozenset({"integer", "decimal", "quantity"})
_CHOICES: Final = frozenset({"choice", "open-choice"})


def key_problems(program: Program, form: Form) -> list[str]:
    """All that is wrong; texts name items and dimensions, and no answers."""
    return [
        problem
        for dimension in program.dimensions
        if not dimension.of_dimensions
        for part in dimension.parts
        for problem in _of_part(program, dimension, part, form)
    ]


def _of_part(program: Program, dimension: Dimension, part: Part, form: Form) -> Iterator[str]:
    name = f"Item {part.id} of dimension {dimension.id}"
    item = form.by_link_id.get(part.id)
    if item is None:
        yield f"{name} is not in the Questionnaire."
    elif not item.is_question:
        yield f"{name} is no question."
    elif part.values is not None:
        text = _of_values(program.missing, part, item, form)
        if text:
            yield f"{name} {text}"
        if item.repeats and not part.several:
            yield f"{name} can have several answers: say what becomes of them (several)."


def _of_values(missing: frozenset[Key], part: Part, item: Item, form: Form) -> str:
    assert part.values is not None
    if part.values.kind == "number":
        return "" if item.type in _NUMBERS else "is no number."
    if part.several == "count":
        return ""
    if item.type == "boolean":
        return (
            "" if part.values.booleans and len(part.values.booleans) == 2 else "needs a number for true and for false."
        )
    if part.values.kind == "table":
        if item.type not in _CHOICES:
            return "is no choice."
        lacking = [
            key for key, _ in _options(form, item) if key not in (part.values.codes or {}) and key not in missing
        ]
        return f"has {len(lacking)} answer(s) that the key has no number for." if lacking else ""
    weighed = list(_options(form, item))
    if not weighed:
        return "has its answers elsewhere, so the key must have a table of their numbers."
    lacking = [key for key, has in weighed if not has and key not in missing]
    return f"has {len(lacking)} answer(s) without a weight." if lacking else ""


def _options(form: Form, item: Item) -> Iterator[tuple[Key, bool]]:
    """Every answer that can be chosen, and whether the Questionnaire gives it a weight."""
    for answer, weight in option_weights(form, item):
        yield (answer if isinstance(answer, tuple) else ("", str(answer))), weight is not None
