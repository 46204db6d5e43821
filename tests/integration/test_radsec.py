"""RADIUS over TLS from clients (docs/radsec.md): RADIUS/1.0 and RADIUS/1.1 by a client of our own,
the real radsecproxy and FreeRADIUS, and everything that must end a connection."""

import hashlib
import re
import socket
import ssl
import struct

import pytest
from harness import FakeDownstream, Process, Sallyport, loopback_address, wait_until, wire
from harness.clients import radclient, radclient_reply
from harness.downstream import silent
from harness.net import PATIENCE_S, free_port
from harness.radsec import (ALPN_10, ALPN_11, NAME, Authority, FreeRadiusProxy, RadsecClient,
                            RadsecProxy, stranger_at)
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, ROOT, filled_in

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def identity(authority):
    return authority.issue()


class Lab:
    """A daemon with a TLS listener, and how to connect to it."""

    def __init__(self, folder, authority, identity, downstream, notakey, /, listener=(), client=(),
                 certificates=(f"dns:{NAME}",), radsec=None, **sections):
        self.authority, self.identity = authority, identity
        address = loopback_address()
        self.server = (address, free_port(address, socket.SOCK_STREAM))
        tls = authority.sections(self.server[1], address, certificates, listener, client)
        tls["radsec"] = radsec or {}
        self.door = Sallyport(folder, downstream, notakey, **{**tls, **sections})

    def connect(self, identity=None, **options):
        return RadsecClient(self.server, self.authority, identity or self.identity, **options)

    def ended(self, reason):
        return self.door.metric("sallyport_radsec_ended_total", reason=reason)

    def wait_ended(self, reason, count=1):
        self.door.wait_metric(count, "sallyport_radsec_ended_total", reason=reason)


@pytest.fixture
def lab(tmp_path, authority, identity, downstream, notakey):
    return Lab(tmp_path, authority, identity, downstream, notakey)


@pytest.fixture
def freeradius_lab(tmp_path, authority, identity, freeradius, notakey):
    return Lab(tmp_path, authority, identity, freeradius, notakey)


# --- What is spoken --------------------------------------------------------------------------

@pytest.mark.parametrize(("alpn", "version"), [
    ((), TLS_1_2), ((), TLS_1_3), ((ALPN_10,), TLS_1_3), ((ALPN_10, ALPN_11), TLS_1_2)])
def test_radius_1_0(freeradius_lab, alpn, version):
    """The secret is "radsec", everything is signed and hidden with it. RADIUS/1.1 needs TLS 1.3."""
    with freeradius_lab.connect(alpn=alpn, version=version) as client:
        assert client.alpn == (ALPN_10 if alpn else None)
        reply = client.ask(client.pap("alice", "wonderland"))
        assert reply.code == wire.ACCESS_ACCEPT
        assert reply.tunnel_passwords() == [(1, b"tunnel one"),
                                            (2, b"the second tunnel's longer password")]
        assert client.ask(client.pap("alice", "wrong")).code == wire.ACCESS_REJECT
    assert freeradius_lab.door.wait_audit(1)[0]["client"] == "wifi"


@pytest.mark.parametrize("alpn", [(ALPN_11,), (ALPN_10, ALPN_11)])
def test_radius_1_1(freeradius_lab, alpn):
    """RFC 9765: passwords are clear both ways, and the real FreeRADIUS behind has read them."""
    with freeradius_lab.connect(alpn=alpn) as client:
        assert client.alpn == ALPN_11
        states = [(wire.PROXY_STATE, b"one"), (wire.PROXY_STATE, b"two")]
        reply = client.ask(client.pap("alice", "wonderland", states))
        assert reply.code == wire.ACCESS_ACCEPT
        assert reply.all(wire.TUNNEL_PASSWORD) == [b"\x01tunnel one",
                                                   b"\x02the second tunnel's longer password"]
        assert reply.all(wire.PROXY_STATE) == [b"one", b"two"]
        assert client.ask(client.pap("alice", "wrong")).code == wire.ACCESS_REJECT
        assert client.ask(client.pap("denise", "x")).code == wire.ACCESS_REJECT


