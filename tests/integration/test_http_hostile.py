"""Visitors and servers that mean ill, or die: slow ones, noise, resets at every step. The HTTP door
serves others meanwhile, and afterwards holds not one descriptor more than before."""

import contextlib
import random
import signal
import socket
import ssl
import struct

import pytest
from h2_frames import DATA, END_HEADERS, H2, PREFACE, SETTINGS, block, frame, get, headers
from harness import process, wait_until
from http_lab import OK, Authority, HttpDoor, Node, Scripted, listener, pool, route, simple

SEED = 20_260_101
HEAD = b"GET /echo HTTP/1.1\r\nHost: www.example.net\r\n"
PROXY = b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n"
PROXY_V2 = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
            + socket.inet_aton("192.0.2.1") + socket.inet_aton("192.0.2.2") + b"\0\x50\x03\xe8")
PLAIN, TLS, PROXIED = range(3)


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    first = process.marker()
    yield Node(tmp_path_factory.mktemp("origin"))
    process.stop_and_forget(first)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def door(tmp_path_factory, origin, authority):
    first = process.marker()
    certificate, key = authority.certificate("www.example.net")
    door = HttpDoor(
        tmp_path_factory.mktemp("door"),
        "[http]\nheader_timeout = '1s'\nbody_timeout = '1s'\nsend_timeout = '1s'\n"
        "tls_handshake_timeout = '2s'\nkeep_alive_timeout = '6s'\n"
        + listener() + listener(tls=True) + listener(proxy_protocol="required")
        + f"[[http.certificate]]\ncertificate_file = '{certificate}'\nkey_file = '{key}'\n"
        + pool("app", [origin.at()], max_idle=0) + route(pool="app"))
    with door.raw() as visitor:
        assert visitor.get("/echo", "Connection: close").answer().status == 200
    wait_until(lambda: origin.stats("a")["open"] == 0, "the first connection to end")
    door.base = door.open_sockets()
    yield door
    complaints = process.stop_and_forget(first)
    assert not complaints, complaints


@pytest.fixture(autouse=True)
def _nothing_stays(door, origin):
    """After each test everybody is answered, and no socket is left on either side."""
    yield
    with door.raw() as visitor:
        assert visitor.get("/echo").answer().status == 200
    wait_until(lambda: door.open_sockets() <= door.base,
               lambda: f"{door.base} sockets, are {door.open_sockets()}")
    wait_until(lambda: origin.stats("a")["open"] == 0, "the origin's connections to end")


def reset(connection):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def connections(door, count, which=PLAIN):
    opened = contextlib.ExitStack()
    return opened, [opened.enter_context(door.raw(which)) for _ in range(count)]


