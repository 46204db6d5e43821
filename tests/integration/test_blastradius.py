"""CVE-2024-3596 and its relatives: nothing that an attacker between the daemon and its neighbours
can put on the wire makes an Accept."""

import hashlib
import os

import pytest
from harness import FakeDownstream, Sallyport, wait_until, wire
from harness.downstream import accept
from harness.sallyport import client


@pytest.fixture
def downstream():
    with FakeDownstream(accept) as server:
        yield server


def drops(door, reason):
    return door.metric("sallyport_radius_drops_total", reason=reason)


def start(tmp_path, downstream, notakey, **client_settings):
    return Sallyport(tmp_path, downstream, notakey, clients=[client(**client_settings)])


# --- from the client's side

def test_auto_serves_a_client_that_has_never_signed(tmp_path, downstream, notakey):
    door = start(tmp_path, downstream, notakey)
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", "x", message_authenticator=None))
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.attributes[0][0] == wire.MESSAGE_AUTHENTICATOR


def test_auto_requires_it_once_it_was_seen(tmp_path, downstream, notakey):
    door = start(tmp_path, downstream, notakey)
    with door.nas() as nas, door.nas("127.0.0.2") as another:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        nas.send(nas.pap("alice", "x", message_authenticator=None))
        assert nas.barrier() == []
        assert drops(door, "message_authenticator_required") == 1
        # What one address has shown binds that address only.
        request = another.pap("alice", "x", message_authenticator=None)
        assert another.ask(request).code == wire.ACCESS_ACCEPT


def test_auto_does_not_learn_from_eap_or_status_server(tmp_path, downstream, notakey):
    """Both carry a Message-Authenticator always: they say nothing about plain logins."""
    door = start(tmp_path, downstream, notakey)
    with door.nas() as nas:
        nas.barrier()
        eap = wire.Request(nas.secret, identifier=1, attributes=[
            (wire.USER_NAME, b"alice"), (wire.EAP_MESSAGE, b"\x02\x01\x00\x0a\x01alice")])
        nas.ask(eap)
        request = nas.pap("alice", "x", message_authenticator=None)
        assert nas.ask(request).code == wire.ACCESS_ACCEPT


def test_auto_does_not_learn_from_a_forgery(tmp_path, downstream, notakey):
    door = start(tmp_path, downstream, notakey)
    with door.nas() as nas:
        forged = bytearray(nas.pap("alice", "x").octets())
        forged[22] ^= 1
        nas.send(bytes(forged))
        nas.barrier()
        assert drops(door, "bad_message_authenticator") == 1
        request = nas.pap("alice", "x", message_authenticator=None)
        assert nas.ask(request).code == wire.ACCESS_ACCEPT


def test_yes_requires_it_from_the_first_packet(tmp_path, downstream, notakey):
    door = start(tmp_path, downstream, notakey, require_message_authenticator="yes")
    with door.nas() as nas:
        nas.send(nas.pap("alice", "x", message_authenticator=None))
        assert nas.barrier() == []
        assert drops(door, "message_authenticator_required") == 1
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert len(downstream.requests) == 1


def test_no_still_checks_one_that_is_there(tmp_path, downstream, notakey):
    door = start(tmp_path, downstream, notakey, require_message_authenticator="no")
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        request = nas.pap("alice", "x", message_authenticator=None)
        assert nas.ask(request).code == wire.ACCESS_ACCEPT
        nas.send(wire.pap(b"another secret", "alice", "x", 9))
        assert nas.barrier() == []
    assert drops(door, "bad_message_authenticator") == 1


@pytest.mark.parametrize("where", ["first", "last"])
def test_its_place_does_not_matter(tmp_path, downstream, notakey, where):
    door = start(tmp_path, downstream, notakey, require_message_authenticator="yes")
    with door.nas() as nas:
        request = nas.pap("alice", "x", message_authenticator=where)
        assert nas.ask(request).code == wire.ACCESS_ACCEPT


