"""What a consent can allow: the data categories that may be given to others, and actions in the words that people
know. MODEL 5; https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from app.auth.consents.late import Late
from app.auth.recipients import parts
from app.errors import Unprocessable
from app.fhir.scopes import Action
from app.server.labels import UNCLASSIFIED, Category, Labels, load_labels

_KEPT: Final = frozenset({"unclassified", "catalogue"})
"""What no row of the table maps is for the patient only; the catalogue is nobody's data."""
_KNOWN: Final = 27
"""Categories of the table. A new one can be given once it is counted here, and no permission of before covers it."""
_CATALOGUE: Final = 1 << 26
GRANTABLE: Final = ((1 << _KNOWN) - 1) & ~UNCLASSIFIED & ~_CATALOGUE
"""What may be given, as a bit set."""
PERMISSIONS: Final = 1 << 24
"""Consents and the access log: off for every app, and for others given only when named."""
CONTENT: Final = GRANTABLE & ~PERMISSIONS
"""Everything that may be given, without that one: all that an app can get."""


@cache
def labels() -> Labels:
    """The table of data categories."""
    return load_labels()


CATEGORIES: Final[Mapping[str, Category]] = Late(
    lambda: {name: category for name, category in labels().categories.items() if name not in _KEPT}
)
"""What may be given, in the order in which people are asked."""

ACTIONS: Final[Mapping[str, int]] = MappingProxyType(
    {"see": Action.READ | Action.SEARCH, "add": Action.CREATE, "change": Action.UPDATE | Action.DELETE}
)
"""The actions of a consent, and what each allows."""


def grantable_to(recipient: str) -> int:
    """What may be given to a recipient (``app/auth/recipients.py``), as a bit set."""
    return CONTENT if parts(recipient)[0] == "app" else GRANTABLE


def categories_of(bits: int) -> tuple[str, ...]:
    """The names of the categories in a bit set, in the table's order."""
    return tuple(name for name, category in CATEGORIES.items() if bits >> category.bit & 1)


def labels_of(names: Iterable[str]) -> int:
    """The bit set of categories by name. Raises ``Unprocessable`` for one that cannot be given."""
    named = list(names)
    unknown = sorted(set(named) - CATEGORIES.keys())
    if unknown:
        raise Unprocessable(
            f"{', '.join(unknown)}: no data category that can be given. They are {', '.join(CATEGORIES)}.",
            "code-invalid",
        )
    return labels().bits(named)


def actions_of(bits: int) -> tuple[str, ...]:
    """The words for a bit set of actions, as far as any part of each is in it."""
    return tuple(name for name, action in ACTIONS.items() if bits & action)


def actions_named(names: Iterable[str]) -> int:
    """The bit set of actions by name. Raises ``Unprocessable`` for another word."""
    bits = 0
    for name in names:
        if name not in ACTIONS:
            raise Unprocessable(f"{name}: no action of a consent. They are {', '.join(ACTIONS)}.", "code-invalid")
        bits |= ACTIONS[name]
    return bits
