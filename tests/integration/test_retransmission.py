"""Datagrams that come twice, and logins that look alike: one push, one distinct answer; and nobody
rides on another's approval."""

import pytest
from harness import FakeDownstream, NotakeySimulator, Sallyport, wait_until, wire
from harness.downstream import accept
from harness.sallyport import client


@pytest.fixture
def door(tmp_path, downstream, notakey):
    return Sallyport(tmp_path, downstream, notakey, notakey={"ttl": "60s"})


def distinct(datagrams):
    return set(datagrams)


def test_storm_before_and_while_the_push_is_out(door, notakey, downstream):
    with door.nas() as nas:
        request = nas.pap("quinn", "x")
        for _ in range(50):
            nas.send(request)
        notakey.wait_pushes(1)
        for _ in range(50):
            nas.send(request)
        assert nas.barrier() == []
        notakey.answer("quinn", approve=True)
        assert nas.receive(request).code == wire.ACCESS_ACCEPT
        assert nas.barrier() == []
    assert notakey.pushes() == 1
    assert len(distinct(downstream.requests)) == 1
    door.wait_metric(99, "sallyport_radius_drops_total", reason="duplicate_pending")
    assert len(door.wait_audit(1)) == 1


def test_storm_after_the_answer_gets_the_same_octets_again(door, notakey):
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request)
        first = nas.receive_octets()
        for _ in range(50):
            nas.send(request)
        assert nas.barrier() == [first] * 50
    assert wire.Reply(first, request).code == wire.ACCESS_ACCEPT
    assert notakey.pushes() == 1
    assert len(door.wait_audit(1)) == 1


def test_a_denial_is_repeated_as_it_was(door, notakey):
    with door.nas() as nas:
        request = nas.pap("denise", "x")
        nas.send(request)
        first = nas.receive_octets()
        nas.send(request)
        assert nas.receive_octets() == first
    assert first[0] == wire.ACCESS_REJECT
    assert notakey.pushes() == 1


def test_after_the_window_the_same_datagram_is_a_new_login(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey, radius={"duplicate_window": "5s"})
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        assert nas.ask(request).code == wire.ACCESS_ACCEPT
        door.wait_metric(0, "sallyport_radius_exchanges")
        assert nas.ask(request).code == wire.ACCESS_ACCEPT
    assert len(downstream.requests) == 2
    assert door.metric("sallyport_radius_duplicates_answered_total") == 0


def test_storm_while_the_downstream_thinks(tmp_path, notakey):
    """Duplicates that arrive before the downstream has answered start nothing of their own."""
    with FakeDownstream(lambda *_: None) as downstream:
        door = Sallyport(tmp_path, downstream, notakey)
        with door.nas() as nas:
            request = nas.pap("alice", "x")
            for _ in range(50):
                nas.send(request)
            wait_until(lambda: downstream.requests, "the forwarded request")
            assert nas.barrier() == []
            downstream.send(accept(downstream.requests[0], downstream))
            assert nas.receive(request).code == wire.ACCESS_ACCEPT
    assert len(distinct(downstream.requests)) == 1
    assert notakey.pushes() == 1


def test_the_downstream_may_answer_twice(door, notakey, downstream):
    downstream.handler = lambda request, server: [accept(request, server)] * 2
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        assert nas.ask(request).code == wire.ACCESS_ACCEPT
        assert nas.barrier() == []
    assert notakey.pushes() == 1
    door.wait_metric(1, "sallyport_radius_drops_total", reason="reply_unmatched")


def test_a_retry_with_a_new_identifier_joins(door, notakey):
    """Many NASes count a retry as a new request: same user, same credentials, one push, two
    answers."""
    extra = [(wire.CALLING_STATION_ID, b"02-00-00-00-00-01")]
    with door.nas() as nas, door.nas() as other_port:
        first = nas.pap("quinn", "x", extra)
        second = nas.pap("quinn", "x", extra)
        third = other_port.pap("quinn", "x", extra)
        nas.send(first)
        notakey.wait_pushes(1)
        nas.send(second)
        other_port.send(third)
        door.wait_metric(2, "sallyport_verify_joined_total")
        notakey.answer("quinn", approve=True)
        answers = {octets[1]: octets for octets in (nas.receive_octets(), nas.receive_octets())}
        for request in (first, second):
            assert wire.Reply(answers[request.identifier], request).code == wire.ACCESS_ACCEPT
        assert other_port.receive(third).code == wire.ACCESS_ACCEPT
    assert notakey.pushes() == 1
    assert sorted(line["joined"] for line in door.wait_audit(3)) == [False, True, True]


def test_joined_requests_share_the_denial_too(door, notakey):
    with door.nas() as nas:
        first, second = nas.pap("quinn", "x"), nas.pap("quinn", "x")
        nas.send(first)
        notakey.wait_pushes(1)
        nas.send(second)
        door.wait_metric(1, "sallyport_verify_joined_total")
        notakey.answer("quinn", approve=False)
        codes = {nas.receive_octets()[0], nas.receive_octets()[0]}
    assert codes == {wire.ACCESS_REJECT}
    assert notakey.pushes() == 1


