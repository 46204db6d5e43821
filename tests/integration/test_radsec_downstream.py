"""RADIUS over TLS towards the downstream (docs/radsec.md): the real FreeRADIUS and radsecproxy, a
server of our own that misbehaves, and two daemons in a row for RADIUS/1.1."""

import contextlib
import os
import re
import signal
import socket
import ssl
import struct

import pytest
from harness import Sallyport, loopback_address, wait_until, wire
from harness.clients import radclient, radclient_reply
from harness.net import PATIENCE_S, free_port
from harness.radsec import ALPN_10, ALPN_11
from harness.radsec_servers import (FreeRadiusTls, RadsecProxyServer, TlsDownstream, accept,
                                    server_section)
from radsec_downstream_lab import (PATIENT, authority, door_to, fake, has_problem, is_connected,
                                   notakey, ours, theirs, told)

__all__ = ["authority", "fake", "notakey", "ours", "theirs"]  # fixtures


def start_of_session(nas):
    return wire.Request(nas.secret, code=wire.ACCOUNTING_REQUEST, identifier=nas.identifier(),
                        attributes=[(wire.ACCT_STATUS_TYPE, struct.pack("!I", 1)),
                                    (wire.ACCT_SESSION_ID, b"s1"), (wire.USER_NAME, b"alice"),
                                    (wire.NAS_IP_ADDRESS, bytes([192, 0, 2, 1]))])


@pytest.fixture
def freeradius_tls(tmp_path, authority, theirs):
    return FreeRadiusTls(tmp_path / "freeradius", authority, theirs)


# --- Real programs ---------------------------------------------------------------------------

def ask_alice(nas):
    """FreeRADIUS knows her password, and what it hides for her arrives readable."""
    reply = nas.ask(nas.pap("alice", "wonderland"))
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.tunnel_passwords() == [(1, b"tunnel one"),
                                        (2, b"the second tunnel's longer password")]
    assert nas.ask(nas.pap("alice", "wrong")).code == wire.ACCESS_REJECT


def test_freeradius(tmp_path, notakey, authority, ours, freeradius_tls):
    """Passwords are hidden with "radsec", its answers as well; accounting uses the same port."""
    door = door_to(tmp_path, notakey,
                   [server_section("radius", freeradius_tls.tls, authority, ours)])
    with door.nas() as nas:
        ask_alice(nas)
        assert nas.ask(start_of_session(nas)).code == wire.ACCOUNTING_RESPONSE
    assert 'User-Name = "alice"' in (freeradius_tls.folder / "accounting").read_text()
    door.wait_metric(1, "sallyport_downstream_connected_total")
    door.wait_metric(1, "sallyport_downstream_shards", state="up")


def test_radsecproxy(tmp_path, notakey, authority, ours, theirs, freeradius):
    server = RadsecProxyServer(tmp_path / "proxy", freeradius, authority, theirs)
    door = door_to(tmp_path, notakey, [server_section("proxy", server, authority, ours)])
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", "wonderland"))
        assert reply.code == wire.ACCESS_ACCEPT
        assert reply.tunnel_passwords()[0] == (1, b"tunnel one")
        assert nas.ask(nas.pap("alice", "wrong")).code == wire.ACCESS_REJECT


def keys_of(server, secret, folder):
    """radclient shows the MPPE keys in clear, if they were hidden for its hop."""
    attributes = 'User-Name="alice", MS-CHAP-Password="wonderland", Message-Authenticator=0x00'
    status, output = radclient(server, secret, attributes, folder)
    assert status == 0, output
    return radclient_reply(output)[1]["MS-CHAP-MPPE-Keys"]


