"""One object, translated: what is the same is taken over, what a rule names is put elsewhere, and all else is carried.

Lossless by construction: a rule's result is translated back, and where that is not what there was, the original is
carried beside it; it is taken on the way back as long as the result still is what follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from app.fhir.definitions import Element
from app.fhir.stu3.carrying import carry, member_url
from app.fhir.stu3.conversions import ABSENT, Converter, Direction, Values
from app.fhir.stu3.lifting import Lifting
from app.fhir.stu3.restoring import Restoring
from app.fhir.stu3.rules import Rule
from app.fhir.stu3.special import DERIVED
from app.fhir.stu3.special.demanded import NOT_DEMANDED
from app.fhir.stu3.tables import Addition

OPEN: Final = ("extension", "modifierExtension")


class ObjectTranslation:
    """The translation of one type or backbone path in one direction."""

    def __init__(
        self,
        direction: Direction,
        source: str,
        target: str,
        *,
        rules: Sequence[tuple[Rule, Rule]],
        through: Mapping[str, Converter],
        copied: frozenset[str],
        add: Sequence[Addition],
        added: Sequence[Addition],
        marker: str,
        lifting: Lifting | None = None,
    ) -> None:
        self._direction = direction
        self._source = source
        self._elements: Mapping[str, Element] = direction.source.elements(source)
        self._through = through
        self._copied = copied
        self._rules = rules
        self._by_source = {name: place for place, (rule, _) in enumerate(rules) for name in rule.source}
        self._by_target = {name: place for place, (rule, _) in enumerate(rules) for name in rule.target}
        taken_over = copied | through.keys()
        self._restoring = Restoring(direction, target, taken_over)
        self._add = tuple(add)
        self._added = tuple(added)
        self._marker = marker
        others = direction.target.elements(target)
        self._modifying = "modifierExtension" in others
        self._open = frozenset(others.keys() & set(OPEN))  # R4's Timing may have extensions that modify, STU3's not
        self._closed = "extension" not in others and "meta" in others
        self._lifting = lifting
        self._particular = self._closed or lifting is not None
        self._choices = {each.name: _choice(others, each.name) for each in self._add}

    def __call__(self, given: Values) -> Values:
        """The object in the other version. Raises ``Untranslatable`` by way of what is within it."""
        if self._copied >= given.keys() and not self._add:
            return given
        stripped = self._stripped(given) if self._added else {}
        left, lifted, carried = self._set_apart(given, stripped) if self._particular else (given, {}, {})
        copied, through = self._copied, self._through
        made: Values = {}
        rest: Values = {}
        for name, value in left.items():
            if name in copied:
                made[name] = value
            elif name in stripped:
                continue
            elif name in self._open:
                kept, found = self._restoring.take(value)
                carried.update(found)
                if kept:
                    made[name] = through["extension"](kept)
            elif (change := through.get(name)) is not None:
                made[name] = change(value)
            else:
                rest[name] = value
        if rest or carried:
            self._finish(rest, carried, made)
        made.update(lifted)
        if stripped and (changed := self._changed(given, stripped, made)):
            again = {**given, **changed}
            return self({name: value for name, value in again.items() if value != {}})
        if self._add:
            self._complete(given, made, stripped)
        return made

    def _set_apart(self, given: Values, stripped: Mapping[str, Addition]) -> tuple[Values, Values, Values]:
        """What is left to translate, the members that extensions say, and those carried in ``meta``."""
        if self._lifting is not None:
            return *self._lifting({name: each for name, each in given.items() if name not in stripped}), {}
        if "meta" not in given:
            return given, {}, {}
        left, carried = self._from_meta(given)
        return left, {}, carried

    def _from_meta(self, given: Values) -> tuple[Values, Values]:
        """For a type without extensions: what is carried in its ``meta`` for want of another place, and the rest."""
        meta = given["meta"]
        kept, found = self._restoring.take(meta.get("extension", ()))
        if not found:
            return given, {}
        meta = {name: value for name, value in meta.items() if name != "extension"}
        if kept:
            meta["extension"] = kept
        rest = {name: value for name, value in given.items() if name != "meta"}
        return ({**rest, "meta": meta} if meta else rest), found

    def _finish(self, rest: Values, carried: Values, made: Values) -> None:
        """What rules are for, what was carried, and what is to be."""
        groups: dict[int, Values] = {}
        left: Values = {}
        for name, value in rest.items():
            place = self._by_source.get(name.removeprefix("_"))
            if place is None:
                left[name] = value
            else:
                groups.setdefault(place, {})[name] = value
        brought: dict[int, Values] = {}
        for name, value in carried.items():
            place = self._by_target.get(name.removeprefix("_"))
            if place is None:
                made[name] = value
            else:
                brought.setdefault(place, {})[name] = value
        for place in sorted({*groups, *brought}):
            self._apply(place, groups.get(place, {}), brought.get(place), made)
        if left:
            self._carry(left, made)

    def _apply(self, place: int, values: Values, brought: Values | None, made: Values) -> None:
        rule, back = self._rules[place]
        if brought is not None and self._is_back(back.apply(brought), values):
            made.update(brought)
            return
        found = rule.apply(values)
        if brought is not None and rule.several:
            found = _with_unsaid(found, brought, values, back)
        lossless = rule.exact or self._is_back(back.apply(found), values)
        if brought is not None and lossless and not back.several:
            found = _with_items(found, brought, back)
        made.update(found)
        if not lossless:
            self._carry(values, made, said=_said(values, found, rule))

    def _is_back(self, found: Values, values: Values) -> bool:
        """Whether a rule gives back what there was, but for what an extension says instead of it."""
        lifted: AbstractSet[str] = frozenset() if self._lifting is None else self._lifting.names - values.keys()
        return found == values or (bool(lifted) and _without(found, lifted) == values)

    def _carry(self, values: Values, made: Values, *, said: AbstractSet[str] = frozenset()) -> None:
        """``said``: what a rule made something of, beside which the carried only says more. Of others nothing stands in
        their place, so that they must not be overlooked where they change what the rest means.
        """
        direction = self._direction
        for name in values:
            plain = name.removeprefix("_")
            if name != plain and plain in values:
                continue
            element = self._elements[plain]
            extensions = carry(direction, member_url(direction, self._source, plain, element), plain, element, values)
            if self._closed:
                meta = made.get("meta", {})
                made["meta"] = {**meta, "extension": [*meta.get("extension", ()), *extensions]}
                continue
            modifies = plain not in said and (element.modifier or self._is_modifying(plain))
            where = "modifierExtension" if modifies and self._modifying else "extension"
            made[where] = [*made.get(where, ()), *extensions]

    def _is_modifying(self, name: str) -> bool:
        place = self._by_source.get(name)
        return place is not None and self._rules[place][0].modifies

    def _stripped(self, given: Values) -> dict[str, Addition]:
        """What was only added on the way here, by both names that it may stand under."""
        found = {}
        for each in self._added:
            value, beside = given.get(each.name), given.get(f"_{each.name}")
            if self._is_marked(value) or self._is_marked(beside):
                found[each.name] = found[f"_{each.name}"] = each
        return found

    def _is_marked(self, value: Any) -> bool:
        if isinstance(value, list):
            return any(self._is_marked(each) for each in value)
        return isinstance(value, dict) and any(each.get("url") == self._marker for each in value.get("extension", ()))

    def _changed(self, given: Values, stripped: Mapping[str, Addition], made: Values) -> Values:
        """What is marked as added but says something else by now, without the mark: it is no addition any more."""
        changed: Values = {}
        for name, addition in stripped.items():
            if name == addition.name:
                here = {key: given[key] for key in (name, f"_{name}") if key in given}
                if self._addition(addition, made, back=True) != here:
                    changed.update({key: _unmarked(value, self._marker) for key, value in here.items()})
        return changed

    def _complete(self, given: Values, made: Values, stripped: Mapping[str, Addition]) -> None:
        """What is demanded and missing; not what the original lacked as well, as the other version's addition says."""
        for each in self._add:
            if each.name not in stripped and self._choices[each.name].isdisjoint(made):
                found = self._addition(each, given, back=False)
                if found is not None:
                    made.update(found)

    def _addition(self, addition: Addition, source: Mapping[str, Any], *, back: bool) -> Values | None:
        """What is added to an object of the other version, of which ``source`` is the original."""
        side = self._direction.source if back else self._direction.target
        path = self._source if back else self._restoring.path
        element = side.elements(path)[addition.name]
        value = DERIVED[addition.derive](source) if addition.derive else addition.value
        mark = {"url": self._marker, "valueCode": side.version}
        if value is NOT_DEMANDED or (value is None and not addition.absent):
            return None
        absent = [{"url": ABSENT, "valueCode": addition.absent}] if value is None else []
        if element.is_primitive:
            made: Values = {} if value is None else {addition.name: value}
            made[f"_{addition.name}"] = {"extension": [*absent, mark]}
            return made
        one = {"extension": [*absent, mark], **(value or {})}
        return {addition.name: [one] if element.many else one}


