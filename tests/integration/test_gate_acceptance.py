"""What was asked of the gate from the start and the tests of defects do not say already: several
nodes, both addresses of a device, slow peers, programs, and other people's proxies in front."""

import html
import re
import socket
import urllib.parse

import pytest

from forward_auth_lab import HOST, Front
from gate_lab import GATE, GateDoor, Visitor
from gate_peers import Redis, listens
from gate_ways import sallyport, someone
from harness.net import PATIENCE_S, free_port, loopback_address, wait_until
from harness.process import Process
from http_lab import Node, Raw, listener, pool, route

HAPROXY = """\
global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen web
  bind {here}
  server sallyport {there} send-proxy-v2
"""


class Behind(Visitor):
    """A visitor who comes through a proxy at `at` and asks for `origin` there."""

    def __init__(self, door, at, origin):
        super().__init__(door, loopback_address())
        self.at, self.origin = at, origin

    def _ask(self, path, *options, **more):
        path = path.removeprefix(self.origin)
        host = self.origin.removeprefix("http://")
        return super()._ask(f"http://{self.at}{path}", "--header", f"Host: {host}", *options,
                            **more)

    def post(self, path, form, *options, **more):
        return super().post(path, form, *options, **{"origin": self.origin, **more})


def test_a_revocation_in_one_node_ends_access_and_websocket_in_another(tmp_path):
    redis = Redis(tmp_path)
    origin = Node(tmp_path / "origin")
    store = {"type": "redis", "servers": [redis.at], "key_file": str(tmp_path / "store.key")}
    first, second = (GateDoor(tmp_path / name, store=store, page={"pool": "app"},
                              more=pool("app", [origin.at()])) for name in ("a", "b"))
    source = loopback_address()
    Visitor(first, source).enter()
    wait_until(Visitor(second, source).is_in, lambda: second.err()[-4000:])
    with Raw(second.address, source=(source, 0)) as there:
        there.get("/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                  "Sec-WebSocket-Key: " + "A" * 22 + "==", host=second.authority)
        assert there.head().status == 101
        sallyport(first, "grants", "revoke", "--user", "alice")
        assert there.rest() == b""
    assert not Visitor(second, source).is_in()


def test_a_device_opens_both_of_its_addresses(tmp_path):
    port = free_port("::1", socket.SOCK_STREAM)
    six = f"http://[::1]:{port}"
    door = GateDoor(tmp_path, gate={"pair_v6_url": six}, more=listener(f"[::1]:{port}")
                    + route(respond=200, respond_body="six", policy="second_factor"))
    other = Visitor(door)
    assert not other.is_in(f"{six}/")
    visitor = someone(door)
    page = visitor.enter()
    # A script does it on the way to the application; by hand it is under "My access".
    assert f'data-pair="{six}{GATE}/pair?t=' in page.text
    page = visitor.get(f"{GATE}/access")
    link = html.unescape(re.search(rf'href="({re.escape(six)}[^"]+)"', page.text).group(1))
    other.get(link)
    form = {"t": other.field("t")}
    assert not other.is_in(f"{six}/"), "looking at the page opens nothing"
    other.post(f"{six}{GATE}/pair", form)
    assert other.is_in(f"{six}/") and visitor.is_in()
    sallyport(door, "grants", "revoke", "--user", "alice")
    assert not other.is_in(f"{six}/") and not visitor.is_in()


def test_an_ipv4_address_is_the_same_however_it_is_written(tmp_path):
    door = GateDoor(tmp_path, http={"trusted_proxies": ["127.0.0.0/8"]})
    mapped = ("--header", "X-Forwarded-For: ::ffff:198.51.100.7")
    plain = ("--header", "X-Forwarded-For: 198.51.100.7")
    visitor = Visitor(door)
    visitor.options = list(mapped)
    visitor.enter()
    visitor.options = list(plain)
    assert visitor.is_in()
    assert '"198.51.100.7"' in sallyport(door, "grants", "list", "--json")


def test_a_mail_server_that_hangs_does_not_slow_down_who_is_let_in(tmp_path):
    with socket.create_server((loopback_address(), 0), backlog=64) as silent:
        channel = {"name": "mail", "type": "smtp", "security": "none", "timeout": "1m",
                   "from_mail": "noreply@example.net",
                   "address": "{}:{}".format(*silent.getsockname())}
        door = GateDoor(tmp_path, channel=channel, gate={"threads": 1, "message_threads": 1})
        alice = someone(door)
        sallyport(door, "grants", "add", alice.options[1], "--user", "alice", "--for", "1h")
        for _ in range(10):
            assert 'name="code"' in someone(door).start().text
        assert alice.is_in()
        assert someone(door).get(f"{GATE}/").status == 200


def test_a_program_is_told_and_a_browser_is_led_there_and_back(tmp_path):
    door = GateDoor(tmp_path)
    visitor = someone(door)
    target = "/a/b?c=d&e=%2F"
    refused = visitor.json(target)
    assert (refused.status, refused.get("content-type").split(";")[0]) == (401, "application/json")
    led = visitor.get(target)
    back = urllib.parse.parse_qs(urllib.parse.urlsplit(led.get("location")).query)["rd"][0]
    assert back == door.origin + target
    page = visitor.enter(back=back)
    assert f'href="{html.escape(back)}"' in page.text
    assert visitor.is_in(target)
    assert visitor.json(target).status == 200


@pytest.fixture
def app(tmp_path):
    return Node(tmp_path / "app")


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_whoever_confirms_at_the_gate_passes_the_proxy_that_asks_it(tmp_path, app, kind):
    """nginx by auth_request, Caddy by forward_auth, as docs/examples has them."""
    origin = f"http://{HOST}"
    door = GateDoor(tmp_path / "gate", gate={"url": origin},
                    http={"trusted_proxies": ["127.0.0.1"]},
                    more=route(hosts=[HOST], policy="second_factor", respond=404))
    front = Front(tmp_path / kind, kind, door.authority, app.at())
    door.origin = origin
    visitor = Behind(door, f"{front.host}:8080", origin)
    led = visitor.get("/echo?a=b")
    assert led.status == 302, led
    back = f"{origin}/echo?a=b"
    assert led.get("location") == f"{origin}{GATE}/?rd={urllib.parse.quote(back, safe='')}"
    visitor.enter(back=back)
    assert visitor.is_in("/echo?a=b")
    assert ["remote-user", "alice"] in [[name.lower(), value] for name, value in
                                        visitor.page.json()["headers"]]
    assert Behind(door, visitor.at, origin).get("/echo").status == 302


def test_behind_haproxy_the_visitors_own_address_is_opened(tmp_path):
    """PROXY protocol, version 2."""
    inner = f"{loopback_address()}:8080"
    door = GateDoor(tmp_path, more=listener(inner, proxy_protocol="required"))
    host = loopback_address()
    (tmp_path / "haproxy.cfg").write_text(HAPROXY.format(here=f"{host}:8080", there=inner))
    haproxy = Process("haproxy", ["haproxy", "-db", "-f", tmp_path / "haproxy.cfg"], tmp_path)
    haproxy.wait_for(lambda: listens(host, 8080), "HAProxy listens", PATIENCE_S)
    visitor = Behind(door, f"{host}:8080", door.origin)
    visitor.enter()
    assert visitor.is_in()
    assert f'"{visitor.options[1]}"' in sallyport(door, "grants", "list", "--json")
    assert not Behind(door, f"{host}:8080", door.origin).is_in()
