"""The example of ``docs/gp-system.md``, whose requests are sent to a service as ``tests.careplan.documentation`` does.

Before some of them a person does something on a page: ``first answers`` at the end of the line before a request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tests.careplan.documentation import Example
from tests.day import person
from tests.day.gp_system import CLIENT
from tests.oauth.apps import assertion
from tests.postgresql import CHECKOUT
from tests.server.service import Caller

PAGE: Final = CHECKOUT / "docs" / "gp-system.md"
_FIRST: Final = re.compile(r"; first (\w+)")


@dataclass(slots=True)
class GpExample(Example):
    """The practice is registered, and Anna, who has a plan, lets it in. A token of a system is good for minutes."""

    practice: str = ""
    pace: int = 5

    async def begin(self) -> None:
        """What happened before the first request of the page."""
        anna = self.service.caller("anna")
        goal = {"name": "goal", "valueString": "Weer met de hond naar het bos"}
        begun = await anna.post("/Patient/$start", {"resourceType": "Parameters", "parameter": [goal]})
        assert begun.status_code == 201, begun.text
        self.practice = await person.registered(self.service)
        await person.consented(self.service, self.practice)
        self.kept |= {"practice": self.practice, "code": await person.code_for(self.service, self.practice)}
        self.kept["assertion"] = assertion(CLIENT, claims={"exp": self.time.now // 1_000_000 + 200})

    async def _answer(self, request: str, said: str) -> str:
        found = _FIRST.search(said)
        if found is not None:
            await self._before(found[1])
        return await Example._answer(self, request, _FIRST.sub("", said))

    async def _before(self, what: str) -> None:
        if what == "answers":
            await person.answered(self.service, self.kept["task"])
        else:
            assert what == "withdraws"
            await person.withdrawn(self.service, self.practice)

    async def _caller(self, name: str) -> Caller:
        return self.service.caller({"": "", "Anna's app": "anna"}[name])
