"""The whole service as one ASGI app. https://asgi.readthedocs.io/en/latest/specs/main.html"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from app.auth import Sandbox, read_sandbox
from app.auth.oauth.metadata import SMART_CONFIGURATION
from app.config import Settings
from app.main.monitoring import add_monitoring
from app.main.mounting import Areas
from app.main.opening import ROOT, STU3_ROOT, Parts, open_parts
from app.main.services import MEDMIJ
from app.server.asgi import FhirApp, Receive, Scope, Send
from app.server.labels import load_labels
from app.web.headers import protecting


class Application:
    """``/fhir`` goes straight to its raw app, everything else to FastAPI.

    Nothing is opened before ``running`` is entered, by the ASGI lifespan or by whoever serves it.
    """

    def __init__(self, settings: Settings, *, sandbox: Sandbox | None = None, keep: bool = False) -> None:
        self._settings = settings
        self._sandbox = sandbox
        self._keep = keep
        self._fhir: FhirApp | None = None
        self._stu3: FhirApp | None = None
        self.parts: Parts | None = None
        self._pages = FastAPI(
            title="Zelfregie",
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,  # to the host that the request names, and only where its query is UTF-8
            lifespan=self._lifespan,
        )
        add_monitoring(self._pages, lambda: self.parts, sandbox)
        self._areas = Areas(self._pages, settings, sandbox=sandbox is not None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch by path."""
        if scope["type"] == "http" and self._fhir is not None:
            path: str = scope["path"]
            if path.startswith(MEDMIJ) and self.parts is not None:
                service = self.parts.medmij.at(path)
                if service is not None:
                    await service(scope, receive, send)
                    return
            below = path.startswith(ROOT) and (len(path) == len(ROOT) or path[len(ROOT)] == "/")
            if below and path != SMART_CONFIGURATION:
                stu3 = path.startswith(STU3_ROOT) and (len(path) == len(STU3_ROOT) or path[len(STU3_ROOT)] == "/")
                app = self._stu3 if stu3 and self._stu3 is not None else self._fhir
                await app(scope, receive, send)
                return
        await self._pages(scope, receive, protecting(send))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Parts]:
        """Everything open; closed in the opposite order. Raises ``ZelfregieError`` when something cannot be."""
        async with AsyncExitStack() as stack:
            self.parts = await open_parts(self._settings, stack, self._sandbox, keep=self._keep)
            self._fhir, self._stu3 = self.parts.fhir, self.parts.stu3
            self._areas.open(self.parts)
            _settle()
            yield self.parts
            self.parts = self._fhir = self._stu3 = None
            self._areas.close()

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with self.running():
            yield


def _settle() -> None:
    """Take what was made at start-up, which stays, out of the garbage collector's rounds, and let it come round less
    often: a Bundle of some hundreds of resources is 100,000 objects, which all go when it is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 5, 50)


def create_app(settings: Settings, *, sandbox_file: Path | None = None, keep: bool = False) -> Application:
    """The service. ``sandbox_file``: serve a sandbox, whose database is emptied and seeded first, unless ``keep`` and
    it was seeded from the same files before. Raises ``Invalid`` for a sandbox file with mistakes.
    """
    sandbox = None if sandbox_file is None else read_sandbox(sandbox_file, list(load_labels().categories))
    return Application(settings, sandbox=sandbox, keep=keep)


def from_environment() -> Application:
    """For ``uvicorn --factory``: several processes on PostgreSQL."""
    return create_app(Settings())