@pytest.mark.parametrize("offers_11", [True, False])
def test_two_daemons_in_a_row(tmp_path, notakey, authority, ours, theirs, freeradius, offers_11):
    """RADIUS/1.1 between them, when it is offered: what is hidden before and behind is clear
    there, MS-MPPE keys and all, and arrives hidden for the last hop."""
    address = loopback_address()
    port = free_port(address, socket.SOCK_STREAM)
    listener = {"certificate_file": str(theirs[0]), "key_file": str(theirs[1])}
    behind = Sallyport(tmp_path / "behind", freeradius, notakey,
                       **authority.sections(port, address, ["dns:proxy.example.net"], listener))
    server = type("Behind", (), {"server": (address, port)})
    door = door_to(tmp_path / "front", notakey, [
        server_section("behind", server, authority, ours, radius_1_1=offers_11)])
    with door.nas() as nas:
        ask_alice(nas)
        # Challenge and State go through as well.
        challenge = nas.ask(nas.pap("carol", "x"))
        assert challenge.code == wire.ACCESS_CHALLENGE
        state = [(wire.STATE, challenge.get(wire.STATE))]
        assert nas.ask(nas.pap("carol", "tango", state)).code == wire.ACCESS_ACCEPT
    keys = keys_of(door.server, door.secret, tmp_path)
    assert keys == keys_of(freeradius.server, freeradius.secret, tmp_path)
    behind.wait_metric(1, "sallyport_radsec_handshakes_total")


@pytest.mark.parametrize(("alpn", "version", "is_11"), [
    ((), None, False), ((ALPN_10,), None, False), ((ALPN_11,), None, True),
    ((ALPN_11, ALPN_10), ssl.TLSVersion.TLSv1_3, True),
    ((ALPN_10,), ssl.TLSVersion.TLSv1_2, False)])
def test_what_is_spoken(tmp_path, notakey, authority, ours, theirs, alpn, version, is_11):
    with TlsDownstream(accept, authority, theirs, alpn, version) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)])
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "pass word")).code == wire.ACCESS_ACCEPT
            accounting = nas.ask(start_of_session(nas))
            assert accounting.code == wire.ACCOUNTING_RESPONSE
        assert server.connections[0].is_11 == is_11
        request = next(r for r in server.requests if r[0] == wire.ACCESS_REQUEST)
        attributes = dict(wire.parse_attributes(request))
        if is_11:  # RFC 9765 sections 4.1, 5.1, 5.2
            assert request[1] == 0 and request[8:20] == bytes(12)
            assert attributes[wire.USER_PASSWORD] == b"pass word"
            assert wire.MESSAGE_AUTHENTICATOR not in attributes
        else:
            assert wire.reveal_password(attributes[wire.USER_PASSWORD], b"radsec",
                                        request[4:20]) == b"pass word"
            assert wire.message_authenticator_at(request) == 22


def test_radius_1_1_needs_tls_1_3(tmp_path, notakey, authority, ours, theirs):
    with TlsDownstream(accept, authority, theirs, (ALPN_11,), ssl.TLSVersion.TLSv1_2) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)])
        has_problem(door, "handshake")
        assert not server.requests


# --- Connections that come and go ------------------------------------------------------------

def test_the_first_request_waits_for_the_handshake(tmp_path, notakey, authority, ours, fake):
    """Nothing was listening when the daemon started, and the client asks but once."""
    fake.stop()
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)],
                   downstream=PATIENT)
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request)
        nas.barrier()
        fake.start()
        assert nas.receive(request).code == wire.ACCESS_ACCEPT


def test_a_connection_is_there_before_any_request(tmp_path, notakey, authority, ours, fake):
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)])
    is_connected(door)
    assert not fake.requests


