"""HTTP/2 at the HTTP door against the standard and against floods, frame by frame: the right error,
on the stream or on the connection, while everybody else goes on being served."""

import struct

import pytest
from h2_frames import (
    ACK,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    H2,
    HEADERS,
    NO_ERROR,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    STREAM_CLOSED,
    WHOLE,
    WINDOW_UPDATE,
    block,
    frame,
    get,
    headers,
    reset,
    setting,
    window_update,
)
from harness import process
from http_lab import Authority, HttpDoor, Node, listener, pool, route

MEMORY = 32_000_000  # octets that a flood may cost; each of them sends or makes us answer far more


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    first = process.marker()
    yield Node(tmp_path_factory.mktemp("origin"))
    process.stop_and_forget(first)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def open_door(folder, origin, authority, header_timeout):
    """Listener 0 is plain, 1 has TLS."""
    certificate, key = authority.certificate("www.example.net")
    return HttpDoor(
        folder, f"[http]\nheader_timeout = '{header_timeout}'\n"
        "max_streams = 20\nmax_requests_per_connection = 100_000\n"
        + listener() + listener(tls=True)
        + f"[[http.certificate]]\ncertificate_file = '{certificate}'\nkey_file = '{key}'\n"
        + pool("app", [origin.at()]) + route(pool="app"))


@pytest.fixture(scope="module")
def door(tmp_path_factory, origin, authority):
    """So patient that no flood ends by the time that it takes."""
    first = process.marker()
    yield open_door(tmp_path_factory.mktemp("door"), origin, authority, "5m")
    complaints = process.stop_and_forget(first)
    assert not complaints, complaints


@pytest.fixture(params=["plain", "tls"])
def connect(request, door, authority):
    """Opens a connection, on either kind of listener."""
    if request.param == "plain":
        return lambda to=door, **more: H2(to.addresses[0], **more)
    return lambda to=door, **more: H2(to.addresses[1], tls=authority.context(["h2"]), **more)


@pytest.fixture(autouse=True)
def _others(door):
    """Somebody else's connection, which lives through all of it."""
    with H2(door.address) as other:
        other.send(headers(1, get("/echo")))
        assert other.status(1) == 200
        yield
        other.send(headers(3, get("/echo")))
        assert other.status(3) == 200 and other.alive()


def big(*numbers):
    return struct.pack(f"!{len(numbers)}I", *numbers)


GET1 = headers(1, get("/echo"))
OPEN1 = headers(1, get("/echo", method="POST"), END_HEADERS)

