"""PAP, CHAP, MS-CHAP and MS-CHAPv2 through the daemon to a real FreeRADIUS, with another secret on
each side."""

import pytest
from harness import FakeDownstream, Nas, NotakeySimulator, Sallyport, wire
from harness.clients import radclient, radclient_reply
from harness.downstream import accept
from pyrad.client import Client as PyradClient
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessReject, AccessRequest

# RFC 2759 section 9.2: user "User", password "clientPass".
AUTHENTICATOR_CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
AUTHENTICATOR_RESPONSE = b"S=407A5589115FD0D6209F510FE9C04566932CDA56"


def mschap2(nas):
    response = bytes([7, 0]) + PEER_CHALLENGE + bytes(8) + NT_RESPONSE
    return wire.Request(
        nas.secret,
        identifier=nas.identifier(),
        attributes=[
            (wire.USER_NAME, b"User"),
            wire.vendor(wire.MICROSOFT, wire.MS_CHAP_CHALLENGE, AUTHENTICATOR_CHALLENGE),
            wire.vendor(wire.MICROSOFT, wire.MS_CHAP2_RESPONSE, response),
        ],
    )


def test_secrets_of_the_two_sides_differ(door, freeradius):
    assert door.secret != freeradius.secret


def test_pap_accepted_and_approved(door, notakey):
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", "wonderland"))
    assert reply.code == wire.ACCESS_ACCEPT
    assert notakey.pushes("alice") == 1


def test_attributes_of_the_downstream_arrive_unchanged(door, freeradius):
    with door.nas() as nas, Nas(freeradius.server, freeradius.secret) as direct:
        through = nas.ask(nas.pap("alice", "wonderland"))
        straight = direct.ask(direct.pap("alice", "wonderland"))
    salted = (wire.TUNNEL_PASSWORD, wire.MESSAGE_AUTHENTICATOR)
    ours = [a for a in through.attributes if a[0] not in salted]
    theirs = [a for a in straight.attributes if a[0] not in salted]
    assert ours == theirs
    assert (wire.CLASS, b"\x00\xff\x00class") in ours


def test_tunnel_passwords_decrypt_with_the_clients_secret(door):
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", "wonderland"))
    assert reply.tunnel_passwords() == [
        (1, b"tunnel one"),
        (2, b"the second tunnel's longer password"),
    ]
    salts = [value[1:3] for value in reply.all(wire.TUNNEL_PASSWORD)]
    assert len(set(salts)) == 2, "RFC 2868 section 3.5: a salt is unique in its packet"


@pytest.mark.parametrize("user, password", [("alice", "wonderland"), ("alice", "wrong")])
def test_message_authenticator_is_the_first_attribute(door, user, password):
    with door.nas() as nas:
        reply = nas.ask(nas.pap(user, password))
    kinds = [kind for kind, _ in reply.attributes]
    assert kinds[0] == wire.MESSAGE_AUTHENTICATOR
    assert kinds.count(wire.MESSAGE_AUTHENTICATOR) == 1


@pytest.mark.parametrize("password", ["wonderland", "wrong"])
def test_proxy_states_return_whole_and_in_order(door, password):
    states = [b"first", b"\x00second\x00", b"z" * 253]
    extra = [(wire.PROXY_STATE, state) for state in states]
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", password, extra))
    assert reply.all(wire.PROXY_STATE) == states
    assert [kind for kind, _ in reply.attributes][-3:] == [wire.PROXY_STATE] * 3


def test_wrong_password_never_pushes(door, notakey):
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", "wrong"))
    assert reply.code == wire.ACCESS_REJECT
    assert notakey.requests() == []


def test_reply_message_of_the_downstreams_reject_passes(door, notakey):
    with door.nas() as nas:
        reply = nas.ask(nas.pap("outlaw", "any"))
    assert reply.code == wire.ACCESS_REJECT
    assert reply.text(wire.REPLY_MESSAGE) == "Your account is closed"
    assert notakey.requests() == []


def test_challenge_never_pushes(door, notakey):
    with door.nas() as nas:
        reply = nas.ask(nas.pap("carol", "any"))
    assert reply.code == wire.ACCESS_CHALLENGE
    assert reply.get(wire.STATE) == b"challenge"
    assert reply.attributes[0][0] == wire.MESSAGE_AUTHENTICATOR
    assert notakey.requests() == []


def test_the_answer_to_a_challenge_is_pushed(tmp_path, freeradius):
    notakey = NotakeySimulator(tmp_path, users=["carol=approve:0s"])
    door = Sallyport(tmp_path, freeradius, notakey)
    with door.nas() as nas:
        challenge = nas.ask(nas.pap("carol", "any"))
        assert challenge.code == wire.ACCESS_CHALLENGE
        answer = nas.pap("carol", "tango", [(wire.STATE, challenge.get(wire.STATE))])
        assert nas.ask(answer).code == wire.ACCESS_ACCEPT
    assert notakey.pushes("carol") == 1


@pytest.mark.parametrize("password", ["sixteen octets!!", "seventeen octets!", "x" * 128])
def test_long_passwords(tmp_path, freeradius, notakey, password):
    """PAP hides in blocks of 16 octets: the edges of the block, and the longest password."""
    seen = []

    def handler(request, downstream):
        hidden = dict(wire.parse_attributes(request))[wire.USER_PASSWORD]
        seen.append(wire.reveal_password(hidden, downstream.key, request[4:20]))
        return downstream.reply(request, wire.ACCESS_ACCEPT)

    with FakeDownstream(handler) as downstream:
        door = Sallyport(tmp_path, downstream, notakey)
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", password)).code == wire.ACCESS_ACCEPT
    assert seen == [password.encode()]


