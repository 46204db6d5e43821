"""Bodies on their way through the HTTP door: nothing is collected, who is slow slows the other side
down, and who breaks off is heard of on the other side. SALLYPORT_TEST_UPLOAD_GB: how much is moved
with memory watched (10 by hand, before a release)."""

import contextlib
import hashlib
import os
import re
import socket
import threading

import pytest
from harness.net import wait_until
from http_lab import Authority, CurlFailed, HttpDoor, Node, Scripted, listener, pool, route, simple

BLOCK = b"0123456789abcdef" * 4096
SANITIZED = "SALLYPORT_TEST_CLIENTS" in os.environ
GIGABYTES = float(os.environ.get("SALLYPORT_TEST_UPLOAD_GB", "0.1" if SANITIZED else "1"))
MOVED = int(GIGABYTES * 2**30) // len(BLOCK) * len(BLOCK)
BUFFERS = 16 * 2**20
# Beyond the buffers: what the allocator and TLS keep, a sanitizer's shadow not counted.
SLACK = 8 * 2**20
HTTP = f"[http]\nmax_buffer_memory = {BUFFERS}\n"


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path)


@pytest.fixture
def door(tmp_path, origin):
    return HttpDoor(tmp_path, HTTP + simple(origin.at()))


class Watched:
    """Fails when the daemon's memory grew by more than its buffers meanwhile."""

    def __init__(self, door):
        self.door = door

    def __enter__(self):
        self.before = self.door.rss_octets()
        self.most = self.before
        return self

    def look(self):
        self.most = max(self.most, self.door.rss_octets())

    def __exit__(self, kind, *_):
        self.look()
        if kind is None and not SANITIZED:
            assert self.most - self.before < BUFFERS + SLACK


class Upload(threading.Thread):
    """Sends `octets` of a pattern, as fast as they are taken; counts them in `sent`."""

    def __init__(self, visitor, octets):
        super().__init__(daemon=True)
        self.visitor, self.left, self.sent = visitor, octets, 0
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while self.left > 0:
                took = self.visitor.socket.send(BLOCK[:self.left])
                self.left -= took
                self.sent += took

    def wait_stalled(self):
        """Until nothing more is taken from it: for the time of ten looks."""
        seen = [0]

        def stalled():
            seen.append(self.sent)
            return self.sent > 0 and len(seen) > 10 and len(set(seen[-10:])) == 1

        wait_until(stalled, "the upload to stall")