CONNECTION_ERRORS = {
    "no_preface": (PROTOCOL_ERROR, None),  # sent as it is
    "4.2 DATA too long": (FRAME_SIZE_ERROR, OPEN1 + frame(DATA, 0, 1, "x" * 16_385)),
    "4.2 HEADERS too long": (FRAME_SIZE_ERROR, frame(HEADERS, WHOLE, 1, "x" * 16_385)),
    "4.3 another frame within a head": (
        PROTOCOL_ERROR, frame(HEADERS, END_STREAM, 1, "\x82") + frame(PING, payload="12345678")),
    "4.3 another head within a head": (
        PROTOCOL_ERROR, frame(HEADERS, END_STREAM, 1, "\x82") + GET1),
    "5.1 DATA on an idle stream": (PROTOCOL_ERROR, frame(DATA, END_STREAM, 1, "x")),
    "5.1 RST_STREAM on an idle stream": (PROTOCOL_ERROR, reset(1)),
    "5.1 WINDOW_UPDATE on an idle stream": (PROTOCOL_ERROR, window_update(1, 1)),
    "5.1 DATA behind the end": (STREAM_CLOSED, headers(1, get("/hang?key=closed"))
                                + frame(DATA, END_STREAM, 1, "x")),
    "5.1.1 even stream": (PROTOCOL_ERROR, headers(2, get("/echo"))),
    "6.1 DATA on stream 0": (PROTOCOL_ERROR, frame(DATA, 0, 0, "x")),
    "6.1 padding longer than the frame": (PROTOCOL_ERROR, OPEN1 + frame(DATA, PADDED, 1, "\x09ab")),
    "6.2 HEADERS on stream 0": (PROTOCOL_ERROR, headers(0, get("/echo"))),
    "6.3 PRIORITY on stream 0": (PROTOCOL_ERROR, frame(PRIORITY, 0, 0, "12345")),
    "6.4 RST_STREAM of 3 octets": (FRAME_SIZE_ERROR, OPEN1 + frame(RST_STREAM, 0, 1, "123")),
    "6.5 SETTINGS of 3 octets": (FRAME_SIZE_ERROR, frame(SETTINGS, 0, 0, "123")),
    "6.5 SETTINGS on a stream": (PROTOCOL_ERROR, frame(SETTINGS, 0, 1)),
    "6.5.3 acknowledgement of nothing": (PROTOCOL_ERROR, frame(SETTINGS, ACK) * 2),
    "6.5 acknowledgement with content": (FRAME_SIZE_ERROR, frame(SETTINGS, ACK, 0, "123456")),
    "6.5.2 ENABLE_PUSH of 2": (PROTOCOL_ERROR, setting(2, 2)),
    "6.5.2 window too large": (FLOW_CONTROL_ERROR, setting(4, 0x8000_0000)),
    "6.5.2 frame size too small": (PROTOCOL_ERROR, setting(5, 16_383)),
    "6.6 PUSH_PROMISE": (PROTOCOL_ERROR, OPEN1 + frame(PUSH_PROMISE, END_HEADERS, 1, big(2))),
    "6.7 PING of 7 octets": (FRAME_SIZE_ERROR, frame(PING, payload="1234567")),
    "6.7 PING on a stream": (PROTOCOL_ERROR, frame(PING, 0, 1, "12345678")),
    "6.8 GOAWAY on a stream": (PROTOCOL_ERROR, frame(GOAWAY, 0, 1, big(0, 0))),
    "6.9 WINDOW_UPDATE by 0": (PROTOCOL_ERROR, window_update(0, 0)),
    "6.9 WINDOW_UPDATE of 3 octets": (FRAME_SIZE_ERROR, frame(WINDOW_UPDATE, 0, 0, "123")),
    "6.9.1 window over 2^31-1": (FLOW_CONTROL_ERROR, window_update(0, 0x7fff_ffff)),
    "6.10 CONTINUATION without a head": (PROTOCOL_ERROR, GET1 + frame(CONTINUATION, 4, 1, "\x82")),
    "7541 index 0": (COMPRESSION_ERROR, frame(HEADERS, WHOLE, 1, b"\x80")),
    "7541 index beyond the tables": (COMPRESSION_ERROR, frame(HEADERS, WHOLE, 1, b"\xfe")),
    "7541 number without end": (COMPRESSION_ERROR, frame(HEADERS, WHOLE, 1, b"\xff" * 8)),
    "7541 string beyond the block": (COMPRESSION_ERROR, frame(HEADERS, WHOLE, 1, b"\0\5ab")),
    "7541 Huffman padding": (COMPRESSION_ERROR, frame(HEADERS, WHOLE, 1, b"\x40\x81\xff\x01x")),
    "7541 table too large": (COMPRESSION_ERROR, frame(HEADERS, WHOLE, 1, b"\x3f\xe2\x1f")),
}


@pytest.mark.parametrize("case", CONNECTION_ERRORS)
def test_errors_of_the_connection(connect, case):
    error, octets = CONNECTION_ERRORS[case]
    with connect(greet=octets is not None) as visitor:
        if octets is None:
            visitor.send(PREFACE + frame(PING, payload="12345678"))
            octets = b""
        visitor.send(octets)
        assert visitor.goaway()[1] == error


BAD = [("x", "a\r\nb")]
STREAM_ERRORS = {
    "6.9 WINDOW_UPDATE over 2^31-1": (FLOW_CONTROL_ERROR, OPEN1 + window_update(1, 0x7fff_ffff)),
    "8.1 trailers that do not end": (PROTOCOL_ERROR, OPEN1 + headers(1, [("x", "1")], END_HEADERS)),
    "8.1.1 longer than it says": (PROTOCOL_ERROR, headers(
        1, get("/echo", ("content-length", "1"), method="POST"), END_HEADERS)
        + frame(DATA, END_STREAM, 1, "12")),
    "8.2.1 CR LF in a value": (PROTOCOL_ERROR, headers(1, get("/echo", *BAD))),
    "8.2.1 upper case": (PROTOCOL_ERROR, headers(1, get("/echo", ("X", "1")))),
    "8.2.2 Connection": (PROTOCOL_ERROR, headers(1, get("/echo", ("connection", "close")))),
    "8.2.2 TE": (PROTOCOL_ERROR, headers(1, get("/echo", ("te", "gzip")))),
    "8.3 pseudo-header behind a field": (PROTOCOL_ERROR, headers(
        1, [("x", "1"), *get("/echo")])),
    "8.3 unknown pseudo-header": (PROTOCOL_ERROR, headers(1, [(":what", "1"), *get("/echo")])),
    "8.3.1 no path": (PROTOCOL_ERROR, headers(1, get("/echo")[:3])),
    "8.3.1 two paths": (PROTOCOL_ERROR, headers(1, [*get("/echo"), (":path", "/")])),
    "8.3.1 no authority": (PROTOCOL_ERROR, headers(
        1, [field for field in get("/echo") if field[0] != ":authority"])),
    "8.3.1 Host that differs": (PROTOCOL_ERROR, headers(1, get("/echo", ("host", "evil.example")))),
}


