"""What outlives an ordinary answer: WebSocket and other upgrades, streams of events, and calls that
talk both ways at once."""

import asyncio
import struct

import pytest
import websockets
from h2_visitor import H2Visitor
from harness.net import PATIENCE_S, wait_until
from http_lab import Authority, HttpDoor, Node, Scripted, listener, pool, route, simple
from websockets.exceptions import InvalidStatusCode

HANDSHAKE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
# RFC 6455 §1.3.
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path)


@pytest.fixture
def door(tmp_path, origin):
    return HttpDoor(tmp_path, simple(origin.at()))


def frame(payload, opcode=1):
    """A visitor's frame, masked with zeros."""
    size = (struct.pack("!B", 0x80 | len(payload)) if len(payload) < 126
            else struct.pack("!BH", 0x80 | 126, len(payload)))
    return bytes([0x80 | opcode]) + size + b"\0\0\0\0" + payload


def echoed(payload, opcode=1):
    size = (struct.pack("!B", len(payload)) if len(payload) < 126
            else struct.pack("!BH", 126, len(payload)))
    return bytes([0x80 | opcode]) + size + payload


def websocket(url, talk, **options):
    """Runs talk(connection) with a real WebSocket client."""
    async def run():
        async with websockets.connect(url, open_timeout=PATIENCE_S, **options) as connection:
            return await asyncio.wait_for(talk(connection), 3 * PATIENCE_S)

    return asyncio.run(run())


# --- WebSocket over HTTP/1 ----------------------------------------------------------------------


def test_a_websocket_client(door, origin):
    async def talk(connection):
        for message in ("hello", "ünï", "x" * 60_000, b"\x00\xff" * 100, ""):
            await connection.send(message)
            answer = await connection.recv()
            assert (answer.encode() if isinstance(answer, str) else answer) == (
                message.encode() if isinstance(message, str) else message)
        await asyncio.wait_for(await connection.ping(), PATIENCE_S)
        return connection.subprotocol

    url = door.url("/ws?room=1", "ws")
    assert websocket(url, talk, subprotocols=["chat.v2", "chat.v1"]) == "chat.v2"
    wait_until(lambda: origin.stats("a")["open"] == 0, "both sides to end")
    assert origin.requests() == ["UPGRADE /ws?room=1"]
    raw = origin.stats("a")["upgrade"]
    sent = dict(zip([name.lower() for name in raw[::2]], raw[1::2]))
    assert sent["x-forwarded-for"] == "127.0.0.1" and sent["via"] == "1.1 sallyport"
    assert sent["sec-websocket-protocol"].replace(" ", "") == "chat.v2,chat.v1"


def test_many_messages_before_any_is_read(door):
    async def talk(connection):
        count = 2000
        async def send():
            for number in range(count):
                await connection.send(f"{number:05}" * 200)

        sending = asyncio.create_task(send())
        for number in range(count):
            assert await connection.recv() == f"{number:05}" * 200
        await sending

    websocket(door.url("/ws", "ws"), talk, ping_interval=None)


def test_a_websocket_over_tls_both_ways(tmp_path):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.certificate("www.example.net", "127.0.0.1")
    origin = Node(tmp_path, {"a": {"kind": "https", "cert": str(certificate), "key": str(key)}})
    door = HttpDoor(tmp_path, listener(tls=True) + pool(
        "app", [origin.at()], tls=True, ca_file=str(authority.ca_file),
        server_name="www.example.net") + route(pool="app") +
        f'[[http.certificate]]\ncertificate_file = "{certificate}"\nkey_file = "{key}"\n')

    async def talk(connection):
        await connection.send("through two times TLS")
        return await connection.recv()

    assert websocket(door.url("/ws", "wss"), talk, ssl=authority.context(),
                     server_hostname="www.example.net") == "through two times TLS"


def test_a_refused_upgrade_is_an_ordinary_answer(door):
    with door.raw() as visitor:
        answer = visitor.get("/refuse", *HANDSHAKE).answer()
        assert (answer.status, answer.body) == (403, b"no")
        assert answer.get("upgrade") is None
        # The connection goes on.
        assert visitor.get("/bytes?n=3").answer().body == b"012"


def test_octets_right_behind_the_handshake(tmp_path):
    def script(peer, _):
        peer.request()
        # The first frame of the server comes with its 101, the visitor's with his request.
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket"
                  b"\r\nSec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\n\r\n" + echoed(b"first"))
        peer.send(peer.until(b"early"))

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            visitor.send("GET / HTTP/1.1\r\nHost: a\r\n" + "\r\n".join(HANDSHAKE) + "\r\n\r\nearly")
            head = visitor.head()
            assert (head.status, head.get("sec-websocket-accept")) == (101, ACCEPT)
            assert (head.get("upgrade"), head.get("connection").lower()) == ("websocket", "upgrade")
            assert visitor.exactly(7) == echoed(b"first")
            assert visitor.exactly(5) == b"early"


