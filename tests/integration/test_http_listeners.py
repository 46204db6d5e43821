"""Where the HTTP door listens: addresses, Unix sockets, sockets of systemd; what the listener of
port 80 sends to https; and what it says when it cannot listen."""

import contextlib
import os
import pathlib
import re
import socket
import stat
import subprocess
import textwrap

import pytest
from harness.net import free_port, loopback_address, wait_until
from harness.sallyport import ROOT, toml
from http_lab import HttpDoor, Raw, listener, pool, route

WHO = route(respond=200, respond_body="up\n", response_headers=["set X-Visitor: {visitor}"])


def up(door, number=0):
    with door.raw(number) as visitor:
        return visitor.get().answer().text == "up\n"


def fails(folder, text, **options):
    """What the daemon says when it cannot start."""
    door = HttpDoor(folder, text, wait=False, **options)
    assert door.wait_exit() == 3
    (line,) = [line for line in door.err().splitlines() if line.startswith("sallyport: ")]
    return line


# --- Addresses -------------------------------------------------------------------------------


def test_several_listeners_and_addresses(tmp_path):
    first, second, third = (loopback_address() for _ in range(3))
    door = HttpDoor(tmp_path, toml({"http.listener": [
        {"listen": [f"{first}:8080", f"{second}:0"]}, {"listen": [f"{third}:8080"]}]}) + WHO)
    assert [address[0] for address in door.addresses] == [first, second, third]
    assert door.addresses[0][1] == door.addresses[2][1] == 8080
    for number in range(3):
        source = loopback_address()
        with door.raw(number, source=(source, 0)) as visitor:
            assert visitor.get().answer().get("x-visitor") == source


def has_ipv6():
    with socket.socket(socket.AF_INET6) as probe, contextlib.suppress(OSError):
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")
def test_ipv6(tmp_path):
    port = free_port("::", socket.SOCK_STREAM)
    door = HttpDoor(tmp_path, toml({"http.listener": [
        {"listen": ["[::1]:0"]}, {"listen": [f":{port}"]}]}) + WHO)
    assert door.addresses[0][0] == "::1"
    for address in (door.addresses[0], ("::1", port)):
        with Raw(address) as visitor:
            assert visitor.get().answer().get("x-visitor") == "::1"
    with Raw(("127.0.0.1", port)) as visitor:
        assert visitor.get().answer().get("x-visitor") == "127.0.0.1"
    answer = door.curl("/")  # curl writes Host: [::1]:port
    assert answer.text == "up\n"


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")
def test_any_ipv6_address_is_no_ipv4_address(tmp_path):
    port = free_port("::", socket.SOCK_STREAM)
    HttpDoor(tmp_path, listener(f"[::]:{port}") + WHO)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_in_use(tmp_path):
    """Also where the other one is a sallyport: SO_REUSEPORT would let both have it, in silence."""
    with socket.create_server((loopback_address(), 0)) as other:
        address = "{}:{}".format(*other.getsockname())
        line = fails(tmp_path / "one", listener(address) + WHO)
        assert f"cannot listen on {address}: it is in use" in line and "ss -tlpn" in line
    door = HttpDoor(tmp_path / "first", listener(f"{loopback_address()}:0") + WHO, shards=2)
    address = "{}:{}".format(*door.address)
    assert "it is in use" in fails(tmp_path / "second", listener(address) + WHO, shards=2)
    assert up(door)


def test_an_address_that_is_not_ours(tmp_path):
    assert "this machine has no such address" in fails(tmp_path, listener("192.0.2.1:8080") + WHO)


def test_a_low_port_without_the_right(tmp_path):
    floor = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if os.geteuid() != 0 or floor < 2:
        pytest.skip("takes a right away that root has, where low ports need it")
    line = fails(tmp_path, listener(f"{loopback_address()}:1") + WHO,
                 command=["setpriv", "--bounding-set=-net_bind_service"])
    assert "CAP_NET_BIND_SERVICE" in line


# --- To https --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def redirecting(tmp_path_factory):
    folder = tmp_path_factory.mktemp("acme")
    (folder / "token").write_text("the answer")
    door = HttpDoor(tmp_path_factory.mktemp("redirecting"), toml({"http": {
        "acme_challenge_folder": str(folder), "trusted_proxies": ["127.9.9.9"]}}) +
        listener(redirect_to_https=True) + listener() + WHO)
    yield door
    assert door.running()
    door.stop()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("host, target, location", [
    ("www.example.net", "/", "https://www.example.net/"),
    ("www.example.net:8080", "/a/b?c=d&e=/f", "https://www.example.net/a/b?c=d&e=/f"),
    ("WWW.Example.net", "/%41", "https://www.example.net/A"),
    ("192.0.2.1", "/", "https://192.0.2.1/"),
    ("[2001:db8::1]:80", "/x", "https://[2001:db8::1]/x"),
    ("www.example.net", "//evil.example/", "https://www.example.net/evil.example/"),
    ("www.example.net", "http://www.example.net/x", "https://www.example.net/x"),
])
def test_308_to_https(redirecting, method, host, target, location):
    with redirecting.raw() as visitor:
        answer = visitor.get(target, method=method, host=host).answer()
        assert answer.status == 308
        assert answer.get("location") == location
        # The connection goes on: a browser that follows it has no more to ask, but others do.
        assert visitor.get("/again").answer().get("location") == "https://www.example.net/again"


