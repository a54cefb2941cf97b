"""gzip in and out. https://www.rfc-editor.org/rfc/rfc9110#section-8.4"""

from __future__ import annotations

import gzip
import zlib
from random import randbytes

import httpx
import pytest

from app.errors import TooLarge
from app.fhir.resource import decode, encode
from app.server.asgi import LARGEST_BODY
from app.server.compression import SMALLEST, decompress, takes_gzip
from tests.builders import goal, observation, posted, transaction
from tests.server.service import Caller, Service, codes

GZIP = {"content-encoding": "gzip"}
PLAIN = {"accept-encoding": "identity"}


def encoding(answer: httpx.Response) -> str:
    return str(answer.headers.get("content-encoding", ""))


async def test_a_body_may_come_in_as_gzip(anna: Caller) -> None:
    for name in ("gzip", "x-gzip", "GZIP"):
        answer = await anna.post("/Goal", gzip.compress(encode(goal())), {"content-encoding": name})
        assert answer.status_code == 201, answer.text
    assert (await anna.post("/Goal", encode(goal()), {"content-encoding": "identity"})).status_code == 201


async def test_a_large_body_may_come_in_as_gzip(anna: Caller) -> None:
    bundle = transaction(*(posted(observation(note=[{"text": randbytes(300).hex()}])) for _ in range(100)))
    packed = gzip.compress(encode(bundle), 1)
    assert len(packed) > 16 * 1024
    answer = await anna.post("/", packed, GZIP)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["entry"]) == 100


async def test_a_gzip_may_be_several_in_a_row_but_not_many(anna: Caller) -> None:
    body = encode(goal())
    several = gzip.compress(body[:20]) + gzip.compress(body[20:])
    assert (await anna.post("/Goal", several, GZIP)).status_code == 201
    many = await anna.post("/Goal", gzip.compress(b" ") * 50 + gzip.compress(body), GZIP)
    assert (many.status_code, codes(many)) == (400, ["too-costly"])


async def test_another_encoding_is_refused_with_the_one_that_is_read(anna: Caller) -> None:
    for name in ("br", "deflate", "zstd", "gzip, gzip", "compress"):
        answer = await anna.post("/Goal", encode(goal()), {"content-encoding": name})
        assert (answer.status_code, codes(answer)) == (415, ["not-supported"]), name
        assert answer.headers["accept-encoding"] == "gzip"


async def test_what_is_no_whole_gzip_is_refused(anna: Caller) -> None:
    packed = gzip.compress(encode(goal()))
    for body, code in ((b"{}", "structure"), (packed[:-4], "incomplete"), (packed + b"more", "structure")):
        answer = await anna.post("/Goal", body, GZIP)
        assert (answer.status_code, codes(answer)) == (400, [code])


async def test_a_small_gzip_of_something_enormous_is_not_unpacked(anna: Caller) -> None:
    worker = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(worker.compress(b" " * 1024 * 1024) for _ in range(LARGEST_BODY // 1024 // 1024 + 1))
    bomb += worker.flush()
    assert len(bomb) < 64 * 1024
    answer = await anna.post("/Goal", bomb, GZIP)
    assert (answer.status_code, codes(answer)) == (413, ["too-long"])


@pytest.mark.parametrize("over", [0, 1])
async def test_the_limit_is_exact(over: int) -> None:
    packed = gzip.compress(b" " * (1000 + over))
    if over:
        with pytest.raises(TooLarge):
            await decompress(packed, b"gzip", limit=1000)
    else:
        assert len(await decompress(packed, b"gzip", limit=1000)) == 1000


async def test_a_large_answer_is_packed_for_who_takes_it_so(service: Service, anna: Caller) -> None:
    for number in range(20):
        await anna.create(goal(description={"text": f"Doel {number} " * 40}))
    for accept in ("application/fhir+json", "application/fhir+xml"):
        plain = await anna.get("/Goal", {**PLAIN, "accept": accept})
        packed = await anna.get("/Goal", {"accept-encoding": "gzip, br", "accept": accept})
        assert (encoding(plain), encoding(packed)) == ("", "gzip")
        assert packed.content == plain.content  # the client unpacks it
        assert int(packed.headers["content-length"]) < len(plain.content) / 4
        for answer in (plain, packed):
            assert {"accept", "accept-encoding"} <= {each.strip().lower() for each in answer.headers["vary"].split(",")}


async def test_a_very_large_answer_is_packed_too(anna: Caller) -> None:
    made = await anna.create(goal(note=[{"text": "Een lange aantekening. " * 20000}]))
    packed = await anna.get(f"/Goal/{made['id']}", {"accept-encoding": "gzip"})
    assert encoding(packed) == "gzip"
    assert decode(packed.content) == made


async def test_a_small_answer_is_not_packed(anna: Caller) -> None:
    answer = await anna.get("/Patient/anna", {"accept-encoding": "gzip"})
    assert encoding(answer) == ""
    assert len(answer.content) < SMALLEST


async def test_head_says_of_a_packed_answer_what_get_says(anonymous: Caller) -> None:
    got = await anonymous.get("/metadata", {"accept-encoding": "gzip"})
    headed = await anonymous.send("HEAD", "/metadata", headers={"accept-encoding": "gzip"})
    assert headed.content == b""
    for name in ("content-length", "content-encoding", "content-type", "etag"):
        assert headed.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"gzip", True),
        (b"GZip;q=0.5, br", True),
        (b"x-gzip", True),
        (b"*", True),
        (b"br, *;q=0.1", True),
        (b"", False),
        (b"identity", False),
        (b"gzip;q=0", False),
        (b"gzip;q=0, *", False),
        (b"gzip;q=nonsense", False),
        (b"br, deflate", False),
    ],
)
def test_gzip_is_taken_where_accept_encoding_says_so(header: bytes, expected: bool) -> None:  # noqa: FBT001
    assert takes_gzip(header) is expected