def _with_unsaid(found: Values, brought: Values, values: Values, back: Rule) -> Values:
    """``found``, and each carried member of which the object still says nothing and that changes nothing of it."""
    silent = set(back.target) - {name.removeprefix("_") for name in (*values, *found)}
    for name in silent.intersection(back.source):
        one = {key: brought[key] for key in (name, f"_{name}") if key in brought}
        if one and back.apply({**found, **one}) == values:
            found = {**found, **one}
    return found


def _with_items(found: Values, brought: Values, back: Rule) -> Values:
    """``found``, and each item of a carried list that nothing stands for in the object, so that nothing of it changed
    there: a relation of a kind that the other version does not have.
    """
    for name, items in brought.items():
        if not isinstance(items, list) or not isinstance(found.get(name, []), list):
            continue
        apart = [each for each in items if isinstance(each, dict) and not back.apply({name: [each]})]
        if apart and back.apply({**found, name: [*found.get(name, ()), *apart]}) == back.apply(found):
            found = {**found, name: [*found.get(name, ()), *apart]}
    return found


def _said(values: Values, found: Values, rule: Rule) -> frozenset[str]:
    """Of the members that a rule is for, those that something stands for: one of the same name, or else anything."""
    names = {name.removeprefix("_") for name in values}
    there = {name.removeprefix("_") for name in found}
    return frozenset(name for name in names if there and (name in there or name not in rule.target))


def _choice(elements: Mapping[str, Element], name: str) -> frozenset[str]:
    """The members of which one is enough: the name itself, or all of its choice."""
    choice = elements[name].choice
    names = [name] if choice is None else [each for each, element in elements.items() if element.choice == choice]
    return frozenset(names) | {f"_{each}" for each in names}


def _without(values: Values, names: AbstractSet[str]) -> Values:
    return {name: value for name, value in values.items() if name not in names}


def _unmarked(value: Any, marker: str) -> Any:
    if isinstance(value, list):
        return [_unmarked(each, marker) for each in value]
    if not isinstance(value, dict) or "extension" not in value:
        return value
    kept = [each for each in value["extension"] if each.get("url") not in (marker, ABSENT)]
    rest = {name: each for name, each in value.items() if name != "extension"}
    return {**rest, "extension": kept} if kept else rest
