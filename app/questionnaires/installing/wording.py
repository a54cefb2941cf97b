"""A Questionnaire made of a shell and the wording that a file has for it. https://hl7.org/fhir/R4/questionnaire.html

The structure stays that of the shell: items, types, order and codes. Only words come from the file, and the answers of
a question of which nobody here knows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.fhir.resource import Resource
from app.questionnaires.installing.wanted import Problems
from app.questionnaires.items import Form, Item
from app.questionnaires.names import CORE, Names

LANGUAGES: Final = ("nl", "en")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,31}")
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
MEMBERS: Final = frozenset(
    {"base", "version", "language", "title", "intro", "items", "options", "help"}
    | {"licence", "holder", "number", "until", "source", "scoring", "key"}
)
"""What a file may say."""
_INTRO: Final = "intro"
_TRANSLATION: Final = f"{CORE}translation"


def worded(data: Mapping[str, Any], shell: Form, names: Names, problems: Problems) -> Resource:
    """The Questionnaire; everything that misses or is too many is noted."""
    return _Wording(data, shell, names, problems).questionnaire()


class _Wording:
    """One file held against its shell."""

    def __init__(self, data: Mapping[str, Any], shell: Form, names: Names, problems: Problems) -> None:
        self._data = data
        self._shell = shell
        self._names = names
        self._problems = problems
        self._language = str(data.get("language", "nl"))
        self._items = self._mapping("items")
        self._options = self._mapping("options")
        self._used: set[str] = set()

    def questionnaire(self) -> Resource:
        """All of it."""
        data, problems, base = self._data, self._problems, self._shell.resource
        if unknown := sorted(map(str, data.keys() - MEMBERS)):
            problems.add(f"The file has members that are not known: {', '.join(unknown)}.")
        if self._language not in LANGUAGES:
            problems.add(f"The language is one of {', '.join(LANGUAGES)}.", "language", code="code-invalid")
            self._language = LANGUAGES[0]
        version = str(data.get("version", ""))
        if not _VERSION.fullmatch(version) or version == base["version"]:
            problems.add("A version of its own is needed: letters, digits, '.' and '-', 32 at most.", "version")
        made: Resource = {
            "resourceType": "Questionnaire",
            "id": f"{base['id']}-{version}"[:64],
            "language": self._language,
            "url": base["url"],
            "version": version,
            "name": base["name"],
            **(self._words("title", data["title"], "title") if "title" in data else {"title": base["title"]}),
            "status": "active",
            "experimental": False,
            "subjectType": base["subjectType"],
            **({"code": base["code"]} if "code" in base else {}),
        }
        intro = [self._display()] if "intro" in data else []
        made["item"] = [*intro, *(self._item(each) for each in self._shell.items)]
        self._check_left_over()
        return made

    def _display(self) -> Resource:
        return {"linkId": _INTRO, **self._words("text", self._data["intro"], "intro"), "type": "display"}

    def _item(self, item: Item) -> Resource:
        link_id, raw = item.link_id, item.raw
        made = {name: value for name, value in raw.items() if name not in ("text", "_text", "item", "answerOption")}
        given = self._items.get(link_id)
        if given is not None:
            self._used.add(link_id)
            made |= self._words("text", given, "items", link_id)
        elif item.is_question:
            self._problems.add(f"The wording of item {link_id} misses.", "items", link_id, code="required")
        if item.type == "choice":
            listed = given.get("options") if isinstance(given, Mapping) else None
            made["answerOption"] = self._own(link_id, listed) if "answerOption" not in raw else self._known(item)
            if "answerOption" in raw and listed is not None:
                text = f"The answers of item {link_id} are known: word them under options."
                self._problems.add(text, "items", link_id)
        if item.children:
            made["item"] = [self._item(each) for each in item.children]
        return made

    def _known(self, item: Item) -> list[Resource]:
        """Answers that the shell has, with their words."""
        made = []
        for each in item.raw["answerOption"]:
            coding = {name: value for name, value in each["valueCoding"].items() if name not in ("display", "_display")}
            given = self._options.get(coding["code"])
            if given is not None:
                coding |= self._words("display", given, "options", coding["code"])
            made.append({**each, "valueCoding": coding})
        return made

    def _own(self, link_id: str, listed: Any) -> list[Resource]:
        """Answers that only the file has."""
        if not isinstance(listed, list) or not listed:
            self._problems.add(f"The answers of item {link_id} miss (options).", "items", link_id, code="required")
            return []
        made, codes = [], set()
        for each in listed:
            code = str(each.get("code", "")) if isinstance(each, Mapping) else ""
            if not _CODE.fullmatch(code) or code in codes:
                self._problems.add(f"An answer of item {link_id} has no code of its own.", "items", link_id)
                continue
            codes.add(code)
            words = self._words("display", each, "items", link_id)
            made.append(
                {"valueCoding": {"system": self._names.answers(self._shell.resource["id"]), "code": code, **words}}
            )
        return made

    def _check_left_over(self) -> None:
        for link_id in self._items.keys() - self._used:
            self._problems.add(f"There is no item {link_id}.", "items", link_id)
        known = set(_codes(self._shell))
        for code in known - self._options.keys():
            self._problems.add(f"The words of answer {code} miss.", "options", code, code="required")
        for code in self._options.keys() - known:
            self._problems.add(f"There is no answer {code}.", "options", code)

    def _words(self, member: str, given: Any, *path: str) -> Resource:
        """A text with its translation, as members of an element."""
        texts = given if isinstance(given, Mapping) else {self._language: given}
        said = {each: texts[each] for each in LANGUAGES if isinstance(texts.get(each), str) and texts[each].strip()}
        if self._language not in said:
            self._problems.add(f"The text in {self._language} misses.", *path, code="required")
            return {}
        made: Resource = {member: said[self._language]}
        others = [_translated(each, text) for each, text in said.items() if each != self._language]
        return {**made, f"_{member}": {"extension": others}} if others else made

    def _mapping(self, name: str) -> Mapping[str, Any]:
        given = self._data.get(name, {})
        if not isinstance(given, Mapping):
            self._problems.add("Must be a mapping.", name, code="structure")
            return {}
        return {str(key): value for key, value in given.items()}


def _codes(shell: Form) -> Iterator[str]:
    for item in shell.walk():
        for each in item.raw.get("answerOption", ()):
            yield each["valueCoding"]["code"]


def _translated(language: str, text: str) -> Resource:
    parts = [{"url": "lang", "valueCode": language}, {"url": "content", "valueString": text}]
    return {"url": _TRANSLATION, "extension": parts}