@pytest.mark.parametrize("case", STREAM_ERRORS)
def test_errors_of_a_stream(connect, case):
    error, octets = STREAM_ERRORS[case]
    with connect() as visitor:
        visitor.send(octets)
        assert visitor.reset_of(1) == error
        visitor.send(headers(3, get("/echo")))
        assert visitor.status(3) == 200 and visitor.alive()


FINE = {
    "unknown frames and flags": frame(0x42, 0xff, 0, "what") + frame(PING, 0x16, 0, "12345678"),
    "unknown setting": setting(0x1234, 7),
    "padding": frame(HEADERS, WHOLE | PADDED, 1, b"\x03" + block(get("/echo")) + b"\0\0\0"),
    "a head in three frames": frame(HEADERS, END_STREAM, 1, block(get("/echo"))[:7])
    + frame(CONTINUATION, 0, 1, block(get("/echo"))[7:30])
    + frame(CONTINUATION, END_HEADERS, 1, block(get("/echo"))[30:]),
    "WINDOW_UPDATE behind the end": GET1 + window_update(1, 1),
    "late RST_STREAM": GET1 + reset(1),
    "table size changes": frame(HEADERS, WHOLE, 1, b"\x20\x3f\xe1\x1f" + block(get("/echo"))),
}


@pytest.mark.parametrize("case", FINE)
def test_what_is_no_error(connect, case):
    with connect() as visitor:
        visitor.send(FINE[case] + headers(3, get("/echo")))
        assert visitor.status(3) == 200 and visitor.alive()


def test_octet_for_octet(connect):
    with connect(greet=False) as visitor:
        for octet in PREFACE + frame(SETTINGS) + OPEN1 + frame(DATA, END_STREAM, 1, "hello"):
            visitor.send(bytes([octet]))
        assert visitor.status(1) == 200 and b'"octets":5' in visitor.body(1)


# --- Floods. Each is sent until the door has had enough: it says ENHANCE_YOUR_CALM and closes.

def flood_of_resets(n):
    return b"".join(headers(s, get("/hang?key=flood")) + reset(s) for s in range(n, n + 40, 2))


def made_resets(n):
    """Streams opened well and then broken, so that the door resets them (CVE-2025-8671)."""
    return b"".join(headers(s, get("/hang?key=flood"), END_HEADERS) + window_update(s, 0x7fff_ffff)
                    for s in range(n, n + 40, 2))


FLOODS = {
    "rapid reset": flood_of_resets,
    "resets that the door makes": made_resets,
    "refused streams": lambda n: b"".join(
        headers(s, get("/hang?key=flood")) for s in range(n, n + 40, 2)),
    "malformed heads": lambda n: b"".join(headers(s, get("/", *BAD)) for s in range(n, n + 40, 2)),
    "PING": lambda n: frame(PING, payload="12345678") * 20,
    "SETTINGS": lambda n: setting(4, 65_535) * 20,
    "PRIORITY": lambda n: frame(PRIORITY, 0, 1, "12345") * 20,
    "WINDOW_UPDATE": lambda n: window_update(0, 1) * 20,
    "unknown frames": lambda n: frame(0x42, 0, 0, "x") * 20,
    "empty DATA": lambda n: (OPEN1 if n == 1 else b"") + frame(DATA, 0, 1) * 20,
    "padding and nothing else": lambda n: (OPEN1 if n == 1 else b"")
    + frame(DATA, PADDED, 1, b"\1\0") * 20,
}


@pytest.mark.parametrize("case", FLOODS)
def test_floods(door, connect, case):
    before = door.rss_octets()
    with connect() as visitor:
        number = 1
        while not visitor.raw_closed() and number < 400_000:
            visitor.send(FLOODS[case](number))
            number += 40
        last, error = visitor.goaway()
        assert error == ENHANCE_YOUR_CALM
    assert door.rss_octets() < before + MEMORY


def test_pings_of_one_who_does_not_read(door):
    """What he makes us say has a bound. What he still sends is dropped for 5 seconds (he might read
    after all), then he is reset."""
    before = door.rss_octets()
    with H2(door.address) as visitor, pytest.raises(ConnectionError):
        while True:
            visitor.raw.send(frame(PING, payload="12345678") * 500)
    assert door.rss_octets() < before + MEMORY


def test_continuation_without_end(door, connect):
    """CVE-2024-24549 and its kin: a head that goes on for ever, of empty frames, of small fields,
    or of large ones."""
    for part in (b"", block([("x", "1")]), block([("x", "a" * 16_000)])):
        before = door.rss_octets()
        with connect() as visitor:
            visitor.send(frame(HEADERS, END_STREAM, 1, block(get())))
            sent = 0
            while not visitor.raw_closed() and sent < 20_000:
                visitor.send(frame(CONTINUATION, 0, 1, part) * 20)
                sent += 20
            # What was sent may still wait to be read.
            visitor.drain()
            assert visitor.over
            errors = [struct.unpack("!II", payload[:8])[1] for kind, _, _, payload in visitor.seen
                      if kind == GOAWAY]
            assert all(error != NO_ERROR for error in errors), errors
        assert door.rss_octets() < before + MEMORY