def test_limit_proxy_state(tmp_path, downstream, notakey):
    """The collision of the attack lives in a Proxy-State without Message-Authenticator."""
    state = [(wire.PROXY_STATE, os.urandom(200))]
    door = start(tmp_path, downstream, notakey, require_message_authenticator="no")
    with door.nas() as nas:
        nas.send(nas.pap("alice", "x", state, message_authenticator=None))
        assert nas.barrier() == []
        assert drops(door, "proxy_state_without_message_authenticator") == 1
        assert nas.ask(nas.pap("alice", "x", state)).code == wire.ACCESS_ACCEPT


def test_limit_proxy_state_can_be_lifted(tmp_path, downstream, notakey):
    door = start(tmp_path, downstream, notakey, require_message_authenticator="no",
                 limit_proxy_state=False)
    with door.nas() as nas:
        request = nas.pap("alice", "x", [(wire.PROXY_STATE, b"mine")], message_authenticator=None)
        reply = nas.ask(request)
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.all(wire.PROXY_STATE) == [b"mine"]


# --- towards the downstream

def test_every_request_downstream_is_signed_first_thing(tmp_path, downstream, notakey):
    door = start(tmp_path, downstream, notakey)
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "x", message_authenticator=None))
    (request,) = downstream.requests
    kinds = [kind for kind, _ in wire.parse_attributes(request)]
    assert kinds[0] == wire.MESSAGE_AUTHENTICATOR
    assert kinds.count(wire.MESSAGE_AUTHENTICATOR) == 1
    assert wire.sign(request, downstream.key) == request


def no_message_authenticator(request, downstream):
    return downstream.reply(request, wire.ACCESS_ACCEPT, message_authenticator=None)


def bad_message_authenticator(request, downstream):
    forged = wire.make_reply(
        request, wire.ACCESS_ACCEPT, [(wire.MESSAGE_AUTHENTICATOR, os.urandom(16))],
        downstream.key, message_authenticator=None)
    return forged


def wrong_authenticator(request, downstream):
    reply = downstream.reply(request, wire.ACCESS_ACCEPT)
    return reply[:4] + os.urandom(16) + reply[20:]


def another_secret(request, _downstream):
    return wire.make_reply(request, wire.ACCESS_ACCEPT, [], b"guessed")


def reject_turned_into_accept(request, downstream):
    reply = downstream.reply(request, wire.ACCESS_REJECT)
    return bytes([wire.ACCESS_ACCEPT]) + reply[1:]


def two_message_authenticators(request, downstream):
    return wire.make_reply(request, wire.ACCESS_ACCEPT,
                           [(wire.MESSAGE_AUTHENTICATOR, bytes(16))], downstream.key)


def another_identifier(request, downstream):
    reply = downstream.reply(request, wire.ACCESS_ACCEPT)
    changed = reply[:1] + bytes([(reply[1] + 1) % 256]) + reply[2:4] + request[4:20] + reply[20:]
    changed = wire.sign(changed, downstream.key)
    digest = hashlib.md5(changed + downstream.key).digest()
    return changed[:4] + digest + changed[20:]


def accounting_answer(request, downstream):
    return downstream.reply(request, wire.ACCOUNTING_RESPONSE)


def a_request_as_reply(request, downstream):
    return downstream.reply(request, wire.ACCESS_REQUEST)


