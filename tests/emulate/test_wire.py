"""Both ends of a connection over a real socket, and what is not HTTP."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from separatrix.emulate.wire import MOST_BODY, Pool, ServerEnd


async def listening(take):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ServerEnd(take), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def test_a_connection_carries_one_request_after_the_other():
    async def play():
        seen = []

        def take(end, url, headers):
            seen.append((url, headers["x"]))
            end.answer(200 if headers["x"] == "1" else 503)

        server, port = await listening(take)
        pool = Pool("127.0.0.1", port)
        statuses = []
        end = await pool.connect()
        for x in ("1", "2"):
            answered = asyncio.Event()

            def ended(status, answered=answered):
                statuses.append(status)
                answered.set()

            end.send(f"GET /get%20it HTTP/1.1\r\nX: {x}\r\n\r\n".encode(), ended)
            await answered.wait()
            pool.put(end)
            assert pool.idle() is end
        end.close()
        assert pool.idle() is None
        server.close()
        return seen, statuses

    assert asyncio.run(play()) == ([("/get%20it", "1"), ("/get%20it", "2")], [200, 503])


def test_the_server_sees_that_its_client_has_gone():
    async def play():
        ends = []
        arrived = asyncio.Event()

        def take(end, url, headers):
            ends.append(end)
            arrived.set()

        server, port = await listening(take)
        client = await Pool("127.0.0.1", port).connect()
        client.send(b"GET / HTTP/1.1\r\n\r\n", lambda status: None)
        await arrived.wait()
        assert not ends[0].gone
        client.close()
        while not ends[0].gone:
            await asyncio.sleep(0.001)
        ends[0].answer(200)  # to nobody
        server.close()

    asyncio.run(play())


def test_a_client_whose_server_goes_away_is_told():
    async def play():
        server, port = await listening(lambda end, url, headers: end.close())
        client = await Pool("127.0.0.1", port).connect()
        told = asyncio.get_running_loop().create_future()
        client.send(b"GET / HTTP/1.1\r\n\r\n", told.set_result)
        assert await told is None
        assert not client.open
        server.close()

    asyncio.run(play())


@pytest.mark.parametrize(
    "rubbish",
    [b"\x00\x01\x02 nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
     b"GET / HTTP/1.1\r\nX: " + b"a" * (MOST_BODY + 1)],
)  # fmt: skip
def test_what_is_no_http_ends_the_connection(rubbish):
    async def play():
        taken = []
        server, port = await listening(lambda end, url, headers: taken.append(url))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(rubbish)
        left = b""
        with contextlib.suppress(ConnectionResetError):
            left = await reader.read()
        writer.close()
        server.close()
        return taken, left

    assert asyncio.run(play()) == ([], b"")
