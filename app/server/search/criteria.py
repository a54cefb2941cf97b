"""From one parameter of a query, name and value, to what it asks: conditions, chains, ``_has``.

https://hl7.org/fhir/R4/search.html#modifiers https://hl7.org/fhir/R4/search.html#chaining
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.errors import Invalid
from app.server.ids import FHIR_ID
from app.server.search import composites
from app.server.search.dates import DateValue, parse_date
from app.server.search.escaping import split, unescape
from app.server.search.kind import Language
from app.server.search.kinds import KINDS
from app.server.search.query import AllOf, AnyOf, Chain, Condition, Criterion, Has, Ids, OwnedBy, SearchQuery, Updated
from app.server.search.registry import Param, Registry

MOST_VALUES: Final = 100
"""Alternatives of one parameter."""
_MOST_KEPT: Final = 4096
_LONGEST_KEPT: Final = 200
"""Criteria that are kept, and characters of the text they are kept under."""
DEEPEST: Final = 6
"""Links that a chain may follow."""


class Criteria:
    """Reads what is asked of a resource. ``base`` is this server's address."""

    def __init__(self, registry: Registry, *, base: str) -> None:
        self._registry = registry
        self._language = Language(registry, base)
        self._read: dict[tuple[str, str, str], Criterion] = {}
        self._unready = registry.unready

    def read(self, query: SearchQuery, name: str, value: str) -> bool:
        """Add what the parameter asks to ``query``; False for a name that it does not know. Raises ``Invalid``."""
        if name == "_id":
            query.ids.append(_ids(value))
            return True
        if name == "_lastUpdated":
            query.updated.append([DateValue(*parse_date(each)) for each in split(value, ",")])
            return True
        known = self._known(query.resource_type, name, value)
        if known is not None:
            query.conditions.append(known)
            return True
        types = query.types or (query.resource_type,)
        if "." not in name and not name.startswith("_has:"):
            base, _, modifier = name.partition(":")
            param = self._offered(types).get(base)
            if param is None:
                return False
            if param.owner and modifier not in ("missing", "identifier"):
                return self._owner(query, param, modifier, value)
        found = self._criterion(types, name, value, depth=0)
        if found is None:
            return False
        if isinstance(found, AllOf):
            query.conditions += found.criteria
        else:
            query.conditions.append(found)
            if query.resource_type:
                self._keep((query.resource_type, name, value), found)
        return True

    def plain(self, resource_type: str, name: str, value: str) -> Criterion | None:
        """What a parameter without modifier or chain asks of one resource, whether or not it can be searched by yet;
        None for one whose rows do not say it alone. Raises ``Invalid``.
        """
        param = self._registry.params(resource_type).get(name)
        if param is None or param.kind not in ("token", "reference", "uri", "date"):
            return None
        return self._condition(param, "", value)

    def _known(self, resource_type: str, name: str, value: str) -> Criterion | None:
        """What the same text was read as before: apps ask the same of every record."""
        if self._unready is not self._registry.unready:  # a reindex has finished: other parameters are offered now
            self._unready = self._registry.unready
            self._read.clear()
        return self._read.get((resource_type, name, value))

    def _keep(self, key: tuple[str, str, str], criterion: Criterion) -> None:
        if len(key[1]) + len(key[2]) > _LONGEST_KEPT:
            return
        if len(self._read) >= _MOST_KEPT:
            self._read.clear()
        self._read[key] = criterion

    def _offered(self, types: tuple[str, ...]) -> Mapping[str, Param]:
        return self._registry.offered(types[0]) if len(types) == 1 else self._registry.shared(types)

    def _criterion(self, types: tuple[str, ...], name: str, value: str, *, depth: int) -> Criterion | None:
        """What a parameter asks of a resource of these types; None for a name that is not known."""
        if depth > DEEPEST:
            raise Invalid(f"follows more than {DEEPEST} references.", "too-costly")
        if name.startswith("_has:"):
            return self._has(types, name, value, depth=depth)
        link, dot, rest = name.partition(".")
        if dot:
            return self._chain(types, link, rest, value, depth=depth)
        if name == "_id":
            return Ids(tuple(_ids(value)))
        if name == "_lastUpdated":
            return Updated([DateValue(*parse_date(each)) for each in split(value, ",")])
        base, _, modifier = name.partition(":")
        param = self._offered(types).get(base)
        if param is None:
            return None
        return self._condition(param, modifier, value)

    def _chain(self, types: tuple[str, ...], link: str, rest: str, value: str, *, depth: int) -> Criterion | None:
        base, _, of_type = link.partition(":")
        param = self._offered(types).get(base)
        if param is None or param.kind != "reference":
            return None
        possible = param.definition.targets or tuple(sorted(self._registry.stored))
        if of_type and of_type not in possible:
            raise Invalid(f"'{base}' does not refer to {of_type}; it refers to {', '.join(possible)}.", "value")
        targets = [of_type] if of_type else [each for each in possible if each in self._registry.stored]
        found: list[Criterion] = []
        for target in targets:
            inner = self._criterion((target,), rest, value, depth=depth + 1)
            if inner is not None:
                found.append(Chain(param, target, inner))
        if not found:
            raise Invalid(
                f"'{rest}' is not a search parameter of what '{base}' refers to ({', '.join(targets)}).",
                "not-supported",
            )
        return found[0] if len(found) == 1 else AnyOf(tuple(found))

    def _has(self, types: tuple[str, ...], name: str, value: str, *, depth: int) -> Criterion:
        parts = name.split(":", 3)
        if len(parts) != 4:
            raise Invalid("is written as _has:<type>:<reference parameter>:<parameter>.", "value")
        _, source, code, rest = parts
        if source not in self._registry.stored:
            raise Invalid(f"'{source}' is not a resource type that is served here.", "not-supported")
        param = self._registry.offered(source).get(code)
        if param is None or param.kind != "reference":
            raise Invalid(f"'{code}' is not a reference parameter of {source}.", "not-supported")
        if param.definition.targets and set(types).isdisjoint(param.definition.targets):
            raise Invalid(f"{source}'s '{code}' does not refer to {' or '.join(types)}.", "value")
        inner = self._criterion((source,), rest, value, depth=depth + 1)
        if inner is None:
            raise Invalid(self.unknown((source,), rest), "not-supported")
        return Has(param, inner)

    def _condition(self, param: Param, modifier: str, value: str) -> Criterion | None:
        kind = KINDS[param.kind]
        if modifier == "missing":
            if value not in ("true", "false"):
                raise Invalid("':missing' takes true or false.", "value")
            return Condition(param, modifier, (), missing=value == "true")
        is_type = param.kind == "reference" and modifier in self._registry.definitions.resource_types
        if modifier and modifier not in kind.modifiers(param) and not is_type:
            return None
        values = tuple(kind.read(self._language, param, modifier, each) for each in _texts(value))
        if param.kind == "composite":
            return composites.criterion(param, values)
        if param.owner and modifier != "identifier":
            owners = [OwnedBy(each.id) for each in values if "Patient" in each.types]
            others = tuple(each for each in values if "Patient" not in each.types)
            return AnyOf((*owners, *((Condition(param, "", others),) if others else ())))
        return Condition(param, modifier, values)

    def _owner(self, query: SearchQuery, param: Param, modifier: str, value: str) -> bool:
        """An owner parameter says which record is searched, or names a subject that is no patient."""
        if modifier and modifier not in self._registry.definitions.resource_types:
            return False
        if not modifier and not query.patient and FHIR_ID.fullmatch(value):
            query.patient = [value]
            return True
        values = [KINDS["reference"].read(self._language, param, modifier, each) for each in _texts(value)]
        found = [each.id for each in values if "Patient" in each.types]
        if len(found) > 1:
            raise Invalid("names several patients; ask for one at a time.", "not-supported")
        if not found:
            query.conditions.append(Condition(param, "", tuple(values)))
        elif len(values) > 1:
            raise Invalid("names a patient and other subjects; ask for them apart.", "not-supported")
        elif query.patient and query.patient != found:
            query.nothing = True
        else:
            query.patient = found
        return True

    def unknown(self, types: tuple[str, ...], name: str) -> str:
        """What is said of a parameter that cannot be used."""
        base = name.partition(":")[0].partition(".")[0]
        if base in ("_text", "_content", "_filter", "_query"):
            return f"'{base}' is not supported here. Send Prefer: handling=lenient to have it ignored."
        offered = self._offered(types)
        if all(base in self._registry.params(each) for each in types):
            if base not in offered:
                return f"'{name}' is not filled yet for what is stored; it can be used when the reindex has finished."
            return (
                f"'{name}': this form of the parameter '{base}' is not supported."
                " Send Prefer: handling=lenient to have it ignored."
            )
        known = ", ".join(sorted(["_id", "_lastUpdated", *offered]))
        whose = types[0] if len(types) == 1 else "all types that are searched"
        return (
            f"'{name}' is not a search parameter of {whose} here. Known: {known}. "
            "Send Prefer: handling=lenient to have unknown parameters ignored."
        )


def _ids(value: str) -> list[str]:
    return [unescape(each) for each in split(value, ",") if each]


def _texts(value: str) -> list[str]:
    """The alternatives of a value. Raises ``Invalid`` for none or too many."""
    texts = [each for each in split(value, ",") if each]
    if not texts:
        raise Invalid("has no value.", "value")
    if len(texts) > MOST_VALUES:
        raise Invalid(f"has {len(texts)} values; it takes {MOST_VALUES} at a time.", "too-costly")
    return texts
