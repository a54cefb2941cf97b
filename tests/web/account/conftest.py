"""A service whose clock the test moves, and a browser that looks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.server.service import Service
from tests.web.browsing import Browser, Time, browsing, mails


@pytest.fixture
def time(service: Service) -> Iterator[Time]:
    server = service.server
    before = server.clock
    time = Time(before())
    object.__setattr__(server, "clock", time)
    yield time
    object.__setattr__(server, "clock", before)


@pytest.fixture
async def browser(service: Service, time: Time) -> AsyncIterator[Browser]:
    await mails(service)  # those of the test before
    async with browsing(service, time) as browser:
        yield browser
