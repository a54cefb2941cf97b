"""What is no good HTTP is refused before it is a request, and what is odd but good is answered; the service goes on.
https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from tests.process import Process, serving
from tests.service import prepare

CALLER = b"Host: x\r\nAuthorization: Bearer anna\r\nConnection: close\r\n"
BAD = (
    b"GET /fhir/\xff HTTP/1.1\r\n",
    b"GET /fhir/Observation?\xff=1 HTTP/1.1\r\n",
    b"GET /fhir/Observation?code=\x00 HTTP/1.1\r\n",
    b"GET /fhir/Observation HTTP/1.1\r\nX-Security-Context: Patient/\x00\r\n",
    b"GET /fhir/Observation?" + b"a" * 70_000 + b" HTTP/1.1\r\n",
    b"GET /fhir HTTP/9.9\r\n",
    b"FOO /fhir HTTP/1.1\r\n",
    b"CONNECT x:1 HTTP/1.1\r\n",
    b"POST /fhir HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    b"POST /fhir HTTP/1.1\r\nContent-Length: -1\r\n",
    b"GET /fhir/Patient/anna?%zz HTTP/1.1\r\n",
)
ODD = {
    b"GET //fhir HTTP/1.1\r\n": 404,
    b"GET /fhir/%ff%fe HTTP/1.1\r\n": 404,
    b"GET /docs/ HTTP/1.1\r\n": 404,
    b"OPTIONS * HTTP/1.1\r\n": 404,
    b"GET http://elsewhere.example/fhir/Patient/anna HTTP/1.1\r\n": 200,
    b"GET /fhir/Patient/anna HTTP/1.1\r\n" + b"".join(b"x-%d: y\r\n" % number for number in range(3000)): 200,
}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("wire")
    url = f"sqlite:///{folder / 'zelfregie.db'}"
    asyncio.run(prepare(url))
    with serving(folder / "state", "serve", "--database", url) as running:
        yield running


def status(process: Process, head: bytes) -> int:
    """The status of the answer to what is sent as it is."""
    with socket.create_connection(("127.0.0.1", process.port), 20) as connection:
        connection.sendall(head + CALLER + b"\r\n")
        return int(connection.recv(64).split(b" ")[1])


@pytest.mark.parametrize("head", BAD, ids=lambda head: repr(head[:40]))
def test_what_is_no_good_http_is_refused(process: Process, head: bytes) -> None:
    assert status(process, head) == 400
    assert "Traceback" not in process.output


@pytest.mark.parametrize("head", ODD, ids=lambda head: repr(head[:40]))
def test_what_is_odd_is_answered(process: Process, head: bytes) -> None:
    assert status(process, head) == ODD[head]
    assert "Traceback" not in process.output
