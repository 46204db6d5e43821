"""SIGUSR2 for a daemon that clients reach by TLS: the listening sockets change hands, connections
end one by one and are made anew with the new process."""

import os
import socket
import ssl

import pytest
from harness import wire
from harness.load import RadiusLoad, rejecting_downstream
from harness.net import free_port, loopback_address
from harness.radsec import ALPN_11, Authority, Closed, RadsecClient, RadsecProxy
from takeover_lab import PATIENCE_S, take_over_under_load

REQUESTS = int(os.environ.get("SALLYPORT_TEST_REQUESTS", "10000"))
TAKEOVERS = int(os.environ.get("SALLYPORT_TEST_TAKEOVERS", "1"))


class TlsLab:
    """Generations of a daemon with a TLS listener, and how to connect to it."""

    def __init__(self, folder, start_generations, downstream, notakey, /, **sections):
        self.authority = Authority(folder / "authority")
        self.identity = self.authority.issue()
        address = loopback_address()
        self.server = (address, free_port(address, socket.SOCK_STREAM))
        tls = self.authority.sections(self.server[1], address)
        patient = {"notakey": {"ttl": "90s"}}
        self.generations = start_generations(downstream, notakey,
                                             **{**tls, **patient, **sections})
        self.door = self.generations.door

    def connect(self, **options):
        return RadsecClient(self.server, self.authority, self.identity, **options)


@pytest.fixture
def lab(tmp_path, start_generations, downstream, notakey):
    return TlsLab(tmp_path, start_generations, downstream, notakey)


def test_no_request_is_lost_behind_radsecproxy(tmp_path, notakey, start_generations):
    """The real radsecproxy, which has requests under way all the time. It gives those up that are
    when its connection ends, and its clients send them anew, as clients by UDP do."""
    lab = TlsLab(tmp_path, start_generations, rejecting_downstream(tmp_path), notakey,
                 radius={"shards": 2}, log={"level": "info", "audit": False})
    proxy = RadsecProxy(tmp_path / "proxy", lab.server, lab.authority, lab.identity)
    load = RadiusLoad(tmp_path, proxy)

    def ask():
        result = load.result(load.start("--requests", 2_000, "--window", 50,
                                        "--retransmit", "1s,5"))
        assert result["lost"] == result["wrong"] == 0, result
        return result["rejects"]

    ask()
    take_over_under_load(lab.generations, ask, REQUESTS, TAKEOVERS)
    if lab.door.metric("sallyport_radius_requests_total") == 0:
        # The load had ended before radsecproxy came over; nobody else is left to answer now.
        ask()
    assert lab.door.metric("sallyport_radsec_handshakes_total") >= 1
    assert lab.door.metric("sallyport_radius_requests_total") > 0


def test_connections_end_in_a_quiet_moment(lab, notakey):
    """Young ones are served on: there are clients that would not connect anew at once. One waits
    for a person, and one is never silent."""
    with lab.connect() as asks, lab.connect(alpn=(ALPN_11,)) as loud, lab.connect() as idle:
        pending = asks.pap("quinn", "x")
        asks.send(pending)
        notakey.wait_pushes(1)
        lab.generations.take_over()
        with lab.connect() as new:
            assert new.ask(new.pap("alice", "new")).code == wire.ACCESS_ACCEPT
        # By the new process there has been one handshake, so these are answered by the old one.
        assert lab.door.metric("sallyport_radsec_handshakes_total") == 1
        for client in (asks, loud, idle):
            assert client.ask(client.pap("alice", "old")).code == wire.ACCESS_ACCEPT
            client.socket.settimeout(PATIENCE_S)
        # What is sent at the very end may be answered by a reset.
        with pytest.raises((Closed, ConnectionError, ssl.SSLError)):
            while True:
                assert loud.ask(loud.pap("alice", "again")).code == wire.ACCESS_ACCEPT
        assert idle.is_closed()
        assert asks.ask(asks.pap("alice", "once more")).code == wire.ACCESS_ACCEPT
        notakey.answer("quinn", approve=True)
        assert asks.receive(pending).code == wire.ACCESS_ACCEPT
        assert asks.is_closed()
    lab.generations.wait_end_of_old()
    assert notakey.pushes("quinn") == 1
    with lab.connect() as client:
        assert client.ask(client.pap("alice", "after")).code == wire.ACCESS_ACCEPT


def test_a_new_process_that_cannot_start_changes_nothing(lab):
    good = lab.door.config.read_text()
    address, port = lab.server
    other = good.replace(f"{address}:{port}", f"{address}:{free_port(address, socket.SOCK_STREAM)}")
    with lab.connect() as client:
        for bad in ("[radius\n", other):
            assert bad != good
            lab.door.config.write_text(bad)
            assert "this process goes on: the new process ended with status" in (
                lab.generations.ask())
            assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
            with lab.connect() as another:
                assert another.ask(another.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def test_without_udp(tmp_path, start_generations, downstream, notakey):
    lab = TlsLab(tmp_path, start_generations, downstream, notakey, clients=[],
                 radius={"listen": None})
    lab.generations.take_over()
    lab.generations.wait_end_of_old()
    with lab.connect() as client:
        assert client.ask(client.pap("alice", "x")).code == wire.ACCESS_ACCEPT
