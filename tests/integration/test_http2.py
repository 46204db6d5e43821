"""HTTP/2 to visitors, in front of servers of every kind: with TLS and without, HTTP/1.1 and 2."""

import hashlib
import re
import subprocess

import pytest
from h2_visitor import H2Visitor
from harness.net import PATIENCE_S, wait_until
from harness.sallyport import CLEAN_ENVIRONMENT
from http_lab import Authority, HttpDoor, Node, listener, pool, route, simple

BLOCK = b"0123456789abcdef" * 4096
KINDS = {"http1": {}, "h2c": {"protocol": "h2"}, "https": {"tls": True},
         "h2": {"tls": True, "protocol": "h2"}}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.certificate("www.example.net", "127.0.0.1")


def servers(folder, certificate, kinds=KINDS):
    """A server of each kind in one process."""
    files = dict(zip(("cert", "key"), map(str, certificate)))
    return Node(folder, {kind: {"kind": kind, **(files if kind in ("https", "h2") else {})}
                         for kind in kinds})


def door_before(folder, origin, authority, certificate, tls):
    """Routes /KIND to the server of that kind."""
    text = listener(tls=tls)
    for kind, more in KINDS.items():
        if more.get("tls"):
            more = {**more, "ca_file": str(authority.ca_file), "server_name": "www.example.net"}
        text += pool(kind, [origin.at(kind)], **more)
        text += route(pool=kind, path_prefix=f"/{kind}", strip_prefix=f"/{kind}")
    if tls:
        text += (f'[[http.certificate]]\ncertificate_file = "{certificate[0]}"\n'
                 f'key_file = "{certificate[1]}"\n')
    return HttpDoor(folder, text)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("version", ["1.1", "2"])
def test_every_pairing(tmp_path, authority, certificate, tls, version):
    origin = servers(tmp_path, certificate)
    door = door_before(tmp_path, origin, authority, certificate, tls)
    options = ["--http1.1"] if version == "1.1" else (
        ["--http2"] if tls else ["--http2-prior-knowledge"])
    options += ["--cacert", authority.ca_file] if tls else []
    scheme = "https" if tls else "http"
    for kind in KINDS:
        answer = door.curl(f"/{kind}/echo?q=1", *options, "-H", "X-One: 1", scheme=scheme,
                           data=BLOCK * 5)
        got = answer.json()
        assert (answer.status, answer.version) == (200, version), kind
        assert (got["origin"], got["method"], got["url"]) == (kind, "POST", "/echo?q=1")
        assert got["version"] == ("2.0" if kind.startswith("h2") else "1.1")
        assert got["body"]["sha256"] == hashlib.sha256(BLOCK * 5).hexdigest()
        fields = dict(got["headers"])
        assert fields["x-one"] == "1"
        assert fields["via"] == ("2.0 sallyport" if version == "2" else "1.1 sallyport")
        assert fields["x-forwarded-proto"] == scheme
        assert got["sni"] == ("www.example.net" if kind in ("https", "h2") else None)
        for path, status, body in (("bytes?n=300000&chunked", 200, BLOCK * 4 + BLOCK[:37856]),
                                   ("status?code=204", 204, b""), ("bytes?n=0", 200, b""),
                                   ("status?code=404&text=none", 404, b"none")):
            answer = door.curl(f"/{kind}/{path}", *options, scheme=scheme)
            assert (answer.status, answer.body) == (status, body), (kind, path)
        head = door.curl(f"/{kind}/bytes?n=777", *options, "--head", scheme=scheme)
        assert (head.get("content-length"), head.info["size_download"]) == ("777", 0), kind
        if kind.startswith("http") and version == "2":
            assert "x-sum: 12" in door.curl(f"/{kind}/trailers", *options, scheme=scheme).trailers


def load(door, path, *options, requests, scheme="http"):
    """h2load; the counts of its summary."""
    done = subprocess.run(["h2load", "-n", str(requests), *map(str, options),
                           door.url(path, scheme)], capture_output=True, check=True, text=True,
                          timeout=4 * PATIENCE_S, env=CLEAN_ENVIRONMENT)
    counts = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored", done.stdout)
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", done.stdout)
    return [int(n) for n in (*counts.groups(), *statuses.groups())]


@pytest.mark.parametrize("kind", ["http1", "h2c"])
def test_many_streams_on_few_connections(tmp_path, kind):
    origin = Node(tmp_path, {"a": {"kind": kind}})
    door = HttpDoor(tmp_path, simple(origin.at(), **KINDS[kind]), shards=2)
    requests = 4000
    counts = load(door, "/bytes?n=1000", "-c", 4, "-m", 100, requests=requests)
    assert counts == [requests, 0, 0, requests, 0, 0, 0]
    if kind == "h2c":
        assert origin.stats("a")["connections"] <= 16