@pytest.mark.parametrize("who", ["visitor", "server"])
def test_either_end_ends_both(tmp_path, who):
    ended = []

    def script(peer, _):
        peer.request()
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket"
                  "\r\n\r\n")
        peer.until("now")
        if who == "visitor":
            ended.append(peer.rest())

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        before = door.open_sockets()
        with door.raw() as visitor:
            assert visitor.get("/", *HANDSHAKE).head().status == 101
            visitor.send("now")
            if who == "server":
                assert visitor.ends()
        wait_until(lambda: door.open_sockets() == before, "both connections to end")
        if who == "visitor":
            wait_until(lambda: ended == [b""], "the server to see the end")


def test_an_idle_websocket_outlives_the_timeouts(tmp_path, origin):
    door = HttpDoor(tmp_path, '[http]\nbody_timeout = "1s"\nsend_timeout = "1s"\n'
                    'keep_alive_timeout = "2s"\n' + simple(
                        origin.at(), response_timeout="1s", idle_timeout="1s"))
    with door.raw() as visitor, door.raw() as idle:
        visitor.get("/ws", *HANDSHAKE).head()
        idle.get("/bytes?n=1").answer()
        assert idle.ends()  # by keep_alive_timeout, which is longer than the others
        visitor.send(frame(b"still there"))
        assert visitor.exactly(13) == echoed(b"still there")


def test_a_websocket_for_those_who_are_let_in_only(tmp_path, origin):
    door = HttpDoor(tmp_path, listener() + pool("app", [origin.at()]) +
                    route(pool="app", policy="second_factor"))
    with door.raw() as visitor:
        answer = visitor.get("/ws", *HANDSHAKE).answer()
        assert answer.status in (401, 403), answer
    with pytest.raises(InvalidStatusCode):
        websocket(door.url("/ws", "ws"), lambda connection: connection.recv())
    assert origin.requests() == []


# --- Other protocols ----------------------------------------------------------------------------


def test_another_protocol(door, origin):
    with door.raw() as visitor:
        head = visitor.get("/tunnel", "Connection: upgrade, keep-alive", "Upgrade: echo/1").head()
        assert (head.status, head.get("upgrade")) == (101, "echo/1")
        visitor.send(bytes(range(256)) * 1000)
        assert visitor.exactly(256_000) == bytes(range(256)) * 1000
        visitor.socket.shutdown(1)  # he has no more to say, and hears the rest
        assert visitor.ends()
    wait_until(lambda: origin.stats("a")["open"] == 0, "the tunnel to end")


def test_h2c_is_never_switched_to(door, origin):
    with door.raw() as visitor:
        answer = visitor.get("/echo", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                             "HTTP2-Settings: AAMAAABkAAQAAP__").answer()
    assert answer.status == 200
    names = {name for name, _ in answer.json()["headers"]}
    assert not names & {"upgrade", "http2-settings"}


# --- WebSocket over HTTP/2 (RFC 8441) -----------------------------------------------------------


def over_h2(tmp_path, kind):
    origin = Node(tmp_path, {"a": {"kind": kind}})
    return origin, HttpDoor(tmp_path, simple(
        origin.at(), protocol="h2" if kind == "h2c" else "http1"))


@pytest.mark.parametrize("kind", ["http1", "h2c"])
def test_a_websocket_over_http2(tmp_path, kind):
    origin, door = over_h2(tmp_path, kind)
    with H2Visitor(door.address) as visitor:
        visitor.until(lambda: visitor.settings, "the settings")
        assert visitor.h2.remote_settings.enable_connect_protocol == 1
        stream = visitor.ask("/ws", ("sec-websocket-version", "13"),
                             ("sec-websocket-protocol", "chat"), method="CONNECT",
                             protocol="websocket", end=False)
        head = visitor.head(stream)
        assert (head[":status"], head.get("sec-websocket-protocol")) == ("200", "chat")
        assert not {"connection", "upgrade", "sec-websocket-accept", "content-length"} & set(head)
        for payload in (b"hello", b"x" * 30_000):
            visitor.send(stream, frame(payload))
            answer = echoed(payload)
            assert visitor.body(stream, len(answer)) == answer
        # Ordinary requests go on beside it.
        assert visitor.answer(visitor.ask("/bytes?n=5"))[1] == b"01234"
        visitor.send(stream, frame(b"", 8), end=True)
        visitor.until(lambda: stream in visitor.ended, "the end")
    assert origin.requests()[0] == ("CONNECT /ws" if kind == "h2c" else "UPGRADE /ws")


