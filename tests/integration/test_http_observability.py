"""What is seen of the HTTP door from outside: metrics, health, status, the access log, and what
`sallyport check` says of a file with mistakes."""

import json
import re
import subprocess
import urllib.error
import urllib.request

import pytest
from harness.net import loopback_address, wait_until
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, toml
from http_lab import Authority, HttpDoor, Node, listener, pool, route, simple

BROWSER = ("-H", "Accept: text/html")


def sallyport(*words):
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, timeout=20,
                          check=False, env=CLEAN_ENVIRONMENT)


def config(folder, origin, **http):
    """A door with a route of each policy, whitelisting nobody."""
    http = {"control_socket": str(folder / "control"), "access_log": True, **http}
    return (toml({"http": http, "admin": {"listen": f"{loopback_address()}:9812"}}) + listener()
            + pool("app", [origin]) + pool("gone", [f"{loopback_address()}:9"], retries=0)
            + route(name="open", path_prefix="/open", pool="app", strip_prefix="/open")
            + route(name="denied", path_prefix="/denied", policy="deny")
            + route(name="gone", path_prefix="/gone", pool="gone")
            + route(name="closed", policy="second_factor", pool="app"))


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path / "origin")


@pytest.fixture
def door(tmp_path, origin):
    return HttpDoor(tmp_path, config(tmp_path, origin.at()))


def admin(door, path):
    url = f"http://{door.admin[0]}:{door.admin[1]}{path}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def metrics(door):
    """{"name{labels}": value}, read as strictly as the text format is described."""
    status, body = admin(door, "/metrics")
    assert status == 200
    found, helped, typed = {}, set(), set()
    for line in body.splitlines():
        if family := re.fullmatch(r"# HELP ([a-z_]+) \S.*", line):
            assert family[1] not in helped
            helped.add(family[1])
        elif family := re.fullmatch(r"# TYPE ([a-z_]+) (counter|gauge|histogram)", line):
            typed.add(family[1])
            assert (family[2] == "counter") == family[1].endswith("_total"), line
        else:
            sample = re.fullmatch(r'(([a-z_]+)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})?) (\S+)',
                                  line)
            assert sample, line
            # A histogram's samples have suffixes.
            assert {sample[2], re.sub("_(bucket|sum|count)$", "", sample[2])} & typed, line
            assert sample[1] not in found
            found[sample[1]] = float(sample[5])
    assert helped == typed
    return found


def grant(door, *words):
    done = sallyport("grants", *words, "--config", door.config)
    assert done.returncode == 0, done.stderr
    return done.stdout


def access_lines(door, count):
    """The access log's first `count` lines; each has come when its answer is over."""
    def lines():
        found = [line for line in door.log_lines() if line.get("event") == "request"]
        return found if len(found) >= count else None
    return wait_until(lines, lambda: f"{count} access lines in {door.err()[-2000:]}")


# --- Metrics ----------------------------------------------------------------------------------


def test_each_thing_that_happens_is_counted(tmp_path, door):
    before = metrics(door)
    http = {name for name in before if name.startswith("sallyport_http_")}
    assert len(http) >= 20
    servers = {name for name in http if name.startswith("sallyport_http_upstream_shards{")}
    assert len(servers) == 2 * 3, "two servers, three states"
    assert all(before[name] == 0 for name in http - servers), "there from the start: rates work"

    assert door.curl("/open/echo").status == 200
    assert door.curl("/open/status?code=404").status == 404
    assert door.curl("/", *BROWSER).status == 401
    assert door.curl("/denied").status == 403
    assert door.curl("/gone").status == 502
    with door.raw() as raw:
        assert raw.send("GET / HTTP/1.1\r\n\r\n").answer().status == 400
    grant(door, "add", "127.0.0.1", "--user", "alice", "--for", "1h")
    with door.raw() as raw:
        raw.get("/stall?key=never").until("begun")
        wait_until(lambda: metrics(door)['sallyport_http_connections{shard="0"}'] == 1,
                   "those before have ended")
        assert metrics(door)["sallyport_http_grants"] == 1
        grant(door, "revoke", "--user", "alice")
        raw.rest()
    after = wait_until(
        lambda: (now := metrics(door))['sallyport_http_connections{shard="0"}'] == 0 and now,
        "the connections have ended")
    grown = {name.removeprefix("sallyport_http_"): after[name] for name in http - servers
             if after[name]}
    assert grown == {
        "connections_total": 7, "requests_total": 6, "bad_requests_total": 1,
        'admissions_total{admission="open"}': 3, 'admissions_total{admission="gate"}': 1,
        'admissions_total{admission="denied"}': 1, 'admissions_total{admission="granted"}': 1,
        "access_ended_total": 1, "upstream_failures_total": 1,
        "upstream_connects_total": grown["upstream_connects_total"],
        "upstream_reuses_total": 3 - (grown["upstream_connects_total"] - 1),
        'answers_total{status="2xx"}': 2, 'answers_total{status="4xx"}': 4,
        'answers_total{status="5xx"}': 1, 'answers_total{status="none"}': 1,
    }


