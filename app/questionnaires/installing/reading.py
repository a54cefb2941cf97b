"""Reads what is to be installed: wording for a shell, or a whole Questionnaire. All problems are told at once.
https://hl7.org/fhir/R4/questionnaire.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from app.config import CANONICAL_BASE
from app.errors import Invalid, Unprocessable
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode, encode
from app.fhir.validation import validate
from app.questionnaires.installing import key
from app.questionnaires.installing.licence import licence_of, mark
from app.questionnaires.installing.wanted import Order, Problems, Wanted
from app.questionnaires.installing.wording import worded
from app.questionnaires.instruments import Instrument, shipped
from app.questionnaires.items import Form, form_of
from app.questionnaires.names import Names

LARGEST: Final = 4_000_000
"""Bytes of a file."""
_IN_FILE: Final = ("licence", "holder", "number", "until", "source", "base")
_SHELLS: Final = Path(__file__).parents[3] / "medmij_profiles" / "questionnaires"
_NOT_IN_ID: Final = re.compile(r"[^A-Za-z0-9.-]+")


def content_of(path: Path) -> Any:
    """What a file holds, JSON or YAML. Raises ``Invalid``."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise Invalid(f"The file cannot be read: {error.strerror}.", "not-found") from error
    if len(content) > LARGEST:
        raise Invalid("The file is too long for a questionnaire.", "too-long")
    if path.suffix.lower() == ".json":
        return decode(content)
    try:
        return yaml.load(content.decode("utf-8"), yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("The file is no YAML in UTF-8.", "structure") from error


def read(data: Any, order: Order, definitions: Definitions, names: Names) -> Wanted:
    """What is to be installed. Raises ``Unprocessable`` with everything that is wrong."""
    if not isinstance(data, Mapping):
        raise Invalid("The file holds no questionnaire.", "structure")
    whole = data.get("resourceType") == "Questionnaire"
    if not whole:
        order = _with(order, data)
    problems = Problems()
    base = _base(order, str(data.get("url") or "-") if whole else "", names, problems)
    licence = licence_of(order, base, problems)
    made = _whole(dict(data), base, definitions, problems) if whole else _of_shell(data, base, names, problems)
    program = {"scoring": order.scoring} if whole else data
    scoring = key.program_of(program, base, problems)
    if made is not None:
        made = mark(made, licence, names)
        if scoring is not None:
            key.check(scoring, form_of(made), names.base, problems)
        facts = {"base": "" if base is None else base.url, **_help(order.safety, made, problems)}
    if problems.issues or made is None:
        raise Unprocessable("This cannot be installed.", issues=tuple(problems.issues))
    return Wanted(made, licence, scoring, facts)


def _with(order: Order, data: Mapping[str, Any]) -> Order:
    """What the command says counts before what the file says."""
    said = {name: str(data[name]) for name in _IN_FILE if data.get(name) is not None and not getattr(order, name)}
    return replace(order, **said, safety=order.safety or data.get("help") or ())


def _base(order: Order, url: str, names: Names, problems: Problems) -> Instrument | None:
    """The instrument that is worded: that of the Questionnaire's own ``url``, else the one that is named. A whole
    Questionnaire (with a ``url``) need not be an edition of one.
    """
    known = shipped(names.base)
    named = names.questionnaire(order.base) if order.base and "/" not in order.base else order.base
    wanted = url if url in known else named
    if url and not wanted:
        return None
    found = known.get(wanted)
    if found is None or found.wording != "shell":
        shells = ", ".join(each.rpartition("/")[2] for each, one in known.items() if one.wording == "shell")
        problems.add(f"The base is one of the questionnaires without wording: {shells}.", "base", code="not-found")
        return None
    return found


def _of_shell(data: Mapping[str, Any], base: Instrument | None, names: Names, problems: Problems) -> Resource | None:
    if base is None:
        return None
    return worded(data, shell_of(base, names), names, problems)


def shell_of(base: Instrument, names: Names) -> Form:
    """The Questionnaire of an instrument that comes without wording."""
    path = _SHELLS / f"Questionnaire-{base.url.rpartition('/')[2]}.json"
    written, wanted = (encode(each)[1:-1] for each in (CANONICAL_BASE, names.base))
    return form_of(decode(path.read_bytes().replace(written, wanted)))


def _whole(
    questionnaire: Resource, base: Instrument | None, definitions: Definitions, problems: Problems
) -> Resource | None:
    """A whole Questionnaire: valid, with a canonical and a version, and the questions of what it is an edition of."""
    found = [each for each in validate(questionnaire, definitions) if each.severity == "error"]
    problems.issues += found
    if found:
        return None
    for name in ("url", "version", "item"):
        if not questionnaire.get(name):
            problems.add(f"The Questionnaire has no {name}.", f"Questionnaire.{name}", code="required")
    if base is not None:
        names = Names(base.url.rpartition("/Questionnaire/")[0])
        asked = {each.link_id for each in shell_of(base, names).walk() if each.is_question}
        there = {each.link_id for each in form_of(questionnaire).walk() if each.is_question}
        for link_id in sorted(asked - there):
            problems.add(f"Item {link_id} of the instrument misses.", "Questionnaire.item", code="required")
        for link_id in sorted(there - asked):
            problems.add(f"The instrument has no item {link_id}.", "Questionnaire.item")
    tail = _NOT_IN_ID.sub("-", str(questionnaire.get("url", "")).rpartition("/")[2])
    version = _NOT_IN_ID.sub("-", str(questionnaire.get("version", "")))
    return {**questionnaire, "id": f"{tail}-{version}".strip("-")[:64]}


def _help(safety: Any, questionnaire: Resource, problems: Problems) -> Mapping[str, Any]:
    """Items of which an answer above 0 needs a help text, where they are named."""
    if not safety:
        return {}
    form = form_of(questionnaire)
    named = [str(each) for each in safety] if isinstance(safety, list | tuple) else [str(safety)]
    for each in named:
        if each not in form.by_link_id:
            problems.add(f"There is no item {each} that needs a help text.", "help")
    return {"help": named}
