"""Registering a client: what an administrator says of it, checked as RFC 7591 and SMART have it.

https://www.rfc-editor.org/rfc/rfc7591#section-2 https://www.rfc-editor.org/rfc/rfc8252
https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from app.auth.bases import Profile, problem_of_services
from app.auth.oauth import clients
from app.auth.oauth.assertions import ALGORITHMS, RSA_BITS, is_long_enough
from app.auth.oauth.clients import Client, Kind, Users, new_secret, stored_secret
from app.auth.oauth.redirects import problem_of
from app.auth.oauth.scopes import CONTEXT, LEVELS
from app.auth.oauth.tables import INSERT_CLIENT
from app.database import Writer
from app.errors import Conflict, Invalid, Issue, Unprocessable
from app.fhir.definitions import Definitions
from app.fhir.scopes import check_scopes, read_scopes
from app.server.access import OWN_USE

TREATMENT: Final = "treatment"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}")
_RESERVED: Final = frozenset({"zelfregie", "sandbox", "service"})
"""Names that the access log has for our own pages and commands."""
_NAME: Final = 100
_MOST_URIS: Final = 20
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class NewClient:
    """What is registered. ``id``: "" for one that is made here; ``purpose``: "" for the usual one of its users;
    ``services``: of the profile medmij, the numbers of the data services that its tokens are for.
    """

    name: str
    kind: Kind
    users: Users
    scopes: str
    tenant: int
    id: str = ""
    organization: str = ""
    purpose: str = ""
    redirect_uris: Sequence[str] = ()
    launch_uri: str = ""
    jwks: dict[str, Any] = field(default_factory=dict)
    jwks_uri: str = ""
    secret: str = field(default="", repr=False)
    profile: str = Profile.SMART
    services: Sequence[str] = ()


async def add_client(
    writer: Writer, asked: NewClient, *, definitions: Definitions, purposes: Sequence[str], now: int
) -> tuple[Client, str]:
    """Register a client; with it its secret, which is shown once ("" for a client that has none).

    ``purposes``: those that a backend service may be registered for. Raises ``Unprocessable`` with every problem, or
    ``Conflict`` when the id is taken.
    """
    if problems := list(problems_of(asked, definitions, purposes)):
        raise Unprocessable("This client cannot be registered.", "value", tuple(problems))
    secret = (asked.secret or new_secret()) if asked.kind is Kind.SECRET else ""
    client = Client(
        id=asked.id or secrets.token_urlsafe(12).replace("-", "0").replace("_", "1"),
        tenant=asked.tenant,
        name=asked.name.strip(),
        kind=asked.kind,
        users=asked.users,
        organization=asked.organization,
        purpose=asked.purpose or (OWN_USE if asked.users is Users.PATIENTS else TREATMENT),
        secret=stored_secret(secret) if secret else "",
        jwks=asked.jwks,
        jwks_uri=asked.jwks_uri,
        redirect_uris=tuple(asked.redirect_uris),
        launch_uri=asked.launch_uri,
        scopes=asked.scopes,
        state=clients.ACTIVE,
        created=now,
        services=tuple(asked.services),
    )
    if await clients.find_client(writer, client.id) is not None:
        raise Conflict(f"There is a client '{client.id}' already.")
    await writer.insert(INSERT_CLIENT, [client.row()])
    return client, secret


def problems_of(asked: NewClient, definitions: Definitions, purposes: Sequence[str]) -> Iterator[Issue]:
    """Everything that is wrong, each naming its field."""
    name = asked.name.strip()
    if not 1 <= len(name) <= _NAME or not name.isprintable():
        yield _issue("name", f"A name has 1 to {_NAME} characters, on one line.")
    if asked.id and (not _ID.fullmatch(asked.id) or asked.id in _RESERVED):
        yield _issue("id", "An id has 3 to 64 letters, digits, dots, dashes or underscores, and is not one of ours.")
    yield from _organization(asked)
    yield from _purpose(asked, purposes)
    yield from _uris(asked)
    yield from _keys(asked)
    yield from _services(asked)
    yield from _scopes(asked, definitions)


def _organization(asked: NewClient) -> Iterator[Issue]:
    needed = asked.users is not Users.PATIENTS
    if needed and not asked.organization:
        yield _issue("organization", "Name the organisation whose professionals or systems use it.")
    if not needed and asked.organization:
        yield _issue("organization", "An app of patients is of no organisation.")


def _purpose(asked: NewClient, purposes: Sequence[str]) -> Iterator[Issue]:
    usual = OWN_USE if asked.users is Users.PATIENTS else TREATMENT
    allowed = purposes if asked.users is Users.NONE else (usual,)
    if asked.purpose and (asked.purpose not in allowed or (asked.users is Users.NONE and asked.purpose == OWN_USE)):
        yield _issue("purpose", f"The purpose of this kind of client is one of {', '.join(allowed)}.")


def _services(asked: NewClient) -> Iterator[Issue]:
    if problem := problem_of_services(asked.profile, asked.services):
        yield _issue("services", problem)
    if asked.profile == Profile.MEDMIJ and asked.users is not Users.PATIENTS:
        yield _issue("profile", "The profile medmij is for what patients use: a token is about one of them.")


def _uris(asked: NewClient) -> Iterator[Issue]:
    if asked.users is Users.NONE:
        if asked.redirect_uris or asked.launch_uri:
            yield _issue("redirect_uris", "A backend service has no redirect URI and no launch URI.")
        return
    if not 1 <= len(asked.redirect_uris) <= _MOST_URIS or len(set(asked.redirect_uris)) != len(asked.redirect_uris):
        yield _issue("redirect_uris", f"Register 1 to {_MOST_URIS} redirect URIs, each once.")
    for uri in asked.redirect_uris:
        if problem := problem_of(uri, public=asked.kind is Kind.PUBLIC):
            yield _issue("redirect_uris", f"'{uri[:200]}' cannot be a redirect URI: {problem}.")
    if asked.launch_uri:
        problem = problem_of(asked.launch_uri, public=False)
        if problem:
            yield _issue("launch_uri", f"This cannot be a launch URI: {problem}.")


def _keys(asked: NewClient) -> Iterator[Issue]:
    if asked.users is Users.NONE and asked.kind is not Kind.PRIVATE_KEY_JWT:
        yield _issue("kind", "A backend service proves who it is with a key: private_key_jwt.")
    if asked.kind is not Kind.PRIVATE_KEY_JWT:
        if asked.jwks or asked.jwks_uri:
            yield _issue("jwks", "Only a client of the kind private_key_jwt has keys.")
        return
    if bool(asked.jwks) == bool(asked.jwks_uri):
        yield _issue("jwks", "Give the public keys (jwks), or where they are published (jwks_uri).")
    if asked.jwks_uri:
        parts = urlsplit(asked.jwks_uri)
        if parts.scheme != "https" or problem_of(asked.jwks_uri, public=False):
            yield _issue("jwks_uri", "Keys are published at an https address.")
    if asked.jwks:
        yield from _key_set(asked.jwks)


def _key_set(jwks: dict[str, Any]) -> Iterator[Issue]:
    listed = jwks.get("keys")
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        yield _issue("jwks", "A key set is a JSON object with a list of keys.")
        return
    known = [(each.get("kid"), each.get("kty")) for each in listed]
    if len(set(known)) != len(known) or not all(isinstance(kid, str) and kid for kid, _ in known):
        yield _issue("jwks", "Each key has an id (kid) of its own.")
    for each in listed:
        if problem := _key_problem(each):
            yield _issue("jwks", problem)


def _key_problem(key: dict[str, Any]) -> str:
    if _PRIVATE & set(key):
        return "A private or shared key does not belong here; register the public one, and make a new pair."
    fits = [name for name, (kty, curve) in ALGORITHMS.items() if (key.get("kty"), key.get("crv", "")) == (kty, curve)]
    if not fits or key.get("alg", fits[0]) not in fits or key.get("use", "sig") != "sig":
        return f"A key is for one of {', '.join(ALGORITHMS)}: RSA, or EC on P-384."
    try:
        if key["kty"] == "RSA":
            if not is_long_enough(key):
                return f"An RSA key has {RSA_BITS} bits or more."
            RSAKey.import_key(key)
        else:
            ECKey.import_key(key)
    except (JoseError, ValueError, TypeError, KeyError):
        return "A key cannot be read."
    return ""


def _scopes(asked: NewClient, definitions: Definitions) -> Iterator[Issue]:
    try:
        words, resources = read_scopes(asked.scopes)
        check_scopes(asked.scopes, definitions)
    except Invalid as error:
        yield _issue("scopes", str(error))
        return
    if unknown := sorted(set(words) - set(CONTEXT)):
        yield _issue("scopes", f"Not known here: {', '.join(unknown)}.")
    allowed = LEVELS[asked.users]
    if any(each.level not in allowed for each in resources):
        yield _issue("scopes", f"This kind of client may have {' and '.join(f'{each}/' for each in sorted(allowed))}.")
    if asked.users is Users.NONE and (words or not resources):
        yield _issue("scopes", "A backend service has system/ scopes and no others.")
    if not words and not resources:
        yield _issue("scopes", "Name the scopes that it may have.")


def _issue(name: str, text: str) -> Issue:
    return Issue("value", text, (name,))
