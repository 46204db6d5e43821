"""SIGUSR2 for a daemon that asks for codes: both processes have the store for a time, each checks
the codes that it has asked for, and a step is used up, and a user locked out, in both."""

import os
import pathlib
import stat

import pytest
from gate_peers import app_code
from harness import wire
from harness.radsec import ALPN_11
from takeover_lab import PATIENCE_S
from test_radius_factors import POLICY, answer, begin, register, users, wrong_code
from test_takeover_tls import TlsLab

SETTINGS = {
    "policy": POLICY,
    "notakey": {"ttl": "90s"},
    "second_factor": {"otp_tries": 2},
}


def settings_in(folder):
    return {**SETTINGS, "store": {"type": "sqlite", "path": str(folder / "codes.db")},
            "http": {"control_socket": str(folder / "control.sock")}}


@pytest.fixture
def generations(tmp_path, downstream, notakey, start_generations):
    started = start_generations(downstream, notakey, **settings_in(tmp_path))
    started.door.control = tmp_path / "control.sock"
    return started


def test_who_has_asked_checks(generations):
    """A State of the old process arrives at the new one, which hands it back."""
    door = generations.door
    secrets = {user: register(door, user) for user in ("alice", "bob", "carol")}
    old = begin(door)
    generations.take_over()
    new = begin(door, "bob")
    # In one and the other order, and with one wrong code before the right one.
    assert answer(door, new, app_code(secrets["bob"]), "bob").code == wire.ACCESS_ACCEPT
    again = answer(door, old, wrong_code(secrets["alice"]))
    assert again.code == wire.ACCESS_CHALLENGE
    door.wait_metric(1, "sallyport_radius_codes_asked_total")  # by the new process
    code = app_code(secrets["alice"])
    assert answer(door, again, code).code == wire.ACCESS_ACCEPT
    door.wait_metric(1, "sallyport_radius_code_verdicts_total", verdict="approved")
    # Nothing of it is good twice: neither the State nor the step.
    assert answer(door, again, app_code(secrets["alice"], 30)).code == wire.ACCESS_REJECT
    assert answer(door, begin(door), code).code == wire.ACCESS_CHALLENGE
    generations.wait_end_of_old()
    # What it had asked is over with it.
    assert answer(door, again, app_code(secrets["alice"], 30)).code == wire.ACCESS_REJECT
    assert answer(door, begin(door, "carol"), app_code(secrets["carol"]), "carol").code == (
        wire.ACCESS_ACCEPT)


def test_the_old_process_stays_until_its_codes_are_typed(generations):
    door = generations.door
    secret = register(door)
    challenge = begin(door)
    generations.take_over()
    with pytest.raises(AssertionError):
        door.wait_exit(8)  # nothing else keeps it longer than the duplicate window
    assert answer(door, challenge, app_code(secret)).code == wire.ACCESS_ACCEPT
    generations.wait_end_of_old()


def test_a_used_code_and_a_lock_out_count_for_both(generations):
    door = generations.door
    secrets = {user: register(door, user) for user in ("alice", "bob")}
    old = [begin(door, "alice"), begin(door, "bob")]
    generations.take_over()
    code = app_code(secrets["alice"])
    assert answer(door, begin(door, "alice"), code).code == wire.ACCESS_ACCEPT
    assert answer(door, old[0], code).code == wire.ACCESS_CHALLENGE  # wrong: it is used up
    for _ in range(5):
        challenge = begin(door, "bob")
        for _ in range(2):
            challenge = answer(door, challenge, wrong_code(secrets["bob"]), "bob")
    assert "wrong answers: 10" in users(door, "show", "bob").stdout
    assert answer(door, old[1], app_code(secrets["bob"]), "bob").code == wire.ACCESS_REJECT


def test_the_control_socket_goes_along(generations):
    door = generations.door
    register(door)
    generations.take_over()
    assert "app: registered" in users(door, "show", "alice").stdout
    assert users(door, "reset-otp", "alice").returncode == 0
    secret = register(door)
    generations.wait_end_of_old()
    assert stat.S_ISSOCK(pathlib.Path(door.control).stat().st_mode)
    assert answer(door, begin(door), app_code(secret)).code == wire.ACCESS_ACCEPT
    generations.take_over()
    assert users(door, "reset-otp", "alice").returncode == 0
    generations.stop()
    assert not os.path.exists(door.control)


def test_a_store_in_memory_stays(tmp_path, downstream, notakey, start_generations):
    settings = settings_in(tmp_path)
    settings["store"] = {"type": "memory"}
    generations = start_generations(downstream, notakey, **settings)
    generations.door.control = tmp_path / "control.sock"
    secret = register(generations.door)
    assert "in the memory of one process" in generations.ask()
    assert answer(generations.door, begin(generations.door), app_code(secret)).code == (
        wire.ACCESS_ACCEPT)


def test_a_new_process_that_cannot_start_changes_nothing(generations):
    door = generations.door
    secret = register(door)
    challenge = begin(door)
    good = door.config.read_text()
    door.config.write_text(good.replace("shards = 1", "shards = 2"))
    assert "this process goes on" in generations.ask()
    door.config.write_text(good)
    assert answer(door, challenge, app_code(secret)).code == wire.ACCESS_ACCEPT
    assert "alice" in users(door, "show", "alice").stdout


def test_by_tls_the_connection_stays_until_the_code_is_typed(tmp_path, downstream, notakey,
                                                             start_generations):
    lab = TlsLab(tmp_path, start_generations, downstream, notakey, **settings_in(tmp_path))
    lab.door.control = tmp_path / "control.sock"
    secret = register(lab.door)
    with lab.connect(alpn=(ALPN_11,)) as client:
        client.socket.settimeout(PATIENCE_S)
        challenge = client.ask(client.pap("alice", "x"))
        assert challenge.code == wire.ACCESS_CHALLENGE
        lab.generations.take_over()
        state = (wire.STATE, challenge.get(wire.STATE))
        assert client.ask(client.pap("alice", app_code(secret), (state,))).code == (
            wire.ACCESS_ACCEPT)
        assert client.is_closed()
    lab.generations.wait_end_of_old()
