"""SMART scopes as facts: whose data, which types, which interactions, narrowed by which queries.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html

``parse_scopes`` reads what a grant holds, ``check_scopes`` what somebody asks for, ``intersect`` gives what is granted.
"""

from app.fhir.scopes.actions import EVERY_ACTION, LETTERS, NAMES, Action
from app.fhir.scopes.checking import check_scopes
from app.fhir.scopes.grammar import LEVELS, Level, Scope, read_scopes
from app.fhir.scopes.granted import Scopes, parse_scopes
from app.fhir.scopes.intersection import intersect
from app.fhir.scopes.narrowing import Query

__all__ = [
    "EVERY_ACTION",
    "LETTERS",
    "LEVELS",
    "NAMES",
    "Action",
    "Level",
    "Query",
    "Scope",
    "Scopes",
    "check_scopes",
    "intersect",
    "parse_scopes",
    "read_scopes",
]