@pytest.mark.parametrize("alpn", [(), (ALPN_11,)])
def test_connections_killed_in_the_midst_of_load(tmp_path, notakey, authority, ours, theirs, alpn):
    """Every request is answered, and each only once on a connection."""
    def forgetful(request, connection):
        # Kills its connection with every tenth request, those before it unanswered as well.
        if request[0] == wire.ACCESS_REQUEST and len(connection.requests) == 10:
            connection.close()
            return None
        held.append((connection, request))
        if len(held) < 4:
            return None
        answer, held[:] = held[:], []
        for where, one in answer:
            with contextlib.suppress(OSError):
                where.send(accept(one, where))
        return None

    held = []
    with TlsDownstream(forgetful, authority, theirs, alpn) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)],
                       downstream=PATIENT)
        with door.nas() as nas:
            requests = [nas.pap(f"user{n}", "x") for n in range(40)]
            for request in requests:
                nas.send(request)
            wait_until(lambda: len(server.connections) > 3, "connections to be lost")
            server.handler = accept
            for connection in server.open_connections():
                connection.close()
            answers = {nas.receive_octets()[1] for _ in requests}
        assert answers == {request.identifier for request in requests}
        for connection in server.connections:
            assert len(connection.requests) == len(set(connection.requests))


def test_a_server_away_and_back(tmp_path, notakey, authority, ours, theirs, fake):
    with TlsDownstream(accept, authority, theirs) as other:
        door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours),
                                           server_section("two", other, authority, ours)])
        is_connected(door, 2)
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
            assert fake.kinds().count(wire.ACCESS_REQUEST) == 1
            fake.stop()
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
            assert wire.ACCESS_REQUEST in other.kinds()
            has_problem(door, "refused")
            fake.start()
            door.wait_metric(1, "sallyport_downstream_shards", server="one", state="up")
            before = other.kinds().count(wire.ACCESS_REQUEST)
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
            assert other.kinds().count(wire.ACCESS_REQUEST) == before
        wait_until(lambda: told(door, "is connected over TLS again"), "a line about it")
        # One line when it went, whatever the number of attempts, and one when it came back.
        assert len(told(door, "one")) - len(told(door, "downstream.server")) <= 2
        assert len(told(door, "is connected over TLS again")) == 1


def test_what_was_under_way_goes_to_another_server(tmp_path, notakey, authority, ours, theirs,
                                                   fake):
    fake.handler = lambda request, connection: None
    with TlsDownstream(accept, authority, theirs) as other:
        door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours),
                                           server_section("two", other, authority, ours)],
                       downstream=PATIENT)
        is_connected(door, 2)
        with door.nas() as nas:
            request = nas.pap("alice", "x")
            nas.send(request)
            wait_until(lambda: fake.requests, "the request")
            fake.stop()
            assert nas.receive(request).code == wire.ACCESS_ACCEPT
        door.wait_metric(1, "sallyport_radius_failed_over_total")


def test_nothing_is_sent_twice_on_a_connection(tmp_path, notakey, authority, ours, fake):
    """RFC 6613 section 2.6.1, also when the client does."""
    fake.handler = lambda request, connection: None
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)],
                   pools=[{"name": "downstream", "status_server": "no"}],
                   downstream={"retransmit": "100ms", "receive_timeout": "1s",
                               "send_timeout": "1s"})
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request)
        nas.send(request)
        door.wait_metric(1, "sallyport_radius_downstream_timeouts_total")
    assert len(fake.requests) == 1


def test_more_than_one_connection_holds(tmp_path, notakey, authority, ours, fake):
    """255 requests fit: one Identifier is kept for Status-Server."""
    waiting = []
    fake.handler = lambda request, connection: waiting.append((connection, request))
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)],
                   downstream=PATIENT)
    nases = [door.nas() for _ in range(3)]
    requests = [(nas, nas.pap("alice", f"{n}", identifier=n)) for nas in nases
                for n in range(200)]
    for nas, request in requests:
        nas.send(request)
    wait_until(lambda: sum(r[0] == wire.ACCESS_REQUEST for _, r in waiting) == 600,
               lambda: f"600 requests, are {len(waiting)}")
    used = [{r[1] for r in connection.requests} for connection in fake.connections]
    assert len(used) >= 3 and all(0 not in each and len(each) <= 255 for each in used)
    door.wait_metric(600, "sallyport_downstream_outstanding")
    for connection, request in waiting:
        connection.send(accept(request, connection))
    for nas in nases:
        answers = {nas.receive_octets()[1] for _ in range(200)}
        assert answers == set(range(200))
        nas.socket.close()


