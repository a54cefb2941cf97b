"""Is a code in a value set or code system, and are its words right?
https://hl7.org/fhir/R4/valueset-operation-validate-code.html

What is not held is said and never guessed at: a code of which it cannot be told is not valid here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.fhir.terminology.codesystem import CodeSystem
from app.fhir.terminology.composing import listed
from app.fhir.terminology.selection import Listed, NotHeld, Selection
from app.fhir.terminology.words import display_of


@dataclass(frozen=True, slots=True)
class Coding:
    """A code that somebody asks about. https://hl7.org/fhir/R4/datatypes.html#Coding"""

    system: str | None
    code: str
    version: str | None = None
    display: str | None = None

    @property
    def canonical(self) -> str:
        """The canonical of its code system, "" when it names none."""
        if not self.system:
            return ""
        return self.system if self.version is None else f"{self.system}|{self.version}"


@dataclass(frozen=True, slots=True)
class Checked:
    """``messages`` say why the code is not valid, or give hints about one that is; ``display`` is in its words."""

    messages: tuple[str, ...]
    display: str | None
    result: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """How codes are checked: ``abstract`` ones are right, too; ``languages`` in which words are given."""

    abstract: bool = False
    languages: Sequence[str] = ()


def check_in_value_set(selection: Selection, system: CodeSystem | None, coding: Coding, wanted: Wanted) -> Checked:
    """Whether a value set has a code; ``system`` is what is held of its code system."""
    if coding.system is None:
        return _wrong("The code comes without its system, so which one is meant cannot be told.")
    key = coding.system, coding.code
    found = selection.concepts.get(key)
    if found is not None:
        return _check(found, coding, wanted)
    concept = None if system is None else system.find(coding.code)
    known = None if concept is None or system is None else shown(listed(concept, system.url, system), wanted.languages)
    lost = system is not None and system.complete and concept is None
    if selection.verdict(key) == "out" or lost:
        also = ("The code system does not have this code.",) if lost else ()
        return _wrong("The code is not in the value set.", *also, display=known)
    named = [each for each in selection.lacking if isinstance(each, NotHeld) and _is_of(each, coding.system)]
    why = " ".join(str(each) for each in (selection.lacking if selection.unbounded else named or selection.lacking))
    return _wrong(f"Whether the code is in the value set cannot be told. {why}", display=known)


def _is_of(why: NotHeld, system: str) -> bool:
    return why.canonical.partition("|")[0] == system


def check_in_code_system(system: CodeSystem | None, coding: Coding, wanted: Wanted) -> Checked:
    """Whether a code system has a code."""
    if system is None:
        return _wrong(f"The code system {coding.canonical} is not held here, so its codes cannot be checked.")
    concept = system.find(coding.code)
    if concept is not None:
        return _check(listed(concept, system.url, system), coding, wanted)
    if system.complete:
        return _wrong("The code system does not have this code.")
    held = "What is held of it does not have this code" if system.concepts else "Nothing of it is held"
    return _wrong(f"The code system {system.url} is not held wholly here. {held}, so it cannot be told.")


def check_all(checks: Iterable[Checked]) -> Checked:
    """Of a CodeableConcept: it is right when one of its codings is."""
    found = list(checks)
    if not found:
        return _wrong("The concept has no coding with a code.")
    messages = tuple(dict.fromkeys(text for each in found for text in each.messages))
    right = next((each for each in found if each.result), None)
    if right is None:
        return _wrong(*messages, display=found[0].display)
    others = (f"Of another coding: {text}" for text in messages if text not in right.messages)
    return Checked((*right.messages, *others), right.display, result=True)


def _wrong(*messages: str, display: str | None = None) -> Checked:
    return Checked(messages, display, result=False)


def shown(found: Listed, languages: Sequence[str]) -> str | None:
    """The words of a concept, in the first of the languages that there are words in."""
    return display_of(found.display, found.designations, languages, found.language)


def _check(found: Listed, coding: Coding, wanted: Wanted) -> Checked:
    """A code that is there, by its version, by whether it may be selected, and by its words."""
    display = shown(found, wanted.languages)
    if coding.version is not None and found.version is not None and coding.version != found.version:
        text = f"The code is of version {found.version} of its code system here, and another version is asked for."
        return _wrong(text, display=display)
    if found.abstract and not wanted.abstract:
        return _wrong("The code groups other codes and is not meant to be selected (abstract).", display=display)
    hints = [] if found.active else ["The code is no longer in use (inactive)."]
    if coding.version is not None and found.version is None:
        hints.append("Which version of its code system the code is of is not known here.")
    if coding.display is not None:
        known = {_folded(words) for words in _all_words(found)}
        if not known:
            hints.append("The display cannot be checked: no words for this code are held here.")
        elif _folded(coding.display) not in known:
            return _wrong("The display is not one of this code's.", *hints, display=display)
    return Checked(tuple(hints), display, result=True)


def _all_words(found: Listed) -> list[str]:
    own = None if found.concept is None else found.concept.display
    shown_as = [each for each in (found.display, own) if each is not None]
    return [*shown_as, *(str(each["value"]) for each in found.designations if "value" in each)]


def _folded(words: str) -> str:
    """Without what people vary: case and space."""
    return " ".join(words.casefold().split())