# forged reply → (metric, reason)
FORGERIES = {
    bad_message_authenticator: ("drops", "reply_bad_message_authenticator"),
    wrong_authenticator: ("drops", "reply_bad_authenticator"),
    another_secret: ("drops", "reply_bad_authenticator"),
    reject_turned_into_accept: ("drops", "reply_bad_authenticator"),
    two_message_authenticators: ("malformed", "message_authenticator_twice"),
    another_identifier: ("drops", "reply_unmatched"),
    accounting_answer: ("drops", "reply_wrong_code"),
    a_request_as_reply: ("drops", "reply_bad_authenticator"),
}


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda f: f.__name__)
def test_a_forged_reply_changes_nothing(tmp_path, notakey, forgery):
    """The forgery is dropped and counted, no phone rings, and the true answer still counts."""
    metric, reason = FORGERIES[forgery]
    with FakeDownstream(forgery) as downstream:
        door = start(tmp_path, downstream, notakey)
        with door.nas() as nas:
            request = nas.pap("alice", "x")
            nas.send(request)
            door.wait_metric(1, f"sallyport_radius_{metric}_total", reason=reason)
            assert nas.barrier() == []
            assert notakey.requests() == []
            downstream.send(accept(downstream.requests[0], downstream))
            assert nas.receive(request).code == wire.ACCESS_ACCEPT
    assert notakey.pushes() == 1


def test_a_reply_without_message_authenticator_when_it_is_required(tmp_path, notakey):
    with FakeDownstream(no_message_authenticator) as downstream:
        door = Sallyport(tmp_path, downstream, notakey,
                         downstream={"require_message_authenticator": "yes"})
        with door.nas() as nas:
            request = nas.pap("alice", "x")
            nas.send(request)
            door.wait_metric(1, "sallyport_radius_drops_total",
                             reason="reply_message_authenticator_required")
            assert nas.barrier() == []
            assert notakey.requests() == []
            downstream.send(accept(downstream.requests[0], downstream))
            assert nas.receive(request).code == wire.ACCESS_ACCEPT


def test_auto_learns_from_the_downstream_too(tmp_path, downstream, notakey):
    door = start(tmp_path, downstream, notakey)
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        downstream.handler = no_message_authenticator
        nas.send(nas.pap("alice", "x"))
        door.wait_metric(1, "sallyport_radius_drops_total",
                         reason="reply_message_authenticator_required")
        assert nas.barrier() == []
    assert notakey.pushes() == 1


def test_an_old_downstream_is_served_by_default(tmp_path, notakey):
    with FakeDownstream(no_message_authenticator) as downstream:
        door = start(tmp_path, downstream, notakey)
        with door.nas() as nas:
            reply = nas.ask(nas.pap("alice", "x"))
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.attributes[0][0] == wire.MESSAGE_AUTHENTICATOR


def test_an_authentic_reply_from_elsewhere_is_not_taken(tmp_path, notakey):
    """Right in every octet, but from another address and another port."""
    with FakeDownstream(lambda *_: None) as downstream, FakeDownstream(accept) as elsewhere:
        door = start(tmp_path, downstream, notakey)
        with door.nas() as nas:
            request = nas.pap("alice", "x")
            nas.send(request)
            wait_until(lambda: downstream.requests, "the forwarded request")
            elsewhere.send(accept(downstream.requests[0], downstream), downstream.peer)
            assert nas.barrier() == []
            assert notakey.requests() == []
            downstream.send(accept(downstream.requests[0], downstream))
            assert nas.receive(request).code == wire.ACCESS_ACCEPT


def test_proxy_states_made_up_by_the_downstream_do_not_return(tmp_path, notakey):
    def inventive(request, downstream):
        return downstream.reply(request, wire.ACCESS_ACCEPT, [(wire.PROXY_STATE, b"collision")])

    with FakeDownstream(inventive) as downstream:
        door = start(tmp_path, downstream, notakey)
        with door.nas() as nas:
            reply = nas.ask(nas.pap("alice", "x", [(wire.PROXY_STATE, b"mine")]))
    assert reply.all(wire.PROXY_STATE) == [b"mine"]


def test_our_own_request_looped_back_is_dropped(tmp_path, downstream, notakey):
    """A downstream that is configured to proxy to us would multiply requests for ever."""
    door = start(tmp_path, downstream, notakey)
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "x"))
        (forwarded,) = downstream.requests
        looped = [a for a in wire.parse_attributes(forwarded) if a[0] == wire.PROXY_STATE]
        nas.send(nas.pap("alice", "x", looped))
        assert nas.barrier() == []
    assert drops(door, "loop") == 1