def test_one_connection_is_allowed(tmp_path, notakey, authority, ours, fake):
    """What has no Identifier waits for one."""
    held = []
    fake.handler = lambda request, connection: held.append((connection, request))
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)],
                   downstream={"max_source_ports": 1, "retransmit": "60s", "send_timeout": "60s",
                               "receive_timeout": "60s"})
    nases = [door.nas() for _ in range(2)]
    for nas in nases:
        for n in range(200):
            nas.send(nas.pap("alice", f"{n}", identifier=n))
        nas.barrier()
    wait_until(lambda: len(held) == 255, lambda: f"255 requests, are {len(held)}")
    fake.handler = accept
    for connection, request in held:
        connection.send(accept(request, connection))
    for nas in nases:
        assert {nas.receive_octets()[1] for _ in range(200)} == set(range(200))
        nas.socket.close()
    assert len(fake.connections) == 1


# --- The watchdog ----------------------------------------------------------------------------

QUICK = {"name": "downstream", "status_server": "yes", "probe_interval": "1s"}


@pytest.mark.parametrize("alpn", [(), (ALPN_11,)])
def test_an_idle_connection_is_asked(tmp_path, notakey, authority, ours, theirs, alpn):
    with TlsDownstream(accept, authority, theirs, alpn) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)],
                       pools=[QUICK])
        wait_until(lambda: server.kinds().count(wire.STATUS_SERVER) >= 2, "two Status-Server")
        assert all(request[1] == 0 for request in server.requests)
        assert door.metric("sallyport_downstream_probe_answers_total") >= 1
        # Who falls silent is left.
        server.handler = lambda request, connection: None
        wait_until(lambda: len(server.connections) > 1, "another connection")
        has_problem(door, "no_status")
        server.handler = accept
        door.wait_metric(1, "sallyport_downstream_shards", server="one", state="up")


def test_a_dead_server_is_found_without_status_server(tmp_path, notakey, authority, ours, fake):
    fake.handler = lambda request, connection: None
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)],
                   pools=[{**QUICK, "status_server": "no"}],
                   downstream=PATIENT)
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request)
        wait_until(lambda: fake.requests, "the request")
        fake.handler = accept
        assert nas.receive(request).code == wire.ACCESS_ACCEPT
    assert len(fake.connections) == 2


# --- A server that sends what it must not ----------------------------------------------------

@pytest.mark.parametrize("octets", [
    bytes([2, 1, 0, 19]) + bytes(15), bytes([2, 1, 255, 255]) + bytes(16),
    struct.pack("!BBH", 2, 1, 24) + bytes(16) + bytes([1, 1, 0, 0])], ids=bytes.hex)
@pytest.mark.parametrize("alpn", [(), (ALPN_11,)])
def test_a_packet_that_cannot_be(tmp_path, notakey, authority, ours, theirs, alpn, octets):
    """RFC 6613 section 2.6.4: the stream is out of step, and closed."""
    with TlsDownstream(lambda request, connection: octets, authority, theirs, alpn) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)])
        with door.nas() as nas:
            request = nas.pap("alice", "x")
            nas.send(request)
            wait_until(lambda: server.connections and server.connections[0].closed,
                       "the end of the connection")
            server.handler = accept
            assert nas.receive(request).code == wire.ACCESS_ACCEPT
        assert door.metric("sallyport_radius_malformed_total", **{"from": "downstream"}) >= 1


def test_a_reply_that_is_forged(tmp_path, notakey, authority, ours, fake):
    def forged(request, connection):
        reply = bytearray(accept(request, connection))
        reply[4] ^= 1
        return bytes(reply)

    fake.handler = forged
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)])
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request)
        wait_until(lambda: fake.connections and fake.connections[0].closed, "the end")
        fake.handler = accept
        assert nas.receive(request).code == wire.ACCESS_ACCEPT
    assert door.metric("sallyport_radius_drops_total", reason="reply_bad_authenticator") >= 1