def test_308_for_the_whole_server(redirecting):
    with redirecting.raw() as visitor:
        answer = visitor.get("*", method="OPTIONS").answer()
        assert (answer.status, answer.get("location")) == (308, "https://www.example.net/")


def test_308_over_http2(redirecting):
    answer = redirecting.curl("/x", "--http2-prior-knowledge", "-H", "Host: www.example.net")
    assert (answer.version, answer.status) == ("2", 308)
    assert answer.get("location") == "https://www.example.net/x"


def test_what_is_not_sent_to_https(redirecting):
    with redirecting.raw() as visitor:
        answer = visitor.get("/.well-known/acme-challenge/token").answer()
        assert (answer.status, answer.text) == (200, "the answer")
        assert visitor.get("/.well-known/acme-challenge/none").answer().status == 404
        assert visitor.get("/.well-known/other").answer().status == 308
        assert visitor.get("/.sallyport/").answer().status == 401
        assert visitor.get("/.sallyport").answer().status == 401
        assert visitor.get("/.sallyports").answer().status == 308
    assert up(redirecting, 1)


def test_who_came_over_tls_already(redirecting):
    """A trusted proxy in front that ended TLS says so; nobody else is believed."""
    over_tls = ["X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.1"]
    with redirecting.raw(source=("127.9.9.9", 0)) as proxy:
        assert proxy.get("/", *over_tls).answer().status == 200
        assert proxy.get("/", "X-Forwarded-Proto: http", over_tls[1]).answer().status == 308
        assert proxy.get("/", "Forwarded: for=192.0.2.1;proto=https").answer().status == 200
    with redirecting.raw() as anybody:
        assert anybody.get("/", *over_tls).answer().status == 308


# --- Unix sockets ----------------------------------------------------------------------------

EVERYBODY = (route(policy="whitelisted", path_prefix="/inner", respond=200) +
             toml({"http.whitelist": [{"name": "all", "addresses": ["0.0.0.0/0", "::/0"]}]}))


def test_a_unix_socket(tmp_path):
    path = tmp_path / "web.sock"
    door = HttpDoor(tmp_path, listener(f"unix:{path}") + EVERYBODY + WHO, shards=2)
    assert door.addresses == [str(path)]
    for _ in range(8):
        assert up(door)
    # Its peer has no address: not even a whitelist of all addresses lets him in.
    with door.raw() as visitor:
        assert visitor.get("/inner").answer().status == 403
    # Those of the daemon's group may connect: a balancer that is in it.
    assert stat.filemode(path.stat().st_mode) == "srw-rw----"
    assert door.terminate_and_wait() == 0
    assert not path.exists()


def test_a_unix_socket_that_a_dead_process_left(tmp_path):
    path = tmp_path / "web.sock"
    text = listener(f"unix:{path}") + WHO
    door = HttpDoor(tmp_path, text)
    door.child.kill()
    door.wait_exit()
    # The kernel may let go of a ring and of its sockets a little after their process.
    wait_until(lambda: str(path) not in pathlib.Path("/proc/net/unix").read_text(), "its end")
    assert path.exists()
    assert up(HttpDoor(tmp_path, text))


def test_a_unix_socket_of_somebody_else(tmp_path):
    path = tmp_path / "web.sock"
    text = listener(f"unix:{path}") + WHO
    door = HttpDoor(tmp_path, text)
    assert f"cannot listen on unix:{path}: it is in use" in fails(tmp_path / "second", text)
    assert up(door)  # and the second did not remove it


def test_a_file_that_is_no_socket_stays(tmp_path):
    path = tmp_path / "web.sock"
    path.write_text("precious")
    told = f"cannot listen on unix:{path}: a file that is no socket lies there: move it away"
    assert told in fails(tmp_path / "door", listener(f"unix:{path}") + WHO)
    control = toml({"http": {"control_socket": str(path)}}) + listener() + WHO
    told = f"cannot make the control socket {path}: a file that is no socket lies there"
    assert told in fails(tmp_path / "control", control)
    assert path.read_text() == "precious"