def pattern_sha256(octets):
    digest = hashlib.sha256()
    for _ in range(octets // len(BLOCK)):
        digest.update(BLOCK)
    digest.update(BLOCK[:octets % len(BLOCK)])
    return digest.hexdigest()


def taken(visitor, octets, memory):
    """SHA-256 of the body of so many octets that comes now."""
    assert len(visitor.kept) <= octets
    digest = hashlib.sha256(visitor.kept)
    octets -= len(visitor.kept)
    visitor.kept = b""
    target = memoryview(bytearray(1 << 20))
    looks = 0
    while octets > 0:
        count = visitor.socket.recv_into(target[:min(octets, len(target))])
        assert count > 0, f"{octets} octets early"
        digest.update(target[:count])
        octets -= count
        looks += 1
        if looks % 200 == 0:
            memory.look()
    return digest.hexdigest()


def download(visitor, octets, memory):
    assert visitor.get(f"/bytes?n={octets}").head().status == 200
    return taken(visitor, octets, memory)


# --- Much, and slowly ---------------------------------------------------------------------------


def test_a_large_upload_to_a_slow_server(door, origin):
    with door.raw() as visitor, Watched(door) as memory:
        visitor.socket.settimeout(600)
        visitor.send(f"POST /sink?key=k HTTP/1.1\r\nHost: a\r\nContent-Length: {MOVED}\r\n\r\n")
        upload = Upload(visitor, MOVED)
        origin.wait_request("POST /sink")
        upload.wait_stalled()
        # Sockets, the origin's own buffer and ours; not the whole.
        assert upload.sent < MOVED // 2
        memory.look()
        origin.go("k")
        while upload.is_alive():
            upload.join(0.2)
            memory.look()
        got = visitor.answer().json()
    assert got["octets"] == MOVED
    assert got["sha256"] == pattern_sha256(MOVED)


def test_a_large_download_by_a_slow_visitor(door, origin):
    with door.raw() as visitor, Watched(door) as memory:
        visitor.get(f"/bytes?n={MOVED}")
        assert visitor.head().get("content-length") == str(MOVED)

        def moved():
            # What the door has received of the server, as its socket's kernel counts.
            return origin.stats("a")["written"]

        seen = []
        wait_until(lambda: seen.append(moved()) or (len(seen) > 10 and len(set(seen[-10:])) == 1),
                   "the download to stall", every_s=0.03)
        assert seen[-1] < MOVED // 2
        assert taken(visitor, MOVED, memory) == pattern_sha256(MOVED)


@pytest.mark.parametrize("upstream", ["http1", "h2c"])
def test_both_ways_over_http2(tmp_path, upstream):
    """curl takes and gives no faster than told; HTTP/2's windows pass that on."""
    origin = Node(tmp_path, {"a": {"kind": upstream}})
    door = HttpDoor(tmp_path, HTTP + simple(
        origin.at(), protocol="h2" if upstream == "h2c" else "http1"))
    file = tmp_path / "large"
    octets = min(MOVED, 64 * 2**20)
    with open(file, "wb") as out:
        for _ in range(octets // len(BLOCK)):
            out.write(BLOCK)
    prior = "--http2-prior-knowledge"
    with Watched(door) as memory:
        upload = threading.Thread(target=lambda: setattr(origin, "got", door.curl(
            "/sink?key=u", prior, "-T", file, timeout_s=120).json()), daemon=True)
        upload.start()
        origin.wait_request("PUT /sink")
        memory.look()
        origin.go("u")
        download = door.curl(f"/bytes?n={octets}", prior, "--limit-rate", "200M", timeout_s=120)
        memory.look()
        upload.join(120)
    assert origin.got["sha256"] == pattern_sha256(octets)
    assert hashlib.sha256(download.body).hexdigest() == pattern_sha256(octets)
    assert download.version == "2"


def test_who_is_slow_holds_up_nobody_else(door, origin):
    with door.raw() as slow:
        slow.get(f"/bytes?n={256 * 2**20}").head()
        for _ in range(20):
            assert len(door.curl("/bytes?n=1000000").body) == 1_000_000


def test_octets_go_through_as_they_come(door, origin):
    with door.raw() as visitor:
        visitor.get("/stall?key=k").until("begun ")  # nobody waits for the rest of it
        origin.go("k")
        visitor.until("ended")


def test_a_request_goes_through_as_it_comes(tmp_path):
    parts = []

    def script(peer, _):
        peer.request()
        for part in (b"first", b"second"):
            parts.append(peer.until(part))
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: </" + part.decode() + ">\r\n\r\n")
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            visitor.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nfirst")
            assert visitor.answer(interim=True).get("link") == "</first>"
            visitor.send("second")
            assert visitor.answer(interim=True).get("link") == "</second>"
            assert visitor.answer().status == 200
    assert parts == [b"first", b"second"]


def test_a_silent_answer_lives_on(tmp_path, origin):
    """response_timeout ends with the head: who streams events may be silent for longer."""
    door = HttpDoor(tmp_path, simple(origin.at(), response_timeout="2s"))
    with door.raw() as visitor, door.raw() as other:
        visitor.get("/sse?key=k").until("data: 0\n\n")
        # A request that gets no head ends by this time-out, and twice as much time passes.
        for _ in range(2):
            assert other.get("/hang?key=never").answer().status == 504
        origin.go("k")
        visitor.until("data: event 1\n\n")


# --- 100-continue -------------------------------------------------------------------------------


def test_a_visitor_who_waits_for_100(door):
    with door.raw() as visitor:
        visitor.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                     "Expect: 100-continue\r\n\r\n")
        assert visitor.answer(interim=True).status == 100
        answer = visitor.send("hello").answer()
        assert answer.json()["body"]["text"] == "hello"
        assert "expect" not in dict(answer.json()["headers"])
        assert visitor.get("/bytes?n=1").answer().body == b"0"


def test_a_visitor_who_does_not_wait_for_his_100(door):
    with door.raw() as visitor:
        visitor.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                     "Expect: 100-continue\r\n\r\nhello")
        assert visitor.answer().json()["body"]["text"] == "hello"


