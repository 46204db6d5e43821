"""The Notakey API over TLS: HTTP/2 with many logins on few connections, and nothing trusted that
the configured CA has not signed."""

import pytest
from harness import FakeDownstream, NotakeySimulator, Sallyport, wire
from harness.downstream import accept
from harness.freeradius import make_certificates

LOGINS = 60


@pytest.fixture
def downstream():
    with FakeDownstream(accept) as server:
        yield server


@pytest.fixture
def notakey(tmp_path):
    return NotakeySimulator(tmp_path / "notakey", tls=True, address="127.0.0.1")


def test_many_logins_share_few_connections(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey, notakey={"ttl": "60s"})
    with door.nas() as nas:
        # The first makes the connection; the others are then all waiting at the same time.
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        requests = [nas.pap("quinn", f"password {n}") for n in range(LOGINS)]
        for request in requests:
            nas.send(request)
        notakey.wait_pushes(LOGINS, "quinn")
        for push in notakey.requests():
            if push["username"] == "quinn":
                notakey.answer_request(push, approve=True)
        answers = {octets[1]: octets for octets in (nas.receive_octets() for _ in requests)}
        for request in requests:
            assert wire.Reply(answers[request.identifier], request).code == wire.ACCESS_ACCEPT
    stats = notakey.stats()
    assert stats["http2_streams"] > LOGINS
    assert stats["connections"]["http2"] <= 4, stats


def test_a_ca_that_did_not_sign_it(tmp_path, downstream, notakey):
    other = tmp_path / "other"
    other.mkdir()
    make_certificates(other)
    door = Sallyport(tmp_path, downstream, notakey, notakey={"ca_file": str(other / "ca.pem")})
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_REJECT
    (line,) = door.wait_audit(1)
    assert line["verdict"] == "unavailable"
    assert notakey.requests() == []


def test_the_systems_cas_do_not_vouch_for_it_either(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey, notakey={"ca_file": None})
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_REJECT
    assert notakey.requests() == []


def test_a_certificate_for_another_name(tmp_path, downstream):
    folder = tmp_path / "certificates"
    folder.mkdir()
    make_certificates(folder, name="elsewhere.example", addresses=["192.0.2.1"])
    notakey = NotakeySimulator(
        tmp_path / "notakey", address="127.0.0.1",
        options=["--tls", "--certificate", folder / "server.pem", "--key", folder / "server.key"])
    notakey.host = notakey.host.replace("http://", "https://")
    door = Sallyport(tmp_path, downstream, notakey, notakey={"ca_file": str(folder / "ca.pem")})
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_REJECT
    assert notakey.requests() == []


def test_a_server_that_only_speaks_plain_http(tmp_path, downstream):
    notakey = NotakeySimulator(tmp_path / "notakey")
    notakey.host = notakey.host.replace("http://", "https://")
    door = Sallyport(tmp_path, downstream, notakey)
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_REJECT
    assert notakey.requests() == []
