"""Clients for a sandbox that holds the demo patients: an app without and one with a secret, and a practice's system.

Nobody of these is real: the secret and the system's private key are the same everywhere, and do nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha384
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, derive_private_key
from joserfc.jwk import ECKey

from app.cli.demo.sandbox import sandbox_tokens
from app.fhir.resource import Resource

PRACTICE: Final = "demo-practice"
SECRET: Final = "demo-web-secret"  # noqa: S105 - of an app that does not exist
_CALLBACKS: Final = ["http://127.0.0.1:8765/callback", "http://localhost:8765/callback"]
_SCOPES: Final = "openid fhirUser launch launch/patient offline_access online_access patient/*.cruds"


def backend_key() -> ECKey:
    """The private key of the practice's system, which follows from a text, so that it stands in no file of ours."""
    number = int.from_bytes(sha384(b"zelfregie demo system").digest()) >> 1
    return ECKey.import_key(derive_private_key(number, SECP384R1()), {"kid": "demo", "alg": "ES384", "use": "sig"})


def sandbox_clients() -> dict[str, dict[str, Any]]:
    """What goes under ``clients:`` in a sandbox file, by id."""
    app = {"users": "patients", "scopes": _SCOPES}
    return {
        "demo-app": {
            "name": "Stappenteller (demo)",
            "kind": "public",
            "launch_uri": "http://127.0.0.1:8765/launch",
            "redirect_uris": list(_CALLBACKS),
            **app,
        },
        "demo-web": {
            "name": "Mijn Metingen (demo)",
            "kind": "secret",
            "secret": SECRET,
            "redirect_uris": list(_CALLBACKS),
            **app,
        },
        "demo-system": {
            "name": "Huisartsinformatiesysteem (demo)",
            "kind": "private_key_jwt",
            "users": "none",
            "organization": PRACTICE,
            "scopes": "system/*.cruds",
            "jwks": {"keys": [backend_key().as_dict(private=False)]},
        },
    }


def sandbox_organizations(resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
    """What goes under ``organizations:``: the practice of ``demo-gp``, which has the consent of its patients."""
    practice = sandbox_tokens(resources).get("demo-gp")
    if practice is None:
        return {}
    return {PRACTICE: {"name": practice["organization"], "patients": practice["patients"]}}
