"""The endpoints of ``/fhir/stu3``: those of the FHIR base that it has, asked in STU3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.fhir.stu3 import Translator
from app.server.stu3.addresses import OPERATIONS
from tests.access.cast import Cast
from tests.access.endpoints import ENDPOINTS, Endpoint

ROOT: Final = "/stu3"
_TRANSLATOR: Final = Translator(CANONICAL_BASE)


def _is_offered(endpoint: Endpoint) -> bool:
    return not endpoint.row.startswith("$") or endpoint.row[1:] in OPERATIONS


def _in_stu3(body: Callable[[Cast], Resource | bytes | list[Any]]) -> Callable[[Cast], Resource | bytes | list[Any]]:
    def made(cast: Cast) -> Resource | bytes | list[Any]:
        given = body(cast)
        return _TRANSLATOR.to_stu3(given) if isinstance(given, dict) else given

    return made


STU3_ENDPOINTS: Final = tuple(
    replace(each, address=ROOT + each.address, body=None if each.body is None else _in_stu3(each.body))
    for each in ENDPOINTS
    if _is_offered(each)
)