def test_radius_1_1_ignores_what_it_does_not_have(lab, downstream):
    """A Message-Authenticator, of whatever length, is as if it were not there (section 5.2)."""
    with lab.connect(alpn=[ALPN_11]) as client:
        for value in (bytes(16), b"x", b""):
            extra = [(wire.MESSAGE_AUTHENTICATOR, value)]
            assert client.ask(client.pap("alice", "x", extra)).code == wire.ACCESS_ACCEPT
        chap = (wire.CHAP_PASSWORD, wire.chap(7, b"x", b"c" * 16))
        challenged = [(wire.USER_NAME, b"alice"), chap, (wire.CHAP_CHALLENGE, b"c" * 16)]
        request = client.request(wire.ACCESS_REQUEST, challenged)
        assert client.ask(request).code == wire.ACCESS_ACCEPT
    assert wire.message_authenticator_at(downstream.requests[0]) == 22
    sent = dict(wire.parse_attributes(downstream.requests[-1]))
    assert sent[wire.CHAP_CHALLENGE] == b"c" * 16 and sent[wire.CHAP_PASSWORD] == chap[1]


@pytest.mark.parametrize("alpn", [(), (ALPN_11,)])
def test_accounting_and_status_server(freeradius_lab, alpn):
    with freeradius_lab.connect(alpn=alpn) as client:
        accounting = client.request(wire.ACCOUNTING_REQUEST, [
            (wire.ACCT_STATUS_TYPE, struct.pack("!I", 1)), (wire.ACCT_SESSION_ID, b"s1"),
            (wire.NAS_IP_ADDRESS, bytes([192, 0, 2, 1])), (wire.USER_NAME, b"alice")])
        status = client.request(wire.STATUS_SERVER, [(wire.NAS_IDENTIFIER, b"tests")])
        assert client.ask(status).code == wire.ACCESS_ACCEPT
        client.send(accounting)  # FreeRADIUS has another port for it
        freeradius_lab.door.wait_metric(1, "sallyport_radius_forwarded_total")


@pytest.mark.parametrize("alpn", [(), (ALPN_11,)])
def test_many_at_once_on_one_connection(lab, alpn):
    """Requests come in pieces of any size, and answers go back in any order."""
    with lab.connect(alpn=alpn) as client:
        requests = [client.pap("alice" if n % 2 else "stranger", f"password {n}", [
            (wire.REPLY_MESSAGE, b"x" * (n % 250 + 1))] * (n % 12)) for n in range(200)]
        octets = b"".join(request.octets() for request in requests)
        for at in range(0, len(octets), 777):
            client.send(octets[at : at + 777])
        answers = [client.receive_octets() for _ in requests]
    by_number = {answer[4:8] if alpn else answer[1]: answer[0] for answer in answers}
    assert len(by_number) == len(requests)
    for n, request in enumerate(requests):
        code = by_number[request.token if alpn else request.identifier]
        assert code == (wire.ACCESS_ACCEPT if n % 2 else wire.ACCESS_REJECT)
    lab.door.wait_metric(1, "sallyport_radsec_handshakes_total")


def test_octet_by_octet(lab):
    with lab.connect() as client:
        request = client.pap("alice", "x")
        for octet in request.octets():
            client.send(bytes([octet]))
        assert client.receive(request).code == wire.ACCESS_ACCEPT


def test_without_udp(tmp_path, authority, identity, downstream, notakey):
    lab = Lab(tmp_path, authority, identity, downstream, notakey, clients=[],
              radius={"listen": None})
    with lab.connect() as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    address, port = lab.server
    told = f"RADIUS on {address}:{port} (TLS), "
    lab.door.wait_for(lambda: told in lab.door.err(), told)


# --- Real programs ---------------------------------------------------------------------------

def logs_in_by(proxy, folder, user="alice", password="wonderland"):
    status, output = radclient(proxy.server, proxy.secret,
                               f'User-Name = "{user}", User-Password = "{password}"', folder)
    return status, output


def test_radsecproxy(freeradius_lab, authority, identity, tmp_path):
    proxy = RadsecProxy(tmp_path / "proxy", freeradius_lab.server, authority, identity)
    freeradius_lab.door.wait_metric(1, "sallyport_radsec_handshakes_total")
    status, output = logs_in_by(proxy, tmp_path)
    assert status == 0, output
    kind, attributes = radclient_reply(output)
    assert kind == "Access-Accept"
    assert attributes["Tunnel-Password:1"] == ["tunnel one"]
    status, output = logs_in_by(proxy, tmp_path, "denise", "x")
    assert "Access-Reject" in output