def test_no_100_before_a_refusal(tmp_path, origin):
    text = listener() + pool("app", [origin.at()]) + route(policy="deny", path_prefix="/no")
    door = HttpDoor(tmp_path, text + route(pool="app", max_request_body=1000))
    for path, status in (("/no", 403), ("/echo", 413)):
        with door.raw() as visitor:
            visitor.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n"
                         "Expect: 100-continue\r\n\r\n")
            assert visitor.answer(interim=True).status == status
            assert visitor.ends()  # the body that may still come must not be read as a request
    assert origin.requests() == []


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_curl_and_its_100(door, version):
    answer = door.curl("/echo", version, "-H", "Expect: 100-continue", data=BLOCK)
    assert answer.status == 200 and answer.json()["body"]["octets"] == len(BLOCK)
    assert re.match(r"HTTP/\S+ 100", answer.heads[0])


# --- Trailers and interim answers ---------------------------------------------------------------


def test_trailers_of_an_answer(door):
    with door.raw() as visitor:
        answer = visitor.get("/trailers", "TE: trailers", "Connection: TE").answer()
    assert answer.body == b"first second"
    assert answer.trailers == b"X-Sum: 12\r\nX-Late: yes\r\n"
    answer = door.curl("/trailers", "--http2-prior-knowledge")
    assert answer.body == b"first second" and "x-sum: 12" in answer.trailers


def test_trailers_of_a_request(door):
    with door.raw() as visitor:
        visitor.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "2\r\nhi\r\n0\r\nX-Sum: 2\r\nContent-Length: 9\r\nX-Forwarded-For: 1.2.3.4\r\n"
                     "Authorization: x\r\n\r\n")
        got = visitor.answer().json()
    assert got["trailers"] == {"x-sum": "2"}


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_early_hints(door, version):
    answer = door.curl("/early", version)
    assert [head.split()[1] for head in answer.heads] == ["103", "200"]
    assert "rel=preload" in answer.heads[0] and answer.body == b"late"


def test_http_1_0_gets_no_early_hints(door):
    with door.raw() as visitor:
        visitor.send("GET /early HTTP/1.0\r\nHost: a\r\n\r\n")
        assert visitor.answer(interim=True).status == 200


# --- Answers before the request's end -----------------------------------------------------------


def test_an_answer_before_the_requests_end(door):
    """He has it although he still sends, and nothing of what he sends becomes a request."""
    with door.raw() as visitor:
        visitor.send(f"POST /hasty HTTP/1.1\r\nHost: a\r\nContent-Length: {64 * 2**20}\r\n\r\n")
        visitor.send(BLOCK)
        answer = visitor.answer()
        assert (answer.status, answer.body) == (403, b"no need to go on")
        upload = Upload(visitor, 64 * 2**20 - len(BLOCK))
        assert visitor.ends()
        upload.join()


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_curl_hears_it(door, version):
    answer = door.curl("/hasty", version, "-H", "Expect:", data=BLOCK * 64)
    assert (answer.status, answer.body) == (403, b"no need to go on")


# --- Who breaks off -----------------------------------------------------------------------------


def test_a_visitor_who_leaves_before_the_answer(door, origin):
    with door.raw() as visitor:
        visitor.get("/hang?key=k")
        origin.wait_request("GET /hang")
    wait_until(lambda: origin.stats("a")["open"] == 0, "the request to be broken off")


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_a_visitor_who_leaves_during_the_answer(door, origin, version):
    with pytest.raises(CurlFailed):
        door.curl("/sse?key=k", version, timeout_s=0.5)
    wait_until(lambda: origin.stats("a")["open"] == 0, "the request to be broken off")


