"""The lab's RADIUS ends: the downstream simulator with its faults, and the bare relay."""

import json
import signal
import subprocess
import time

import pytest

from harness import RadiusSimulator, wire
from harness.clients import Nas, radclient, radclient_reply
from harness.notakey import LAB
from harness.process import Process

PASSWORD = "one password for all"
COUNTS_AT_THE_END = -1


def any_user(tmp_path, *options):
    return RadiusSimulator(tmp_path, {}, ["--any-user", "--password", PASSWORD, *options])


def start_relay(tmp_path, downstream, *options):
    where = f"{downstream.server[0]}:{downstream.server[1]}"
    relay = Process("relay", [LAB, "bench", "relay", "--to", where, *options], tmp_path)
    host, _, port = relay.ready_line()["listening"].rpartition(":")
    relay.server = (host, int(port))
    return relay


def end(process):
    """Ends it as an operator would; what it has counted."""
    assert process.terminate_and_wait() == 0
    return json.loads(process.out().splitlines()[COUNTS_AT_THE_END])


def log_in_many(nas, count, user=lambda number: f"user-{number}"):
    """`count` logins, no more than 200 at once: accepted, every one."""
    for first in range(0, count, 200):
        waiting = {}
        for number in range(first, min(first + 200, count)):
            request = nas.pap(user(number), PASSWORD)
            waiting[request.identifier] = request
            nas.send(request)
        while waiting:
            octets = nas.receive_octets()
            assert wire.Reply(octets, waiting.pop(octets[1])).code == wire.ACCESS_ACCEPT


@pytest.mark.parametrize("threads", [1, 2])
def test_relay_passes_a_thousand_logins_unchanged(tmp_path, threads):
    downstream = any_user(tmp_path)
    relay = start_relay(tmp_path, downstream, "--threads", threads, "--ports", 4)
    for _ in range(2):
        with Nas(relay.server, downstream.secret) as nas:
            log_in_many(nas, 500)
    counts = end(relay)
    assert counts["requests"] == counts["replies"] == 1000
    assert counts["send_errors"] == counts["strays"] == counts["taken_over"] == 0
    assert counts["turns"] > 0
    assert counts["cpu_s"] > 0
    assert end(downstream)["accepted"] == 1000


def test_relay_serves_more_clients_than_it_has_ports(tmp_path):
    downstream = any_user(tmp_path)
    relay = start_relay(tmp_path, downstream, "--ports", 2)
    for _ in range(5):
        with Nas(relay.server, downstream.secret) as nas:
            log_in_many(nas, 3)
    assert end(relay)["taken_over"] == 3


def test_relay_outlives_a_downstream_that_is_not_there(tmp_path):
    downstream = any_user(tmp_path)
    relay = start_relay(tmp_path, downstream)
    downstream.terminate_and_wait()
    with Nas(relay.server, downstream.secret) as early, Nas(relay.server, downstream.secret) as nas:
        early.send(early.pap("alice", PASSWORD))
        early.send(b"")
        again = Process("radius-again", [*downstream.command[:4],
                                         f"{downstream.server[0]}:{downstream.server[1]}",
                                         *downstream.command[5:]], tmp_path)
        again.ready_line()
        log_in_many(nas, 10)
    assert end(relay)["replies"] in (10, 11)  # a slow relay finds it back already


@pytest.mark.parametrize("command, arguments, complaint", [
    (["bench", "relay"], [], "--to"),
    (["bench", "relay"], ["--to", "nowhere"], "--to"),
    (["bench", "relay"], ["--to", "127.0.0.1:1", "--listen", "0.0.0.0:0"], "one address"),
    (["bench", "relay"], ["--to", "127.0.0.1:1", "--listen", "192.0.2.1:0"], "192.0.2.1"),
    (["simulate", "radius"], [], "secret is empty"),
    (["simulate", "radius"], ["--secret", "s", "--any-user"], "--password"),
    (["simulate", "radius"], ["--secret", "s", "--password", "p"], "--any-user"),
    (["simulate", "radius"], ["--secret", "s", "--delay", "soon"], "--delay"),
    (["simulate", "radius"], ["--secret", "s", "--jitter", "5 m"], "--jitter"),
    (["simulate", "radius"], ["--secret", "s", "--reorder", "2"], "--reorder"),
    (["simulate", "radius"], ["--secret", "s", "--user", "alice"], "users: line 1"),
    (["simulate", "radius"], ["--secret-file", "/nonexistent"], "/nonexistent"),
])
def test_wrong_options_are_named(command, arguments, complaint):
    result = subprocess.run([LAB, *command, *arguments], capture_output=True, text=True,
                            timeout=60, check=False)
    assert result.returncode != 0
    assert complaint in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("threads", [1, 3])
