"""on_unavailable = deny, allow or silent, for every way in which the service can fail before a push
is out; and that it never applies once one is."""

import pytest
from harness import FakeDownstream, NoAnswer, NotakeySimulator, Sallyport, wire
from harness.downstream import accept
from harness.notakey import NoService

UNAVAILABLE = "The second factor is not available. Try again later."


def refused(tmp_path):
    return NoService()


def failing(**fault):
    def start(tmp_path):
        simulator = NotakeySimulator(tmp_path)
        simulator.fault(call="create", **fault)
        return simulator

    return start


# Each leaves no doubt that no phone has been asked.
BEFORE_THE_PUSH = {
    "connection refused": refused,
    "status 500": failing(kind="status", status=500),
    "status 503": failing(kind="status", status=503),
}

# The push may be out, or surely is: the answer was lost, or cannot be understood, or never comes.
AFTER_THE_PUSH = {
    "create answered with bad JSON": {"call": "create", "kind": "bad-json"},
    "create cut before the answer": {"call": "create", "kind": "cut-after"},
    "create cut in the middle": {"call": "create", "kind": "cut-middle"},
    "poll fails": {"call": "poll", "kind": "status", "status": 500},
    "poll is not JSON": {"call": "poll", "kind": "bad-json"},
    "poll is cut": {"call": "poll", "kind": "cut"},
    "poll names another request": {"call": "poll", "kind": "wrong-uuid"},
    "poll names another user": {"call": "poll", "kind": "wrong-username"},
    "poll answers something new": {"call": "poll", "kind": "unknown-response"},
}


@pytest.fixture
def downstream():
    with FakeDownstream(accept) as server:
        yield server


def start(tmp_path, downstream, notakey, policy, ttl="5s", timeout="1s"):
    return Sallyport(tmp_path, downstream, notakey, notakey={"ttl": ttl, "timeout": timeout},
                     second_factor={"on_unavailable": policy})


@pytest.mark.parametrize("how", BEFORE_THE_PUSH)
def test_deny(tmp_path, downstream, how):
    door = start(tmp_path, downstream, BEFORE_THE_PUSH[how](tmp_path), "deny")
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", "x"))
    assert reply.code == wire.ACCESS_REJECT
    assert reply.text(wire.REPLY_MESSAGE) == UNAVAILABLE
    assert reply.get(wire.FILTER_ID) is None
    (line,) = door.wait_audit(1)
    assert (line["outcome"], line["verdict"]) == ("unavailable_denied", "unavailable")
    assert line["detail"]


@pytest.mark.parametrize("how", BEFORE_THE_PUSH)
def test_allow_is_written_in_the_audit_log(tmp_path, downstream, how):
    door = start(tmp_path, downstream, BEFORE_THE_PUSH[how](tmp_path), "allow")
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", "x"))
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.get(wire.FILTER_ID) == b"staff"
    (line,) = door.wait_audit(1)
    assert line["outcome"] == "unavailable_allowed"
    assert line["policy"] == "on_unavailable=allow"
    door.wait_metric(1, "sallyport_radius_allowed_by_policy_total")


@pytest.mark.parametrize("how", BEFORE_THE_PUSH)
def test_silent_then_a_retry_is_tried_anew(tmp_path, downstream, how):
    door = start(tmp_path, downstream, BEFORE_THE_PUSH[how](tmp_path), "silent")
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request)
        door.wait_audit(1)
        assert nas.barrier() == []
        nas.send(request)
        lines = door.wait_audit(2)
        assert nas.barrier() == []
    assert {line["outcome"] for line in lines} == {"unavailable_silent"}
    assert {line["answer"] for line in lines} == {"none"}


@pytest.mark.parametrize("how", AFTER_THE_PUSH)
def test_once_a_push_may_be_out_no_answer_means_reject(tmp_path, downstream, notakey, how):
    notakey.fault(**AFTER_THE_PUSH[how])
    door = start(tmp_path, downstream, notakey, "allow")
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", "x"))
    assert reply.code == wire.ACCESS_REJECT
    assert reply.get(wire.FILTER_ID) is None
    (line,) = door.wait_audit(1)
    assert line["outcome"] in ("unavailable_denied", "expired")
    assert notakey.pushes() == 1


@pytest.mark.parametrize("user", ["alice\0", "alice\x7f", ".", ".."])
def test_a_name_that_cannot_be_put_is_not_down(tmp_path, downstream, notakey, user):
    """Else it is who logs in that decides whether anybody is asked."""
    door = start(tmp_path, downstream, notakey, "allow")
    with door.nas() as nas:
        assert nas.ask(nas.pap(user, "x")).code == wire.ACCESS_REJECT
    assert door.wait_audit(1)[0]["outcome"] == "unknown_user"
    assert notakey.pushes() == 0


def test_a_connection_cut_before_any_answer_is_not_down(tmp_path, downstream, notakey):
    """The request had left: for all the daemon can know, the phone rang."""
    notakey.fault(call="create", kind="cut")
    door = start(tmp_path, downstream, notakey, "allow")
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_REJECT


@pytest.mark.parametrize("policy", ["allow", "silent"])
def test_a_service_that_takes_the_request_and_goes_quiet_is_not_down(
    tmp_path, downstream, notakey, policy
):
    """The create call times out: nobody can know whether the phone rang."""
    notakey.fault(call="create", kind="hang")
    door = start(tmp_path, downstream, notakey, policy)
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_REJECT


def test_polls_that_fail_for_a_while_do_not_lose_the_approval(tmp_path, downstream, notakey):
    notakey.fault(call="poll", kind="status", status=503, count=1)
    door = Sallyport(tmp_path, downstream, notakey, notakey={"ttl": "15s"})
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert notakey.pushes() == 1


def test_too_many_requests_is_obeyed(tmp_path, downstream, notakey):
    notakey.fault(call="create", kind="status", status=429, retry_after_s=1, count=1)
    door = Sallyport(tmp_path, downstream, notakey, notakey={"ttl": "15s"})
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert notakey.pushes() == 1


def test_wrong_password_is_rejected_whatever_the_policy(tmp_path, freeradius):
    door = start(tmp_path, freeradius, NoService(), "allow")
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "wrong")).code == wire.ACCESS_REJECT


def test_the_service_restarts(tmp_path, downstream, notakey):
    """Connections that the daemon keeps open break; the next login makes new ones."""
    door = start(tmp_path, downstream, notakey, "deny", ttl="60s", timeout="20s")
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        notakey.stop()
        address, _, port = notakey.host.rpartition("//")[2].rpartition(":")
        restarted = NotakeySimulator(tmp_path / "restarted", address=address, port=port)
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert restarted.pushes() == 1


def test_recovery(tmp_path, downstream, notakey):
    """The service comes back: the next login is asked again, with nothing to restart."""
    notakey.fault(call="create", kind="status", status=500)
    door = start(tmp_path, downstream, notakey, "deny", ttl="60s", timeout="20s")
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_REJECT
        notakey.no_faults()
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        with pytest.raises(NoAnswer):
            nas.receive_octets(0.05)
