"""Where people go from every page, by what they are. What is not for somebody is neither shown nor given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.auth.roles import OWN, Role
from app.web.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Item:
    """A place to go: its address, the key of its text, and for which roles (in the chosen record) it is."""

    address: str
    key: str
    roles: frozenset[Role]
    needs_record: bool = True


_HELPING: Final = frozenset({Role.CARER, Role.PROFESSIONAL})
_ALL: Final = frozenset(Role)
ITEMS: Final[tuple[Item, ...]] = (
    Item("/working", "site.nav.working", _HELPING),
    Item("/record", "site.nav.record", OWN | _HELPING),
    Item("/measurements", "site.nav.measurements", OWN),
    Item("/questionnaires", "site.nav.questionnaires", OWN),
    Item("/profile", "site.nav.profile", OWN),
    Item("/permissions", "site.nav.permissions", OWN),
    Item("/looked", "site.nav.looked", OWN),
    Item("/data", "site.nav.data", OWN),
    Item("/people", "site.nav.people", OWN),
    Item("/apps", "site.nav.apps", _ALL - {Role.ADMINISTRATOR}),
    Item("/choose", "site.nav.choose", _ALL - {Role.ADMINISTRATOR, Role.ORGANIZATION}, needs_record=False),
    Item("/admin", "site.nav.admin", frozenset({Role.ADMINISTRATOR}), needs_record=False),
    Item("/account", "site.nav.account", _ALL, needs_record=False),
)


def menu(visitor: Visitor) -> list[tuple[str, str]]:
    """Addresses and keys of texts, for who is logged in."""
    role = visitor.access.role if visitor.access else visitor.person.role
    return [
        (item.address, item.key)
        for item in ITEMS
        if role in item.roles and (visitor.access is not None or not item.needs_record)
    ]


def part_of(path: str) -> str:
    """The address in the menu that a page belongs under; "" where it is none of them."""
    if path == "/pairing":
        return "/permissions"
    return next((each.address for each in ITEMS if path.startswith(f"{each.address}/")), "")
