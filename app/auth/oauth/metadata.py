"""What the authorization server says of itself, in the three places where clients look.

https://www.rfc-editor.org/rfc/rfc8414 https://openid.net/specs/openid-connect-discovery-1_0.html
https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.auth.oauth.assertions import ALGORITHMS
from app.auth.oauth.keys import ALGORITHM
from app.auth.oauth.requests import PROMPTS
from app.auth.oauth.scopes import CONTEXT

AUTHORIZE: Final = "/oauth/authorize"
TOKEN: Final = "/oauth/token"  # noqa: S105 - an address
PAR: Final = "/oauth/par"
INTROSPECT: Final = "/oauth/introspect"
REVOKE: Final = "/oauth/revoke"
JWKS: Final = "/oauth/jwks"
MANAGE: Final = "/apps"
SMART_CONFIGURATION: Final = "/fhir/.well-known/smart-configuration"
CAPABILITIES: Final = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-ehr-patient",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)
_METHODS: Final = ("none", "client_secret_basic", "private_key_jwt")
_PROVEN: Final = ("client_secret_basic", "private_key_jwt")
_GRANTS: Final = ("authorization_code", "refresh_token", "client_credentials")
_SCOPES: Final = (*CONTEXT, "patient/*.cruds", "user/*.cruds", "system/*.cruds")


@dataclass(frozen=True, slots=True)
class Metadata:
    """``issuer``: the public address of the service, without a slash at the end; ``base``: that of FHIR."""

    issuer: str
    base: str

    def oauth(self) -> Mapping[str, Any]:
        """RFC 8414, which is also what OpenID Connect discovery has."""
        algorithms = list(ALGORITHMS)
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + AUTHORIZE,
            "token_endpoint": self.issuer + TOKEN,
            "jwks_uri": self.issuer + JWKS,
            "introspection_endpoint": self.issuer + INTROSPECT,
            "revocation_endpoint": self.issuer + REVOKE,
            "pushed_authorization_request_endpoint": self.issuer + PAR,
            "require_pushed_authorization_requests": False,
            "scopes_supported": list(_SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(_GRANTS),
            "token_endpoint_auth_methods_supported": list(_METHODS),
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
            "introspection_endpoint_auth_methods_supported": list(_PROVEN),
            "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
            "revocation_endpoint_auth_methods_supported": list(_METHODS),
            "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "ui_locales_supported": ["nl", "en"],
        }

    def openid(self) -> Mapping[str, Any]:
        """OpenID Connect discovery."""
        return {
            **self.oauth(),
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "fhirUser"],
            "prompt_values_supported": sorted(PROMPTS),
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }

    def smart(self) -> Mapping[str, Any]:
        """``.well-known/smart-configuration``."""
        shared = self.oauth()
        names = (
            "issuer",
            "jwks_uri",
            "authorization_endpoint",
            "token_endpoint",
            "introspection_endpoint",
            "revocation_endpoint",
            "pushed_authorization_request_endpoint",
            "grant_types_supported",
            "token_endpoint_auth_methods_supported",
            "token_endpoint_auth_signing_alg_values_supported",
            "scopes_supported",
            "response_types_supported",
            "code_challenge_methods_supported",
            "authorization_response_iss_parameter_supported",
        )
        return {
            **{name: shared[name] for name in names},
            "management_endpoint": self.issuer + MANAGE,
            "capabilities": list(CAPABILITIES),
        }

    def security(self) -> Mapping[str, Any]:
        """What the CapabilityStatement says: ``rest.security.service`` and its extension."""
        uris = {"authorize": AUTHORIZE, "token": TOKEN, "introspect": INTROSPECT, "revoke": REVOKE, "manage": MANAGE}
        return {
            "extension": [
                {
                    "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                    "extension": [{"url": name, "valueUri": self.issuer + path} for name, path in uris.items()],
                }
            ],
            "service": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                            "code": "SMART-on-FHIR",
                            "display": "SMART-on-FHIR",
                        }
                    ],
                    "text": "OAuth 2.0 with SMART App Launch 2.2",
                }
            ],
        }
