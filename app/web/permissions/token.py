"""``POST /session/token``: a token for the API of five minutes that is as good as the session, such as for
``Consent/$grant``. There are no cookies on /fhir. https://www.rfc-editor.org/rfc/rfc6750#section-4
"""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from app.errors import Forbidden, Unauthenticated, ZelfregieError
from app.server.outcomes import status_of
from app.web.site import Site


async def session_token(site: Site, request: Request) -> Response:
    """The token as OAuth's token endpoint would give it, or why there is none: programs ask, so never a page."""
    visitor = await site.visitor(request)
    try:
        await site.form(request, visitor)
        visitor.record  # noqa: B018 - raises for who has chosen no record
        token, expires = await site.sessions.bearer(visitor.person, now=visitor.now)
    except ZelfregieError as error:
        code = "login_required" if isinstance(error, Unauthenticated) else "access_denied"
        if isinstance(error, Unauthenticated | Forbidden):
            return JSONResponse({"error": code, "error_description": str(error)}, status_of(error))
        return JSONResponse({"error": "invalid_request", "error_description": str(error)}, status_of(error))
    await site.recording.record(
        "token",
        200,
        agent=visitor.agent,
        now=visitor.now,
        patients=[visitor.record.patient or 0],
        address=visitor.address,
    )
    answer = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": (expires - visitor.now) // 1_000_000,
        "scope": visitor.record.scopes.text,
        "patient": visitor.record.patient_id,
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
