"""PROXY headers, versions 1 and 2: who the visitor is behind a balancer, by raw octets and behind
the real HAProxy; and what is no such header gets nothing."""

import contextlib
import socket
import struct

import pytest
from harness import Process
from harness.net import PATIENCE_S, loopback_address
from harness.sallyport import toml
from http_lab import Authority, HttpDoor, Raw, listener, route

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
NAME = "www.example.net"

# Says who the visitor is; and only the visitors named are let in to /inner.
ROUTES = (route(policy="whitelisted", path_prefix="/inner", respond=200, respond_body="in\n") +
          route(respond=200, respond_body="up\n", response_headers=["set X-Visitor: {visitor}"]) +
          toml({"http.whitelist": [
              {"name": "all", "addresses": ["192.0.2.0/24", "2001:db8::/32", "127.0.0.0/8"]}]}))


def v1(line):
    return f"PROXY {line}\r\n".encode()


def v2(command, family, rest=b"", version=2):
    return SIGNATURE + bytes([version << 4 | command, family]) + struct.pack("!H", len(rest)) + rest


def addresses(source, destination, ports=(4711, 443)):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    return (socket.inet_pton(family, source) + socket.inet_pton(family, destination) +
            struct.pack("!HH", *ports))


V4 = addresses("192.0.2.7", "198.51.100.1")
V6 = addresses("2001:db8::7", "2001:db8::1")
TLV = b"\x01\0\x02h2" + b"\x04\0\x05xxxxx"  # PP2_TYPE_ALPN, PP2_TYPE_NOOP

# The visitor that each names; None: nobody whom we could know.
HEADERS = {
    "v1 TCP4": (v1("TCP4 192.0.2.7 198.51.100.1 4711 443"), "192.0.2.7"),
    "v1 TCP6": (v1("TCP6 2001:db8::7 2001:db8::1 4711 443"), "2001:db8::7"),
    "v1 UNKNOWN": (v1("UNKNOWN"), None),
    "v1 UNKNOWN with more": (v1("UNKNOWN 192.0.2.7 198.51.100.1 4711 443"), None),
    "v2 TCP4": (v2(1, 0x11, V4), "192.0.2.7"),
    "v2 TCP6": (v2(1, 0x21, V6), "2001:db8::7"),
    "v2 TCP4 and TLVs": (v2(1, 0x11, V4 + TLV), "192.0.2.7"),
    "v2 2048 octets": (v2(1, 0x11, V4 + b"\x04" + struct.pack("!H", 2033) + b"x" * 2033),
                       "192.0.2.7"),
    "v2 IPv4 in IPv6": (v2(1, 0x21, addresses("::ffff:192.0.2.7", "::ffff:198.51.100.1")),
                        "192.0.2.7"),
    "v2 UDP4": (v2(1, 0x12, V4), "192.0.2.7"),
    "v2 UNSPEC": (v2(1, 0x00), None),
    "v2 Unix": (v2(1, 0x31, b"/run/x".ljust(108, b"\0") * 2), None),
    "v2 LOCAL": (v2(0, 0x00), "127.0.0.1"),
    "v2 LOCAL with addresses": (v2(0, 0x11, V4), "127.0.0.1"),
}