def test_tls_and_http2_are_counted(tmp_path, origin):
    certificate, key = Authority(tmp_path / "ca").certificate("www.example.net")
    door = HttpDoor(tmp_path, toml({"admin": {"listen": f"{loopback_address()}:9812"}})
                    + listener(tls=True) + pool("app", [origin.at()]) + route(pool="app")
                    + toml({"http.certificate": [{"certificate_file": str(certificate),
                                                  "key_file": str(key)}]}))
    assert door.curl("/echo", "--insecure", "--http2", scheme="https").version == "2"
    assert door.curl("/echo", "--tls-max", "1.1", "--insecure", scheme="https",
                     check=False).code != 0
    wait_until(lambda: metrics(door)["sallyport_http_tls_failures_total"] == 1, "a failure")
    assert metrics(door)["sallyport_http_tls_handshakes_total"] == 1
    assert metrics(door)["sallyport_http_requests_total"] == 1


# --- Health and status ------------------------------------------------------------------------


def test_an_http_door_alone_is_well(door):
    status, body = admin(door, "/health")
    assert (status, json.loads(body)["state"]) == (200, "ok")
    assert metrics(door)['sallyport_health{state="ok"}'] == 1


def test_a_server_that_is_out_is_told_with_the_reason(tmp_path, origin):
    gone = f"{loopback_address()}:9"
    door = HttpDoor(tmp_path, toml({"admin": {"listen": f"{loopback_address()}:9812"}})
                    + simple(gone, origin.at(), balance="first", max_fails=1, fail_timeout="1m"))
    shards = 'sallyport_http_upstream_shards{pool="app",server="%s",state="%s"}'
    seen = metrics(door)
    assert (seen[shards % (gone, "up")], seen[shards % (gone, "down")]) == (1, 0)
    assert door.curl("/echo").status == 200
    seen = metrics(door)
    assert (seen[shards % (gone, "up")], seen[shards % (gone, "down")]) == (0, 1)
    assert seen[shards % (origin.at(), "up")] == 1
    assert seen['sallyport_http_upstream_problem{pool="app",server="%s",'
                'reason="connection refused"}' % gone] == 1
    told = sallyport("status", "--config", door.config).stdout
    assert f"1 up; app {gone} down (connection refused)\n" in told


def test_status_tells_of_the_http_door(door):
    door.curl("/open/echo")
    door.curl("/")
    grant(door, "add", "192.0.2.7", "--user", "alice")
    done = sallyport("status", "--config", door.config)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in done.stdout.splitlines()[2:])
    assert "Notakey" not in done.stdout
    assert "%s:%d" % door.address in lines["listening"]
    assert lines["shards"] == "1"
    assert re.fullmatch(r"requests 2, connections \d, grants 1", lines["http"])
    assert lines["answered"] == "1xx 0, 2xx 1, 3xx 0, 4xx 1, 5xx 0"
    assert lines["let in"] == "open 1, whitelisted 0, granted 0, gate 1, denied 0"
    assert lines["servers"] == "2 up"
    assert set(lines) == {"version", "listening", "shards", "http", "answered", "let in", "errors",
                          "servers"}

    told = json.loads(sallyport("status", "--config", door.config, "--json").stdout)
    assert told["health"]["state"] == "ok"
    assert told["http"]["requests"] == 2 and told["http"]["grants"] == 1
    assert "downstream" not in told


def test_status_of_a_daemon_that_has_ended(door):
    door.terminate_and_wait()
    done = sallyport("status", "--config", door.config)
    assert done.returncode == 1 and "Is the daemon running?" in done.stdout


# --- The access log ---------------------------------------------------------------------------

FIELDS = {"time", "level", "component", "event", "visitor", "peer", "method", "host", "path",
          "version", "route", "admission", "status", "outcome", "request_octets",
          "response_octets", "total_ms", "shard"}


