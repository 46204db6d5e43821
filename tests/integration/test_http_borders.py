"""Where one side's rules end and the other's begin: heads longer than a buffer, requests that are
sent again, and what a field of one side would be to the other. The HTTP door passes on what it has
weighed, and whatever came, the next visitor is served."""

import contextlib
import pathlib
import socket
import sys
import threading

import pytest
from h2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    H2,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    block,
    frame,
    get,
    headers,
    number,
    status_of,
)
from h2_visitor import H2Visitor
from harness import wait_until
from harness.net import PATIENCE_S
from http_lab import OK, HttpDoor, Scripted, listener, pool, route, simple
from recording import RecordingOrigin

WIDE = "[http]\nmax_header_octets = '64KiB'\nmax_target_octets = '{}'\n"
WAYS = ["http1", "http2"]


@pytest.fixture
def origin():
    with RecordingOrigin() as server:
        yield server


def behind(*servers, **more):
    """A listener, a route to these servers (`more` is the route's), and /ping of the door's own."""
    return (listener() + pool("app", servers) + route(path_prefix="/ping", respond=200)
            + route(pool="app", **more))


def served(door, alone_at=None):
    """The next visitor is, by either version; nobody else's octets have reached `alone_at`."""
    for way in WAYS:
        assert ask(door, way, "/good") == 200, way
    assert door.running()
    if alone_at:
        assert {text.split(" ")[1] for text in alone_at.everything()} == {"/good"}


def ask(door, way, target="/", fields=(), content=None, trailers=(), method="GET"):
    """The status of the answer, or None where HTTP/2 says no to the stream or the connection.
    `content` is sent without saying how long it is."""
    if way == "http1":
        with door.raw() as visitor:
            lines = [f"{name}: {value}" for name, value in fields]
            lines += [] if content is None else ["Transfer-Encoding: chunked"]
            visitor.get(target, *lines, method=method)
            if content is not None:
                visitor.send(f"{len(content):x}\r\n{content}\r\n" if content else "")
                visitor.send("0\r\n" + "".join(f"{n}: {v}\r\n" for n, v in trailers) + "\r\n")
            return visitor.answer().status
    head = block(get(target, *[(name.lower(), value) for name, value in fields], method=method))
    with H2(door.address) as visitor:
        visitor.send(head_frames(head, 0 if content is not None else END_STREAM))
        if content is not None:
            visitor.send(frame(DATA, 0 if trailers else END_STREAM, 1, content))
        if trailers:
            visitor.send(headers(1, [(name.lower(), value) for name, value in trailers]))
        return outcome(visitor)


def head_frames(octets, flags=END_STREAM):
    """HEADERS on stream 1, and as much CONTINUATION as it takes."""
    parts = [octets[at:at + 16_384] for at in range(0, len(octets), 16_384)]
    return b"".join(
        frame(CONTINUATION if at else HEADERS,
              (0 if at else flags) | (END_HEADERS if at == len(parts) - 1 else 0), 1, part)
        for at, part in enumerate(parts))


def outcome(visitor):
    """Of stream 1, as ask() tells it."""
    kind, _, _, payload = visitor.until(
        lambda kind, flags, stream, payload: kind == GOAWAY or stream == 1 and (
            kind == RST_STREAM or kind == HEADERS and status_of(payload) >= 200), "an outcome")
    return status_of(payload) if kind == HEADERS else None


def connect(protocol, *fields):
    """The fields of an extended CONNECT."""
    return get("/tunnel", (":protocol", protocol), ("sec-websocket-version", "13"), *fields,
               method="CONNECT")


def values(head, name):
    """Of all fields of this name (lower case)."""
    return [line.partition(":")[2].strip() for line in head.split("\r\n")[1:]
            if line.partition(":")[0].lower() == name]


# --- Heads of several buffers, in pieces ------------------------------------------------------