BAD = {
    "a request": b"GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n",
    "a preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a ClientHello": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    "v1 no family": v1(""),
    "v1 other family": v1("TCP5 192.0.2.7 198.51.100.1 4711 443"),
    "v1 lower case": b"proxy TCP4 192.0.2.7 198.51.100.1 4711 443\r\n",
    "v1 IPv6 as TCP4": v1("TCP4 2001:db8::7 2001:db8::1 4711 443"),
    "v1 no address": v1("TCP4 192.0.2 198.51.100.1 4711 443"),
    "v1 no port": v1("TCP4 192.0.2.7 198.51.100.1 4711 65536"),
    "v1 more": v1("TCP4 192.0.2.7 198.51.100.1 4711 443 x"),
    "v1 two spaces": v1("TCP4  192.0.2.7 198.51.100.1 4711 443"),
    "v1 bare LF": b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\nGET / HTTP/1.1\r\n",
    "v1 108 octets": v1("UNKNOWN " + "x" * 92),
    "v2 version 1": v2(1, 0x11, V4, version=1),
    "v2 command 2": v2(2, 0x11, V4),
    "v2 family 4": v2(1, 0x41, V4),
    "v2 transport 3": v2(1, 0x13, V4),
    "v2 short": v2(1, 0x21, V4),
    "v2 too long": v2(1, 0x11, V4 + b"x" * 2037),
    "half a signature": SIGNATURE[:8] + b"GET / HTTP/1.1\r\n",
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def door(tmp_path_factory, authority):
    """Plain, TLS, a Unix socket, and a listener that takes no PROXY headers."""
    folder = tmp_path_factory.mktemp("door")
    certificate, key = authority.certificate(NAME)
    door = HttpDoor(
        folder, toml({"http": {"trusted_proxies": ["192.0.2.99"]}}) +
        listener(proxy_protocol="required") + listener(tls=True, proxy_protocol="required") +
        listener(f"unix:{folder}/web.sock", proxy_protocol="required") + listener() +
        toml({"http.certificate": [{"certificate_file": str(certificate), "key_file": str(key)}]}) +
        ROUTES, shards=2)
    yield door
    assert door.running()
    door.stop()


PLAIN, TLS, UNIX, NO_PROXY = range(4)


def seen(visitor, path="/"):
    answer = visitor.get(path).answer()
    assert answer.status == 200, answer
    return answer.get("x-visitor")


@pytest.mark.parametrize("number", [PLAIN, TLS, UNIX], ids=["plain", "TLS", "Unix"])
@pytest.mark.parametrize("what", HEADERS)
def test_the_visitor_is_whom_the_header_names(door, authority, what, number):
    header, expected = HEADERS[what]
    if number == UNIX and expected == "127.0.0.1":
        expected = None  # a balancer on a Unix socket that speaks for itself
    with door.raw(number) as visitor:
        visitor.send(header)
        if number == TLS:
            visitor.start_tls(authority.context(), NAME)
        if expected:
            assert seen(visitor) == expected
            assert seen(visitor) == expected  # of the connection, not of its first request
        inner = visitor.get("/inner").answer()
        assert inner.status == (200 if expected else 403), inner


def test_together_with_the_request(door):
    with door.raw() as visitor:
        visitor.send(v2(1, 0x11, V4) + b"GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n")
        assert visitor.answer().get("x-visitor") == "192.0.2.7"


@pytest.mark.parametrize("what", ["v1 TCP4", "v2 TCP6", "v2 TCP4 and TLVs"])
def test_octet_by_octet(door, what):
    header, expected = HEADERS[what]
    with door.raw() as visitor:
        for octet in header:
            visitor.send(bytes([octet]))
        assert seen(visitor) == expected


def test_http2_behind_it(door):
    """The preface is looked for behind the header: a SETTINGS frame answers."""
    with door.raw() as visitor:
        visitor.send(v1("TCP4 192.0.2.7 198.51.100.1 1 2"))
        visitor.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        assert visitor.exactly(9)[3] == 4


@pytest.mark.parametrize("number", [PLAIN, TLS, UNIX], ids=["plain", "TLS", "Unix"])
@pytest.mark.parametrize("what", BAD)
def test_what_is_none_gets_nothing(door, what, number):
    with door.raw(number) as visitor:
        with contextlib.suppress(ConnectionError):
            visitor.send(BAD[what])
        assert visitor.ends()


# Ends a head, so that a header which is taken for one is judged.
END = b"\r\n\r\n"


def test_only_one_is_taken(door):
    with door.raw() as visitor:
        visitor.send(v1("TCP4 192.0.2.7 198.51.100.1 1 2") * 2 + END)
        assert visitor.answer().status == 400


@pytest.mark.parametrize("what", ["v1 TCP4", "v2 TCP4"])
def test_not_where_it_is_not_required(door, what):
    with door.raw(NO_PROXY) as visitor:
        visitor.send(HEADERS[what][0] + END)
        assert visitor.answer().status == 400


def test_not_within_tls(door, authority):
    with door.raw(TLS) as visitor:
        visitor.send(v1("TCP4 192.0.2.7 198.51.100.1 1 2"))
        visitor.start_tls(authority.context(), NAME)
        visitor.send(v1("TCP4 127.0.0.1 198.51.100.1 1 2") + END)
        assert visitor.answer().status == 400


def test_forwarded_for_is_believed_of_the_named_peer_only(door):
    """trusted_proxies are compared with whom the header names, not with the balancer."""
    for source, expected in (("192.0.2.99", "203.0.113.5"), ("192.0.2.98", "192.0.2.98")):
        with door.raw() as visitor:
            visitor.send(v1(f"TCP4 {source} 198.51.100.1 1 2"))
            answer = visitor.get("/", "X-Forwarded-For: 203.0.113.5").answer()
            assert answer.get("x-visitor") == expected


def test_it_must_come_in_time(tmp_path, authority):
    certificate, key = authority.certificate(NAME, file="slow")
    door = HttpDoor(tmp_path, toml({"http": {"tls_handshake_timeout": "200ms",
                                             "header_timeout": "5m"}}) +
                    listener(proxy_protocol="required") +
                    listener(tls=True, proxy_protocol="required") + toml({"http.certificate": [
                        {"certificate_file": str(certificate), "key_file": str(key)}]}) + ROUTES)
    begun = [b"", b"PROXY TCP4 192.", SIGNATURE, v2(1, 0x11, V4)[:-1]]
    visitors = [door.raw(number).send(octets) for number in (PLAIN, TLS) for octets in begun]
    for visitor in visitors:
        visitor.socket.settimeout(PATIENCE_S / 4)  # less than the default of 10 s
        assert visitor.ends()
        visitor.close()


# --- HAProxy ---------------------------------------------------------------------------------


class HaProxy(Process):
    """TCP mode: each of `servers`, lines of a backend, behind a port of its own."""

    def __init__(self, folder, servers):
        host = loopback_address()
        self.addresses = [(host, 8000 + n) for n in range(len(servers))]
        config = ["global", "  log stderr format raw local0", "defaults", "  mode tcp",
                  "  log global", "  timeout connect 10s", "  timeout client 30s",
                  "  timeout server 30s"]
        for n, (server, (_, port)) in enumerate(zip(servers, self.addresses)):
            config += [f"listen l{n}", f"  bind {host}:{port}", f"  server s {server}"]
        (folder / "haproxy.cfg").write_text("\n".join(config) + "\n")
        super().__init__("haproxy", ["haproxy", "-db", "-f", folder / "haproxy.cfg"], folder)

        def listens():
            with contextlib.suppress(OSError), socket.create_connection(self.addresses[-1], 1):
                return True

        self.wait_for(listens, "HAProxy listens")


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl"])
def test_behind_haproxy(tmp_path, door, authority, send):
    plain, tls = (":".join(map(str, door.addresses[n])) for n in (PLAIN, TLS))
    haproxy = HaProxy(tmp_path, [f"{plain} {send}", f"{tls} {send}",
                                 f"unix@{door.addresses[UNIX]} {send}"])
    for n, address in enumerate(haproxy.addresses):
        # A visitor's address that nobody else has, to see it arrive.
        source = loopback_address()
        with Raw(address, authority.context() if n == 1 else None, source=(source, 0)) as visitor:
            assert seen(visitor) == source
            assert visitor.get("/inner").answer().status == 200


def test_haproxys_health_checks_pass(tmp_path, door):
    """With check it speaks for itself (LOCAL), and asks for the page that a listener answers."""
    address = ":".join(map(str, door.addresses[PLAIN]))
    haproxy = HaProxy(tmp_path, [f"{address} send-proxy-v2 check inter 5s rise 1 fall 1\n"
                                 "  option httpchk GET /\n  option log-health-checks"])
    haproxy.wait_for(lambda: "Health check for server l0/s succeeded" in haproxy.output(),
                     "a health check that succeeds")
    assert "failed" not in haproxy.output()
