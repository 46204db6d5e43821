"""The lab itself: the demo from end to end, and what the simulators promise to other tests."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from harness.net import PATIENCE_S
from harness.notakey import LAB, NotakeySimulator
from harness.sallyport import BINARY


def run_lab(*arguments, **options):
    return subprocess.run([LAB, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          check=False, **options)


def test_demo_logs_in_once(tmp_path):
    result = run_lab("demo", "--once", "--sallyport", BINARY,
                     env={**os.environ, "TMPDIR": str(tmp_path)})
    assert result.returncode == 0, result.stdout + result.stderr
    for step in ("request", "password", "push", "phone", "answer"):
        assert f" {step} " in result.stdout
    assert "Access-Accept after an approval" in result.stdout
    assert "radclient" in result.stdout
    assert list(tmp_path.iterdir()) == []  # the folder with the secrets has gone


def test_demo_ends_with_its_daemon_on_a_signal(tmp_path):
    with subprocess.Popen([LAB, "demo", "--sallyport", BINARY], stdout=subprocess.PIPE,
                          env={**os.environ, "TMPDIR": str(tmp_path)}, text=True) as demo:
        while "Ctrl-C" not in (line := demo.stdout.readline()):
            assert line
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        children = open(f"/proc/{demo.pid}/task/{demo.pid}/children").read().split()
        assert len(children) == 1
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)
        assert demo.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert not os.path.exists(f"/proc/{children[0]}")


def test_demo_shows_the_http_door(tmp_path):
    """With the very lines that it prints: refused, let in, refused again."""
    with subprocess.Popen([LAB, "demo", "--sallyport", BINARY], stdout=subprocess.PIPE,
                          env={**os.environ, "TMPDIR": str(tmp_path)}, text=True) as demo:
        lines = []
        while "Ctrl-C" not in (lines := [*lines, demo.stdout.readline()])[-1]:
            assert lines[-1]
        visit, let_in, end = [line.split() for line in lines
                              if line.split()[:1] == ["curl"] or " grants " in line]
        visit[1:1] = ["--silent", "--noproxy", "*"]

        def ran(words):
            return subprocess.run(words, capture_output=True, text=True, timeout=30,
                                  check=True).stdout

        assert "not let in yet" in ran(visit)
        ran(let_in)
        assert "You are let in" in ran(visit)
        ran(end)
        assert "not let in yet" in ran(visit)
        told = []
        while len(told) < 3:
            assert (line := demo.stdout.readline())
            told += [line] if " web " in line else []
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)
    assert ["refused: " in line for line in told] == [True, False, True]
    assert "opened for alice" in told[1]


def test_demo_tells_what_it_cannot_find(tmp_path):
    result = run_lab("demo", "--sallyport", tmp_path / "nothing")
    assert result.returncode == 1
    assert "--sallyport" in result.stderr


@pytest.mark.parametrize("arguments, complaint", [
    (["--user", "alice"], "alice=approve"),
    (["--user", "alice=approves"], "not a behaviour"),
    (["--default", "maybe"], "--default"),
    (["--hold", "soon"], "--hold"),
    (["--fault", "poll:explode"], "not a fault"),
    (["--listen", "nowhere"], "--listen"),
    (["--script", "/nonexistent"], "/nonexistent"),
    (["--certificate", "/nonexistent"], "--key"),
])
def test_wrong_options_are_named(arguments, complaint):
    result = run_lab("simulate", "notakey", *arguments)
    assert result.returncode != 0
    assert complaint in result.stderr
    assert result.stdout == ""


@pytest.fixture(name="notakey")
def fixture_notakey(tmp_path):
    simulator = NotakeySimulator(tmp_path, options=["--default", "ask", "--hold", "20s"])
    yield simulator
    simulator.stop()


def create(notakey, user, ttl=60):
    body = json.dumps({"action": "VPN", "description": "Log in?", "ttl_seconds": ttl}).encode()
    path = f"/api/v2/application/{notakey.access_id}/application_user/{user}/auth_request"
    request = urllib.request.Request(notakey.phone + path, data=body)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["uuid"]


def poll_command(notakey, uuid, *options):
    path = f"/api/v2/application/{notakey.access_id}/auth_request/{uuid}"
    return ["curl", "-sS", *options, notakey.phone + path]


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_held_poll_is_answered_when_the_user_answers(notakey, version):
    uuid = create(notakey, "somebody")
    with subprocess.Popen(poll_command(notakey, uuid, version), stdout=subprocess.PIPE) as poll:
        deadline = time.monotonic() + PATIENCE_S
        while notakey.stats()["held"] == 0:
            assert time.monotonic() < deadline
        notakey.answer("somebody", approve=True)
        answer = json.loads(poll.communicate(timeout=PATIENCE_S)[0])
    assert answer["response_type"] == "ApproveRequest"
    assert notakey.stats()["held"] == 0


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_held_poll_is_forgotten_when_its_client_goes(notakey, version):
    uuid = create(notakey, "somebody")
    with subprocess.Popen(poll_command(notakey, uuid, version), stdout=subprocess.PIPE) as poll:
        deadline = time.monotonic() + PATIENCE_S
        while notakey.stats()["held"] == 0:
            assert time.monotonic() < deadline
        poll.kill()
    while notakey.stats()["held"] != 0:
        assert time.monotonic() < deadline
    notakey.answer("somebody", approve=True)
    assert notakey.requests()[-1]["state"] == "approved"


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("kind", ["cut", "cut-after", "cut-middle"])
def test_cut_connections_are_cut(notakey, kind, version):
    uuid = create(notakey, "somebody", ttl=1)
    deadline = time.monotonic() + PATIENCE_S
    while notakey.requests()[-1]["state"] != "expired":
        assert time.monotonic() < deadline
    polls = notakey.stats()["polls"]
    notakey.fault(call="poll", kind=kind, count=1)
    command = poll_command(notakey, uuid, version)
    cut = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert cut.returncode != 0
    assert (cut.stdout != "") == (kind == "cut-middle")
    assert notakey.stats()["polls"] == polls + (0 if kind == "cut" else 1)
    again = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert json.loads(again.stdout)["expired"] is True


def test_pipelined_requests_are_answered_in_order(notakey):
    host, port = notakey.phone.removeprefix("http://").split(":")
    get = f"GET /api/v2/application/%s HTTP/1.1\r\nHost: {host}\r\nConnection: %s\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall((get % (notakey.access_id, "keep-alive") + get % ("other", "close"))
                           .encode())
        received = b""
        while part := connection.recv(4096):
            received += part
    assert received.count(b"HTTP/1.1 ") == 2
    assert received.index(b"200 OK") < received.index(b"404 Not Found")


@pytest.mark.parametrize("octets", [b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage that is no frame",
                                    b"POST /lab/users HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
                                    b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n"])
def test_garbage_ends_the_connection_only(notakey, octets):
    host, port = notakey.phone.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        try:
            connection.sendall(octets)
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass  # closed with our octets unread
    assert notakey.stats()["creates"] == 0
