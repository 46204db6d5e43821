"""What is seen from outside: logs, audit lines, metrics, health and status; and what never is."""

import json
import re
import subprocess

import pytest
from harness import FakeDownstream, NotakeySimulator, Sallyport, wait_until, wire
from harness.downstream import accept, silent
from harness.notakey import OAUTH_SECRET, NoService
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, client

AUDIT_FIELDS = {
    "time", "event", "user", "client", "source", "calling_station", "nas", "code", "identifier",
    "downstream", "second_factor", "verdict", "outcome", "answer", "joined", "downstream_ms",
    "verdict_ms", "total_ms", "shard",
}


def status(*words):
    result = subprocess.run([BINARY, "status", *map(str, words)], capture_output=True, text=True,
                            timeout=20, check=False, env=CLEAN_ENVIRONMENT)
    return result.returncode, result.stdout + result.stderr


def health(door):
    code, body = door.http("/health")
    return code, json.loads(body)


def wait_health(door, state):
    return wait_until(lambda: health(door)[1]["state"] == state and health(door),
                      lambda: f"state {state}, is {health(door)}")


# --- audit

def test_one_audit_line_for_each_decision(door):
    extra = [(wire.CALLING_STATION_ID, b"02-00-5E"), (wire.NAS_IDENTIFIER, b"gate")]
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "wonderland", extra))
        nas.ask(nas.pap("alice", "wrong", extra))
        lines = door.wait_audit(2)
        source = "127.0.0.1:%d" % nas.socket.getsockname()[1]
    assert len(lines) == 2
    approved, rejected = lines
    assert AUDIT_FIELDS <= set(approved) and AUDIT_FIELDS <= set(rejected)
    assert approved["user"] == rejected["user"] == "alice"
    assert approved["client"] == "nas"
    assert approved["source"] == source
    assert (approved["calling_station"], approved["nas"]) == ("02-00-5E", "gate")
    assert (approved["outcome"], approved["answer"]) == ("approved", "Access-Accept")
    assert (rejected["outcome"], rejected["answer"]) == ("passed_through", "Access-Reject")
    assert approved["second_factor"] is True and rejected["second_factor"] is False
    assert approved["total_ms"] >= approved["verdict_ms"] > 0
    assert approved["total_ms"] >= approved["downstream_ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", approved["time"])


@pytest.mark.parametrize("user", [
    b'alice"},{"user":"root', b"alice\r\nforged line", b"\xff\xfe\x00\x1b[31m", b"\xed\xa0\x80"])
def test_a_hostile_user_name_cannot_forge_a_line(door, user):
    with door.nas() as nas:
        request = wire.Request(nas.secret, identifier=1, attributes=[
            (wire.USER_NAME, user), (wire.USER_PASSWORD, bytes(16))])
        nas.ask(request)
    (line,) = door.wait_audit(1)  # log_lines() parses every line as JSON
    assert "\x1b" not in door.err() and "forged line" not in door.err().splitlines()
    assert line["client"] == "nas"


def test_every_log_line_is_json_with_the_same_head(door):
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "wonderland"))
    for line in door.log_lines():
        assert {"time", "level"} <= set(line)
        assert line["level"] in ("debug", "info", "warning", "error")


def test_human_lines_when_asked_for(tmp_path, freeradius, notakey):
    door = Sallyport(tmp_path, freeradius, notakey, log={"format": "human"})
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "wonderland"))
    wait_until(lambda: 'user="alice"' in door.err(), "the audit line")
    assert not door.err().lstrip().startswith("{")


def test_a_log_file_is_reopened_on_sighup(tmp_path, freeradius, notakey):
    path = tmp_path / "sallyport.log"
    door = Sallyport(tmp_path, freeradius, notakey, log={"file": str(path)})
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "wonderland"))
        wait_until(lambda: '"decision"' in path.read_text(), "the audit line")
        path.rename(tmp_path / "sallyport.log.1")
        door.reload()
        wait_until(path.exists, "the new file")
        nas.ask(nas.pap("bob", "builder"))
        wait_until(lambda: '"user":"bob"' in path.read_text(), "the new audit line")
    assert '"user":"bob"' not in (tmp_path / "sallyport.log.1").read_text()