def test_freeradius(freeradius_lab, authority, identity, tmp_path):
    proxy = FreeRadiusProxy(tmp_path / "proxy", freeradius_lab.server, authority, identity)
    status, output = logs_in_by(proxy, tmp_path)
    assert status == 0, output
    kind, attributes = radclient_reply(output)
    assert kind == "Access-Accept"
    assert attributes["Tunnel-Password:1"] == ["tunnel one"]
    assert "Access-Reject" in logs_in_by(proxy, tmp_path, "alice", "wrong")[1]


# --- What docs/radsec.md tells ---------------------------------------------------------------

def test_the_example_of_the_guide(tmp_path, authority, identity, downstream, notakey):
    """As it stands, but for addresses and the files' places."""
    guide = (ROOT / "docs/radsec.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    lab = Lab(tmp_path, authority, identity, downstream, notakey)
    settings = lab.door.settings
    text = filled_in(example, {
        "127.0.0.1:2083": settings["radsec.listener"][0]["listen"][0],
        '"radsec.pem"': f'"{authority.server[0]}"',
        '"radsec.key"': f'"{authority.server[1]}"',
        '"radsec-clients-ca.pem"': f'"{authority.ca_file}"',
        "dns:wifi.example.net": f"dns:{NAME}",
        "192.0.2.20:1812": settings["downstream"]["address"],
        "replace-me-with-32-random-characters": downstream.secret,
        "https://demo.notakey.com": notakey.host,
        "00000000-0000-0000-0000-000000000000": notakey.access_id,
    })
    lab.door.stop()
    lab.door.config.write_text(text)
    daemon = Process("sallyport", [BINARY, "run", "--config", lab.door.config], tmp_path,
                     env=CLEAN_ENVIRONMENT)
    daemon.wait_for(lambda: "RADIUS on" in daemon.err(), "the daemon")
    with lab.connect() as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT


# --- Who is let in ---------------------------------------------------------------------------

def refused(connect):
    """TLS 1.3 tells a client that it is refused only after its own part of the handshake."""
    try:
        with connect() as client:
            return client.is_closed()
    except (ConnectionError, ssl.SSLError):
        return True


def test_a_certificate_of_nobody_we_trust(lab, tmp_path):
    other = Authority(tmp_path / "other")
    assert refused(lambda: lab.connect(identity=other.issue()))
    lab.wait_ended("certificate")


def test_no_certificate(lab):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(lab.server, timeout=PATIENCE_S) as raw:
        try:
            with context.wrap_socket(raw) as secure:
                assert secure.recv(1) == b""
        except (ConnectionError, ssl.SSLError):
            pass
    lab.wait_ended("handshake")


def test_a_certificate_for_servers(lab, authority):
    assert refused(lambda: lab.connect(identity=authority.issue(usage="serverAuth")))
    lab.wait_ended("certificate")


def test_a_good_certificate_of_no_client(lab, authority):
    assert refused(lambda: lab.connect(identity=authority.issue("other.example.net")))
    lab.wait_ended("unknown_client")


@pytest.mark.parametrize(("rule", "alternatives", "fits"), [
    ("dns:*.example.net", None, True),
    ("dns:*.net", None, False),
    ("dns:WIFI.example.net", None, True),
    (f"cn:{NAME}", "DNS:other.example.net", True),
    ("cn:other.example.net", "DNS:other.example.net", False),
    ("uri:radius:wifi", "URI:radius:wifi", True),
    ("uri:radius:wifi", "DNS:radius:wifi", False),
])
def test_rules(tmp_path, authority, downstream, notakey, rule, alternatives, fits):
    lab = Lab(tmp_path, authority, authority.issue(alternatives=alternatives), downstream, notakey,
              certificates=[rule])
    if not fits:
        assert refused(lab.connect)
        return lab.wait_ended("unknown_client")
    with lab.connect() as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def test_a_fingerprint_and_an_address(tmp_path, authority, identity, downstream, notakey):
    der = ssl.PEM_cert_to_DER_cert(identity[0].read_text())
    fingerprint = hashlib.sha256(der).hexdigest().upper()
    rule = "sha256:" + ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2))
    near, far = loopback_address(), loopback_address()
    lab = Lab(tmp_path, authority, identity, downstream, notakey, certificates=[rule],
              client={"addresses": [near]})
    with lab.connect(source=near) as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert refused(lambda: lab.connect(source=far))
    lab.wait_ended("unknown_client")