SLOW = {
    "head": (PLAIN, HEAD, b"HTTP/1.1 408 "),
    "field": (PLAIN, HEAD + b"X: a", b"HTTP/1.1 408 "),
    "body": (PLAIN, HEAD.replace(b"GET", b"POST") + b"Content-Length: 9\r\n\r\nabc",
             b"HTTP/1.1 408 "),
    "chunk": (PLAIN, HEAD.replace(b"GET", b"POST")
              + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc", b"HTTP/1.1 408 "),
    "nothing": (PLAIN, b"", b""),
    "preface": (PLAIN, PREFACE[:9], b""),
    "http2_head": (PLAIN, PREFACE + frame(SETTINGS) + frame(1, 1, 1, block(get())), b"\0\0"),
    "tls_nothing": (TLS, b"", b""),
    "tls_hello": (TLS, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b""),
    "proxy": (PROXIED, PROXY[:-2], b""),
    "proxy_v2": (PROXIED, PROXY_V2[:20], b""),
}


@pytest.mark.parametrize("case", SLOW)
def test_slow_visitors(door, case):
    """A hundred at once, while others are served. Each is over when its phase's time is."""
    which, octets, end = SLOW[case]
    opened, slow = connections(door, 100, which)
    with opened:
        for each in slow:
            with contextlib.suppress(ConnectionError):  # the first may have had their time
                each.send(octets)
        with door.raw() as visitor:
            for _ in range(10):
                assert visitor.get("/echo").answer().status == 200
        for each in slow:
            assert each.rest().startswith(end)


def test_one_octet_at_a_time_is_too_slow_in_the_end(door):
    """header_timeout is for the head as a whole: octets that keep coming do not prolong it."""
    with door.raw() as visitor:
        visitor.send(HEAD + b"X: ")
        visitor.socket.settimeout(0.05)
        for _ in range(1000):
            try:
                visitor.send(b"a")
                if not visitor.more():
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert visitor.kept.startswith(b"HTTP/1.1 408 ")


def mutated(source, seed):
    """A request with a few octets changed, cut, doubled or moved."""
    draw = random.Random(seed)
    octets = bytearray(source)
    for _ in range(draw.randrange(1, 6)):
        at = draw.randrange(len(octets) + 1)
        to = min(len(octets), at + draw.randrange(1, 20))
        match draw.randrange(5):
            case 0:
                octets[at:to] = draw.randbytes(to - at)
            case 1:
                del octets[at:to]
            case 2:
                octets[at:at] = octets[at:to]
            case 3:
                octets[at:at] = draw.choice([b"\r", b"\n", b"\r\n", b"\0", b":", b" ", b"\xff" * 4])
            case 4:
                if at < len(octets):
                    octets[at] ^= 1 << draw.randrange(8)
        if not octets:
            octets += b"x"
    return bytes(octets)


SOURCES = {
    "get": (PLAIN, HEAD + b"\r\n" + HEAD + b"Connection: close\r\n\r\n"),
    "post": (PLAIN, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + HEAD),
    "chunks": (PLAIN, b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n" + HEAD),
    "upgrade": (PLAIN, b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                b"Upgrade: websocket\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\x85\0\0\0\0hello"),
    "h2": (PLAIN, PREFACE + frame(SETTINGS) + headers(1, get("/echo"))
           + headers(3, get("/echo", method="POST"), END_HEADERS) + frame(DATA, 1, 3, "hello")
           + frame(6, payload="12345678")),
    "h2_frames": (PLAIN, None),
    "proxy": (PROXIED, PROXY + HEAD + b"\r\n"),
    "proxy_v2": (PROXIED, PROXY_V2 + HEAD + b"\r\n"),
    "tls": (TLS, None),
    "noise": (PLAIN, None),
    "noise_tls": (TLS, None),
    "noise_proxy": (PROXIED, None),
}


def client_hello(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(OSError):
        context.wrap_bio(incoming, outgoing, server_hostname="www.example.net").do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("case", SOURCES)
def test_noise(door, authority, case):
    """Whatever comes, and wherever it ends: no answer is 5xx but 501 and 505, for the origin is
    well, and what is read is read to its end."""
    which, source = SOURCES[case]
    for number in range(60):
        seed = f"{SEED} {case} {number}"
        if case == "tls":
            octets = mutated(client_hello(authority.context()), seed)
        elif case == "h2_frames":  # the preface stays, or it would be HTTP/1
            whole = SOURCES["h2"][1]
            octets = whole[:24] + mutated(whole[24:], seed)
        elif source is None:
            octets = random.Random(seed).randbytes(2000)
        else:
            octets = mutated(source, seed)
        with door.raw(which) as visitor:
            try:
                visitor.send(octets)
                visitor.socket.shutdown(socket.SHUT_WR)
                answer = visitor.rest()
            except OSError:
                continue  # refused before its end
            assert b"HTTP/1.1 500" not in answer and b"HTTP/1.1 502" not in answer, (seed, octets)
    assert door.running()


PHASES = {
    "connected": b"",
    "in_the_request_line": b"GET /e",
    "in_the_head": HEAD,
    "asked": HEAD.replace(b"/echo", b"/hang?key=phase") + b"\r\n",
    "in_the_body": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
    "in_a_chunk": b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\na",
    "in_the_answer": HEAD.replace(b"/echo", b"/bytes?n=50000000") + b"\r\n",
    "in_a_stalled_answer": HEAD.replace(b"/echo", b"/stall?key=phase") + b"\r\n",
    "in_a_tunnel": b"GET /raw HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nabc",
    "http2_preface": PREFACE,
    "http2_asked": PREFACE + frame(SETTINGS) + headers(1, get("/hang?key=phase")),
    "http2_in_the_answer": PREFACE + frame(SETTINGS) + headers(1, get("/bytes?n=50000000")),
    "http2_in_the_body": PREFACE + frame(SETTINGS) + headers(
        1, get("/echo", method="POST"), END_HEADERS) + frame(DATA, 0, 1, "abc"),
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("phase", PHASES)
def test_resets(door, origin, authority, phase, tls):
    """RST at each step, ten times: some at once, some when the server has been asked."""
    alpn = ["h2"] if phase.startswith("http2") else ["http/1.1"]
    for number in range(10):
        before = len(origin.requests())
        visitor = door.raw(TLS if tls else PLAIN, tls=authority.context(alpn) if tls else None)
        visitor.send(PHASES[phase])
        if "answer" in phase or ("ask" in phase and number % 2):
            wait_until(lambda: len(origin.requests()) > before, "the request at the origin")
        if number % 2 and "answer" in phase:
            visitor.more()
        reset(visitor)


@pytest.mark.parametrize("phase", PHASES)
def test_half_closes(door, phase):
    """Who sends no more gets no more (but a tunnel's other half): no connection hangs on him."""
    with door.raw() as visitor:
        visitor.send(PHASES[phase])
        visitor.socket.shutdown(socket.SHUT_WR)
        visitor.rest()


def test_a_visitor_who_takes_nothing(door):
    """Answers of 50 MB to visitors who do not read: each is over after send_timeout, and has cost
    buffers of a few MB, what one wake-up of a multishot receive may bring."""
    before = door.rss_octets()
    opened, greedy = connections(door, 30)
    with opened:
        for each in greedy:
            each.get("/bytes?n=50000000")
        wait_until(lambda: door.open_sockets() <= door.base, "all cut off")
        assert door.rss_octets() < before + len(greedy) * 5_000_000


def test_a_server_that_is_killed(tmp_path):
    """Mid answer, and before one, with many under way."""
    node = Node(tmp_path)
    door = HttpDoor(tmp_path, simple(node.at(), retries=0))
    opened, visitors = connections(door, 20)
    with opened:
        for number, each in enumerate(visitors):
            each.get("/stall?key=x" if number % 2 else "/hang?key=x")
        for each in visitors[1::2]:
            assert each.until("begun ")
        wait_until(lambda: len(node.requests()) == 20, "all requests")
        node.signal(signal.SIGKILL)
        for number, each in enumerate(visitors):
            if number % 2:
                assert not each.rest().endswith(b"0\r\n\r\n")
            else:
                assert each.answer().status == 502
    with H2(door.address) as visitor:
        visitor.send(headers(1, get("/")))
        assert visitor.status(1) == 502


def test_servers_that_break_off_anywhere(tmp_path):
    """An answer cut after each of its octets, by FIN and by RST."""
    whole = ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n"
             "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n").encode()

    def script(connection, _number):
        path = connection.request().split(" ")[1]
        if path == "/ok":
            connection.send(OK)
            return
        _, at, how = path.split("/")
        connection.send(whole[:int(at)])
        if how == "rst":
            connection.reset()

    with Scripted(script) as origin:
        door = HttpDoor(tmp_path, simple(origin.at, retries=0, max_idle=0))
        with door.raw() as visitor:
            assert visitor.get("/ok").answer().body == b"ok"
        base = None
        for at in range(len(whole)):
            for how in ("fin", "rst"):
                with door.raw() as visitor:
                    visitor.get(f"/{at}/{how}", "Connection: close")
                    came = visitor.rest()
                    assert not came.endswith(b"0\r\n\r\n") and b"X-Sum" not in came, (at, how)
            if base is None:
                with door.raw() as visitor:
                    assert visitor.get("/ok", "Connection: close").answer().body == b"ok"
                base = door.open_sockets()
        with door.raw() as visitor:
            assert visitor.get("/ok").answer().body == b"ok"
        wait_until(lambda: door.open_sockets() <= base, "no descriptor left behind")