def test_no_secret_and_no_password_anywhere(tmp_path, freeradius):
    """A run with everything in it, at the most talkative level; then all that was written, and all
    that can be asked for, is searched."""
    notakey = NotakeySimulator(tmp_path, version="v3")
    door = Sallyport(tmp_path, freeradius, notakey, notakey={"ttl": "5s"})
    with door.nas() as nas:
        for user, password in (("alice", "wonderland"), ("alice", "wrong password"),
                               ("bob", "builder")):
            nas.ask(nas.pap(user, password))
        notakey.fault(call="any", kind="refuse-token", status=401)
        nas.ask(nas.pap("alice", "wonderland"))
        nas.send(wire.pap(b"a wrong secret", "alice", "wonderland", 99))
        nas.barrier()
    door.reload()
    door.wait_audit(4)
    pages = [door.http(path)[1] for path in ("/metrics", "/health", "/status", "/")]
    pages.append(status("--config", door.config)[1])
    door.terminate_and_wait()
    seen = "\n".join([door.output(), *pages])
    for secret in (door.secret, freeradius.secret, OAUTH_SECRET, "wonderland", "wrong password",
                   "builder", "a wrong secret"):
        assert secret not in seen, secret
    assert "Bearer" not in seen


# --- metrics

SAMPLE = re.compile(
    r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="([^"\\\n]|\\.)*"(,[a-z_]+="([^"\\\n]|\\.)*")*)?\})? '
    r"(\+Inf|NaN|-?[0-9.e+-]+)$"
)


def test_metrics_are_prometheus_text(door):
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "wonderland"))
    _, body = door.http("/metrics")
    assert body.endswith("\n")
    families = {}
    for line in body.splitlines():
        if line.startswith("# "):
            _, what, name, _ = line.split(" ", 3)
            families.setdefault(name, set()).add(what)
        else:
            assert SAMPLE.match(line), line
            name = line.split("{")[0].split(" ")[0]
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert families.get(name) == {"HELP", "TYPE"} or families.get(base) == {"HELP", "TYPE"}


def test_metrics_count_what_happened(door):
    with door.nas() as nas:
        nas.ask(nas.pap("alice", "wonderland"))
        nas.ask(nas.pap("alice", "wrong"))
        nas.ask(nas.pap("denise", "x"))
        nas.ask(nas.pap("carol", "x"))
    values = door.metrics()
    door.wait_metric(4, "sallyport_radius_requests_total")
    door.wait_metric(4, "sallyport_radius_forwarded_total")
    door.wait_metric(1, "sallyport_radius_questions_total")
    door.wait_metric(1, "sallyport_radius_verdicts_total", verdict="approved")
    door.wait_metric(1, "sallyport_verify_pushes_total")
    assert any("_seconds_bucket" in name for name in values)


def test_the_pending_gauge(door, notakey):
    name = "sallyport_radius_awaiting_verdict"
    with door.nas() as nas:
        assert door.metric(name) == 0
        assert nas.ask(nas.pap("alice", "wonderland")).code == wire.ACCESS_ACCEPT
        door.wait_metric(0, name)


def test_pending_while_the_phone_waits(tmp_path, notakey):
    with FakeDownstream(accept) as downstream:
        door = Sallyport(tmp_path, downstream, notakey)
        with door.nas() as nas:
            request = nas.pap("quinn", "x")
            nas.send(request)
            notakey.wait_pushes(1)
            door.wait_metric(1, "sallyport_radius_awaiting_verdict")
            door.wait_metric(1, "sallyport_verify_pending")
            notakey.answer("quinn", approve=True)
            nas.receive(request)
        door.wait_metric(0, "sallyport_radius_awaiting_verdict")
        door.wait_metric(0, "sallyport_verify_pending")


# --- the admin listener

def test_routes_and_methods(door):
    assert door.http("/metrics", "HEAD") == (200, "")
    assert door.http("/nothing-here")[0] == 404
    assert door.http("/metrics", "POST")[0] == 405
    code, page = door.http("/")
    assert code == 200 and "/metrics" in page
    code, text = door.http("/status")
    assert code == 200 and json.loads(text)


# --- health: the five states

def told(door, head):
    return [line["message"] for line in door.log_lines()
            if line.get("message", "").startswith(head)]


def test_ok(door):
    code, _ = wait_health(door, "ok")
    assert code == 200
    code, text = status("--config", door.config)
    assert code == 0, text
    code, text = status("--admin", f"{door.admin[0]}:{door.admin[1]}", "--json")
    assert code == 0
    assert json.loads(text)["health"]["state"] == "ok"