def test_a_line_for_each_request(door):
    grant(door, "add", "127.0.0.1", "--user", "alice")
    door.curl("/open/bytes?n=100000", data=b"x" * 5000)
    door.curl("/echo?token=secret")
    door.curl("/denied")
    door.curl("/gone", "--http2-prior-knowledge")
    with door.raw() as raw:
        raw.send("GET /x HTTP/1.1\r\nHost: a b\r\n\r\n").answer()
    first, second, denied, gone, bad = access_lines(door, 5)
    for line in (first, second, denied, gone, bad):
        assert FIELDS <= set(line), line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["visitor"] == "127.0.0.1" and line["total_ms"] >= 0
        assert line["outcome"] == "answered"
    assert (first["method"], first["host"], first["path"]) == ("POST", "127.0.0.1", "/open/bytes")
    assert (first["status"], first["request_octets"], first["response_octets"]) == (200, 5000,
                                                                                    100000)
    assert (first["route"], first["admission"]) == ("open", "open") and "user" not in first
    assert (second["path"], second["route"]) == ("/echo", "closed")
    assert (second["admission"], second["user"]) == ("granted", "alice")
    assert "secret" not in door.err(), "a query may hold what is nobody's business"
    assert (denied["status"], denied["admission"], denied["route"]) == (403, "denied", "denied")
    assert denied["response_octets"] > 0
    assert (gone["status"], gone["version"], first["version"]) == (502, "2", "1.1")
    assert (bad["status"], bad["method"], bad["admission"]) == (400, "", "none")


def test_how_an_answer_ended(door):
    grant(door, "add", "127.0.0.1", "--user", "alice")
    with door.raw() as raw:
        raw.get("/stall?key=left").until("begun")
    with door.raw() as raw:
        access_lines(door, 1)
        raw.get("/stall?key=ended").until("begun")
        grant(door, "revoke", "--user", "alice")
        raw.rest()
    left, ended = access_lines(door, 2)
    assert (left["outcome"], left["status"]) == ("visitor_left", 200)
    assert (ended["outcome"], ended["user"]) == ("access_ended", "alice")


@pytest.mark.parametrize("path", ["/open/%0d%0aforged%20line", '/open/"},{"event":"access"',
                                  "/open/%1b[31m", "/open/\"x\\"])
def test_a_hostile_path_cannot_forge_a_line(door, path):
    with door.raw() as raw:
        raw.send(f"GET {path} HTTP/1.1\r\nHost: www.example.net\r\n\r\n").answer()
    (line,) = access_lines(door, 1)
    assert line["visitor"] == "127.0.0.1"
    assert "\x1b" not in door.err() and "\nforged" not in door.err()


def test_none_unless_asked_for_and_a_reload_turns_it_on(tmp_path, origin):
    quiet = config(tmp_path, origin.at(), access_log=False)
    door = HttpDoor(tmp_path, quiet)
    door.curl("/open/silent")
    door.reload(quiet.replace("access_log = false", "access_log = true"))
    door.curl("/open/loud")
    (line,) = access_lines(door, 1)
    assert line["path"] == "/open/loud"


def test_a_proxys_question_is_logged_as_what_it_is_about(tmp_path, origin):
    text = config(tmp_path, origin.at(), trusted_proxies=["127.0.0.1"])
    door = HttpDoor(tmp_path, text)
    door.curl("/.sallyport/auth/traefik", "-H", "X-Forwarded-Method: PUT", "-H",
              "X-Forwarded-Proto: https", "-H", "X-Forwarded-Host: app.example.net", "-H",
              "X-Forwarded-Uri: /denied/x?y", "-H", "X-Forwarded-For: 192.0.2.1")
    (line,) = access_lines(door, 1)
    assert (line["visitor"], line["peer"].split(":")[0]) == ("192.0.2.1", "127.0.0.1")
    assert (line["method"], line["status"]) == ("PUT", 403)
    assert (line["host"], line["path"]) == ("app.example.net", "/denied/x")
    assert (line["route"], line["admission"]) == ("denied", "denied")


# --- Mistakes ---------------------------------------------------------------------------------

GOOD = """\
[http]
trusted_proxies = ["10.0.0.7"]
header_timeout = "10s"
auth_url = "https://auth.example.net"
gate_path = "/gate"
[[http.listener]]
listen = ["127.0.0.1:8080"]
proxy_protocol = "off"
[[http.pool]]
name = "app"
servers = ["10.0.0.1:8080"]
balance = "least_conn"
[[http.route]]
hosts = ["app.example.net"]
path_prefix = "/api"
methods = ["GET"]
headers = ["X-Tenant: blue"]
policy = "second_factor"
pool = "app"
request_headers = ["set X-User: {user}"]
[[http.whitelist]]
name = "office"
addresses = ["192.0.2.0/24"]
"""