@pytest.mark.parametrize("kind", ["http1", "h2c"])
def test_a_refused_websocket_over_http2(tmp_path, kind):
    _, door = over_h2(tmp_path, kind)
    with H2Visitor(door.address) as visitor:
        stream = visitor.ask("/refuse", ("sec-websocket-version", "13"), method="CONNECT",
                             protocol="websocket", end=False)
        head, body = visitor.answer(stream)
        assert (head[":status"], body) == ("403", b"no")
        assert visitor.answer(visitor.ask("/bytes?n=5"))[1] == b"01234"


def test_an_http1_visitor_and_a_server_of_http2(tmp_path):
    """The first one over a new connection, whose settings have not come yet, and a second one."""
    origin, door = over_h2(tmp_path, "h2c")
    for number in range(2):
        with door.raw() as visitor:
            head = visitor.get("/ws", *HANDSHAKE).head()
            assert (head.status, head.get("sec-websocket-accept")) == (101, ACCEPT)
            visitor.send(frame(b"hello"))
            assert visitor.exactly(7) == echoed(b"hello")
    assert origin.stats("a")["connections"] == 1


@pytest.mark.parametrize("kind", ["http1", "h2c"])
def test_a_cancelled_websocket_over_http2(tmp_path, kind):
    """Its end reaches the server, and the connection goes on."""
    origin, door = over_h2(tmp_path, kind)
    with H2Visitor(door.address) as visitor:
        stream = visitor.ask("/ws", ("sec-websocket-version", "13"), method="CONNECT",
                             protocol="websocket", end=False)
        visitor.head(stream)
        visitor.h2.reset_stream(stream, 8)
        visitor.push()
        assert visitor.answer(visitor.ask("/bytes?n=5"))[1] == b"01234"
        wanted = 1  # the connection of the other request
        wait_until(lambda: origin.stats("a")["open"] == wanted, "the tunnel to end")


# --- Events and calls ---------------------------------------------------------------------------


def test_events_come_as_they_are_sent(door, origin):
    with door.raw() as visitor:
        visitor.get("/sse?key=k", "Accept: text/event-stream").until("data: 0\n\n")
        for number in range(1, 20):
            origin.go("k")
            assert f"id: {number}\n".encode() in visitor.until(f"data: event {number}\n\n")


def test_events_over_http2_beside_other_requests(door, origin):
    with H2Visitor(door.address) as visitor:
        streams = [visitor.ask(f"/sse?key=k{n}") for n in range(5)]
        for stream in streams:
            visitor.until(lambda s=stream: b"data: 0\n\n" in visitor.bodies[s], "the first event")
        for number in range(1, 6):
            for index, stream in enumerate(streams):
                origin.go(f"k{index}")
                wanted = f"data: event {number}\n\n".encode()
                visitor.until(lambda s=stream, w=wanted: w in visitor.bodies[s], "the next event")
        assert visitor.answer(visitor.ask("/bytes?n=5"))[1] == b"01234"


def test_a_call_both_ways_at_once(tmp_path):
    """Each message is answered before the next is sent; the status comes in trailers."""
    origin = Node(tmp_path, {"a": {"kind": "h2c"}})
    door = HttpDoor(tmp_path, simple(origin.at(), protocol="h2"))
    with H2Visitor(door.address) as visitor:
        calls = [visitor.ask("/grpc", ("te", "trailers"), ("content-type", "application/grpc"),
                             method="POST", end=False) for _ in range(8)]
        for number in range(20):
            for call in calls:
                message = b"\0" + struct.pack("!I", 9) + f"{call:03}:{number:05}".encode()
                visitor.send(call, message)
                assert visitor.body(call, len(message)) == message
        for call in calls:
            visitor.send(call, b"", end=True)
            head, rest = visitor.answer(call)
            assert (head[":status"], head["x-te"], rest) == ("200", "trailers", b"")
            assert visitor.trailers[call] == {"grpc-status": "7", "grpc-message": "no%20way"}
    assert origin.stats("a")["connections"] == 1


def test_a_call_that_is_cancelled(tmp_path):
    origin = Node(tmp_path, {"a": {"kind": "h2c"}})
    door = HttpDoor(tmp_path, simple(origin.at(), protocol="h2"))
    with H2Visitor(door.address) as visitor:
        call = visitor.ask("/grpc", ("te", "trailers"), method="POST", end=False)
        visitor.send(call, b"ping")
        assert visitor.body(call, 4) == b"ping"
        visitor.h2.reset_stream(call, 8)
        visitor.push()
        wait_until(lambda: origin.stats("a")["aborted"] == 1, "the call to be broken off")
        assert visitor.answer(visitor.ask("/bytes?n=5"))[1] == b"01234"