def test_cannot_connect(tmp_path, freeradius):
    door = Sallyport(tmp_path, freeradius, NoService())
    code, body = wait_health(door, "cannot_connect")
    assert code == 503
    assert body["text"] and body["look_at"]
    code, text = status("--config", door.config)
    assert code == 1 and "connect" in text.lower()


def test_call_timed_out(tmp_path, freeradius, notakey):
    notakey.fault(call="service", kind="hang")
    door = Sallyport(tmp_path, freeradius, notakey, notakey={"timeout": "1s"})
    code, body = wait_health(door, "call_timed_out")
    assert code == 503 and body["look_at"]
    assert status("--config", door.config)[0] == 1


def test_other_error_with_its_text(tmp_path, freeradius, notakey):
    notakey.fault(call="service", kind="status", status=500)
    door = Sallyport(tmp_path, freeradius, notakey)
    code, body = wait_health(door, "other_error")
    assert code == 503 and "500" in body["text"]
    code, text = status("--config", door.config)
    assert code == 1 and "500" in text


def test_not_running(door):
    door.terminate_and_wait()
    code, text = status("--config", door.config)
    assert code == 1
    assert "check timed out" in text and "running" in text


def test_a_radius_server_that_is_away(tmp_path, notakey):
    """/health is about Notakey, and stays well; it names what is wrong beside."""
    with FakeDownstream(silent) as downstream:
        door = Sallyport(tmp_path, downstream, notakey, downstream={"retransmit": "1s"})
        assert wait_health(door, "ok")[1]["problems"] == []
        with door.nas() as nas:
            nas.send(nas.pap("alice", "x"))
            code, body = wait_until(lambda: health(door)[1]["problems"] and health(door), door.err)
            assert (code, body["state"]) == (200, "ok")
            (problem,) = body["problems"]
            assert problem["text"].startswith('no RADIUS server of pool "downstream" answers: ')
            assert "no_reply" in problem["text"] and "firewall" in problem["look_at"]
            code, text = status("--config", door.config)
            assert code == 1 and text.startswith("Status: degraded\n"), text
            assert problem["text"] in text.splitlines()[2]
            assert problem["look_at"] in text.splitlines()[3]
            downstream.handler = accept
            for _ in range(3):
                assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        assert wait_until(lambda: health(door)[1]["problems"] == [], door.err)
        code, text = status("--config", door.config)
        assert code == 0 and text.startswith("Status: OK\n"), text
    lines = told(door, "downstream: ")
    assert len(lines) == 2 and "is down: no_reply" in lines[0] and "answers again" in lines[1]


# --- who is refused

def test_who_is_refused_stands_in_the_log_once_a_minute(tmp_path, notakey):
    """With address and reason, and without secret; how many there are is in the metrics."""
    clients = [client(["127.0.0.1", "127.0.0.2"], require_message_authenticator="yes")]
    with FakeDownstream(accept) as downstream:
        door = Sallyport(tmp_path, downstream, notakey, clients=clients)
        with (door.nas("127.0.0.3") as stranger, door.nas("127.0.0.2", "another") as wrong,
              door.nas() as nas):
            for _ in range(20):
                stranger.send(stranger.pap("alice", "x"))
                wrong.send(wrong.pap("alice", "x"))
                nas.send(nas.pap("alice", "x", message_authenticator=None))
            nas.barrier()
            stranger, wrong, nas = ("%s:%d" % one.socket.getsockname()
                                    for one in (stranger, wrong, nas))
        for reason in ("unknown_client", "bad_message_authenticator",
                       "message_authenticator_required"):
            door.wait_metric(20, "sallyport_radius_drops_total", reason=reason)
        wait_until(lambda: len(told(door, "clients: ")) >= 3, door.err)
        door.terminate_and_wait()
    by_peer = {line.split(" ")[1]: line for line in told(door, "clients: ")}
    assert len(told(door, "clients: ")) == 3 and set(by_peer) == {stranger, wrong, nas}
    assert "no [[client]] has this address" in by_peer[stranger]
    assert 'client "nas": an authenticator is wrong' in by_peer[wrong]
    assert 'client "nas": no Message-Authenticator' in by_peer[nas]
    assert "another" not in door.err()


def test_a_log_that_nobody_can_write_does_not_stop_the_door(tmp_path, freeradius, notakey):
    door = Sallyport(tmp_path, freeradius, notakey, log={"file": "/dev/full"})
    with door.nas() as nas:
        for _ in range(20):
            assert nas.ask(nas.pap("alice", "wonderland")).code == wire.ACCESS_ACCEPT
