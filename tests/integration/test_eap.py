"""EAP-TTLS, PEAP and EAP-MD5 by wpa_supplicant's eapol_test through the daemon: it checks that the
MPPE keys it received are the ones that its own handshake derived."""

import re

import pytest
from harness import FakeDownstream, NotakeySimulator, Sallyport, wire
from harness.clients import eapol_test


def network(freeradius, eap, user, password, **more):
    return {
        "eap": eap,
        "identity": f'"{user}"',
        "password": f'"{password}"',
        "ca_cert": f'"{freeradius.ca_file}"',
        **more,
    }


def ttls(freeradius, user="alice", password="wonderland"):
    return network(freeradius, "TTLS", user, password, phase2='"auth=PAP"',
                   anonymous_identity='"anonymous"')


def peap(freeradius, user="alice", password="wonderland"):
    return network(freeradius, "PEAP", user, password, phase2='"auth=MSCHAPV2"',
                   anonymous_identity='"anonymous"')


@pytest.mark.parametrize("method", [ttls, peap])
def test_keys_match_and_the_inner_user_is_asked(door, freeradius, notakey, tmp_path, method):
    status, output = eapol_test(door.server, door.secret, method(freeradius), tmp_path)
    assert status == 0, output[-2000:]
    assert output.rstrip().endswith("SUCCESS")
    assert "MPPE keys OK: 1  mismatch: 0" in output
    assert [r["username"] for r in notakey.requests()] == ["alice"]


@pytest.mark.parametrize("method", [ttls, peap])
def test_wrong_password_never_pushes(door, freeradius, notakey, tmp_path, method):
    credentials = method(freeradius, password="wrong")
    status, output = eapol_test(door.server, door.secret, credentials, tmp_path)
    assert status != 0
    assert "EAP: Received EAP-Failure" in output or "decapsulated EAP packet (code=4" in output
    assert notakey.requests() == []


@pytest.mark.parametrize("method", [ttls, peap])
def test_denial_is_an_eap_failure_without_keys(tmp_path, freeradius, notakey, method):
    """The phone says no after the server has said EAP-Success: the client must see EAP-Failure, and
    none of the keys."""
    denying = NotakeySimulator(tmp_path / "denying", users=["alice=deny:0s"])
    door = Sallyport(tmp_path, freeradius, denying)
    status, output = eapol_test(door.server, door.secret, method(freeradius), tmp_path)
    assert status != 0
    assert denying.pushes("alice") == 1
    last = output[output.rindex("RADIUS message: code=") :]
    assert last.startswith("RADIUS message: code=3 (Access-Reject)")
    assert re.search(r"decapsulated EAP packet \(code=4 id=\d+ len=4\)", last), last
    assert "MS-MPPE" not in last
    assert "Login denied on the phone." in last


def test_eap_md5_has_no_keys_and_succeeds(door, freeradius, notakey, tmp_path):
    credentials = network(freeradius, "MD5", "alice", "wonderland")
    credentials.pop("ca_cert")
    status, output = eapol_test(door.server, door.secret, credentials, tmp_path, ["-n"])
    assert status == 0, output[-2000:]
    assert notakey.pushes("alice") == 1


def test_user_name_from_request_asks_the_outer_identity(tmp_path, freeradius):
    notakey = NotakeySimulator(tmp_path, users=["anonymous=approve:0s"])
    door = Sallyport(tmp_path, freeradius, notakey, second_factor={"user_name_from": "request"})
    status, output = eapol_test(door.server, door.secret, ttls(freeradius), tmp_path)
    assert status == 0, output[-2000:]
    assert [r["username"] for r in notakey.requests()] == ["anonymous"]


EAP_SUCCESS = b"\x03\x07\x00\x04"


@pytest.mark.parametrize("names, asked", [
    ([], []),
    ([(wire.USER_NAME, b"")], []),
    ([(wire.USER_NAME, b"alice")], ["alice"]),
])
def test_the_outer_name_of_eap_proves_nothing(tmp_path, notakey, names, asked):
    """A thief of alice's password could put his own name outside the tunnel and approve himself.
    Who it was is what the server says it was: without a name in its Accept, nobody is asked."""

    def handler(request, downstream):
        return downstream.reply(request, wire.ACCESS_ACCEPT,
                                [*names, (wire.EAP_MESSAGE, EAP_SUCCESS)])

    with FakeDownstream(handler) as downstream:
        door = Sallyport(tmp_path, downstream, notakey)
        with door.nas() as nas:
            reply = nas.ask(wire.Request(nas.secret, identifier=1, attributes=[
                (wire.USER_NAME, b"bob"), (wire.EAP_MESSAGE, b"\x02\x07\x00\x06\x15\x00")]))
    assert [r["username"] for r in notakey.requests()] == asked
    if asked:
        assert reply.code == wire.ACCESS_ACCEPT
        assert reply.get(wire.EAP_MESSAGE) == EAP_SUCCESS
    else:
        assert reply.code == wire.ACCESS_REJECT
        assert reply.get(wire.EAP_MESSAGE) == b"\x04\x07\x00\x04"


def test_one_push_for_the_many_rounds_of_a_handshake(door, freeradius, notakey, tmp_path):
    status, _ = eapol_test(door.server, door.secret, peap(freeradius), tmp_path)
    assert status == 0
    assert notakey.pushes() == 1
    challenges = [a for a in door.wait_audit(1) if a["downstream"] == "challenge"]
    assert all(not a["second_factor"] for a in challenges)


def test_eap_without_message_authenticator_is_dropped(door):
    with door.nas() as nas:
        request = wire.Request(
            nas.secret,
            identifier=1,
            attributes=[
                (wire.USER_NAME, b"alice"),
                (wire.EAP_MESSAGE, b"\x02\x01\x00\x0a\x01alice"),
            ],
            message_authenticator=None,
        )
        nas.send(request)
        assert nas.barrier() == []
    door.wait_metric(1, "sallyport_radius_malformed_total",
                     reason="eap_without_message_authenticator")
