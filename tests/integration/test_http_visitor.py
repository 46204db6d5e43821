"""Who the visitor is: the peer, or whom trusted proxies name, and nobody else's word counts."""

import concurrent.futures
import ctypes
import os
import shutil
import subprocess

import pytest
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, toml
from http_lab import HttpDoor, Node, Raw, listener, pool, route

TRUSTED = ["127.0.0.1", "10.0.0.7", "2001:db8:0:1::/64"]
OURS = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via")


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path)


def door_before(tmp_path, origin, trusted=None, where="127.0.0.1:0", **more):
    """One that tells the server behind who it takes the visitor for, and a route of each policy."""
    return HttpDoor(tmp_path, config(origin, trusted, where), **more)


def config(origin, trusted=None, where="127.0.0.1:0", ipv6_prefix=None, whitelist=(), **http):
    text = toml({"http": {"trusted_proxies": trusted, "ipv6_prefix": ipv6_prefix,
                          "control_socket": "control.sock", **http}})
    for policy in ("whitelisted", "second_factor"):
        text += route(path_prefix=f"/{policy}", policy=policy, respond=200, respond_body="in")
    text += route(pool="app", request_headers=["set X-Visitor: {visitor}"])
    text += pool("app", [origin.at()]) + listener(where)
    addresses = list(whitelist) or ["198.51.100.0/24"]
    return text + toml({"http.whitelist": [{"name": "friends", "addresses": addresses}]})


def ask(door, *lines, path="/echo", source="127.0.0.1", **more):
    with Raw(door.address, source=(source, 0)) as visitor:
        return visitor.get(path, *lines, "Connection: close", **more).answer()


def seen(door, *lines, **more):
    """{name: [values]} of the request that the server behind has seen."""
    fields = {}
    for name, value in ask(door, *lines, **more).json()["headers"]:
        fields.setdefault(name, []).append(value)
    return fields


def visitor_of(door, *lines, **more):
    """Told in three ways, which have to agree."""
    fields = seen(door, *lines, **more)
    (visitor,) = fields["x-visitor"] if fields.get("x-visitor") else ("",)
    (told,) = fields["x-forwarded-for"]
    (forwarded,) = fields["forwarded"]
    quoted = f'for="[{told}]"' if ":" in told else f"for={told}"
    assert forwarded.startswith(quoted + ";")
    assert visitor in (told, "::" if told == "unknown" else told)
    return told