def test_a_reload_changes_who_is_let_in(lab):
    """The client of an open connection is looked for anew."""
    with lab.connect() as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        lab.door.settings["radsec.client"][0]["certificate"] = ["dns:other.example.net"]
        lab.door.write_config()
        lab.door.reload()
        lab.door.wait_for(lambda: '"component":"reload"' in lab.door.err(), "the reload")
        wait_until(lambda: ended_by_asking(client), "the end of the connection")
    lab.wait_ended("unknown_client")


def ended_by_asking(client):
    """The shards take a reload over in their own turn."""
    try:
        client.ask(client.pap("alice", "x"))
    except (AssertionError, ConnectionError, ssl.SSLError):
        return True
    return False


# --- What ends a connection ------------------------------------------------------------------

GOOD_HEAD = struct.pack("!BBH", wire.ACCESS_REQUEST, 1, 24) + bytes(16)


@pytest.mark.parametrize("octets", [
    struct.pack("!BBH", 1, 1, 19) + bytes(15),
    struct.pack("!BBH", 1, 1, 4097) + bytes(16),
    struct.pack("!BBH", 1, 1, 0) + bytes(16),
    GOOD_HEAD + bytes([1, 1, 0, 0]),
    GOOD_HEAD + bytes([1, 0, 0, 0]),
    GOOD_HEAD + bytes([1, 3, 0, 0]),
    GOOD_HEAD + bytes([1, 5, 0, 0]),
    GOOD_HEAD + bytes([80, 4, 0, 0]),
], ids=lambda octets: octets.hex()[:8] + "-" + octets.hex()[-8:])
@pytest.mark.parametrize("alpn", [(), (ALPN_11,)])
def test_a_malformed_packet(lab, octets, alpn):
    with lab.connect(alpn=alpn) as client:
        if alpn and octets[20:21] == b"\x50":
            return  # a Message-Authenticator of any length counts for nothing there
        client.send(octets)
        assert client.is_closed()
    lab.wait_ended("malformed")
    lab.door.wait_metric(1, "sallyport_radius_malformed_total", **{"from": "client"})


def test_a_bad_message_authenticator(lab):
    with lab.connect() as client:
        request = bytearray(client.pap("alice", "x").octets())
        request[22] ^= 1
        client.send(bytes(request))
        assert client.is_closed()
    lab.wait_ended("bad_authenticator")


def test_accounting_with_a_bad_authenticator(lab):
    with lab.connect() as client:
        request = bytearray(client.request(wire.ACCOUNTING_REQUEST, []).octets())
        request[4] ^= 1
        client.send(bytes(request))
        assert client.is_closed()
    lab.wait_ended("bad_authenticator")


def test_what_is_no_request_is_discarded(lab, downstream):
    """RFC 6613 section 2.6.4: an unknown Code, or a reply nobody waits for, may stay."""
    with lab.connect() as client:
        client.send(struct.pack("!BBH", 99, 1, 20) + bytes(16))
        client.send(struct.pack("!BBH", wire.ACCESS_ACCEPT, 1, 20) + bytes(16))
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert len(downstream.requests) == 1


def test_octets_that_are_no_tls(lab):
    with socket.create_connection(lab.server, timeout=PATIENCE_S) as raw:
        raw.sendall(wire.pap(b"radsec", "alice", "x").octets() * 4)
        try:
            while raw.recv(4096):
                pass
        except ConnectionError:
            pass
    lab.wait_ended("handshake")


def test_no_protocol_in_common(lab):
    assert refused(lambda: lab.connect(alpn=["h2"]))
    assert refused(lambda: lab.connect(alpn=[ALPN_11], version=TLS_1_2))
    lab.wait_ended("handshake", 2)


def test_a_slow_handshake(tmp_path, authority, identity, downstream, notakey):
    lab = Lab(tmp_path, authority, identity, downstream, notakey,
              radsec={"handshake_timeout": "100ms"})
    with socket.create_connection(lab.server, timeout=PATIENCE_S) as raw:
        raw.sendall(b"\x16\x03\x01")
        assert raw.recv(1) == b""
    lab.wait_ended("handshake_timeout")


