"""Health, metrics, and the sandbox's reset. https://prometheus.io/docs/instrumenting/exposition_formats/"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import generate_latest

from app.auth import Sandbox, publish
from app.errors import ZelfregieError
from app.main.opening import Parts
from app.server.outcomes import outcome_bytes, status_of


def add_monitoring(pages: FastAPI, opened: Callable[[], Parts | None], sandbox: Sandbox | None) -> None:
    """Add ``/health`` and ``/metrics``, and ``/sandbox/reset`` where there is one; ``opened`` gives None meanwhile."""

    @pages.get("/health")
    async def health() -> JSONResponse:
        parts = opened()
        if parts is None:
            return JSONResponse({"status": "starting"}, 503)
        try:
            await parts.database.fetch("SELECT 1")
        except ZelfregieError as error:
            return JSONResponse({"status": "failing", "reason": str(error)}, 503)
        return JSONResponse({"status": "ok", "auditPending": parts.pending()})

    @pages.get("/metrics")
    async def metrics() -> PlainTextResponse:
        parts = opened()
        if parts is None:
            return PlainTextResponse("", 503)
        return PlainTextResponse(generate_latest(parts.metrics), media_type="text/plain; version=0.0.4")

    if sandbox is not None:

        @pages.post("/sandbox/reset")
        async def reset() -> Response:
            parts = opened()
            if parts is None:
                return Response(status_code=503)
            try:
                await sandbox.reset(parts.server)
                await publish(parts.server)  # as seeded, unless the service was renewed since
            except ZelfregieError as error:
                return Response(outcome_bytes(error), status_of(error), media_type="application/fhir+json")
            parts.authenticator.forget_all()
            return Response(status_code=204)
