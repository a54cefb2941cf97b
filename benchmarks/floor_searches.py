"""The floor's searches since version 2: the least a FHIR server can do for six more. https://hl7.org/fhir/R4/search.html

Frozen with ``floor.py``, and one program with it. No table, index or statement of version 1 is touched: what the
searches need beyond its rows is kept as rows of ``token``, and an Observation has one more only where it names an
encounter. For a Goal and a CarePlan the third column holds, in place of a date, the hash of the Goal's address, so that
goals and the plans that name them are joined by key, without looking up either resource.

========================================== =========================================== =====================
row                                        value                                       third column
========================================== =========================================== =====================
Observation with an encounter              ``hashed("encounter")``                     its date
Goal                                       ``hashed("Goal")``                          hash of its address
Goal                                       ``hashed("lifecycle-status|<code>")``       hash of its address
CarePlan, for each goal                    ``hashed("CarePlan:goal")``                 hash of the goal's
========================================== =========================================== =====================

Who may see what is not asked: a search names its patient, or is about the one whose own app asks (``_has``), or, where
it names none, about all patients of the practice, which here are all that there are. They are listed in one bind, as
they would have to be if there were more.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from benchmarks.floor import (
    DATE,
    LAST,
    SQLITE,
    Answer,
    Floor,
    Receive,
    Resource,
    Rows,
    Sqlite,
    hashed,
    main,
    outcome,
    searchset,
)

ENCOUNTER, GOAL, PLAN_GOAL = hashed("encounter"), hashed("Goal"), hashed("CarePlan:goal")

TWO_TOKENS = """
SELECT token.date, token.n, resource.id, resource.body FROM token JOIN resource ON resource.n = token.n
WHERE token.patient = $1 AND token.value = $2 AND (token.date, token.n) < ($3, $4) AND EXISTS (SELECT 1 FROM token other
    WHERE other.patient = $1 AND other.value = $5 AND other.date = token.date AND other.n = token.n)
ORDER BY token.date DESC, token.n DESC LIMIT $6"""
MISSING = """
SELECT cast(span.low AS BIGINT), span.n, resource.id, resource.body FROM span JOIN resource ON resource.n = span.n
WHERE span.patient = $1 AND span.param = $2 AND (span.low, span.high, span.n) < ($3, $3, $4)
    AND NOT EXISTS (SELECT 1 FROM token WHERE token.patient = $1 AND token.value = $5
        AND token.date = cast(span.low AS BIGINT) AND token.n = span.n)
ORDER BY span.low DESC, span.high DESC, span.n DESC LIMIT $6"""
HAVING = """
SELECT id, body FROM resource WHERE type = 'Patient' AND id = $1
AND EXISTS (SELECT 1 FROM token WHERE patient = $2 AND value = $3)"""
CHAINED = """
SELECT id, body FROM resource WHERE n IN (SELECT link.n FROM token link JOIN token goal ON goal.patient = $1
    AND goal.value = $3 AND goal.date = link.date WHERE link.patient = $1 AND link.value = $2) ORDER BY n"""
GOALS_AND_PLANS = """
SELECT 0 AS brought, resource.n, resource.id, resource.body FROM token JOIN resource ON resource.n = token.n
WHERE token.patient = $1 AND token.value = $2
UNION ALL
SELECT 1, n, id, body FROM resource WHERE n IN (SELECT link.n FROM token link JOIN token goal ON goal.patient = $1
    AND goal.value = $2 AND goal.date = link.date WHERE link.patient = $1 AND link.value = $3)
ORDER BY 1, 2"""
_NEWEST_OF = """
SELECT token.date, token.n, resource.id, resource.body FROM (SELECT date, n FROM {listed}
    AND token.value = $2 AND (date, n) < ($3, $4) ORDER BY date DESC, n DESC LIMIT $5) token