def test_no_folder_for_the_unix_socket(tmp_path):
    line = fails(tmp_path / "door", listener(f"unix:{tmp_path}/none/web.sock") + WHO)
    assert "No such file or directory" in line


def test_two_doors_behind_one_another(tmp_path):
    """What one listens on, another reaches as a server of a pool."""
    inner = HttpDoor(tmp_path / "inner", listener(f"unix:{tmp_path}/inner.sock") + WHO)
    outer = HttpDoor(tmp_path / "outer", listener() + pool("inner", [f"unix:{inner.address}"]) +
                     route(pool="inner"))
    assert up(outer)


# --- systemd ---------------------------------------------------------------------------------


def activated(folder, text, *options, env=None):
    """The daemon as systemd starts it, with sockets that are there already. The first to connect
    starts it."""
    return HttpDoor(folder, text, wait=False, env=env,
                    command=["systemd-socket-activate", *map(str, options)])


def ask(address):
    with Raw(address) as visitor:
        return visitor.get().answer().text == "up\n"


def wait_listens(door, count=1):
    door.wait_for(lambda: door.err().count("Listening on") >= count, "systemd-socket-activate")


def test_a_socket_of_systemd(tmp_path):
    address = (loopback_address(), 8080)
    path = tmp_path / "unix.sock"
    door = activated(tmp_path, toml({"http.listener": [
        {"listen": ["systemd:web"]}, {"listen": ["systemd:inner"], "proxy_protocol": "required"}]})
        + WHO, "-l", "{}:{}".format(*address), "-l", path, "--fdname=web:inner")
    wait_listens(door, 2)
    # Who starts it is served as well: his connection waits in the socket.
    assert ask(address)
    door.wait_ready()
    assert door.addresses == ["systemd:web", "systemd:inner"]
    for _ in range(4):
        assert ask(address)
    with Raw(str(path)) as visitor:
        visitor.send("PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n")
        assert visitor.get().answer().get("x-visitor") == "192.0.2.7"
    assert door.terminate_and_wait() == 0
    assert path.exists()  # it is systemd's


def test_all_sockets_of_a_unit(tmp_path):
    """ListenStream= may stand in a unit several times; they all have its name."""
    addresses = [(loopback_address(), 8080) for _ in range(3)]
    options = [word for address in addresses for word in ("-l", "{}:{}".format(*address))]
    door = activated(tmp_path, listener("systemd:web") + WHO, *options, "--fdname=web:web:web")
    wait_listens(door, 3)
    for address in addresses:
        assert ask(address)


def test_a_socket_that_nobody_takes_is_told_of(tmp_path):
    addresses = [(loopback_address(), 8080) for _ in range(2)]
    options = [word for address in addresses for word in ("-l", "{}:{}".format(*address))]
    door = activated(tmp_path, listener("systemd:web") + WHO, *options, "--fdname=web:forgotten")
    wait_listens(door, 2)
    assert ask(addresses[0])
    door.wait_log("forgotten")


@pytest.mark.parametrize("name, options, told", [
    ("web", [], 'no socket named \\"web\\"'),
    ("web", ["--fdname=other"], 'FileDescriptorName=web'),
    ("web", ["--fdname=web", "--datagram"], "not a listening stream"),
], ids=["no name", "other name", "datagram"])
def test_not_the_socket_that_was_expected(tmp_path, name, options, told):
    address = (loopback_address(), 8080)
    door = activated(tmp_path, listener(f"systemd:{name}") + WHO, "-l",
                     "{}:{}".format(*address), *options)
    wait_listens(door)
    kind = socket.SOCK_DGRAM if "--datagram" in options else socket.SOCK_STREAM
    with socket.socket(type=kind) as visitor:
        visitor.connect(address)
        if kind == socket.SOCK_DGRAM:
            visitor.send(b"x")
        assert door.wait_exit() == 3
    assert told.replace("\\", "") in door.err()


def test_the_units_of_the_guide(tmp_path):
    """systemd has nothing to say against the socket unit, nor against our service unit."""
    guide = (ROOT / "docs/http.md").read_text()
    unit = re.search(r"^    # /etc/systemd/system/sallyport.socket\n((?:    .*\n|\n)+)", guide,
                     re.MULTILINE).group(1)
    (tmp_path / "sallyport.socket").write_text(textwrap.dedent(unit))
    service = (ROOT / "packaging/systemd/sallyport.service").read_text()
    (tmp_path / "sallyport.service").write_text(
        service.replace("/usr/local/bin/sallyport", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", tmp_path / "sallyport.socket"],
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"})
    # It looks at units of this machine as well.
    assert [line for line in done.stderr.splitlines() if "sallyport" in line] == []
    assert done.returncode == 0, done.stderr


def test_without_systemd(tmp_path):
    assert "systemd has handed over no socket" in fails(tmp_path, listener("systemd:web") + WHO)
