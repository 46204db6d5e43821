"""RADIUS over TLS with pre-shared keys (docs/radsec.md): OpenSSL's client, the real FreeRADIUS as
server, and two daemons in a row. As clients, Debian's FreeRADIUS and radsecproxy know no keys."""

import secrets
import socket
import ssl

import pytest
from harness import NotakeySimulator, Process, Sallyport, loopback_address, wait_until, wire
from harness.net import free_port
from harness.radsec import ALPN_11, NAME, Authority, Closed, PskClient, RadsecClient
from harness.radsec_servers import FreeRadiusTls
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, ROOT, filled_in
from radsec_downstream_lab import door_to, has_problem

KEY = bytes(range(32))
EXAMPLE_KEY = b"replace-me-with-32-random-characters"
BOTH_VERSIONS, TLS_1_2 = (), ("-tls1_2",)


def written(key):
    return f"hex:{key.hex()}"


def client_section(name="wifi", key=KEY, **more):
    return {"name": name, "psk_identity": name, "psk": written(key), **more}


class PskLab:
    """A daemon that knows clients by their keys; `certificates`: and others by those of an
    authority."""

    def __init__(self, folder, downstream, notakey, clients=None, certificates=None, **sections):
        address = loopback_address()
        self.server = (address, free_port(address, socket.SOCK_STREAM))
        listener = {"listen": [f"{address}:{self.server[1]}"]}
        clients = list(clients or [client_section()])
        if certificates:
            of_both = certificates.sections(self.server[1], address)
            listener = of_both["radsec.listener"][0]
            clients += [{**client, "name": "certified"} for client in of_both["radsec.client"]]
        self.door = Sallyport(folder, downstream, notakey, **{
            "radsec": {}, "radsec.listener": [listener], "radsec.client": clients, **sections})

    def connect(self, identity="wifi", key=KEY, words=BOTH_VERSIONS):
        return PskClient(self.server, identity, key, *words)

    def wait_ended(self, reason, count=1):
        self.door.wait_metric(count, "sallyport_radsec_ended_total", reason=reason)


@pytest.fixture
def lab(tmp_path, downstream, notakey):
    return PskLab(tmp_path, downstream, notakey)


def ask_alice(nas):
    """The server knows her password, and what it hides for her arrives readable."""
    reply = nas.ask(nas.pap("alice", "wonderland"))
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.tunnel_passwords()[0] == (1, b"tunnel one")
    assert nas.ask(nas.pap("alice", "wrong")).code == wire.ACCESS_REJECT


# --- Clients ---------------------------------------------------------------------------------

@pytest.mark.parametrize("words", [BOTH_VERSIONS, TLS_1_2])
def test_a_client_with_a_key(tmp_path, freeradius, notakey, words):
    """OpenSSL offers TLS 1.3 as well, in which its key would not be known."""
    lab = PskLab(tmp_path, freeradius, notakey)
    with lab.connect(words=words) as client:
        ask_alice(client)
    assert lab.door.wait_audit(1)[0]["client"] == "wifi"
    lab.door.wait_metric(1, "sallyport_radsec_handshakes_total")


@pytest.mark.parametrize(("identity", "key"), [
    ("wifi", KEY[:-1] + b"x"), ("wifi", KEY[:-1]), ("other", KEY), ("", KEY), ("wifi\u00fc", KEY)])
def test_a_wrong_key_or_name(lab, identity, key):
    with lab.connect(identity, key) as client:
        assert client.is_closed()
    lab.wait_ended("handshake")
    assert lab.door.metric("sallyport_radsec_handshakes_total") == 0
    assert KEY.hex() not in lab.door.err()


def test_who_is_refused_stands_in_the_log(tmp_path, downstream, notakey):
    """What a stranger calls himself is escaped, and cut; a key is never there."""
    authority, nobody = Authority(tmp_path / "authority"), Authority(tmp_path / "nobody")
    lab = PskLab(tmp_path, downstream, notakey, certificates=authority)
    shown = authority.issue("other.example.net")
    for identity in (shown, nobody.issue()):
        try:
            with RadsecClient(lab.server, authority, identity) as client:
                assert client.is_closed()
        except (ConnectionError, ssl.SSLError):
            pass
    with lab.connect('who "is" this') as client:
        assert client.is_closed()

    def refused():
        return sorted(line["message"].partition(" is refused: ")[2] for line in
                      lab.door.log_lines() if "is refused" in line.get("message", ""))

    wait_until(lambda: len(refused()) == 3, lab.door.err)
    untrusted, unfit, unknown = refused()
    assert untrusted.startswith("its certificate is not signed by one of ca_file")
    assert unfit == ("no [[radsec.client]] fits this address and "
                     '"cn:other.example.net dns:other.example.net"')
    assert unknown == r'no [[radsec.client]] has psk_identity "who \"is\" this"'
    assert KEY.hex() not in lab.door.err()


def test_a_certificate_where_there_are_keys_alone(lab, tmp_path):
    authority = Authority(tmp_path / "authority")
    with pytest.raises((ConnectionError, ssl.SSLError)):
        RadsecClient(lab.server, authority, authority.issue())
    lab.wait_ended("handshake")


@pytest.mark.parametrize("suite", ["DHE-PSK-AES128-GCM-SHA256", "ECDHE-PSK-AES128-CBC-SHA256"])
def test_another_suite(lab, suite):
    with lab.connect(words=("-tls1_2", "-cipher", suite)) as client:
        assert client.is_closed()
    lab.wait_ended("handshake")