def has_read(door, connection):
    """Waits until the door has read all that was sent to it on this connection: the kernel holds
    nothing, and who came later has been answered (one shard serves them in their order)."""
    us, them = (
        f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
        for host, port in (connection.socket.getsockname(), connection.socket.getpeername()))

    def nothing_waits():
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, _, queues, *_ = line.split()
            unacknowledged, unread = (int(octets, 16) for octets in queues.split(":"))
            if ((local, remote) == (us, them) and unacknowledged
                    or (local, remote) == (them, us) and unread):
                return False
        return True

    wait_until(nothing_waits, "the door to read what was sent")
    with door.raw() as other:
        assert other.get("/ping").answer().status == 200


def send_pieces(door, connection, octets, cuts):
    """Each is read before the next is sent."""
    octets = octets.encode()
    for start, end in zip([0, *cuts], [*cuts, len(octets)]):
        connection.send(octets[start:end])
        has_read(door, connection)


LONG = "a" * 17_000 + "b"
# Where a head with this field is cut: just before its end, and at each border of a buffer.
CUTS = {"at_its_end": (-5, -4), "at_the_border": (16_384, 16_385, -4),
        "in_many": (1, 16_383, 16_384, 16_500, 16_900, -3, -2, -1)}


def cuts_of(case, head):
    return [at if at > 0 else len(head) + at for at in CUTS[case]]


@pytest.mark.parametrize("case", CUTS)
def test_a_long_head_in_pieces(tmp_path, origin, case):
    door = HttpDoor(tmp_path, WIDE.format("8kB") + behind(origin.at))
    head = f"GET /long HTTP/1.1\r\nHost: www.example.net\r\nX: {LONG}\r\n\r\n"
    with door.raw() as visitor:
        for _ in range(2):  # the second one behind what the first has left
            send_pieces(door, visitor, head, cuts_of(case, head))
            assert visitor.answer().status == 200
            assert values(origin.requests[-1][0], "x") == [LONG]
    served(door)


def test_a_head_that_becomes_too_long_by_one_octet(tmp_path, origin):
    """Empty lines in front take room in the buffer that the limit does not count."""
    door = HttpDoor(tmp_path, behind(origin.at))
    head = "\r\n\r\nGET / HTTP/1.1\r\nHost: www.example.net\r\nX: ".ljust(16_388, "a") + "\r\n\r\n"
    with door.raw() as visitor:
        send_pieces(door, visitor, head[:16_388], [16_000, 16_387])
        visitor.send(head[16_388:])
        assert visitor.answer().status == 431 and visitor.ends()
    served(door, origin)


@pytest.mark.parametrize("case", CUTS)
@pytest.mark.parametrize("limits,status", [(WIDE.format("8kB"), 200), ("", 502)],
                         ids=["allowed", "too_long"])
def test_a_long_answer_in_pieces(tmp_path, case, limits, status):
    head = f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: {LONG}\r\n\r\n"

    def script(connection, _number):
        while connection.request().split(" ")[1] != "/long":
            connection.send(OK)
        send_pieces(door, connection, head, cuts_of(case, head))
        connection.send("ok")

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, limits + behind(server.at))
        with door.raw() as visitor:
            answer = visitor.get("/long").answer()
            assert answer.status == status
            assert (answer.body == b"ok" and answer.get("x") == LONG) == (status == 200)
            assert visitor.get("/good").answer().body == b"ok"
        served(door)


# --- Heads that grow on their way -------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_target_that_grows_by_escaping(tmp_path, origin, way):
    """Each quote becomes three octets."""
    door = HttpDoor(tmp_path, WIDE.format("60KiB") + behind(origin.at))
    assert ask(door, way, "/" + 50_000 * '"') == 414
    served(door, origin)


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_grows_by_rules(tmp_path, origin, way):
    rules = [f"set X-Uri-{at}: {{uri}}" for at in range(7)]
    door = HttpDoor(tmp_path, WIDE.format("24KiB") + behind(origin.at, request_headers=rules))
    assert ask(door, way, "/" + "a" * 20_000) in (414, 431)
    served(door, origin)
    assert values(origin.requests[-1][0], "x-uri-6") == ["/good"]


