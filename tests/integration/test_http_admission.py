"""Who may pass: the whitelists, each route's policy, and what those get who may not."""

import json
import os
import re
import shlex
import signal
import subprocess
import urllib.parse

import pytest
from h2_frames import H2, headers
from harness.net import wait_until
from harness.process import Process
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, toml
from http_lab import HttpDoor, Raw, listener, route

STRANGER, FRIEND, GUEST = "127.30.0.1", "127.31.2.3", "127.32.0.1"
BROWSER = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
POLICIES = ("open", "whitelisted", "second_factor", "deny")


def config(*whitelists, hosts=None, **http):
    """A route of each policy that answers by itself, and one without a policy."""
    text = toml({"http": {"control_socket": "control.sock", **http}}) + listener()
    for policy in POLICIES:
        text += route(path_prefix=f"/{policy}", policy=policy, respond=200, respond_body="in",
                      response_headers=["set X-User: {user}"], hosts=hosts)
    text += toml({"http.route": [{"respond": 200, "respond_body": "in", "hosts": hosts}]})
    return text + toml({"http.whitelist": [*whitelists]})


def friends(*addresses, **more):
    return {"name": "friends", "addresses": list(addresses) or ["127.31.0.0/16"], **more}


def ask(door, source=STRANGER, path="/whitelisted", *lines, method="GET", host="www.example.net"):
    with Raw(door.address, source=(source, 0)) as visitor:
        sent = visitor.get(path, *lines, "Connection: close", method=method, host=host)
        return sent.answer(to=method)


def status(door, source=STRANGER, path="/whitelisted", *lines, **more):
    return ask(door, source, path, *lines, **more).status


def wait_status(door, wanted, source, path="/whitelisted"):
    wait_until(lambda: status(door, source, path) == wanted, f"{wanted} for {source}")


def sallyport(*words):
    return subprocess.run([BINARY, *map(str, words)], check=False, capture_output=True, text=True,
                          env=CLEAN_ENVIRONMENT)


def grant(door, *words):
    done = sallyport("grants", *words, "--config", door.config)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- Policies, and what those get who do not pass -----------------------------------------------


def test_each_policy_and_each_visitor(tmp_path):
    door = HttpDoor(tmp_path, config(friends()))
    grant(door, "add", GUEST, "--user", "alice")
    passes = {
        "/open": {STRANGER: 200, FRIEND: 200, GUEST: 200},
        "/whitelisted": {STRANGER: 403, FRIEND: 200, GUEST: 403},
        "/second_factor": {STRANGER: 401, FRIEND: 200, GUEST: 200},
        "/": {STRANGER: 401, FRIEND: 200, GUEST: 200},  # the default
        "/deny": {STRANGER: 403, FRIEND: 403, GUEST: 403},
    }
    for path, visitors in passes.items():
        for source, wanted in visitors.items():
            answer = ask(door, source, path)
            assert answer.status == wanted, (path, source)
            assert (answer.body == b"in") == (wanted == 200)
    # The user's name is known where his grant lets him in, and nowhere else.
    assert ask(door, GUEST, "/second_factor").get("x-user") == "alice"
    assert ask(door, GUEST, "/open").get("x-user") in (None, "")
    assert ask(door, FRIEND, "/second_factor").get("x-user") in (None, "")


def test_a_program_is_told_in_json(tmp_path):
    door = HttpDoor(tmp_path, config())
    answer = ask(door, path="/second_factor?a=1")
    assert answer.get("content-type") == "application/json"
    assert answer.get("cache-control") == "no-store"
    assert answer.get("www-authenticate") == 'Sallyport realm="www.example.net"'
    told = answer.json()
    assert told["status"] == 401 and told["error"] == "second_factor_required"
    assert told["address"] == STRANGER
    refused = ask(door, path="/deny")
    assert refused.json()["status"] == 403 and refused.get("www-authenticate") is None
    # HEAD: the same head, and no content.
    head = ask(door, path="/second_factor", method="HEAD")
    assert head.status == 401 and head.body == b""
    assert head.get("www-authenticate") == answer.get("www-authenticate")


