"""SIGTERM: what was asked is still answered, nothing new is taken, and the exit status is 0."""

import signal

import pytest
from harness import Sallyport, wait_until, wire


@pytest.fixture
def door(tmp_path, downstream, notakey):
    return Sallyport(tmp_path, downstream, notakey, notakey={"ttl": "60s"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle(door, number):
    door.signal(number)
    assert door.wait_exit() == 0


def test_a_push_that_waits_is_still_answered(door, notakey):
    with door.nas() as nas:
        request = nas.pap("quinn", "x")
        nas.send(request)
        notakey.wait_pushes(1)
        door.terminate()
        door.wait_for(lambda: "stopping" in door.err(), "the log to say that it stops")
        assert door.running()
        notakey.answer("quinn", approve=True)
        assert nas.receive(request).code == wire.ACCESS_ACCEPT
    assert door.wait_exit() == 0
    assert door.audit()[-1]["outcome"] == "approved"


def ended_by_another(door):
    """Two signals within a second count as one wish (a process and its group are both told), so it
    is repeated."""
    if door.running():
        door.terminate()
    return not door.running()


def test_a_second_signal_ends_it_at_once(door, notakey):
    with door.nas() as nas:
        nas.send(nas.pap("quinn", "x"))
        notakey.wait_pushes(1)
        door.terminate()
        door.wait_for(lambda: "stopping" in door.err(), "the log to say that it stops")
        wait_until(lambda: ended_by_another(door), "the end, well before the grace of 8 s",
                   patience_s=6, every_s=0.3)
    assert door.wait_exit() == 128 + signal.SIGTERM


def test_the_audit_log_is_complete(door):
    """Lines wait in a queue for a thread of their own: none may be lost at the end."""
    with door.nas() as nas:
        for n in range(100):
            nas.send(nas.pap("stranger", f"{n}"))
        answers = [nas.receive_octets() for _ in range(100)]
    assert door.terminate_and_wait() == 0
    assert len(door.audit()) == len(answers) == 100