def test_strangers_cannot_take_all_the_places(tmp_path, authority, identity, downstream, notakey):
    lab = Lab(tmp_path, authority, identity, downstream, notakey,
              radsec={"max_connections": 16, "handshake_timeout": "60s"})
    with lab.connect() as early:
        silent_ones = [stranger for _ in range(8) if (stranger := stranger_at(lab.server))]
        lab.wait_ended("handshakes", 4)
        assert early.ask(early.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        for one in silent_ones:
            one.close()
        lab.wait_ended("handshake", 4)
        with lab.connect() as late:
            assert late.ask(late.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def test_an_idle_connection(tmp_path, authority, identity, downstream, notakey):
    lab = Lab(tmp_path, authority, identity, downstream, notakey, radsec={"idle_timeout": "2s"})
    with lab.connect() as client:
        client.send(request := client.pap("quinn", "x"))
        notakey.wait_pushes(1)
        with lab.connect() as other:
            assert other.is_closed()
        lab.wait_ended("idle")  # the other one: an answer is owed on this
        notakey.answer("quinn", approve=True)
        assert client.receive(request).code == wire.ACCESS_ACCEPT
        assert client.is_closed()
    lab.wait_ended("idle", 2)


# --- What is owed on it ----------------------------------------------------------------------

def test_a_connection_that_ends_lets_go_of_its_push(lab, notakey):
    with lab.connect() as client:
        client.send(client.pap("quinn", "x"))
        notakey.wait_pushes(1)
    lab.wait_ended("peer")
    lab.door.wait_metric(1, "sallyport_radius_connection_ended_total")
    lab.door.wait_metric(0, "sallyport_radius_awaiting_verdict")
    lab.door.wait_metric(1, "sallyport_verify_released_total")
    assert lab.door.wait_audit(1)[0]["outcome"] == "abandoned"
    # Who connects next, and has the same number, gets nothing of it.
    with lab.connect() as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def test_a_connection_that_ends_before_the_downstream_answers(tmp_path, authority, identity,
                                                              notakey):
    with FakeDownstream(silent) as downstream:
        lab = Lab(tmp_path, authority, identity, downstream, notakey)
        with lab.connect() as client:
            client.send(client.pap("alice", "x"))
            wait_until(lambda: downstream.requests, "the request downstream")
        lab.door.wait_metric(1, "sallyport_radius_connection_ended_total")
        # Its answer comes late, and meets nobody.
        downstream.send(downstream.reply(downstream.requests[0], wire.ACCESS_ACCEPT))
        lab.door.wait_metric(1, "sallyport_radius_drops_total", reason="reply_unmatched")
        assert notakey.pushes() == 0


def test_the_daemon_retransmits_for_a_client_that_must_not(tmp_path, authority, identity, notakey):
    answers = iter([None, None])

    def lossy(request, downstream):
        return next(answers, downstream.reply(request, wire.ACCOUNTING_RESPONSE,
                                              message_authenticator=None))

    with FakeDownstream(lossy) as downstream:
        lab = Lab(tmp_path, authority, identity, downstream, notakey,
                  downstream={"retransmit": "100ms"})
        with lab.connect() as client:
            accounting = client.request(wire.ACCOUNTING_REQUEST, [(wire.USER_NAME, b"alice")])
            assert client.ask(accounting).code == wire.ACCOUNTING_RESPONSE
        assert len(downstream.requests) >= 3 and len(set(downstream.requests)) == 1


def test_what_is_owed_is_answered_before_the_daemon_stops(lab, notakey):
    with lab.connect() as client:
        client.send(request := client.pap("quinn", "x"))
        notakey.wait_pushes(1)
        lab.door.terminate()
        lab.door.wait_for(lambda: "stopping" in lab.door.err(), "the log to say that it stops")
        notakey.answer("quinn", approve=True)
        assert client.receive(request).code == wire.ACCESS_ACCEPT
        assert client.is_closed()
    assert lab.door.wait_exit() == 0


# --- PROXY protocol --------------------------------------------------------------------------

def proxy_v2(source, destination):
    addresses = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(
        "!HH", 40000, 2083)
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(addresses)) + addresses


def test_proxy_protocol(tmp_path, authority, identity, downstream, notakey):
    balancer, direct = loopback_address(), loopback_address()
    lab = Lab(tmp_path, authority, identity, downstream, notakey,
              listener={"proxy_protocol_from": [balancer]},
              client={"addresses": ["203.0.113.0/24", direct]})
    header = proxy_v2("203.0.113.7", "198.51.100.1")
    with lab.connect(source=balancer, before=header) as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert lab.door.wait_audit(1)[0]["source"].startswith("203.0.113.7")
    with lab.connect(source=direct) as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    # Whom nobody named is not believed, and the balancer itself cannot leave the header out.
    assert refused(lambda: lab.connect(source=direct, before=header))
    lab.wait_ended("handshake")
    assert refused(lambda: lab.connect(source=balancer))
    lab.wait_ended("proxy_header")
