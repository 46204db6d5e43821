"""Status-Server (RFC 5997): answered by the daemon itself, whatever the state of the others."""

import subprocess

from harness import FakeDownstream, Sallyport, wire
from harness.downstream import accept, silent
from harness.notakey import NoService


def test_answered_while_everything_behind_is_dead(tmp_path):
    with FakeDownstream(silent) as downstream:
        door = Sallyport(tmp_path, downstream, NoService())
        with door.nas() as nas:
            reply = nas.ask(nas.status_server())
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.attributes[0][0] == wire.MESSAGE_AUTHENTICATOR
    assert downstream.requests == []
    door.wait_metric(1, "sallyport_radius_status_server_total")


def test_proxy_states_return(door):
    with door.nas() as nas:
        request = nas.status_server()
        request.attributes.append((wire.PROXY_STATE, b"mine"))
        assert nas.ask(request).all(wire.PROXY_STATE) == [b"mine"]


def test_a_wrong_message_authenticator_is_not_answered(door):
    with door.nas() as nas:
        forged = wire.Request(b"another secret", code=wire.STATUS_SERVER, identifier=9)
        nas.send(forged)
        assert nas.barrier() == []
    door.wait_metric(1, "sallyport_radius_drops_total", reason="bad_message_authenticator")


def test_without_message_authenticator_it_is_not_answered(door):
    with door.nas() as nas:
        nas.send(wire.Request(nas.secret, code=wire.STATUS_SERVER, identifier=9,
                              attributes=[(wire.NAS_IDENTIFIER, b"x")],
                              message_authenticator=None))
        assert nas.barrier() == []


def test_it_disturbs_no_login_on_the_same_identifier(tmp_path, notakey):
    """Different codes, different Identifier spaces: a probe must not abandon a pending login."""
    with FakeDownstream(accept) as downstream:
        door = Sallyport(tmp_path, downstream, notakey)
        with door.nas() as nas:
            login = nas.pap("quinn", "x", identifier=nas.status_server().identifier)
            nas.send(login)
            notakey.wait_pushes(1)
            nas.barrier()
            notakey.answer("quinn", approve=True)
            assert nas.receive(login).code == wire.ACCESS_ACCEPT


def test_radclient_is_content(door):
    result = subprocess.run(
        ["radclient", "-r", "1", "-t", "10", f"{door.address}:{door.server[1]}", "status",
         door.secret],
        input="Message-Authenticator = 0x00, NAS-Identifier = probe\n",
        capture_output=True, text=True, timeout=30, check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
