"""The machine's yardstick: a raw ASGI application that answers every request with the same 1.2 kB."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import uvicorn

BODY: Final = b'{"resourceType":"Binary","contentType":"text/plain","data":"%b"}' % (b"A" * 1136)
HEADERS: Final = [(b"content-type", b"application/fhir+json"), (b"content-length", b"%d" % len(BODY))]

Message = MutableMapping[str, Any]


async def constant(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer 200 with ``BODY``; nothing is read, routed or looked up."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": message["type"] + ".complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def main() -> None:
    """``python -m benchmarks.constant --port N``."""
    parser = argparse.ArgumentParser(description="Answer every request with the same 1.2 kB.")
    parser.add_argument("--port", type=int, default=8002)
    uvicorn.run(
        constant,
        host="127.0.0.1",
        port=parser.parse_args().port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        lifespan="on",
    )


if __name__ == "__main__":
    main()