JOIN resource ON resource.n = token.n ORDER BY token.date DESC, token.n DESC"""
PRACTICE = _NEWEST_OF.format(listed="token WHERE patient = ANY ($1::bigint[])")
PATIENTS = "SELECT patient FROM resource WHERE type = 'Patient' ORDER BY patient"
SQLITE |= {sql: sql.replace("$", "?") for sql in (TWO_TOKENS, MISSING, HAVING, CHAINED, GOALS_AND_PLANS, PATIENTS)}
_LISTED = "json_each($1) listed CROSS JOIN token WHERE patient = listed.value"
SQLITE[PRACTICE] = _NEWEST_OF.format(listed=_LISTED).replace("$", "?")


class SearchingFloor(Floor):
    """The floor as it is run: version 1's interactions and these searches."""

    async def open(self) -> None:
        """As before, and list the patients of the practice."""
        await super().open()
        listed = [row[0] for row in await self._database.fetch(PATIENTS)]
        self._practice = json.dumps(listed) if isinstance(self._database, Sqlite) else listed
        self._included = self._entry.replace(b'"match"', b'"include"')

    def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> Coroutine[Any, Any, Answer]:
        path = scope["path"]
        if path == "/fhir/Patient":
            return self._having(scope)
        if path in ("/fhir/CarePlan", "/fhir/Goal"):
            return self._linked(path[6:], scope["query_string"])
        return super()._answer(scope, receive)

    def _add(self, resource: Resource, rows: Rows) -> bytes:
        body = super()._add(resource, rows)
        type = resource["resourceType"]
        if type == "Observation":
            if "encounter" in resource:
                n, patient, *_ = rows.resources[-1]
                rows.tokens.append((patient, ENCOUNTER, rows.tokens[-1][2], n))
        elif type == "Goal":
            n, patient, *_ = rows.resources[-1]
            address = hashed(f"Goal/{resource['id']}")
            status = hashed(f"lifecycle-status|{resource['lifecycleStatus']}")
            rows.tokens += ((patient, GOAL, address, n), (patient, status, address, n))
        elif type == "CarePlan":
            n, patient, *_ = rows.resources[-1]
            rows.tokens += ((patient, PLAN_GOAL, hashed(goal["reference"]), n) for goal in resource.get("goal", ()))
        return body

    def _search(self, query: bytes) -> Coroutine[Any, Any, Answer]:
        if b"patient=" not in query:
            return self._newest(query, PRACTICE)
        if b"category=" in query and b"code=" in query:
            return self._newest(query, TWO_TOKENS)
        if b"encounter:missing=true" in query:
            return self._newest(query, MISSING)
        return super()._search(query)

    async def _newest(self, query: bytes, sql: str) -> Answer:
        """Observations, newest first, and where the next are."""
        parameters = parameters_of(query)
        count = int(parameters.get("_count", 50))
        date, n = (int(part) for part in parameters.get("_before", f"{LAST}.{LAST}").split("."))
        binds: Sequence[Any]
        if sql is PRACTICE:
            binds = (self._practice, hashed(f"code|{parameters['code']}"), date, n)
        elif sql is TWO_TOKENS:
            category = hashed(f"category|{parameters['category']}")
            binds = (patient_in(parameters), hashed(f"code|{parameters['code']}"), date, n, category)
        else:
            binds = (patient_in(parameters), DATE, float(date), n, ENCOUNTER)
        rows = await self._database.fetch(sql, *binds, count + 1)
        links = {"self": f"{self._base}/Observation?{query.decode()}"}
        if len(rows) > count:
            rows = rows[:count]
            own = query.decode().partition("&_before=")[0]
            links["next"] = f"{self._base}/Observation?{own}&_before={rows[-1][0]}.{rows[-1][1]}"
        return searchset(links, (self._entry % (b"Observation", id.encode(), body) for _, _, id, body in rows))

    async def _having(self, scope: MutableMapping[str, Any]) -> Answer:
        """The patient whose app asks, if an Observation of theirs has the code."""
        query = scope["query_string"]
        code = parameters_of(query)["_has:Observation:patient:code"]
        bearer = next(value for name, value in scope["headers"] if name == b"authorization")
        patient = bearer.decode().removeprefix("Bearer bench-")
        rows = await self._database.fetch(HAVING, patient, hashed(patient), hashed(f"code|{code}"))
        links = {"self": f"{self._base}/Patient?{query.decode()}"}
        return searchset(links, (self._entry % (b"Patient", id.encode(), body) for id, body in rows))

    async def _linked(self, type: str, query: bytes) -> Answer:
        """Plans by the state of their goals, or goals with the plans that name them."""
        parameters = parameters_of(query)
        patient, links = patient_in(parameters), {"self": f"{self._base}/{type}?{query.decode()}"}
        if status := parameters.get("goal.lifecycle-status"):
            rows = await self._database.fetch(CHAINED, patient, PLAN_GOAL, hashed(f"lifecycle-status|{status}"))
            return searchset(links, (self._entry % (b"CarePlan", id.encode(), body) for id, body in rows))
        if parameters.get("_revinclude") != "CarePlan:goal":
            return outcome(400, "not-supported", "the floor finds plans by their goals, and goals with their plans")
        found = await self._database.fetch(GOALS_AND_PLANS, patient, GOAL, PLAN_GOAL)
        entries = (
            (self._included if brought else self._entry) % (b"CarePlan" if brought else b"Goal", id.encode(), body)
            for brought, _, id, body in found
        )
        return searchset(links, entries)


def parameters_of(query: bytes) -> dict[str, str]:
    """Names and values, decoded."""
    parameters = {}
    for part in query.split(b"&"):
        name, _, text = part.partition(b"=")
        parameters[name.decode()] = (unquote_to_bytes(text) if b"%" in text else text).decode()
    return parameters


def patient_in(parameters: dict[str, str]) -> int:
    """The patient asked for, as the tables have it."""
    return hashed(parameters["patient"].removeprefix("Patient/"))


if __name__ == "__main__":
    main(SearchingFloor)
