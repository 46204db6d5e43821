"""SIGHUP: a new configuration is taken over whole or not at all, and what is in flight ends with
the secrets it began with."""

import pathlib

import pytest
from harness import Sallyport, wire
from harness.sallyport import client

NEW_SECRET = "the client's new secret"


@pytest.fixture
def door(tmp_path, downstream, notakey):
    return Sallyport(tmp_path, downstream, notakey)


def reload(door):
    """SIGHUP, and waits until the log tells how it went."""
    before = len(door.log_lines())

    def told():
        lines = [line for line in door.log_lines()[before:] if line["component"] == "reload"]
        ended = any(line["message"].startswith(("done", "refused")) for line in lines)
        return lines if ended else None

    door.reload()
    return door.wait_for(told, "a log line about the reload")


def test_a_new_client_secret(door):
    door.settings["client"] = [client(secret=NEW_SECRET)]
    door.write_config()
    reload(door)
    with door.nas(secret=NEW_SECRET) as nas, door.nas() as old:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        old.send(old.pap("alice", "x"))
        nas.barrier()
        assert old.nothing_arrives()
    door.wait_metric(1, "sallyport_radius_drops_total", reason="bad_message_authenticator")


def test_a_login_in_flight_ends_with_its_old_secret(door, notakey):
    with door.nas() as nas:
        request = nas.pap("quinn", "x")
        nas.send(request)
        notakey.wait_pushes(1)
        door.settings["client"] = [client(secret=NEW_SECRET)]
        door.write_config()
        reload(door)
        notakey.answer("quinn", approve=True)
        assert nas.receive(request).code == wire.ACCESS_ACCEPT


def test_a_removed_client_is_unknown(door):
    door.settings["client"] = [client(["192.0.2.1"])]
    door.write_config()
    reload(door)
    with door.nas() as nas:
        nas.send(nas.pap("alice", "x"))
        door.wait_metric(1, "sallyport_radius_drops_total", reason="unknown_client")


def test_a_new_downstream_secret(door, downstream):
    downstream.key = b"the downstream's new secret"
    door.settings["downstream"]["secret"] = downstream.key.decode()
    door.write_config()
    reload(door)
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def test_second_factor_settings(door):
    door.settings["second_factor"]["denied_message"] = "Not today."
    door.write_config()
    reload(door)
    with door.nas() as nas:
        assert nas.ask(nas.pap("denise", "x")).text(wire.REPLY_MESSAGE) == "Not today."


@pytest.mark.parametrize("content", ["[radius\n", "[radius]\nlisten = []\n", ""])
def test_a_bad_file_keeps_the_old_configuration(door, content):
    pathlib.Path(door.config).write_text(content)
    lines = reload(door)
    assert any(line["level"] in ("error", "warning") for line in lines), lines
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def test_what_cannot_change_while_running_is_refused_whole(door):
    """Another listen address needs a restart; the secret that came with it is not taken either."""
    door.settings["radius"]["listen"] = [f"{door.address}:{door.server[1]}", "127.0.0.1:0"]
    door.settings["client"] = [client(secret=NEW_SECRET)]
    door.write_config()
    lines = reload(door)
    assert any("listen" in line["message"] for line in lines), lines
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def test_learned_message_authenticators_survive(door):
    """A reload must not reopen the door for unsigned requests (require "auto")."""
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        reload(door)
        nas.send(nas.pap("alice", "x", message_authenticator=None))
        assert nas.barrier() == []
    door.wait_metric(1, "sallyport_radius_drops_total", reason="message_authenticator_required")


def test_many_reloads_under_load(door, notakey):
    """Each with a login in flight: none is lost."""
    with door.nas() as nas:
        for turn in range(10):
            request = nas.pap("quinn", f"password {turn}")
            nas.send(request)
            notakey.wait_pushes(turn + 1)
            door.settings["second_factor"]["denied_message"] = f"turn {turn}"
            door.write_config()
            door.reload()
            notakey.answer("quinn", approve=turn % 2 == 0)
            reply = nas.receive(request)
            expected = wire.ACCESS_ACCEPT if turn % 2 == 0 else wire.ACCESS_REJECT
            assert reply.code == expected