def test_a_name_of_66000_octets(tmp_path, origin):
    """Huffman code fits it into three frames: an `a` is five bits."""
    door = HttpDoor(tmp_path, WIDE.format("8kB") + behind(origin.at))
    coded = int("00011" * 66_000, 2).to_bytes(66_000 * 5 // 8, "big")
    field = b"\0" + number(len(coded), 7, 0x80) + coded + b"\1y"
    with H2(door.address) as visitor:
        visitor.send(head_frames(block(get()) + field))
        assert outcome(visitor) in (None, 431)
    served(door, origin)


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_grows_by_rules(tmp_path, way):
    """It is a 502; the server's body comes behind it, and is nobody's."""
    refused, dropped = threading.Event(), threading.Event()

    def script(connection, _number):
        while "good" in connection.request().split("\r\n")[0]:
            connection.send(OK)
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        assert refused.wait(PATIENCE_S)
        with contextlib.suppress(ConnectionError):
            connection.send("late").send(" body")
            connection.rest()
        dropped.set()

    with Scripted(script) as server:
        rules = ["set X-A: {uri}", "set X-B: {uri}"]
        door = HttpDoor(tmp_path, WIDE.format("24KiB") + behind(server.at, response_headers=rules))
        assert ask(door, way, "/" + 24_000 * '"') == 502
        refused.set()
        assert dropped.wait(PATIENCE_S), "the connection was kept"
        served(door)


@pytest.mark.parametrize("way", WAYS)
def test_a_redirect_that_grows(tmp_path, origin, way):
    door = HttpDoor(tmp_path, WIDE.format("24KiB") + listener() + pool("app", [origin.at])
                    + route(path_prefix="/good", pool="app")
                    + route(redirect="https://new.example.net{uri}?{uri}"))
    assert ask(door, way, "/short") in (301, 302, 307, 308)
    assert ask(door, way, "/" + 24_000 * '"') in (414, 431)
    served(door)


# --- Requests that are sent again -------------------------------------------------------------


class StaleOrigin(RecordingOrigin):
    """Its first connection answers once, and closes when it has got another whole request, which
    is chunked."""

    def _answer(self, connection, number):
        if number > 1:
            super()._answer(connection, number)
            return
        connection.until("\r\n\r\n")
        connection.send(OK)
        connection.until("\r\n\r\n")
        connection.until("\r\n\r\n")


@pytest.mark.parametrize("way", WAYS)
def test_chunks_without_content_are_sent_again_whole(tmp_path, way):
    with StaleOrigin() as origin:
        door = HttpDoor(tmp_path, simple(origin.at))
        assert ask(door, "http1", "/first") == 200
        assert ask(door, way, "/again", content="") == 200
        assert ask(door, "http1", "/victim") == 200
        (again, body), (victim, nothing) = origin.requests
        assert again.startswith("GET /again ") and body == b"0\r\n\r\n"
        assert victim.startswith("GET /victim ") and nothing == b""
        assert origin.connections == 2
        served(door)


@pytest.mark.parametrize("way", WAYS)
def test_trailers_are_not_sent_again(tmp_path, way):
    """They are gone, as a body is."""
    with StaleOrigin() as origin:
        door = HttpDoor(tmp_path, simple(origin.at))
        assert ask(door, "http1", "/first") == 200
        assert ask(door, way, "/again", content="", trailers=[("X-Checksum", "1")]) == 502
        served(door, origin)


# --- Other protocols --------------------------------------------------------------------------


H2C = ["h2c", "H2C", "h2c-14", "websocket, h2c", "h2c, websocket"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("protocol", H2C)
def test_http2_is_never_upgraded_to(tmp_path, origin, way, protocol):
    """Whoever speaks it behind us would be out of our sight."""
    door = HttpDoor(tmp_path, simple(origin.at))
    settings = ("HTTP2-Settings", "AAMAAABkAAQAAP__")
    if way == "http1":
        assert ask(door, way, "/", [("Connection", "Upgrade, HTTP2-Settings"),
                                    ("Upgrade", protocol), settings]) in (200, 400)
    else:
        with H2(door.address) as visitor:
            visitor.send(headers(1, connect(protocol, ("http2-settings", settings[1])),
                                 END_HEADERS))
            # A list is no name of a protocol (RFC 8441 §4).
            assert outcome(visitor) in [None, 400, 501, 502][:2 if "," in protocol else 4]
        if "," in protocol:
            served(door, origin)
    # Neither where no Connection names it.
    assert ask(door, way, "/", [settings]) == 200
    for text in origin.everything():
        assert "h2c" not in ", ".join(values(text, "upgrade")).lower()
        assert values(text, "http2-settings") == []
    served(door)


UPGRADE = ("Connection: Upgrade", "Upgrade: websocket")
SWITCHES = {"another": "Upgrade: h2c\r\n", "none": "", "two": "Upgrade: websocket, h2c\r\n",
            "in_capitals": "Upgrade: WebSocket\r\n"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", SWITCHES)
def test_what_a_server_switches_to(tmp_path, way, case):
    """To what was asked for, or it is no answer."""
    def script(connection, _number):
        while "/tunnel" not in connection.request().split("\r\n")[0]:
            connection.send(OK)
        connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                        + SWITCHES[case] + "\r\ntunnel")
        connection.rest()

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        right = case == "in_capitals"
        if way == "http1":
            with door.raw() as visitor:
                answer = visitor.get("/tunnel", *UPGRADE).answer()
                assert answer.status == (101 if right else 502) and "tunnel" not in answer.text
                assert not right or visitor.exactly(6) == b"tunnel"
        else:
            with H2(door.address) as visitor:
                visitor.send(headers(1, connect("websocket"), END_HEADERS))
                assert visitor.status(1) == (200 if right else 502)
                assert not right or visitor.until(
                    lambda kind, flags, stream, payload: payload == b"tunnel", "the tunnel")
        served(door)


def test_a_websocket_over_http2_that_becomes_no_tunnel(tmp_path, origin):
    """To the visitor a 200 would be one; the server means an ordinary answer to an ordinary GET."""
    door = HttpDoor(tmp_path, simple(origin.at))
    with H2(door.address) as visitor:
        visitor.send(headers(1, connect("websocket"), END_HEADERS)
                     + frame(DATA, 0, 1, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"))
        assert visitor.status(1) == 502 and visitor.alive()
    served(door)
    assert not any("smuggled" in text for text in origin.everything())


# --- Answers without content ------------------------------------------------------------------


@pytest.mark.parametrize("method,status,length", [
    ("HEAD", "200", None), ("HEAD", "200", "7"), ("GET", "204", None), ("GET", "204", "0"),
    ("GET", "304", None), ("GET", "304", "7")])
def test_an_end_that_comes_behind_the_head(tmp_path, method, status, length):
    """HTTP/2 may say that an answer has no content in a frame of its own, which HTTP/1.1 cannot."""
    head = [(":status", status), ("x-a", "b"), ("content-length", length)][:3 if length else 2]

    def script(connection, _number):
        assert connection.exactly(len(PREFACE)) == PREFACE
        connection.send(frame(SETTINGS) + frame(SETTINGS, ACK))
        asked, ended = [], False
        while True:
            start = connection.exactly(9)
            connection.exactly(int.from_bytes(start[:3], "big"))
            if start[3] == HEADERS:
                asked.append(int.from_bytes(start[5:], "big"))
            if start[3] == HEADERS and len(asked) == 1 and not ended:
                connection.send(headers(asked[0], head, END_HEADERS)
                                + frame(PING, payload="the head"))
            elif start[3] == PING:  # its answer: the head has been read
                connection.send(frame(DATA, END_STREAM, asked.pop(0)))
                ended = True
            while ended and asked:
                stream = asked.pop(0)
                connection.send(headers(stream, [(":status", "200")], END_HEADERS)
                                + frame(DATA, END_STREAM, stream, "ok"))

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at, protocol="h2"))
        with door.raw() as visitor:
            answer = visitor.get("/", method=method).answer(method)
            assert (answer.status, answer.get("x-a")) == (int(status), "b")
            assert answer.get("transfer-encoding") is None
            assert answer.get("content-length") == (None if status == "204" else length)
            assert visitor.get("/next").until("\r\n") == b"HTTP/1.1 200 OK\r\n"
        served(door)


# --- Fields that mean more than they seem -----------------------------------------------------


BELIEVED = ["X-User", "x_user", "X-Forwarded-User", "X-Forwarded-Port", "X_Forwarded_For",
            "Forwarded"]
USER_RULE = ["set X-User: {user}"]


@pytest.mark.parametrize("way", WAYS)
def test_request_trailers_that_servers_would_believe(tmp_path, origin, way):
    door = HttpDoor(tmp_path, behind(origin.at, request_headers=USER_RULE))
    checksum = ("X-Checksum", "1")
    for name in BELIEVED:
        for trailers in ([(name, "admin")], [checksum, (name, "admin")]):
            assert ask(door, way, "/", content="a", trailers=trailers, method="POST") == 200
            assert b"admin" not in origin.requests[-1][1], name
    assert ask(door, way, "/", content="a", trailers=[checksum], method="POST") == 200
    assert origin.requests[-1][1].lower() == b"1\r\na\r\n0\r\nx-checksum: 1\r\n\r\n"
    assert len(origin.requests) == 2 * len(BELIEVED) + 1 and origin.fragments == []
    served(door)


@pytest.mark.parametrize("trailer", ["X-Cache: theirs", "X-Powered-By: theirs", "X-Sum: 1"])
def test_answer_trailers_that_a_rule_names(tmp_path, origin, trailer):
    origin.answer = ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
                     f"{trailer}\r\n\r\n")
    rules = ["set X-Cache: ours", "remove X-Powered-By"]
    door = HttpDoor(tmp_path, behind(origin.at, response_headers=rules))
    passed = {} if "theirs" in trailer else {"x-sum": "1"}
    with door.raw() as visitor:
        answer = visitor.get().answer()
        assert (answer.body, answer.get("x-cache")) == (b"ok", "ours")
        assert answer.trailers == (b"X-Sum: 1\r\n" if passed else b"")
    with H2Visitor(door.address) as visitor:
        stream = visitor.ask()
        head, body = visitor.answer(stream)
        assert (body, head["x-cache"]) == (b"ok", "ours")
        assert visitor.trailers.get(stream, {}) == passed
    served(door)


@pytest.mark.parametrize("way", WAYS)
def test_names_that_become_the_same_variables(tmp_path, origin, way):
    """X_User and X-User are both HTTP_X_USER to a server that makes variables of fields, and Proxy
    is the HTTP_PROXY of its own requests."""
    door = HttpDoor(tmp_path, behind(origin.at, request_headers=USER_RULE))
    bad = [("X_Forwarded_For", "192.0.2.9"), ("x_forwarded-proto", "192.0.2.9"),
           ("X_User", "192.0.2.9"), ("x-user", "192.0.2.9"), ("Content_Length", "5"),
           ("Transfer_Encoding", "chunked"), ("Proxy", "http://192.0.2.9/")]
    assert ask(door, way, "/", [*bad, ("api_key", "1")]) == 200
    ((head, body),) = origin.requests
    for name in ("x_forwarded_for", "x_forwarded-proto", "x_user", "content_length",
                 "transfer_encoding", "proxy"):
        assert values(head, name) == [], name
    assert "192.0.2.9" not in head and body == b""
    assert values(head, "api_key") == ["1"] and len(values(head, "x-user")) == 1
    served(door)


@pytest.mark.parametrize("way", WAYS)
def test_an_interim_answer_without_what_is_for_one_hop(tmp_path, origin, way):
    origin.answer = ("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: close, X-Foo\r\n"
                     "X-Foo: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: foo\r\n\r\n" + OK)
    door = HttpDoor(tmp_path, simple(origin.at))
    if way == "http1":
        with door.raw() as visitor:
            fields = dict(visitor.get().answer(interim=True).headers)
            assert visitor.answer().body == b"ok"
    else:
        with H2Visitor(door.address) as visitor:
            stream = visitor.ask()
            assert visitor.answer(stream)[1] == b"ok"
            (fields,) = visitor.interim[stream]
    assert fields["link"] == "</a.css>"
    assert not {"connection", "x-foo", "keep-alive", "upgrade"} & set(fields)
    served(door)