def test_many_streams_over_tls(tmp_path, authority, certificate):
    origin = servers(tmp_path, certificate)
    door = door_before(tmp_path, origin, authority, certificate, tls=True)
    counts = load(door, "/h2/bytes?n=20000", "-c", 3, "-m", 50, requests=1500, scheme="https")
    assert counts == [1500, 0, 0, 1500, 0, 0, 0]


def test_more_requests_than_a_connection_may_make(tmp_path):
    """It ends in an orderly way: a warning, then the last stream that counts, then the end."""
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, "[http]\nmax_requests_per_connection = 100\n" + simple(origin.at()))
    with H2Visitor(door.address) as visitor:
        for number in range(100):
            assert visitor.answer(visitor.ask("/bytes?n=2"))[1] == b"01", number
        visitor.until(lambda: len(visitor.goaways) == 2, "both GOAWAYs")
        assert visitor.goaways == [2**31 - 1, 199]
        while visitor.more():
            pass
    assert door.curl("/bytes?n=2", "--http2-prior-knowledge").body == b"01"


def test_streams_do_not_wait_for_each_other(tmp_path):
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, simple(origin.at()))
    with H2Visitor(door.address) as visitor:
        slow = [visitor.ask(f"/hang?key={n}") for n in range(20)]
        wait_until(lambda: len(origin.requests()) == 20, "all of them at the server")
        for number in reversed(range(20)):
            origin.go(str(number))
            assert visitor.answer(slow[number])[1] == b"went on"


def test_a_stream_whose_window_is_shut_holds_up_no_other(tmp_path):
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, simple(origin.at()))
    with H2Visitor(door.address, greedy=False) as visitor:
        # 65,535 octets fit into the connection's first window: enough for others when this one
        # gets none beyond its own, smaller window.
        visitor.h2.increment_flow_control_window(10_000_000)
        stuck = visitor.ask("/bytes?n=1000000")
        visitor.until(lambda: len(visitor.bodies[stuck]) == 65535, "its window to be full")
        for _ in range(5):
            assert len(visitor.answer(visitor.ask("/bytes?n=60000"))[1]) == 60_000
        assert len(visitor.bodies[stuck]) == 65535
        visitor.h2.increment_flow_control_window(1_000_000, stuck)
        visitor.push()
        assert len(visitor.answer(stuck)[1]) == 1_000_000


def test_cookies_in_pieces_become_one_line(tmp_path):
    """RFC 9113 §8.2.3."""
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, simple(origin.at()))
    with H2Visitor(door.address) as visitor:
        _, body = visitor.answer(visitor.ask("/echo", ("cookie", "a=1"), ("cookie", "b=2")))
    assert b'["cookie","a=1; b=2"]' in body


def test_a_cancelled_stream_ends_its_request(tmp_path):
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, simple(origin.at()))
    with H2Visitor(door.address) as visitor:
        stream = visitor.ask("/hang?key=k")
        origin.wait_request("GET /hang")
        visitor.h2.reset_stream(stream, 8)
        visitor.push()
        wait_until(lambda: origin.stats("a")["open"] == 0, "the request to be broken off")
        assert visitor.answer(visitor.ask("/bytes?n=3"))[1] == b"012"


def test_a_listener_without_http2(tmp_path, authority, certificate):
    origin = Node(tmp_path)
    text = (listener(tls=True, http2=False) + pool("app", [origin.at()]) + route(pool="app") +
            f'[[http.certificate]]\ncertificate_file = "{certificate[0]}"\n'
            f'key_file = "{certificate[1]}"\n')
    door = HttpDoor(tmp_path, text)
    answer = door.curl("/bytes?n=3", "--http2", "--cacert", authority.ca_file, scheme="https")
    assert (answer.version, answer.body) == ("1.1", b"012")


def test_a_server_without_alpn_is_no_server_of_http2(tmp_path, authority, certificate):
    """It may speak HTTP/1.1 only; what it would make of a preface nobody wants to know."""
    origin = servers(tmp_path, certificate, ["https"])
    door = HttpDoor(tmp_path, simple(origin.at("https"), protocol="h2", tls=True,
                                     ca_file=str(authority.ca_file),
                                     server_name="www.example.net"))
    assert door.curl("/bytes?n=3").status == 502
    assert origin.requests("https") == []


def test_two_hundred_requests_at_once_to_one_server_of_http2(tmp_path):
    """More than one connection's streams, from many visitors."""
    origin = Node(tmp_path, {"a": {"kind": "h2c"}})
    door = HttpDoor(tmp_path, simple(origin.at(), protocol="h2"))
    visitors = [H2Visitor(door.address) for _ in range(4)]
    streams = [[visitor.ask(f"/hang?key={n % 5}") for n in range(50)] for visitor in visitors]
    wait_until(lambda: len(origin.requests()) == 200, "all of them at the server")
    for key in range(5):
        origin.go(str(key))
    for visitor, mine in zip(visitors, streams):
        assert [visitor.answer(stream)[1] for stream in mine] == [b"went on"] * 50
        visitor.close()
    assert origin.stats("a")["connections"] <= 4