@pytest.mark.parametrize("lines", [
    [BROWSER, "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"],
    [BROWSER, "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"],
    [BROWSER, "X-Requested-With: XMLHttpRequest"],
    [BROWSER, "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
     "Sec-WebSocket-Version: 13"],
    ["Accept: application/json, text/html;q=0.5"], ["Accept: */*"], ["User-Agent: Mozilla/5.0"]])
def test_what_shows_no_page_gets_none(tmp_path, lines):
    door = HttpDoor(tmp_path, config(auth_url="https://auth.example.net"))
    answer = ask(door, STRANGER, "/second_factor?a=1", *lines)
    assert answer.status == 401 and answer.get("location") is None
    gate = answer.json()["gate"]
    assert gate.startswith("https://auth.example.net/")
    assert answer.get("www-authenticate") == f'Sallyport realm="www.example.net", gate="{gate}"'


def test_a_browser_is_shown_a_page(tmp_path):
    door = HttpDoor(tmp_path, config())
    for path, wanted in (("/second_factor", 401), ("/deny", 403), ("/whitelisted", 403)):
        answer = ask(door, STRANGER, path, BROWSER)
        assert answer.status == wanted
        assert answer.get("content-type") == "text/html; charset=utf-8"
        assert answer.get("cache-control") == "no-store"
        assert "frame-ancestors 'none'" in answer.get("content-security-policy")
        assert "<script" not in answer.text
    assert STRANGER in ask(door, STRANGER, "/second_factor", BROWSER).text
    # The gate itself says how things stand, before any route.
    assert status(door, STRANGER, "/.sallyport/", BROWSER) == 401
    grant(door, "add", GUEST, "--user", "alice")
    assert "let in" in ask(door, GUEST, "/.sallyport/", BROWSER).text


def returned_to(answer):
    """Where the gate would lead back to."""
    location = urllib.parse.urlsplit(answer.get("location"))
    assert f"{location.scheme}://{location.netloc}{location.path}" == \
        "https://auth.example.net/.sallyport/"
    return urllib.parse.parse_qs(location.query, strict_parsing=True)["rd"][0]


def test_the_way_back_is_kept_whole(tmp_path):
    http = {"auth_url": "https://auth.example.net", "trusted_proxies": ["127.35.0.1"]}
    door = HttpDoor(tmp_path, config(hosts=["www.example.net", "shop.example.net"], **http))
    for target in ("/second_factor", "/second_factor?", "/?a=1&b=2&rd=https://evil.example/&c=%26",
                   "/x%2Fy/%E2%82%AC?q=%20+&&=;#"[:-1], "/?" + "a=b&" * 400, "/?q='\"<>|{}"):
        answer = ask(door, STRANGER, target, BROWSER)
        assert answer.status == 302, target
        assert returned_to(answer) == f"http://www.example.net{target}"
        assert answer.get("cache-control") == "no-store"
    # A form's content does not come along: the browser comes back with GET.
    assert status(door, STRANGER, "/second_factor", BROWSER, method="POST") == 303
    # Behind a proxy the way back is the one that the visitor has come.
    proxied = ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https",
               "X-Forwarded-Host: shop.example.net:8443", BROWSER)
    answer = ask(door, "127.35.0.1", "/a?b=c", *proxied, host="inner.example.net:8080")
    assert returned_to(answer) == "https://shop.example.net:8443/a?b=c"
    assert returned_to(ask(door, STRANGER, "/a?b=c", *proxied)) == "http://www.example.net/a?b=c"
    # Too long to be carried: he begins at the front page.
    answer = ask(door, STRANGER, "/?" + "a" * 5000, BROWSER)
    assert answer.get("location") == "https://auth.example.net/.sallyport/"


def test_no_way_back_to_hosts_that_are_not_ours(tmp_path):
    """Of a route for every host the Host is the visitor's, or whoever's who wrote the link."""
    door = HttpDoor(tmp_path, config(auth_url="https://auth.example.net"))
    answer = ask(door, STRANGER, "/a?b", BROWSER, host="evil.example")
    assert answer.status == 302
    assert answer.get("location") == "https://auth.example.net/.sallyport/"