STATION = [(wire.CALLING_STATION_ID, b"02-00-00-00-00-01")]
OTHERS = {
    "another password": ("127.0.0.1", "quinn", "y", STATION),
    "another Calling-Station-Id": (
        "127.0.0.1", "quinn", "x", [(wire.CALLING_STATION_ID, b"02-00-00-00-00-02")]),
    "no Calling-Station-Id": ("127.0.0.1", "quinn", "x", []),
    "another client": ("127.0.0.2", "quinn", "x", STATION),
    "another spelling of the user": ("127.0.0.1", "Quinn", "x", STATION),
}


@pytest.mark.parametrize("other", OTHERS)
def test_an_intruder_never_joins(tmp_path, downstream, other):
    """The victim's push is out; somebody else logs in as the victim. Each gets a push of its own,
    and the approval of one is not the other's."""
    notakey = NotakeySimulator(tmp_path, users=["Quinn=ask"])
    door = Sallyport(tmp_path, downstream, notakey)
    address, user, password, extra = OTHERS[other]
    with door.nas() as victim, door.nas(address) as intruder:
        honest = victim.pap("quinn", "x", STATION)
        victim.send(honest)
        notakey.wait_pushes(1)
        forged = intruder.pap(user, password, extra)
        intruder.send(forged)
        notakey.wait_pushes(2)
        first, second = notakey.requests()
        notakey.answer_request(first, approve=True)
        assert victim.receive(honest).code == wire.ACCESS_ACCEPT
        assert intruder.barrier() == []
        notakey.answer_request(second, approve=False)
        assert intruder.receive(forged).code == wire.ACCESS_REJECT
    assert door.metric("sallyport_verify_joined_total") == 0


def test_two_clients_with_names_of_their_own_never_join(tmp_path, downstream, notakey):
    clients = [client(["127.0.0.1"], name="one"), client(["127.0.0.2"], name="two")]
    door = Sallyport(tmp_path, downstream, notakey, clients=clients)
    with door.nas("127.0.0.1") as one, door.nas("127.0.0.2") as two:
        one.send(one.pap("quinn", "x"))
        two.send(two.pap("quinn", "x"))
        notakey.wait_pushes(2)


def test_chap_with_another_challenge_never_joins(door, notakey):
    with door.nas() as nas:
        for _ in range(2):
            request = wire.Request(nas.secret, identifier=nas.identifier())
            request.attributes = [
                (wire.USER_NAME, b"quinn"),
                (wire.CHAP_PASSWORD, wire.chap(1, b"x", request.authenticator)),
            ]
            nas.send(request)
        notakey.wait_pushes(2)


def test_a_reused_identifier_abandons_the_old_login(door, notakey, downstream):
    """Same source port and Identifier, new authenticator: the NAS has given up on the first. Its
    late verdict answers nobody."""
    with door.nas() as nas:
        old = nas.pap("quinn", "x", identifier=7)
        nas.send(old)
        notakey.wait_pushes(1)
        new = nas.pap("alice", "x", identifier=7)
        nas.send(new)
        assert nas.receive(new).code == wire.ACCESS_ACCEPT
        notakey.answer("quinn", approve=True)
        assert nas.barrier() == []
    door.wait_metric(1, "sallyport_radius_replaced_total")
    outcomes = {line["user"]: line["outcome"] for line in door.wait_audit(2)}
    assert outcomes == {"quinn": "abandoned", "alice": "approved"}


def test_a_lost_request_is_sent_downstream_again(tmp_path, notakey):
    """RFC 5080 section 2.2.1: the same octets, from the same port."""
    seen = []

    def deaf_once(request, downstream):
        seen.append((request, downstream.peer))
        return accept(request, downstream) if len(seen) > 1 else None

    with FakeDownstream(deaf_once) as downstream:
        door = Sallyport(tmp_path, downstream, notakey, downstream={"retransmit": "200ms"})
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert seen[0] == seen[1]
    assert door.metric("sallyport_radius_retransmitted_total") >= 1


def test_a_downstream_that_is_down_and_comes_back(tmp_path, notakey):
    """While nobody listens, the kernel reports each of our datagrams as refused. The request in
    flight is answered by the first retransmission that finds the server back."""
    with FakeDownstream(accept) as gone:
        server = gone.server
    door = Sallyport(tmp_path, gone, notakey, downstream={"retransmit": "200ms"})
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request)
        wait_until(lambda: door.metric("sallyport_radius_retransmitted_total") >= 1,
                   "a retransmission")
        with FakeDownstream(accept, address=server[0], port=server[1]):
            assert nas.receive(request).code == wire.ACCESS_ACCEPT
            assert nas.ask(nas.pap("bob", "x")).code == wire.ACCESS_ACCEPT
    assert notakey.pushes() == 2


def test_a_dead_downstream_is_answered_with_silence(tmp_path, notakey):
    with FakeDownstream(lambda *_: None) as downstream:
        door = Sallyport(
            tmp_path, downstream, notakey,
            downstream={"send_timeout": "1s", "receive_timeout": "1s", "retransmit": "200ms"})
        with door.nas() as nas:
            nas.send(nas.pap("alice", "x"))
            (line,) = door.wait_audit(1)
            assert nas.barrier() == []
        wait_until(lambda: len(downstream.requests) > 1, "a retransmission")
    assert (line["outcome"], line["answer"]) == ("downstream_timeout", "none")
    assert notakey.requests() == []
    assert len(set(downstream.requests)) == 1