def grant(door, *words):
    done = subprocess.run([BINARY, "grants", *words, "--config", str(door.config)], check=False,
                          capture_output=True, text=True, env=CLEAN_ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nobody_is_believed_unless_he_is_named(tmp_path, origin):
    door = door_before(tmp_path, origin)
    forged = ("X-Forwarded-For: 198.51.100.7", "Forwarded: for=198.51.100.7;proto=https;host=evil",
              "X-Real-IP: 198.51.100.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil",
              "Via: 1.1 evil", "x-forwarded-for: 198.51.100.8")
    fields = seen(door, *forged, source="127.40.5.6")
    assert {name: fields[name] for name in OURS} == {
        "x-forwarded-for": ["127.40.5.6"],
        "x-forwarded-proto": ["http"],
        "x-forwarded-host": ["www.example.net"],
        "forwarded": ["for=127.40.5.6;host=www.example.net;proto=http"],
        "via": ["1.1 sallyport"],
    }
    assert fields["x-visitor"] == ["127.40.5.6"] and "x-real-ip" not in fields
    # His word does not let him in either: 198.51.100.0/24 is on the whitelist.
    for path, status in (("/whitelisted", 403), ("/second_factor", 401)):
        for line in forged:
            assert ask(door, line, path=path, source="127.40.5.6").status == status


def test_each_peer_is_who_he_is(tmp_path, origin):
    door = door_before(tmp_path, origin, trusted=["127.9.0.0/16"])
    for source in ("127.0.0.1", "127.8.255.255", "127.10.0.0", "127.255.255.254"):
        assert visitor_of(door, "X-Forwarded-For: 198.51.100.7", source=source) == source
    for source in ("127.9.0.0", "127.9.255.255"):
        assert visitor_of(door, "X-Forwarded-For: 198.51.100.7", source=source) == "198.51.100.7"


def test_past_trusted_proxies_from_right_to_left(tmp_path, origin):
    door = door_before(tmp_path, origin, trusted=TRUSTED)
    for told, visitor in {
        "198.51.100.7": "198.51.100.7",
        "203.0.113.9, 198.51.100.7": "198.51.100.7",  # he has sent the left one himself
        "198.51.100.7, 10.0.0.7": "198.51.100.7",
        "198.51.100.7,2001:db8:0:1::5 ,\t10.0.0.7": "198.51.100.7",
        "198.51.100.7, 2001:db8:0:2::5": "2001:db8:0:2::5",
        "10.0.0.8, 10.0.0.7": "10.0.0.8",
        "10.0.0.7, 2001:db8:0:1::5": "10.0.0.7",  # all are trusted: the leftmost
        "::ffff:198.51.100.7": "198.51.100.7",
        "203.0.113.9, ::ffff:10.0.0.7": "203.0.113.9",  # ::ffff:10.0.0.7 is the proxy
        "198.51.100.7:4711": "198.51.100.7",
        "[2001:db8::9]:4711": "2001:db8::9",
        "2001:DB8:0:0:0:0:0:9": "2001:db8::9",
        "garbage, 198.51.100.7": "198.51.100.7",  # nobody gets as far as there
        "198.51.100.7, garbage": "unknown",
        "198.51.100.7, unknown, 10.0.0.7": "unknown",
        "198.51.100.7, 0.0.0.0": "unknown",
        "198.51.100.300": "unknown",
        ", ".join(["10.0.0.7"] * 40): "unknown",  # nobody has so many proxies
    }.items():
        assert visitor_of(door, f"X-Forwarded-For: {told}") == visitor, told
    lines = ("203.0.113.9, 198.51.100.7", "10.0.0.7", "2001:db8:0:1::1")
    assert visitor_of(door, *(f"X-Forwarded-For: {line}" for line in lines)) == "198.51.100.7"
    # A trusted proxy that speaks for nobody is the visitor; X-Real-IP tells nothing.
    assert visitor_of(door) == "127.0.0.1"
    assert visitor_of(door, "X-Real-IP: 198.51.100.7") == "127.0.0.1"
    assert visitor_of(door, "X-Forwarded-For: 198.51.100.7", "X-Real-IP: 203.0.113.9") \
        == "198.51.100.7"


def test_forwarded_says_the_same(tmp_path, origin):
    door = door_before(tmp_path, origin, trusted=TRUSTED)
    for told, visitor in {
        "for=198.51.100.7": "198.51.100.7",
        "For=203.0.113.9, FOR=198.51.100.7;by=_us": "198.51.100.7",
        'for="[2001:db8::9]:4711"': "2001:db8::9",
        'for="198.51.100.7:80", for=10.0.0.7': "198.51.100.7",
        'for=203.0.113.9, for="[2001:db8:0:1::2]"': "203.0.113.9",
        'for="[::ffff:198.51.100.7]"': "198.51.100.7",
        'by="a, b;for=203.0.113.9";for=198.51.100.7': "198.51.100.7",  # within quotes
        "for=198.51.100.7, for=unknown": "unknown",
        "for=198.51.100.7, for=_hidden": "unknown",
        "for=198.51.100.7, proto=https": "unknown",
        "for=198.51.100.7;for=203.0.113.9": "unknown",
        'for="198.51.100.7': "unknown",
        "198.51.100.7": "unknown",
    }.items():
        assert visitor_of(door, f"Forwarded: {told}") == visitor, told


def test_two_fields_that_disagree_let_nobody_in(tmp_path, origin):
    # Whoever is not known is not everybody of a whitelist that holds everybody.
    text = config(origin, TRUSTED, whitelist=["0.0.0.0/0", "::/0"])
    door = HttpDoor(tmp_path, text)
    both = ("X-Forwarded-For: 198.51.100.7", "Forwarded: for=203.0.113.9")
    assert visitor_of(door, *both) == "unknown"
    assert visitor_of(door, both[0], "Forwarded: for=unknown") == "unknown"
    assert visitor_of(door, both[0], 'Forwarded: for="') == "unknown"
    for path in ("/whitelisted", "/second_factor"):
        assert ask(door, *both, path=path).status == 403
        assert ask(door, both[0], path=path).status == 200
        agreed = (both[0], "Forwarded: for=198.51.100.7")
        assert ask(door, *agreed, path=path).status == 200
    # Peers that are not trusted have nothing that could disagree.
    assert ask(door, *both, path="/whitelisted", source="127.3.3.3").status == 200


def test_what_a_trusted_proxy_says_of_the_connection(tmp_path, origin):
    door = door_before(tmp_path, origin, trusted=TRUSTED)
    fields = seen(door, "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https",
                  "X-Forwarded-Host: shop.example.net")
    assert fields["x-forwarded-proto"] == ["https"]
    assert fields["x-forwarded-host"] == ["shop.example.net"]
    assert fields["forwarded"] == ["for=198.51.100.7;host=shop.example.net;proto=https"]
    assert fields["host"] == ["shop.example.net"]
    fields = seen(door, 'Forwarded: for=198.51.100.7;proto=https;host="Shop.example.net:8443"')
    assert fields["x-forwarded-host"] == ["shop.example.net:8443"]
    assert fields["forwarded"] == ['for=198.51.100.7;host="shop.example.net:8443";proto=https']
    # What is no host is not believed of anybody.
    fields = seen(door, "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Host: a/b")
    assert fields["x-forwarded-host"] == ["www.example.net"]


def test_connection_hides_none_of_it(tmp_path, origin):
    door = door_before(tmp_path, origin, trusted=TRUSTED)
    names = "X-Forwarded-For, X-Forwarded-Proto, Forwarded, Via, X-Visitor"
    fields = seen(door, "X-Forwarded-For: 198.51.100.7", f"Connection: {names}")
    assert fields["x-forwarded-for"] == ["198.51.100.7"] and fields["via"] == ["1.1 sallyport"]
    assert fields["forwarded"][0].startswith("for=198.51.100.7;")


def test_the_same_over_http2(tmp_path, origin):
    door = door_before(tmp_path, origin, trusted=["127.0.0.1"])
    asked = door.curl("/echo", "--http2-prior-knowledge", "-H", "X-Forwarded-For: 198.51.100.7")
    assert asked.version == "2"
    fields = dict(asked.json()["headers"])
    assert fields["x-forwarded-for"] == "198.51.100.7" and fields["via"] == "2.0 sallyport"
    forged = door.curl("/echo", "--http2-prior-knowledge", "--interface", "127.4.4.4", "-H",
                       "X-Forwarded-For: 198.51.100.7", "-H", "Forwarded: for=198.51.100.7")
    fields = dict(forged.json()["headers"])
    assert fields["x-forwarded-for"] == "127.4.4.4"
    assert fields["forwarded"].startswith("for=127.4.4.4;")


def test_a_routes_rules_cannot_speak_for_us(tmp_path, origin):
    for name in ("X-Forwarded-For", "x-forwarded-host", "Forwarded", "Via", "X-Real-IP"):
        text = config(origin).replace("set X-Visitor", f"set {name}")
        (tmp_path / "rules.toml").write_text(text)
        done = subprocess.run([BINARY, "check", "--config", tmp_path / "rules.toml"], check=False,
                              capture_output=True, text=True, env=CLEAN_ENVIRONMENT)
        assert done.returncode == 1 and name.lower() in done.stderr.lower(), done.stderr


def test_trust_in_everybody_is_warned_of(tmp_path, origin):
    (tmp_path / "all.toml").write_text(config(origin, ["0.0.0.0/0"]))
    done = subprocess.run([BINARY, "check", "--config", tmp_path / "all.toml"], check=False,
                          capture_output=True, text=True, env=CLEAN_ENVIRONMENT)
    assert "trusted_proxies" in done.stdout + done.stderr
    (tmp_path / "all.toml").write_text(config(origin, ["10.0.0.7"]))
    done = subprocess.run([BINARY, "check", "--config", tmp_path / "all.toml"], check=False,
                          capture_output=True, text=True, env=CLEAN_ENVIRONMENT)
    assert "trusted_proxies" not in done.stdout + done.stderr


def test_a_grant_opens_the_ipv6_network(tmp_path, origin):
    door = door_before(tmp_path, origin, trusted=TRUSTED)
    grant(door, "add", "2001:db8:5:6::1", "--user", "alice")

    def status(visitor):
        return ask(door, f"X-Forwarded-For: {visitor}", path="/second_factor").status

    assert status("2001:db8:5:6:ffff:ffff:ffff:ffff") == 200
    assert status("2001:db8:5:6::1") == 200
    assert status("2001:db8:5:7::1") == 401 and status("2001:db8:5:5:ffff::1") == 401
    door.reload(config(origin, TRUSTED, ipv6_prefix=128))
    assert status("2001:db8:5:6::1") == 200 and status("2001:db8:5:6::2") == 401
    door.reload(config(origin, TRUSTED, ipv6_prefix=48))
    assert status("2001:db8:5:7::1") == 200 and status("2001:db8:6::1") == 401
    # IPv4 is opened address by address, however it is written.
    grant(door, "add", "::ffff:203.0.113.9", "--user", "alice")
    assert status("203.0.113.9") == 200 and status("::ffff:203.0.113.9") == 200
    assert status("203.0.113.8") == 401


CLONE_NEWNET = 0x4000_0000
SETUP = ("ip link set lo up && for a in 2001:db8:1::1 2001:db8:1::2 2001:db8:2::1; do "
         'ip addr add $a/128 dev lo nodad || exit 9; done; exec "$@"')


def within(pid, work):
    """work(), in a thread that is in the network namespace of this process."""
    def run():
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/proc/{pid}/ns/net") as namespace:
            assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0, os.strerror(
                ctypes.get_errno())
        return work()

    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def has_namespaces():
    probe = ["unshare", "--net", "sh", "-c", SETUP, "sh", "true"]
    return bool(shutil.which("unshare") and shutil.which("ip")) and subprocess.run(
        probe, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not has_namespaces(), reason="no network namespace of its own: needs root")
def test_visitors_over_ipv6(tmp_path):
    text = toml({"http": {"control_socket": "control.sock", "trusted_proxies": ["2001:db8:2::1"]}})
    text += route(path_prefix="/who", policy="open", respond=200,
                  response_headers=["set X-Visitor: {visitor}"])
    text += route(policy="second_factor", respond=200, respond_body="in")
    door = HttpDoor(tmp_path, text + listener("[::]:0") + listener("0.0.0.0:0"),
                    command=("unshare", "--net", "sh", "-c", SETUP, "sh"))
    six, four = (("::1", door.addresses[0][1]), ("127.0.0.1", door.addresses[1][1]))

    def get(where, source, *lines, path="/", host="www.example.net"):
        def work():
            with Raw(where, source=(source, 0)) as visitor:
                return visitor.get(path, *lines, "Connection: close", host=host).answer()
        return within(door.pid, work)

    forged = "X-Forwarded-For: 2001:db8:1::1"
    for where, source in ((six, "2001:db8:1::2"), (six, "::1"), (four, "127.5.5.5")):
        assert get(where, source, forged, path="/who").get("x-visitor") == source
    assert get(six, "2001:db8:2::1", forged, path="/who").get("x-visitor") == "2001:db8:1::1"

    grant(door, "add", "2001:db8:1::1", "--user", "alice")
    assert get(six, "2001:db8:1::1").status == 200
    assert get(six, "2001:db8:1::2").status == 200  # of the same /64
    assert get(six, "2001:db8:2::1").status == 401
    assert get(six, "2001:db8:2::1", forged).status == 200
    assert get(six, "::1", forged).status == 401
    assert get(four, "127.5.5.5", forged).status == 401
    # "[::]:0" hears no IPv4: nobody is there under an address of ::ffff:0:0/96.
    with pytest.raises(ConnectionRefusedError):
        get(("127.0.0.1", six[1]), "127.5.5.5")