def test_beside_certificates(tmp_path, downstream, notakey):
    """Who shows a certificate is not held up by the keys, RADIUS/1.1 and all; and a key does not
    stand for one."""
    authority = Authority(tmp_path / "authority")
    lab = PskLab(tmp_path, downstream, notakey, certificates=authority)
    with RadsecClient(lab.server, authority, authority.issue(), alpn=[ALPN_11]) as client:
        assert client.alpn == ALPN_11 and client.socket.version() == "TLSv1.3"
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    with lab.connect() as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert [line["client"] for line in lab.door.wait_audit(2)] == ["certified", "wifi"]
    with lab.connect(key=bytes(32)) as client:
        assert client.is_closed()
    with lab.connect(identity=NAME) as client:
        assert client.is_closed()
    lab.wait_ended("handshake", 2)


def test_several_clients_and_where_they_come_from(tmp_path, downstream, notakey):
    other = secrets.token_bytes(16)
    lab = PskLab(tmp_path, downstream, notakey, [
        client_section(), client_section("vpn", other),
        client_section("far", b"f" * 16, addresses=["192.0.2.1"])])
    with lab.connect("vpn", other) as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert lab.door.wait_audit(1)[0]["client"] == "vpn"
    with lab.connect("vpn", KEY) as client:
        assert client.is_closed()
    lab.wait_ended("handshake")
    with lab.connect("far", b"f" * 16) as client:
        assert client.is_closed()
    lab.wait_ended("unknown_client")


def test_a_reload_brings_another_key(lab):
    """Who has proved the old one is not known any more, on his open connection neither."""
    new = secrets.token_bytes(32)
    with lab.connect() as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        lab.door.settings["radsec.client"][0]["psk"] = written(new)
        lab.door.write_config()
        lab.door.reload()
        lab.door.wait_for(lambda: '"component":"reload"' in lab.door.err(), "the reload")
        wait_until(lambda: ended_by_asking(client), "the end of the connection")
    lab.wait_ended("unknown_client")
    with lab.connect() as client:
        assert client.is_closed()
    with lab.connect(key=new) as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def ended_by_asking(client):
    """The shards take a reload over in their own turn."""
    try:
        client.ask(client.pap("alice", "x"))
    except (Closed, ConnectionError):
        return True
    return False


# --- Servers ---------------------------------------------------------------------------------

@pytest.fixture
def many_users(tmp_path):
    return NotakeySimulator(tmp_path, users=["alice=approve:0s", "carol=approve:0s"])


def server_section(name, server, key=KEY, identity="sallyport"):
    return {"name": name, "address": f"{server[0]}:{server[1]}", "transport": "tls",
            "psk_identity": identity, "psk": written(key)}


def test_freeradius_as_server(tmp_path, many_users):
    server = FreeRadiusTls(tmp_path / "freeradius", psk=("sallyport", KEY))
    door = door_to(tmp_path, many_users, [server_section("radius", server.tls.server)])
    with door.nas() as nas:
        ask_alice(nas)
    door.wait_metric(1, "sallyport_downstream_connected_total")


def test_two_daemons_in_a_row(tmp_path, freeradius, many_users):
    behind = PskLab(tmp_path / "behind", freeradius, many_users, [client_section("front")])
    door = door_to(tmp_path / "front", many_users,
                   [server_section("behind", behind.server, identity="front")])
    with door.nas() as nas:
        ask_alice(nas)
        challenge = nas.ask(nas.pap("carol", "x"))
        assert challenge.code == wire.ACCESS_CHALLENGE
        state = [(wire.STATE, challenge.get(wire.STATE))]
        assert nas.ask(nas.pap("carol", "tango", state)).code == wire.ACCESS_ACCEPT


def test_a_server_that_has_another_key(tmp_path, downstream, many_users):
    behind = PskLab(tmp_path / "behind", downstream, many_users, [client_section("front")])
    door = door_to(tmp_path / "front", many_users,
                   [server_section("behind", behind.server, bytes(16), "front")])
    has_problem(door, "handshake", "behind")
    assert door.metric("sallyport_downstream_connected_total") == 0


def test_the_example(tmp_path, many_users):
    """docs/examples/radsec-keys.toml with the addresses of here."""
    server = FreeRadiusTls(tmp_path / "freeradius", psk=("sallyport", EXAMPLE_KEY))
    lab = PskLab(tmp_path, server, many_users)
    lab.door.stop()
    listen = f"{lab.server[0]}:{lab.server[1]}"
    host, port = server.tls.server
    lab.door.config.write_text(filled_in((ROOT / "docs/examples/radsec-keys.toml").read_text(), {
        "0.0.0.0:2083": listen,
        "192.0.2.0/24": "127.0.0.0/8",
        "192.0.2.20:2083": f"{host}:{port}",
        "https://demo.notakey.com": many_users.host,
        "00000000-0000-0000-0000-000000000000": many_users.access_id,
    }))
    daemon = Process("sallyport", [BINARY, "run", "--config", lab.door.config], tmp_path,
                     env=CLEAN_ENVIRONMENT)
    daemon.wait_for(lambda: "RADIUS on" in daemon.err(), "the daemon")
    for identity in ("campus-wifi", "library-vpn"):
        with lab.connect(identity, EXAMPLE_KEY) as client:
            ask_alice(client)