def test_a_head_that_never_ends(tmp_path, origin, authority, connect):
    """It does not even flood: after header_timeout it is over."""
    with connect(to=open_door(tmp_path, origin, authority, "1s")) as visitor:
        visitor.send(frame(HEADERS, END_STREAM, 1, block(get())))
        visitor.drain()
        assert visitor.over


def test_hpack_bomb(door, connect):
    """One large field put into the table, then named by one octet, again and again: 16 KiB on the
    wire become 64 MiB."""
    before = door.rss_octets()
    value = "a" * 4000
    bomb = block(get()) + b"\x40\x01x\x7f" + bytes([0xa1, 0x1e]) + value.encode()
    with connect() as visitor:
        visitor.send(frame(HEADERS, END_STREAM, 1, bomb + b"\xbe" * 11_000)
                     + frame(CONTINUATION, END_HEADERS, 1, b"\xbe" * 5_000))
        assert visitor.goaway()[1] == ENHANCE_YOUR_CALM
    assert door.rss_octets() < before + MEMORY


def test_a_small_bomb_is_a_431(connect):
    value = "a" * 4000
    bomb = block(get()) + b"\x40\x01x\x7f" + bytes([0xa1, 0x1e]) + value.encode() + b"\xbe" * 6
    with connect() as visitor:
        visitor.send(frame(HEADERS, WHOLE, 1, bomb))
        assert visitor.status(1) == 431 and visitor.alive()


def test_more_streams_than_are_allowed(origin, connect):
    """20 may be open. Whoever does not know that yet has the others refused, which says that
    nothing was done for them; whoever has acknowledged it breaks the rules (RFC 9113 §5.1.2)."""
    requests = b"".join(headers(stream, get("/hang?key=slots")) for stream in range(1, 61, 2))
    with connect() as visitor:
        visitor.send(requests)
        for stream in range(41, 61, 2):
            assert visitor.reset_of(stream) == REFUSED_STREAM
        called = 0
        while called < 20:
            called += origin.go("slots")["called"]
        for stream in range(1, 41, 2):
            assert visitor.body(stream) == b"went on"
        visitor.send(headers(61, get("/echo")))
        assert b'"url":"/echo"' in visitor.body(61)
    with connect() as visitor:
        visitor.send(frame(SETTINGS, ACK) + requests)
        last, error = visitor.goaway()
        assert (last, error) == (39, PROTOCOL_ERROR)


def test_a_visitor_who_opens_no_window(door, connect):
    """Answers of 64 MiB to streams whose windows stay shut are not fetched into our memory, but for
    what one wake-up of a multishot receive may bring."""
    before = door.rss_octets()
    streams = range(1, 41, 2)
    with connect(settings=struct.pack("!HI", 4, 0)) as visitor:
        for stream in streams:
            visitor.send(headers(stream, get("/bytes?n=67108864")))
        for stream in streams:
            assert visitor.until(lambda kind, _f, s, _p, want=stream: kind == HEADERS and s == want)
        assert visitor.alive()
        assert door.rss_octets() < before + len(streams) * 5_000_000
        visitor.send(window_update(39, 1000))
        visitor.until(lambda kind, _f, s, octets: kind == DATA and s == 39 and len(octets) == 1000)


def test_bodies_beyond_the_window(connect):
    """A server that takes nothing: what the visitor sends beyond the windows is an error, and less
    than that waits."""
    with connect() as visitor:
        visitor.send(headers(1, get("/sink?key=window", method="POST"), END_HEADERS))
        for _ in range(200):
            visitor.send(frame(DATA, 0, 1, "x" * 16_384))
        visitor.drain(lambda: any(kind in (RST_STREAM, GOAWAY) for kind, *_ in visitor.seen))
        errors = [payload[-4:] for kind, _, _, payload in visitor.seen
                  if kind == RST_STREAM] + [payload[4:8] for kind, _, _, payload in visitor.seen
                                            if kind == GOAWAY]
        assert errors and struct.unpack("!I", errors[0])[0] == FLOW_CONTROL_ERROR


def test_http1_is_refused_within_http2_and_the_other_way(door, authority):
    with door.raw(listener=1, tls=authority.context(["h2"])) as visitor:
        visitor.get("/echo")
        assert b"HTTP/1.1 200" not in visitor.rest()
    with door.raw(listener=1, tls=authority.context(["http/1.1"])) as visitor:
        visitor.send(PREFACE)
        assert visitor.answer().status in (400, 505)
        assert visitor.ends()
