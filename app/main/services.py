"""The bases of MedMij's data services: ``/medmij/<id>/fhir``, each an app with a border of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.auth.bases import holding_under
from app.bgz.zib2017 import viewing
from app.config import Settings
from app.medmij.border import ServiceBorder
from app.medmij.headers import App, Correlating
from app.medmij.plain import PlainBorder
from app.medmij.services import load_services
from app.medmij.views import Zib2020Views
from app.server.asgi import FhirApp
from app.server.border import Border, Views
from app.server.server import Authenticate, FhirServer
from app.server.stu3 import Stu3Border

MEDMIJ: Final = "/medmij/"
_FHIR: Final = "fhir"


@dataclass(frozen=True, slots=True)
class ServiceBases:
    """``apps``: by the number of the service."""

    apps: Mapping[str, App]

    def at(self, path: str) -> App | None:
        """The app of the base that ``path`` is at or below; None where there is none."""
        parts = path[len(MEDMIJ) :].split("/", 2)
        return self.apps.get(parts[0]) if parts[1:2] == [_FHIR] else None


def service_bases(
    server: FhirServer,
    make: Callable[..., FhirApp],
    settings: Settings,
    *,
    authenticate: Authenticate,
    views: Views,
) -> ServiceBases:
    """One for each service. ``make`` makes the app of a base; ``views``: those of STU3."""
    in_r4 = Zib2020Views(server.canonical_base)
    apps: dict[str, App] = {}
    for service in load_services().values():
        root = f"{MEDMIJ}{service.id}/{_FHIR}"
        base = f"{settings.public_url}{root}/"
        if service.fhir == PlainBorder.version:
            inner: Border = PlainBorder(server, base, views=in_r4)
        else:
            inner = Stu3Border(server, base, views=views)
        border = ServiceBorder(inner, service, server, base)
        app = make(root=root, authenticate=viewing(holding_under(authenticate, service.id)), border=border)
        apps[service.id] = Correlating(app, service.id, strict=settings.strict_correlation)
    return ServiceBases(apps)