def test_a_visitor_who_leaves_during_his_request(door, origin):
    with door.raw() as visitor:
        visitor.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart")
        origin.wait_request("POST /echo")
    wait_until(lambda: origin.stats("a")["aborted"] == 1, "the request to be broken off")


def test_a_visitor_who_leaves_while_the_server_takes_nothing(tmp_path, origin):
    """He is not read from at that time, so his end shows when the server's time is over."""
    door = HttpDoor(tmp_path / "patient", simple(origin.at(), response_timeout="2s"))
    before = door.open_sockets()
    visitor = door.raw()
    visitor.send(f"POST /sink?key=k HTTP/1.1\r\nHost: a\r\nContent-Length: {MOVED}\r\n\r\n")
    upload = Upload(visitor, MOVED)
    origin.wait_request("POST /sink")
    upload.wait_stalled()
    with contextlib.suppress(OSError):  # that time may be over
        visitor.socket.shutdown(socket.SHUT_RDWR)
    visitor.close()
    # The origin reads nothing and so sees nothing; we have both connections no more.
    wait_until(lambda: door.open_sockets() == before, "the request to be broken off")


def test_a_slow_visitor_who_leaves(door, origin):
    with door.raw() as visitor:
        visitor.get(f"/bytes?n={MOVED}").head()
    wait_until(lambda: origin.stats("a")["open"] == 0, "the answer to be broken off")


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_server_that_breaks_off(tmp_path, framing):
    def script(peer, _):
        peer.request()
        peer.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\npart!\r\n")
        peer.until("\0")  # until the test's end, or the connection's

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, HTTP + simple(server.at))
        with door.raw() as visitor, door.raw() as other:
            for each in (visitor, other):
                each.get().until("part!")
            server.end()
            for each in (visitor, other):
                rest = each.rest()
                # He must not take it for a whole answer.
                assert b"0\r\n\r\n" not in rest and len(rest) < 90
    assert door.running()


def test_http2_hears_of_a_server_that_breaks_off(tmp_path):
    def script(peer, _):
        peer.request()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        answer = door.curl("/", "--http2-prior-knowledge", check=False)
    assert answer.code == 92  # CURLE_HTTP2_STREAM: it was reset


def test_a_server_that_breaks_off_during_the_request(tmp_path):
    def script(peer, _):
        peer.request()
        peer.until("part")
        peer.reset()

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            visitor.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart")
            assert visitor.answer().status == 502
            assert visitor.ends()


def test_the_same_through_tls(tmp_path):
    """Both sides over TLS: much each way, and a visitor who leaves."""
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.certificate("www.example.net", "127.0.0.1")
    origin = Node(tmp_path, {"a": {"kind": "https", "cert": str(certificate), "key": str(key)}})
    door = HttpDoor(tmp_path, HTTP + listener(tls=True) + pool(
        "app", [origin.at()], tls=True, ca_file=str(authority.ca_file),
        server_name="www.example.net") + route(pool="app") +
        f'[[http.certificate]]\ncertificate_file = "{certificate}"\nkey_file = "{key}"\n')
    octets = 64 * 2**20
    with door.raw(tls=authority.context()) as visitor, Watched(door) as memory:
        visitor.send(f"POST /sink?key=k HTTP/1.1\r\nHost: a\r\nContent-Length: {octets}\r\n\r\n")
        upload = Upload(visitor, octets)
        origin.wait_request("POST /sink")
        upload.wait_stalled()
        assert upload.sent < octets // 2
        memory.look()
        origin.go("k")
        upload.join()
        assert visitor.answer().json()["sha256"] == pattern_sha256(octets)
        assert download(visitor, octets, memory) == pattern_sha256(octets)
        visitor.get("/hang?key=k")
        origin.wait_request("GET /hang")
    wait_until(lambda: origin.stats("a")["open"] == 0, "the request to be broken off")