def test_any_user_has_the_one_password(tmp_path, threads):
    downstream = any_user(tmp_path, "--threads", threads, "--echo-user")
    with Nas(downstream.server, downstream.secret) as nas:
        for user in ("alice", "bob"):
            reply = nas.ask(nas.pap(user, PASSWORD))
            assert reply.code == wire.ACCESS_ACCEPT
            assert reply.text(wire.CLASS) == f"user:{user}"
            assert nas.ask(nas.pap(user, "another")).code == wire.ACCESS_REJECT
        log_in_many(nas, 600)
    counts = end(downstream)
    assert (counts["accepted"], counts["rejected"]) == (602, 2)
    assert counts["received"] == 604


def test_answers_are_late_by_delay_and_jitter(tmp_path):
    downstream = any_user(tmp_path, "--delay", "300ms", "--jitter", "100ms")
    with Nas(downstream.server, downstream.secret) as nas:
        began = time.monotonic()
        for _ in range(50):
            nas.send(nas.pap("alice", PASSWORD))
        order = []
        for number in range(50):
            order.append(nas.receive_octets()[1])
            if number == 0:
                assert time.monotonic() - began >= 0.2  # a timer never comes early
        assert time.monotonic() - began >= 0.3  # 50 times earlier than the middle: 2 to the -50
    assert sorted(order) == list(range(1, 51))
    assert order != sorted(order)


def test_some_answers_are_overtaken(tmp_path):
    downstream = any_user(tmp_path, "--reorder", "0.2", "--seed", "5")
    with Nas(downstream.server, downstream.secret) as nas:
        downstream.signal(signal.SIGSTOP)  # so that all requests are there at once
        for _ in range(60):
            nas.send(nas.pap("alice", PASSWORD))
        downstream.signal(signal.SIGCONT)
        order = [nas.receive_octets()[1] for _ in range(60)]
    assert sorted(order) == list(range(1, 61))
    assert order != sorted(order)
    held_back = end(downstream)["held_back"]
    assert 0 < held_back < 60
    overtaken = [first for first, second in zip(order, order[1:]) if first > second]
    assert overtaken  # somebody came before one that was asked earlier


def test_lost_requests_are_counted(tmp_path):
    downstream = any_user(tmp_path, "--loss", "0.5")
    answered = 0
    with Nas(downstream.server, downstream.secret) as nas:
        for _ in range(200):
            nas.send(nas.pap("alice", PASSWORD))
        answered = len(nas.barrier())
    counts = end(downstream)
    assert counts["lost"] == 200 - answered
    assert 50 < answered < 150


@pytest.mark.parametrize("kind, ack, nak", [("coa", "CoA-ACK", "CoA-NAK"),
                                            ("disconnect", "Disconnect-ACK", "Disconnect-NAK")])
def test_plays_the_nas(tmp_path, kind, ack, nak):
    downstream = RadiusSimulator(tmp_path, {"alice": PASSWORD})
    for user, expected in (("alice", ack), ("stranger", nak)):
        _, output = radclient(downstream.server, downstream.secret, f"User-Name = {user}",
                              tmp_path, kind)
        code, attributes = radclient_reply(output)
        assert code == expected, output
        if expected == nak:
            assert attributes["Error-Cause"] == ["Session-Context-Not-Found"]


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv2", "eap-md5", "accounting", "coa",
                                    "disconnect", "status-server"])
def test_every_method_of_the_load_generator_is_answered(tmp_path, method):
    downstream = any_user(tmp_path, "--echo-user")
    result = tmp_path / "result.json"
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    secret = tmp_path / "radius.secret"
    run = subprocess.run([LAB, "bench", "radius", "--target",
                          f"{downstream.server[0]}:{downstream.server[1]}", "--secret-file", secret,
                          "--password-file", password, "--method", method, "--requests", "1000",
                          "--window", "64", "--users", "100", "--json", result, "--quiet"],
                         capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    figures = json.loads(result.read_text())
    assert figures["wrong"] == figures["lost"] == 0
    assert figures["answers"] == figures["requests"] > 0
