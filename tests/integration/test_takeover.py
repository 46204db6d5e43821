"""SIGUSR2: a new process takes over the sockets, the old one answers what it remembers and ends.
Several times over under load: SALLYPORT_TEST_REQUESTS=100000 SALLYPORT_TEST_TAKEOVERS=10."""

import os

from harness import wire
from harness.load import RadiusLoad, rejecting_downstream
from takeover_lab import take_over_under_load

REQUESTS = int(os.environ.get("SALLYPORT_TEST_REQUESTS", "20000"))
TAKEOVERS = int(os.environ.get("SALLYPORT_TEST_TAKEOVERS", "2"))


def test_no_request_is_lost_over_several_takeovers(tmp_path, notakey, start_generations):
    """As fast as they are answered, before, while and after the sockets change hands."""
    downstream = rejecting_downstream(tmp_path)
    generations = start_generations(downstream, notakey, radius={"shards": 2},
                                    log={"level": "info", "audit": False})
    load = RadiusLoad(tmp_path, generations.door)

    def ask():
        result = load.result(load.start("--requests", 5_000, "--window", 200))
        assert result["lost"] == result["wrong"] == 0, result
        return result["rejects"]

    take_over_under_load(generations, ask, REQUESTS, TAKEOVERS)


def test_what_the_old_process_remembers_is_answered_by_it(downstream, notakey, start_generations):
    """A push that is out: the same datagram again asks nobody twice, and its answer is repeated
    octet by octet; while the new process takes new logins."""
    # Longer than a slow machine needs to start the new process.
    generations = start_generations(downstream, notakey, radius={"duplicate_window": "12s"})
    door = generations.door
    with door.nas() as nas:
        kept = nas.pap("alice", "kept answer")
        nas.send(kept)
        first = nas.receive_octets()
        pending = nas.pap("quinn", "x")
        nas.send(pending)
        notakey.wait_pushes(2)
        generations.take_over()
        for _ in range(20):
            nas.send(pending)
        nas.send(kept)
        assert nas.receive_octets() == first
        assert nas.ask(nas.pap("alice", "new")).code == wire.ACCESS_ACCEPT
        notakey.answer("quinn", approve=True)
        answer = nas.receive_octets()
        assert wire.Reply(answer, pending).code == wire.ACCESS_ACCEPT
        nas.send(pending)
        assert nas.receive_octets() == answer
        assert notakey.pushes("quinn") == 1
        assert notakey.pushes("alice") == 2
        generations.wait_end_of_old()
    # From another port: of the many, some may have come when there was an answer.
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "after")).code == wire.ACCESS_ACCEPT
    assert len(downstream.requests) == 4


def test_a_new_process_that_cannot_start_changes_nothing(downstream, notakey, start_generations):
    generations = start_generations(downstream, notakey)
    door = generations.door
    good = door.config.read_text()
    with door.nas() as nas:
        for bad, status, why in (
                ("[radius\n", 1, f"{door.config}:1:"),
                (good.replace("[radius]\n", "[radius]\nlisten_on = 1\n"), 1, "Mend: "),
                (good.replace("shards = 1", "shards = 2"), 3, "shards"),
                (good.replace("[radius]\nlisten = [", '[radius]\nlisten = ["127.0.0.1:0", '),
                 3, "radius.listen cannot change")):
            assert bad != good
            door.config.write_text(bad)
            told = generations.ask()
            assert f"this process goes on: the new process ended with status {status}: " in told
            assert why in told, told
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    # Started by the test itself and never replaced: it ends as ever.
    assert door.running()


def test_learned_message_authenticators_are_handed_over(downstream, notakey, start_generations):
    """Taking over must not reopen the door for unsigned requests (require "auto")."""
    generations = start_generations(downstream, notakey)
    door = generations.door
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        generations.take_over()
        nas.send(nas.pap("alice", "x", message_authenticator=None))
        assert nas.barrier() == []
    door.wait_metric(1, "sallyport_radius_drops_total", reason="message_authenticator_required")


def test_one_takeover_after_the_other(downstream, notakey, start_generations):
    generations = start_generations(downstream, notakey)
    generations.take_over()
    assert "still answers what it remembers" in generations.ask()
    generations.wait_end_of_old()
    generations.take_over()