def test_a_reply_that_nobody_waits_for(tmp_path, notakey, authority, ours, fake):
    """It is discarded, and the connection stays."""
    stray = struct.pack("!BBH", wire.ACCESS_ACCEPT, 77, 20) + bytes(16)
    unknown = struct.pack("!BBH", 99, 1, 20) + bytes(16)
    fake.handler = lambda request, connection: [stray, unknown, accept(request, connection)]
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)])
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert len(fake.connections) == 1
    door.wait_metric(1, "sallyport_radius_drops_total", reason="reply_unmatched")


def test_octets_that_are_no_tls(tmp_path, notakey, authority, ours):
    with socket.create_server((loopback_address(), 0)) as listener:
        listener.settimeout(PATIENCE_S)
        server = type("NoTls", (), {"server": listener.getsockname(), "requests": []})
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)])
        for _ in range(2):
            with listener.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                with contextlib.suppress(ConnectionError):
                    connection.recv(4096)
        has_problem(door, "handshake")


# --- Reloads, and other processes ------------------------------------------------------------

def test_a_reload_brings_other_certificates(tmp_path, notakey, authority, ours, fake):
    """Connections that are there stay; new ones show the new certificate."""
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)])
    is_connected(door)
    second = authority.issue("second.example.net")
    section = server_section("one", fake, authority, second)
    door.settings["downstream.server"] = [section]
    door.write_config()
    door.reload()
    wait_until(lambda: [line for line in door.log_lines() if line["component"] == "reload"],
               "the reload")
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        assert len(fake.connections) == 1
        names = lambda c: c.socket.getpeercert()["subject"]
        assert "proxy.example.net" in str(names(fake.connections[0]))
        fake.drop_connections()
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        assert "second.example.net" in str(names(fake.connections[1]))


def test_a_reload_takes_a_server_away(tmp_path, notakey, authority, ours, theirs, fake):
    with TlsDownstream(accept, authority, theirs) as other:
        door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)])
        is_connected(door)
        door.settings["downstream.server"] = [server_section("two", other, authority, ours)]
        door.write_config()
        door.reload()
        wait_until(lambda: other.connections, "the new server's connection")
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        wait_until(lambda: fake.connections[0].closed, "the end of the old one's")
        assert other.kinds() == [wire.ACCESS_REQUEST]


def test_a_takeover(tmp_path, notakey, authority, ours, fake):
    """The old process keeps its connections until it has answered; the new one has its own."""
    held = []
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)],
                   downstream=PATIENT)
    is_connected(door)
    fake.handler = lambda request, connection: held.append((connection, request))
    with door.nas() as nas:
        early = nas.pap("alice", "early")
        nas.send(early)
        wait_until(lambda: held, "the request")
        door.signal(signal.SIGUSR2)
        wait_until(lambda: len(fake.connections) == 2, "the new process's connection")
        fake.handler = accept
        late = nas.pap("alice", "late")
        wait_until(lambda: told(door, "took over") or told(door, "taken over"), "the takeover")
        assert nas.ask(late).code == wire.ACCESS_ACCEPT
        connection, request = held[0]
        connection.send(accept(request, connection))
        assert nas.receive(early).code == wire.ACCESS_ACCEPT
        wait_until(lambda: fake.connections[0].closed, "the end of the old connection")
    assert door.wait_exit() == 0
    successor = re.search(r"process (\d+) has taken over", door.err())
    os.kill(int(successor.group(1)), signal.SIGTERM)
    wait_until(lambda: fake.connections[1].closed, "the end of the new one")


def test_it_stops_in_good_order(tmp_path, notakey, authority, ours, fake):
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)])
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    door.terminate()
    assert door.wait_exit() == 0
    wait_until(lambda: fake.connections[0].closed, "the end of the connection")
