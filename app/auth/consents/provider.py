"""Privacy consents as FHIR Consent: read, versions and search, for who has the data category ``permissions``.

Clinical consents, such as advance directives, are in the store; the two are told apart by scope and id, and no search
mixes them. https://hl7.org/fhir/R4/consent.html#search
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from app.auth.consents import service
from app.auth.consents.resource import ID_PREFIX, SCOPE, SCOPE_CODE, Names, consent_resource, resource_id
from app.auth.consents.service import Consent
from app.database import Reader
from app.errors import Invalid
from app.fhir.dates import OPEN_END, OPEN_START
from app.fhir.resource import Resource, encode
from app.server.access import FOREVER
from app.server.providers import Asked, Coded, Keys, Provided, Referred, Wanted, meets_date
from app.server.search.dates import DateValue
from app.server.search.escaping import split, unescape
from app.server.search.parse import Part

_ID: Final = re.compile(rf"{ID_PREFIX}([0-9a-f]{{32}})")
_NEWEST: Final = frozenset({"-date", "-_lastUpdated"})
_REFUSAL: Final = (
    "Permissions are not written as resources, and not by apps: the person gives one by Consent/$grant and ends it by"
    " Consent/<id>/$withdraw, in a session of their own with a second factor that was just given, or on the page My"
    " permissions."
)


class PrivacyConsents:
    """A ``Provider`` (``app/server/providers.py``)."""

    type = "Consent"
    category = "permissions"
    parameters = frozenset(
        {"scope", "status", "category", "date", "period", "action", "purpose", "security-label", "actor", "consentor"}
    )
    whole = False
    versioned = True
    order = _NEWEST
    refusal = _REFUSAL
    documentation = (
        f"Permissions, which say who may do what with a person's data, are Consents of scope {SCOPE_CODE}. They are"
        f" searched by scope={SCOPE}|{SCOPE_CODE} and are never among the answers of another search. They are"
        " read-only: $grant and $withdraw change them."
    )

    def __init__(self, canonical_base: str) -> None:
        self._canonical_base = canonical_base

    def owns(self, resource_id: str) -> bool:
        return _ID.fullmatch(resource_id) is not None

    def searched(self, parts: Sequence[Part]) -> bool:
        """By a scope that is only theirs."""
        for name, value, _ in parts:
            if name == "scope":
                own = [_is_own_scope(each) for each in split(value, ",") if each]
                if any(own):
                    if not all(own):
                        raise Invalid("scope: permissions and other consents are searched apart.", "not-supported")
                    return True
        return False

    def claims(self, resource: Resource) -> bool:
        """By its scope."""
        scope = resource.get("scope")
        codings = scope.get("coding") if isinstance(scope, dict) else None
        return isinstance(codings, list) and any(
            isinstance(each, dict) and each.get("code") == SCOPE_CODE for each in codings
        )

    async def read(self, reader: Reader, patients: Sequence[int], resource_id: str) -> Provided | None:
        found = await self.versions(reader, patients, resource_id)
        return found[0] if found else None

    async def versions(self, reader: Reader, patients: Sequence[int], resource_id: str) -> Sequence[Provided]:
        consent_id = resource_id.removeprefix(ID_PREFIX)
        names = Names()
        for patient in patients:
            found = await service.versions(reader, patient, consent_id)
            if found:
                return [await self._provided(reader, names, each) for each in found]
        return ()

    async def search(self, reader: Reader, wanted: Wanted) -> Sequence[Provided]:
        """Of one person there are a few, so they are looked through here."""
        return (await self._matches(reader, wanted))[: wanted.limit]

    async def count(self, reader: Reader, wanted: Wanted) -> int:
        return len(await self._matches(reader, wanted, everything=True))

    async def _matches(self, reader: Reader, wanted: Wanted, *, everything: bool = False) -> list[Provided]:
        names, found = Names(), []
        for patient in wanted.patients:
            for consent in await service.current(reader, patient):
                after = everything or wanted.after is None or _keys(consent) > wanted.after
                if after:
                    provided = await self._provided(reader, names, consent)
                    resource = consent_resource(consent, names, self._canonical_base)
                    if all(_meets(consent, resource, name, values, wanted.now) for name, values in wanted.criteria):
                        found.append(provided)
        return sorted(found, key=lambda each: each.keys)

    async def _provided(self, reader: Reader, names: Names, consent: Consent) -> Provided:
        await names.learn(reader, consent)
        return Provided(
            consent.patient,
            resource_id(consent.id),
            consent.version,
            consent.recorded,
            encode(consent_resource(consent, names, self._canonical_base)),
            _keys(consent),
        )


def _keys(consent: Consent) -> Keys:
    """The latest change first."""
    return -consent.recorded, consent.id


def _is_own_scope(text: str) -> bool:
    system, bar, code = text.rpartition("|")
    return unescape(code) == SCOPE_CODE and (not bar or unescape(system) in (SCOPE, ""))


def _meets(consent: Consent, resource: Resource, name: str, values: Sequence[Asked], now: int) -> bool:
    return any(_meets_one(consent, resource, name, value, now) for value in values)


def _meets_one(consent: Consent, resource: Resource, name: str, value: Asked, now: int) -> bool:
    match value:
        case DateValue():
            low, high = consent.recorded, consent.recorded + 1
            if name == "period":
                low = consent.since or OPEN_START
                high = OPEN_END if consent.until >= FOREVER else consent.until
            return meets_date(value, low, high, now)
        case Referred():
            return any(_refers(each, value) for each in _references(resource, name))
        case Coded():
            return any(value.meets(system, code) for system, code in _codings(resource, name))


def _references(resource: Resource, name: str) -> list[dict[str, Any]]:
    if name == "consentor":
        return list(resource["performer"])
    return [each["reference"] for each in resource["provision"]["actor"]]


def _refers(reference: dict[str, Any], value: Referred) -> bool:
    if value.system is not None:
        identifier = reference.get("identifier", {})
        return value.system in ("", identifier.get("system")) and value.id == identifier.get("value")
    kind, _, found = reference.get("reference", "").partition("/")
    return bool(found) and value.id == found and value.type in ("", kind)


def _codings(resource: Resource, name: str) -> list[tuple[str, str]]:
    provision = resource["provision"]
    match name:
        case "_id":
            return [("", resource["id"])]
        case "status":
            return [("http://hl7.org/fhir/consent-state-codes", resource["status"])]
        case "scope":
            listed = resource["scope"]["coding"]
        case "category":
            listed = [each for concept in resource["category"] for each in concept["coding"]]
        case "action":
            listed = [each for concept in provision["action"] for each in concept["coding"]]
        case "purpose":
            listed = provision.get("purpose", [])
        case _:
            listed = provision["securityLabel"]
    return [(each["system"], each["code"]) for each in listed]