def test_chap_with_the_authenticator_as_challenge(door, notakey):
    with door.nas() as nas:
        request = wire.Request(nas.secret, identifier=1)
        request.attributes = [
            (wire.USER_NAME, b"alice"),
            (wire.CHAP_PASSWORD, wire.chap(9, b"wonderland", request.authenticator)),
        ]
        assert nas.ask(request).code == wire.ACCESS_ACCEPT
    assert notakey.pushes("alice") == 1


def test_chap_with_its_own_challenge(door):
    challenge = b"a challenge of its own"
    with door.nas() as nas:
        request = wire.Request(nas.secret, identifier=1)
        request.attributes = [
            (wire.USER_NAME, b"alice"),
            (wire.CHAP_PASSWORD, wire.chap(9, b"wonderland", challenge)),
            (wire.CHAP_CHALLENGE, challenge),
        ]
        assert nas.ask(request).code == wire.ACCESS_ACCEPT


def test_chap_with_a_wrong_password(door, notakey):
    with door.nas() as nas:
        request = wire.Request(nas.secret, identifier=1)
        request.attributes = [
            (wire.USER_NAME, b"alice"),
            (wire.CHAP_PASSWORD, wire.chap(9, b"wrong", request.authenticator)),
        ]
        assert nas.ask(request).code == wire.ACCESS_REJECT
    assert notakey.requests() == []


def test_mschap_by_radclient_returns_the_same_keys(door, freeradius, tmp_path):
    """MS-CHAP-MPPE-Keys are hidden with the hop's secret; radclient shows them in clear."""
    attributes = 'User-Name="alice", MS-CHAP-Password="wonderland", Message-Authenticator=0x00'
    replies = []
    for server, secret in ((freeradius.server, freeradius.secret), (door.server, door.secret)):
        status, output = radclient(server, secret, attributes, tmp_path)
        assert status == 0, output
        replies.append(radclient_reply(output))
    (straight, expected), (through, got) = replies
    got.pop("Message-Authenticator")
    assert straight == through == "Access-Accept"
    assert len(got["MS-CHAP-MPPE-Keys"]) == 1
    assert got == expected


def test_mschap2_success_and_keys_pass(door, freeradius, notakey):
    with door.nas() as nas, Nas(freeradius.server, freeradius.secret) as direct:
        through = nas.ask(mschap2(nas))
        straight = direct.ask(mschap2(direct))
    assert through.code == wire.ACCESS_ACCEPT
    (success,) = through.vendor_all(wire.MICROSOFT, wire.MS_CHAP2_SUCCESS)
    assert success == bytes([7]) + AUTHENTICATOR_RESPONSE
    for kind in (wire.MS_MPPE_SEND_KEY, wire.MS_MPPE_RECV_KEY):
        key = through.mppe_key(kind)
        assert len(key) == 16
        assert key == straight.mppe_key(kind)
    assert notakey.pushes("User") == 1


def test_pyrad_as_the_client(door, tmp_path):
    (tmp_path / "dictionary").write_text(
        "ATTRIBUTE User-Name 1 string\n"
        "ATTRIBUTE User-Password 2 string\n"
        "ATTRIBUTE Filter-Id 11 string\n"
    )
    pyrad = PyradClient(
        server=door.address,
        authport=door.server[1],
        secret=door.secret.encode(),
        dict=Dictionary(str(tmp_path / "dictionary")),
    )
    pyrad.timeout, pyrad.retries = 20, 1
    for password, code in (("builder", AccessAccept), ("wrong", AccessReject)):
        request = pyrad.CreateAuthPacket(code=AccessRequest, User_Name="bob")
        request["User-Password"] = request.PwCrypt(password)
        reply = pyrad.SendPacket(request)
        assert reply.code == code
        if code == AccessAccept:
            assert reply["Filter-Id"] == ["guests"]


def test_unknown_attributes_reach_the_downstream_untouched(tmp_path, notakey):
    """Types nobody has assigned and 241 to 246 pass, RFC 6929 section 5.2; so does their order."""
    extra = [(222, b"\x00\xff"), (241, b"\x05extended"), (246, b"\x01\x80more"), (222, b"again"),
             (wire.VENDOR_SPECIFIC, b"\x00\x00"), (wire.VENDOR_SPECIFIC, b"\xff\xff\xff\xffjunk")]
    with FakeDownstream(accept) as downstream:
        door = Sallyport(tmp_path, downstream, notakey)
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x", extra)).code == wire.ACCESS_ACCEPT
        forwarded = wire.parse_attributes(downstream.requests[0])
    assert forwarded[0][0] == wire.MESSAGE_AUTHENTICATOR
    assert forwarded[-1][0] == wire.PROXY_STATE
    assert [a for a in forwarded if a in extra] == extra


def test_accounting_passes_and_never_pushes(tmp_path, freeradius, notakey):
    class Accounting:
        server, secret = freeradius.accounting_server, freeradius.secret

    door = Sallyport(tmp_path, Accounting, notakey)
    with door.nas() as nas:
        request = wire.Request(
            nas.secret,
            code=wire.ACCOUNTING_REQUEST,
            identifier=3,
            attributes=[
                (wire.USER_NAME, b"alice"),
                (wire.ACCT_STATUS_TYPE, bytes([0, 0, 0, 1])),
                (wire.ACCT_SESSION_ID, b"session"),
                (wire.PROXY_STATE, b"mine"),
            ],
            message_authenticator=None,
        )
        reply = nas.ask(request)
    assert reply.code == wire.ACCOUNTING_RESPONSE
    assert reply.all(wire.PROXY_STATE) == [b"mine"]
    assert notakey.requests() == []
