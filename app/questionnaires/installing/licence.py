"""The licence record of what is installed: nothing is without a line that says by whose leave it is used.
https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.copyright
"""

from __future__ import annotations

import re
from typing import Final

from app.errors import Invalid
from app.fhir.dates import bounds
from app.fhir.resource import Resource
from app.questionnaires.installing.wanted import Order, Problems
from app.questionnaires.instruments import Instrument, Licence
from app.questionnaires.names import Names

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


def licence_of(order: Order, base: Instrument | None, problems: Problems) -> Licence:
    """The record; what it lacks is noted."""
    line, source = order.licence.strip(), order.source.strip()
    holder = order.holder.strip() or ("" if base is None else base.licence.holder)
    if not line:
        problems.add("There is no licence line (--licence, or licence in the file).", "licence", code="required")
    if not source:
        problems.add("Where the wording comes from is not said (--source, or source in the file).", "source")
    if not holder:
        problems.add("Who holds the wording is not said (--holder, or holder in the file).", "holder", code="required")
    if order.until and not _is_day(order.until):
        problems.add("The last day of the licence is no date (YYYY-MM-DD).", "until", code="value")
    redistributable = "unknown" if base is None else base.licence.redistributable
    return Licence(
        holder=holder,
        terms=line,
        redistributable=redistributable,
        line=line,
        number=order.number.strip(),
        until=order.until,
        source=source,
    )


def mark(questionnaire: Resource, licence: Licence, names: Names) -> Resource:
    """The Questionnaire with what people are to know of its licence: not its number, nor where the text came from."""
    told = {
        "url": names.licence,
        "extension": [
            {"url": "wording", "valueCode": "installed"},
            {"url": "holder", "valueString": licence.holder},
            {"url": "line", "valueString": licence.line},
            *([{"url": "until", "valueDate": licence.until}] if licence.until else []),
        ],
    }
    others = [each for each in questionnaire.get("extension", ()) if each.get("url") != names.licence]
    return {**questionnaire, "extension": [told, *others], "copyright": licence.line}


def _is_day(text: str) -> bool:
    try:
        bounds(text)
    except Invalid:
        return False
    return _DAY.fullmatch(text) is not None
