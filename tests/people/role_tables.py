"""The tables of docs/people.md, computed from the code: ``python -m tests.people.role_tables`` writes them there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from app.auth.accounts.acting import Record
from app.auth.accounts.ages import Birth
from app.auth.accounts.mandates import Asked, GivenBy, Ground, Party, ends
from app.auth.consents.deciding import decider
from app.auth.roles import Role
from app.errors import Forbidden, Unprocessable
from app.fhir.dates import LOCAL, to_microseconds
from app.fhir.scopes import LETTERS, parse_scopes
from app.server.access import FOREVER, Access
from app.web.menu import ITEMS
from app.web.texts import translate

FILE: Final = Path(__file__).parents[2] / "docs" / "people.md"
_TODAY: Final = datetime(2026, 5, 17, 12, tzinfo=LOCAL)
_WORKING: Final = (Role.PATIENT, Role.REPRESENTATIVE, Role.CARER, Role.PROFESSIONAL)
_SYSTEM: Final = {
    Role.ORGANIZATION: ("`organization:<id>`", "treatment", "the client's `system/` scopes"),
    Role.ADMINISTRATOR: ("none", "none", "no records"),
}


def roles() -> str:
    """What each role works with, and what it decides."""
    lines = [
        "| role | permits that count | purpose | on whose behalf | `fhirUser` | decides about permissions | pages |",
        "|---|---|---|---|---|---|---|",
    ]
    for role in Role:
        pages = ", ".join(translate("en")(item.key) for item in ITEMS if role in item.roles) or "none"
        if role in _WORKING:
            record = _record(role)
            grant = record.session_grant()
            permits = " and ".join(f"`{each}`" for each in (grant.recipient, grant.also) if each)
            behalf = f"`{record.responsible}`" if record.responsible else "own"
            cells = (
                permits, grant.purpose, behalf, f"`{_type(record.fhir_user)}`",
                "yes" if _decides(role) else "no", pages,
            )  # fmt: skip
        else:
            recipient, purpose, _ = _SYSTEM[role]
            pages = pages if role is Role.ADMINISTRATOR else "none"
            cells = (recipient, purpose, "own", "none", "yes" if _decides(role) else "no", pages)
        lines.append(f"| {role} | {' | '.join(cells)} |")
    return "\n".join(lines)


def mandates() -> str:
    """Per age and ground, until when a mandate holds or why it is refused."""
    lines = ["| age | " + " | ".join(f"{each}" for each in Ground) + " |", "|---|---|---|---|---|"]
    lines += [
        f"| {age} | {' | '.join(_outcome(ground, age) for ground in Ground)} |"
        for age in (0, 11, 12, 15, 16, 17, 18, 80)
    ]
    allowed = f"{_outcome(Ground.PARENTAL_AUTHORITY, 13, agreed=True)} | | | |"
    lines.append(f"| 12–15, where the tenant allows it and both agreed | {allowed}")
    return "\n".join(lines)


def document(text: str) -> str:
    """``text`` with both tables in their places."""
    for name, table in (("roles", roles()), ("mandates", mandates())):
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, marked, after = rest.partition(end)
        assert marked, f"The place of the table {name} is not there."
        text = f"{before}{begin}{table}{end}{after}"
    return text


def _record(role: Role) -> Record:
    professional = role is Role.PROFESSIONAL
    return Record(
        patient=1,
        patient_id="<id>",
        name="",
        role=role,
        until=FOREVER,
        reason="",
        account="<account>",
        tenant=1,
        organization="<id>" if professional else "",
    )


def _type(reference: str) -> str:
    return f"{reference.partition('/')[0]}/…"


def _decides(role: Role) -> bool:
    everything = {1: dict.fromkeys(LETTERS.values(), 0)}
    access = Access(
        hash=b"", stamp=1, horizon=FOREVER, recipient="", client="", person="", organization="", tenant=1, purpose="",
        scopes=parse_scopes("patient/*.cruds"), patient=1, patient_id="", everyone=False, denied=everything,
        catalogues=(-1, 0), agent=msgspec.Raw(b"{}"), kind="session",
    )  # fmt: skip
    try:
        decider(replace(access, role=role))
    except Forbidden:
        return False
    return True


def _outcome(ground: Ground, age: int, *, agreed: bool = False) -> str:
    born = _TODAY.date().replace(year=_TODAY.year - age, month=3)
    giver: GivenBy = "patient" if ground is Ground.WRITTEN_AUTHORISATION else "administrator"
    both: frozenset[Party] = frozenset({"child", "parent"}) if agreed else frozenset()
    now = to_microseconds(_TODAY)
    asked = Asked(ground, giver, now, None, "seen", both)
    try:
        until = ends(asked, Birth(born, born), now=now, from_12_to_15=agreed)
    except Unprocessable:
        return "no"
    end = datetime.fromtimestamp(until // 1_000_000, LOCAL).date()
    if (end.month, end.day) == (born.month, born.day):
        return f"until {end.year - born.year}"
    return f"at most {end.year - _TODAY.year} years"


if __name__ == "__main__":
    FILE.write_text(document(FILE.read_text("utf-8")), "utf-8")
