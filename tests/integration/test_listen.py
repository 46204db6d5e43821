"""Where requests are heard, and that answers leave from there: several addresses, any address,
IPv6, and several shards behind one port."""

import re
import socket

import pytest
from harness import FakeDownstream, Nas, Process, Sallyport, wire
from harness.downstream import accept
from harness.net import free_port, loopback_address
from harness.sallyport import client


@pytest.fixture
def downstream():
    with FakeDownstream(accept) as server:
        yield server


def test_sockets_of_systemd_that_nobody_takes_are_told_of(tmp_path, downstream, notakey):
    """Also where there is no HTTP door: RADIUS takes none of them."""
    door = Sallyport(tmp_path / "first", downstream, notakey)
    assert door.terminate_and_wait() == 0
    stray = (loopback_address(), 8080)
    again = Process("activated", ["systemd-socket-activate", "-l", "{}:{}".format(*stray),
                                  "--fdname=stray", *door.command], tmp_path)
    again.wait_for(lambda: "Listening on" in again.err(), "systemd-socket-activate")
    with socket.create_connection(stray):
        again.wait_for(lambda: 'a socket named \\"stray\\"' in again.err(), "a warning")


def test_the_admin_listener_waits_for_its_port_too(tmp_path, downstream, notakey):
    """What holds it may be on its way out: a daemon that was killed, or a connection's end."""
    door = Sallyport(tmp_path, downstream, notakey)
    assert door.terminate_and_wait() == 0
    with socket.create_server(door.admin):
        again = Process("again", door.command, tmp_path)
        # The admin listener is what it opens last.
        again.wait_for(lambda: f":{door.server[1]:04X} " in open("/proc/net/udp").read(),
                       "the RADIUS listener")
    again.wait_for(lambda: "ready: " in again.err(), "the daemon")


def logs_in(door, server, address="127.0.0.1"):
    """Nas takes an answer only from the address that it asked."""
    with Nas(server, door.secret, address) as nas:
        return nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def test_several_addresses(tmp_path, downstream, notakey):
    servers = [(address, free_port(address)) for address in (loopback_address() for _ in range(3))]
    door = Sallyport(tmp_path, downstream, notakey,
                     radius={"listen": [f"{address}:{port}" for address, port in servers]})
    for server in servers:
        assert logs_in(door, server)


def test_any_address_answers_from_the_one_that_was_asked(tmp_path, downstream, notakey):
    port = free_port("0.0.0.0")
    door = Sallyport(tmp_path, downstream, notakey, radius={"listen": [f"0.0.0.0:{port}"]})
    for _ in range(3):
        assert logs_in(door, (loopback_address(), port))


def test_ipv6_beside_ipv4_on_one_port(tmp_path, downstream, notakey):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 on the loopback interface")
    port = free_port("::")
    door = Sallyport(tmp_path, downstream, notakey,
                     clients=[client(["127.0.0.0/8", "::1"])],
                     radius={"listen": [f"0.0.0.0:{port}", f"[::]:{port}"]})
    assert logs_in(door, ("127.0.0.1", port))
    assert logs_in(door, ("::1", port))


def test_port_0_takes_a_free_one_and_says_so(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey, radius={"listen": ["127.0.0.1:0"], "shards": 3})
    ready = door.wait_for(lambda: re.search(r"RADIUS on 127\.0\.0\.1:(\d+)", door.err()),
                          "the address in the log")
    assert logs_in(door, ("127.0.0.1", int(ready.group(1))))


def test_shards_share_a_port_by_identifier(tmp_path, downstream, notakey):
    """One client with one source port: its 256 Identifiers spread evenly, and a retransmission
    reaches the shard that has the answer."""
    shards = 4
    door = Sallyport(tmp_path, downstream, notakey,
                     radius={"shards": shards, "duplicate_window": "30s"})
    with door.nas() as nas:
        requests = [nas.pap("stranger", f"{n}", identifier=n) for n in range(256)]
        for request in requests:
            nas.send(request)
        first = {octets[1]: octets for octets in (nas.receive_octets() for _ in requests)}
        for request in requests:
            nas.send(request)
        again = {octets[1]: octets for octets in (nas.receive_octets() for _ in requests)}
    assert len(first) == 256
    assert again == first
    door.wait_metric(256, "sallyport_radius_duplicates_answered_total")
    exchanges = [value for name, value in door.metrics().items()
                 if name.startswith("sallyport_radius_exchanges{")]
    assert exchanges == [256 / shards] * shards
    assert notakey.requests() == []