# What is written instead of a line, the key that is complained about, and a word of the remedy.
MISTAKES = [
    ('header_timeout = "10s"', "header_timeout = 10", "http.header_timeout", '"60s"'),
    ('header_timeout = "10s"', 'header_timout = "10s"', "http.header_timout", "header_timeout"),
    ('"https://auth.example.net"', '"auth.example.net"', "http.auth_url", "https://"),
    ('"/gate"', '"gate"', "http.gate_path", "/"),
    ('["127.0.0.1:8080"]', '"127.0.0.1:8080"', "http.listener.listen", "list"),
    ('["127.0.0.1:8080"]', '["127.0.0.1"]', "http.listener.listen", "0.0.0.0:443"),
    ('["127.0.0.1:8080"]', '["localhost:8080"]', "http.listener.listen", "0.0.0.0:443"),
    ('proxy_protocol = "off"', 'proxy_protocol = "v2"', "http.listener.proxy_protocol", "Choose"),
    ('proxy_protocol = "off"', "tls = true", "http.listener.tls", "certificate_file"),
    ('"10.0.0.1:8080"', '"http://10.0.0.1:8080"', "http.pool.servers", "tls = true"),
    ('"10.0.0.1:8080"', '"10.0.0.1:8080 wieght=2"', "http.pool.servers", "weight=NUMBER"),
    ('"least_conn"', '"leastconn"', "http.pool.balance", "least_conn"),
    ('["app.example.net"]', '["https://app.example.net"]', "http.route.hosts", "host alone"),
    ('["app.example.net"]', '["app.example.net/x"]', "http.route.hosts", ""),
    ('"/api"', '"api"', "http.route.path_prefix", "/"),
    ('["GET"]', '["get"]', "http.route.methods", "GET"),
    ('"X-Tenant: blue"', '"X-Tenant=blue"', "http.route.headers", "Name: value"),
    ('"second_factor"', '"second-factor"', "http.route.policy", "second_factor"),
    ('pool = "app"', 'pool = "ap"', "http.route.pool", "app"),
    ('pool = "app"', "", "http.route", "redirect"),
    ('pool = "app"', 'pool = "app"\nrespond = 200', "http.route.respond", "Keep one"),
    ('set X-User', 'set X-Forwarded-For', "http.route.request_headers", "Leave it out"),
    ('set X-User', 'put X-User', "http.route.request_headers", "remove Name"),
    ('"192.0.2.0/24"', '"office.example.net"', "http.whitelist.addresses", "192.0.2.0/24"),
    ('"192.0.2.0/24"', '"192.0.2.0/33"', "http.whitelist.addresses", "/24"),
    ("[[http.listener]]", "[http.listener]", "http.listener", "two brackets"),
]


def check(tmp_path, text):
    path = tmp_path / "sallyport.toml"
    path.write_text(text)
    done = sallyport("check", "--config", path)
    return done.returncode, done.stdout + done.stderr


def test_the_good_file_is_good(tmp_path):
    status, output = check(tmp_path, GOOD)
    assert status == 0 and "warning" not in output, output


@pytest.mark.parametrize("old, new, key, remedy", MISTAKES,
                         ids=[f"{key}-{i}" for i, (_, _, key, _) in enumerate(MISTAKES)])
def test_a_mistake_has_its_line_a_reason_and_a_remedy(tmp_path, old, new, key, remedy):
    assert GOOD.count(old) == 1
    text = GOOD.replace(old, new)
    status, output = check(tmp_path, text)
    assert status == 1
    told = re.findall(r"sallyport\.toml:(\d+):\d+: ([\w.]+): (.+) Mend: (.+)$", output,
                      re.MULTILINE)
    at = text[:text.index(new)].count("\n") + 1 if new else None
    mine = [(line, reason, mend) for line, where, reason, mend in told if where == key]
    assert mine, output
    assert any(remedy in mend for _, _, mend in mine), output
    if at is not None:
        assert any(int(line) in (at, at + new.count("\n")) for line, _, _ in mine), output
    refused = sallyport("run", "--config", tmp_path / "sallyport.toml")
    assert refused.returncode == 1 and key in refused.stderr


@pytest.mark.parametrize("old, new, word", [
    ('["10.0.0.7"]', '["0.0.0.0/0"]', "everybody can claim any address"),
    ('pool = "app"', 'redirect = "/x"', 'no route leads to pool "app"'),
    ('"192.0.2.0/24"', '"0.0.0.0/0"', "lets in everybody"),
    ("[[http.whitelist]]", '[[http.route]]\nhosts = ["app.example.net"]\npath_prefix = "/api/v1"\n'
     'methods = ["GET"]\nheaders = ["X-Tenant: blue"]\npool = "app"\n[[http.whitelist]]',
     "never reached"),
])
def test_what_is_allowed_but_hardly_meant_is_warned_of(tmp_path, old, new, word):
    status, output = check(tmp_path, GOOD.replace(old, new))
    assert status == 0
    assert "warning" in output and word in output


def test_a_door_that_serves_nothing_is_warned_of(tmp_path):
    status, output = check(tmp_path, '[[http.listener]]\nlisten = ["127.0.0.1:8080"]\n')
    assert status == 0 and "no [[http.route]]" in output
    status, output = check(tmp_path, '[[http.listener]]\nlisten = ["127.0.0.1:8080"]\n'
                           'redirect_to_https = true\n')
    assert "no [[http.route]]" not in output