def test_the_same_over_http2(tmp_path):
    door = HttpDoor(tmp_path, config(friends(), auth_url="https://auth.example.net",
                                     hosts=["www.example.net"]))

    def curl(path, *options, source=STRANGER):
        return door.curl(path, "--http2-prior-knowledge", "--interface", source, "-H",
                         "Host: www.example.net", *options)

    answer = curl("/second_factor?x=1")
    assert answer.version == "2" and answer.status == 401
    assert answer.json()["error"] == "second_factor_required"
    assert returned_to(curl("/?x=1&y", "-H", BROWSER)) == "http://www.example.net/?x=1&y"
    assert curl("/second_factor", source=FRIEND).status == 200
    assert curl("/deny", source=FRIEND).status == 403
    # gRPC has its status in the head of a 200.
    called = curl("/second_factor", "-H", "Content-Type: application/grpc", "-X", "POST")
    assert called.status == 200 and called.get("grpc-status") == "16"
    assert called.get("www-authenticate") is None
    # On one connection each request is decided by itself.
    with H2(door.address, source=(STRANGER, 0)) as visitor:
        for stream, path in ((1, "/open"), (3, "/deny"), (5, "/whitelisted"), (7, "/open")):
            fields = ((":method", "GET"), (":scheme", "http"), (":path", path),
                      (":authority", "www.example.net"))
            visitor.send(headers(stream, fields))
        bodies = [visitor.body(stream) for stream in (1, 3, 5, 7)]
        assert bodies[0] == bodies[3] == b"in"
        assert b'"status":403' in bodies[1] and b'"status":403' in bodies[2]


# --- Where whitelists come from -----------------------------------------------------------------


def test_a_file_is_read_again_when_it_changes(tmp_path):
    path = tmp_path / "branches.txt"
    path.write_text("# ours\n127.31.0.0/16   # the office\n\n\t2001:db8::/32\r\n")
    door = HttpDoor(tmp_path, config({"name": "branches", "file": "branches.txt"}))
    assert status(door, FRIEND) == 200 and status(door, GUEST) == 403
    path.write_text("127.32.0.0/16\n")  # in place
    wait_status(door, 200, GUEST)
    assert status(door, FRIEND) == 403
    beside = tmp_path / "beside"
    beside.write_text(f"{FRIEND}\n")
    os.utime(beside, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))  # looks as old
    beside.rename(path)  # at once
    wait_status(door, 200, FRIEND)
    assert status(door, GUEST) == 403
    path.write_text("")  # nobody
    wait_status(door, 403, FRIEND)


def test_a_bad_file_changes_nothing(tmp_path):
    path = tmp_path / "branches.txt"
    path.write_text("127.31.0.0/16\n")
    door = HttpDoor(tmp_path, config({"name": "branches", "file": "branches.txt"}))
    beside = tmp_path / "beside"
    for number, bad in enumerate(("127.32.0.0/16\nnonsense\n", "127.32.0.1/33\n", "0.0.0.0\n",
                                  "127.32.0.0/16 127.31.0.0/16\n"), 1):
        beside.write_text(bad)
        beside.rename(path)  # at once: an empty file is a good one, and lets nobody in
        door.wait_log("the whitelist branches: ", number)
        assert status(door, FRIEND) == 200 and status(door, GUEST) == 403
    told = [line for line in door.log_lines() if "whitelist branches" in line["message"]]
    assert all(line["level"] == "error" for line in told)
    assert "branches.txt:2: " in told[0]["message"] and "stays as it was" in told[0]["message"]
    path.unlink()
    door.wait_log("the whitelist branches: ", number + 1)
    assert status(door, FRIEND) == 200
    path.write_text("127.32.0.0/16\n")
    wait_status(door, 200, GUEST)
    assert status(door, FRIEND) == 403


def test_a_bad_file_at_the_start(tmp_path):
    (tmp_path / "branches.txt").write_text("127.31.0.0/16\nnonsense\n")
    text = config({"name": "branches", "file": "branches.txt"})
    (tmp_path / "sallyport.toml").write_text(text)
    checked = sallyport("check", "--config", tmp_path / "sallyport.toml")
    assert checked.returncode == 1 and "http.whitelist.file: has a line 2" in checked.stderr
    door = HttpDoor(tmp_path, text, wait=False)
    assert door.wait_exit() == 1 and "http.whitelist.file: has a line 2" in door.output()


