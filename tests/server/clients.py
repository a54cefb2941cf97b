"""Apps and systems of the sandbox that tests run against, one of each kind, and the keys that two of them sign with."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha384
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, derive_private_key
from joserfc.jwk import ECKey

CALLBACK: Final = "https://app.example/callback"
SECRET: Final = "a secret: with & signs, and a colon"
EVERYTHING: Final = "openid fhirUser launch launch/patient offline_access online_access patient/*.cruds"


def key(name: str) -> ECKey:
    """A private key that follows from a name."""
    number = int.from_bytes(sha384(name.encode()).digest()) >> 1
    return ECKey.import_key(derive_private_key(number, SECP384R1()), {"kid": name, "alg": "ES384", "use": "sig"})


def _public(name: str) -> dict[str, Any]:
    return {"keys": [dict(key(name).as_dict(private=False))]}


def _app(name: str, kind: str, **more: Any) -> dict[str, Any]:
    usual = {"users": "patients", "scopes": EVERYTHING, "redirect_uris": [CALLBACK]}
    return {"name": name, "kind": kind, **usual, **more}


ORGANIZATIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "clinic": {"name": "De Kliniek", "patients": ["anna"]},
    "other": {"name": "De Andere"},
}
CLIENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "app": _app("Een app", "public", launch_uri="https://app.example/launch"),
    "narrow": _app(
        "Een kleine app",
        "public",
        scopes="launch/patient patient/Observation.rs",
        redirect_uris=["https://narrow.example/one", "https://narrow.example/two?x=1", "org.example.narrow:/callback"],
    ),
    "web": _app("Een website", "secret", secret=SECRET),
    "signing": _app("Een app die tekent", "private_key_jwt", jwks=_public("signing")),
    "marked": _app('<script>alert("x")</script> & zo', "public", redirect_uris=["https://marked.example/callback"]),
    "professional": {
        "name": "Een app van zorgverleners",
        "kind": "public",
        "users": "professionals",
        "organization": "clinic",
        "scopes": "openid fhirUser launch offline_access user/*.rs patient/*.rs",
        "redirect_uris": ["https://professional.example/callback"],
        "launch_uri": "https://professional.example/launch",
    },
    "system": {
        "name": "Een systeem",
        "kind": "private_key_jwt",
        "users": "none",
        "organization": "clinic",
        "scopes": "system/*.cruds",
        "jwks": _public("system"),
    },
    "other-system": {
        "name": "Een ander systeem",
        "kind": "private_key_jwt",
        "users": "none",
        "organization": "other",
        "scopes": "system/*.rs",
        "jwks": _public("other-system"),
    },
}
