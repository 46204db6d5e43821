"""What each verdict of the second factor looks like to the client."""

import pytest
from harness import FakeDownstream, NotakeySimulator, Sallyport, wire

AUTHORISATION = [
    (wire.FILTER_ID, b"staff"),
    (wire.CLASS, b"class"),
    (wire.REPLY_MESSAGE, b"Welcome"),
    (25, b"second class"),
    wire.vendor(9, 1, b"shell:priv-lvl=15"),
    (222, b"who knows"),
]

# user of the simulator's script → (Reply-Message of the reject, outcome in the audit log)
REJECTS = {
    "denise": ("Login denied on the phone.", "denied"),
    "erika": ("No answer from the phone in time.", "expired"),
    "stranger": ("Login not confirmed.", "unknown_user"),
    "nodevice": ("Login not confirmed.", "unknown_user"),
}


def generous(request, downstream):
    """Accepts everybody, with all an intruder could wish for."""
    return downstream.reply(request, wire.ACCESS_ACCEPT, AUTHORISATION)


@pytest.fixture
def downstream():
    with FakeDownstream(generous) as server:
        yield server


@pytest.fixture
def door(tmp_path, downstream, notakey):
    return Sallyport(tmp_path, downstream, notakey, notakey={"ttl": "5s", "timeout": "1s"})


def test_approval_lets_the_accept_through(door):
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", "x"))
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.attributes[1:] == AUTHORISATION
    (line,) = door.wait_audit(1)
    assert (line["outcome"], line["verdict"], line["downstream"]) == (
        "approved", "approved", "accept")


@pytest.mark.parametrize("user", REJECTS)
def test_everything_else_rejects(door, user):
    message, outcome = REJECTS[user]
    states = [(wire.PROXY_STATE, b"one"), (wire.PROXY_STATE, b"two")]
    with door.nas() as nas:
        reply = nas.ask(nas.pap(user, "x", states))
    assert reply.code == wire.ACCESS_REJECT
    # Nothing but what we put there: no authorisation attribute, known or unknown, survives.
    assert reply.attributes[0][0] == wire.MESSAGE_AUTHENTICATOR
    assert reply.attributes[1:] == [(wire.REPLY_MESSAGE, message.encode()), *states]
    (line,) = door.wait_audit(1)
    assert (line["outcome"], line["answer"], line["user"]) == (outcome, "Access-Reject", user)


def test_polls_that_are_never_answered(door):
    """The phone's answer cannot be learned: whether that is told as the user's silence or as the
    service's depends on which time-out comes first, but it is a reject."""
    with door.nas() as nas:
        reply = nas.ask(nas.pap("nora", "x"))
    assert reply.code == wire.ACCESS_REJECT
    assert [kind for kind, _ in reply.attributes] == [
        wire.MESSAGE_AUTHENTICATOR, wire.REPLY_MESSAGE]
    (line,) = door.wait_audit(1)
    assert line["outcome"] in ("expired", "unavailable_denied")


def test_unknown_users_are_never_pushed(door, notakey):
    with door.nas() as nas:
        nas.ask(nas.pap("stranger", "x"))
        nas.ask(nas.pap("nodevice", "x"))
    assert notakey.requests() == []


def test_messages_are_configurable(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey,
                     second_factor={"denied_message": "Nein, danke — 拒否"})
    with door.nas() as nas:
        reply = nas.ask(nas.pap("denise", "x"))
    assert reply.text(wire.REPLY_MESSAGE) == "Nein, danke — 拒否"


def test_the_phone_decides_when_it_wants(tmp_path, downstream, notakey):
    """Held until the user answers: the daemon sends nothing before, and at once after."""
    door = Sallyport(tmp_path, downstream, notakey)
    with door.nas() as nas:
        request = nas.pap("quinn", "x")
        nas.send(request)
        notakey.wait_pushes(1, "quinn")
        assert nas.barrier() == []
        notakey.answer("quinn", approve=True)
        assert nas.receive(request).code == wire.ACCESS_ACCEPT


def test_the_question_tells_who_and_where(tmp_path, downstream, notakey):
    door = Sallyport(
        tmp_path, downstream, notakey,
        notakey={"action": "VPN {nas}",
                 "description": "{user} {client} {address} {calling_station} {called_station}"})
    extra = [(wire.NAS_IDENTIFIER, b"gate-7"), (wire.CALLING_STATION_ID, b"02-00-5E"),
             (wire.CALLED_STATION_ID, b"the office")]
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "x", extra))
    (push,) = notakey.requests()
    assert push["action"] == "VPN gate-7"
    assert push["description"] == "alice nas 127.0.0.1 02-00-5E the office"


def test_control_characters_never_reach_the_phone(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey, notakey={"description": "{calling_station}"})
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "x", [(wire.CALLING_STATION_ID, b"a\r\nb\tc\0d\"\\\xff")]))
    (push,) = notakey.requests()
    assert not set(push["description"]) & set("\r\n\t\0")


@pytest.mark.parametrize("user", ["jörg", "a b/c?d#e%f", "ntk:vpn@example.com", "quo\"te\\"])
def test_odd_user_names_reach_the_service_whole(tmp_path, downstream, user):
    notakey = NotakeySimulator(tmp_path, options=["--default", "approve:0s"])
    door = Sallyport(tmp_path, downstream, notakey)
    with door.nas() as nas:
        assert nas.ask(nas.pap(user, "x")).code == wire.ACCESS_ACCEPT
    assert [r["username"] for r in notakey.requests()] == [user]


@pytest.mark.parametrize("attributes", [[], [(wire.USER_NAME, b"")]])
def test_no_name_no_accept(door, notakey, attributes):
    """An Accept for nobody in particular cannot be confirmed by anybody."""
    with door.nas() as nas:
        request = wire.Request(nas.secret, identifier=1, attributes=[
            *attributes, (wire.USER_PASSWORD, bytes(16))])
        assert nas.ask(request).code == wire.ACCESS_REJECT
    assert notakey.requests() == []