def script(tmp_path, text):
    path = tmp_path / "addresses"
    beside = tmp_path / "addresses.new"
    beside.write_text("#!/bin/sh\n" + text)
    beside.chmod(0o755)
    beside.rename(path)
    return path


def from_command(tmp_path, *words):
    return {"name": "vpn", "command": [str(tmp_path / "addresses"), *words], "interval": "1s"}


def test_a_command_prints_the_list(tmp_path):
    script(tmp_path, 'echo "$1"; echo "# $2"; test "$3" = "a b; exit 1"\n')
    words = ["127.31.0.0/16", "nothing", "a b; exit 1"]  # no shell reads them
    door = HttpDoor(tmp_path, config(from_command(tmp_path, *words)))
    assert status(door, FRIEND) == 200 and status(door, GUEST) == 403
    script(tmp_path, "echo 127.32.0.0/16\n")
    wait_status(door, 200, GUEST)
    assert status(door, FRIEND) == 403
    # A list of a command that fails, or prints what is no list, stays.
    program = tmp_path / "addresses"
    for bad, told in (
            ("echo no route >&2; echo 127.31.0.0/16; exit 7",
             f"{program} ended with status 7: no route"),
            ("echo 127.31.0.0/16; echo nonsense", f"output line 2 of {program}: "),
            ("kill -9 $$", f"{program} was ended by signal 9")):
        script(tmp_path, bad + "\n")
        door.wait_log(f"the whitelist vpn: {told}")
        assert status(door, GUEST) == 200 and status(door, FRIEND) == 403
    # Each of them once, however often it is run.
    runs = tmp_path / "runs"
    script(tmp_path, f"echo x >> {shlex.quote(str(runs))}; exit 9\n")
    wait_until(lambda: runs.exists() and runs.read_text().count("x") >= 3, "three runs")
    assert door.err().count("ended with status 9") == 1
    program.unlink()
    door.wait_log("cannot run ")
    assert status(door, GUEST) == 200
    # What does not concern it is taken over all the same.
    text = config(from_command(tmp_path, *words), friends("127.30.0.0/16"))
    door.reload(text)
    assert status(door, STRANGER) == 200 and status(door, GUEST) == 200
    script(tmp_path, "echo 127.31.0.0/16\n")
    wait_status(door, 200, FRIEND)


def test_a_command_that_fails_at_the_start(tmp_path):
    script(tmp_path, "exit 1\n")
    door = HttpDoor(tmp_path, config(from_command(tmp_path)), wait=False)
    assert door.wait_exit() == 3
    assert "the whitelist vpn: " in door.output() and "ended with status 1" in door.output()


@pytest.mark.parametrize("hang", ["sleep 1000", "exec >&-; sleep 1000", "sleep 1000 & wait"])
def test_nothing_waits_for_a_command(tmp_path, hang):
    script(tmp_path, "echo 127.31.0.0/16\n")
    (tmp_path / "branches.txt").write_text("")
    text = config(from_command(tmp_path), {"name": "branches", "file": "branches.txt"})
    door = HttpDoor(tmp_path, text)
    pids = tmp_path / "pids"
    script(tmp_path, f"echo $$ > {shlex.quote(str(pids))}.new; mv {pids}.new {pids}\n{hang}\n")
    wait_until(pids.exists, "the command hangs")
    group = int(pids.read_text())
    grant(door, "add", GUEST, "--user", "alice", "--for", "3s")
    assert status(door, GUEST, "/second_factor") == 200 and status(door, FRIEND) == 200
    # Files are looked at, grants end, and a reload is done, all while it hangs.
    (tmp_path / "branches.txt").write_text(f"{STRANGER}\n")
    wait_status(door, 200, STRANGER)
    wait_status(door, 401, GUEST, "/second_factor")
    door.reload()
    assert "took longer" not in door.err()
    os.killpg(group, 0)  # it was so all the time
    # Nor does the end wait for it, and nothing of it is left.
    assert door.terminate_and_wait() == 0
    wait_until(lambda: not alive(group), "nothing is left of the command")


def alive(group):
    """Somebody of this process group runs."""
    for path in os.listdir("/proc"):
        try:
            fields = open(f"/proc/{path}/stat").read().rpartition(")")[2].split()
        except (OSError, NotADirectoryError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False
