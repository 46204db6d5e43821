"""What the tests of the HTTP door are made of: the daemon from a TOML text, web servers behind it
(Node with all that HTTP can do, nginx, and scripted ones that lie), and visitors (curl, raw
octets)."""

import contextlib
import email.parser
import json
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import urllib.request

from harness.net import PATIENCE_S, loopback_address, wait_until
from harness.process import Process
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, toml

HERE = pathlib.Path(__file__).resolve().parent

# Whoever asks over loopback must not be sent through a proxy of the machine's.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# In the log, as JSON.
RELOADED = '"component":"reload","message":"done: '


def sanitized():
    """Whether the daemon is built with AddressSanitizer, whose runtime needs room of its own."""
    return b"__asan_init" in pathlib.Path(BINARY).read_bytes()


class HttpDoor(Process):
    """`sallyport run` with an HTTP door, ready when constructed. Listeners on port 0 get a free
    one: `addresses` holds them all in the order of the file, as (host, port) or a socket's path."""

    def __init__(self, folder, text, wait=True, env=None, command=(), name="sallyport", shards=1,
                 preexec=None, stdin=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / f"{name}.toml"
        self.head = toml({"engine": {"shards": shards, "pin": False},
                          "log": {"format": "json", "level": "debug"}})
        self.write_config(text)
        super().__init__(name, [*command, BINARY, "run", "--config", self.config], folder,
                         env={**CLEAN_ENVIRONMENT, **(env or {})}, preexec=preexec, stdin=stdin)
        if wait:
            self.wait_ready()

    def write_config(self, text):
        """`text` is TOML; its [engine] and [log] are ours."""
        self.config.touch(mode=0o600)
        self.config.write_text(self.head + "\n" + text)

    def wait_ready(self):
        line = self.wait_for(lambda: re.search(r'"ready: ([^"]*)"', self.err()), "ready").group(1)
        text = re.search(r"HTTP on (.*), admin", line).group(1)
        self.addresses = [_address(part) for part in text.split(", ")]
        self.address = self.addresses[0]
        admin = re.search(r"admin on ([^,]*),", line)
        self.admin = _address(admin.group(1)) if admin else None

    def url(self, path="/", scheme="http", listener=0):
        host, port = self.addresses[listener]
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}"

    def curl(self, path="/", *options, scheme="http", listener=0, **more):
        return curl(self.url(path, scheme, listener), *options, **more)

    def raw(self, listener=0, **options):
        return Raw(self.addresses[listener], **options)

    def log_lines(self):
        """Every whole line of the log as JSON."""
        whole = self.err().rpartition("\n")[0]  # it may be writing the next one
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def wait_log(self, text, count=1):
        self.wait_for(lambda: self.err().count(text) >= count, f"{text!r} in the log")

    def reload(self, text=None):
        """SIGHUP, after the file became `text`; returns when it was taken over."""
        if text is not None:
            self.write_config(text)
        before = self.err().count(RELOADED)
        self.signal(signal.SIGHUP)
        self.wait_log(RELOADED, before + 1)

    def rss_octets(self):
        """Memory of its own that is resident now."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024

    def open_sockets(self):
        """Established connections of ours, both sides, as the kernel lists them."""
        links = []
        for link in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(str(link.readlink()))
        return sum(link.startswith("socket:") for link in links)


def _address(text):
    if text.startswith("unix:"):
        return text[5:]
    host, _, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdigit() else text


class Answer:
    """What a visitor got: status, header lines (name in lower case, value) and body."""

    def __init__(self, head, body=b"", info=None):
        line, _, rest = head.partition("\r\n")
        self.line = line
        self.version = line.split(" ")[0].removeprefix("HTTP/")
        self.status = int(line.split(" ")[1])
        parsed = email.parser.HeaderParser().parsestr(rest)
        self.headers = [(name.lower(), value) for name, value in parsed.items()]
        self.body = body
        self.info = info or {}

    def __repr__(self):
        return f"<{self.line} {self.headers} {self.body[:300]!r}>"

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def get(self, name, default=None):
        return ", ".join(self.all(name)) if self.all(name) else default

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class CurlFailed(AssertionError):
    def __init__(self, code, text):
        super().__init__(f"curl ended with {code}: {text}")
        self.code = code


def curl(url, *options, data=None, timeout_s=None, check=True):
    """Runs curl. The Answer is the last one, after interim ones; .info is curl's own account and
    .heads every head in its order."""
    timeout_s = PATIENCE_S if timeout_s is None else timeout_s
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(timeout_s),
               "--dump-header", "/dev/fd/2", "--output", "-", "--globoff", "--path-as-is",
               "--write-out", "%{stderr}\n@@%{json}", *map(str, options)]
    if data is not None:
        command += ["--data-binary", "@-"]
    done = subprocess.run([*command, url], input=data, capture_output=True, check=False,
                          timeout=timeout_s + 10, env=CLEAN_ENVIRONMENT)
    told = done.stderr.decode(errors="replace")
    heads = [h for h in re.findall(r"^HTTP/.*?\r\n\r\n", told, re.DOTALL | re.MULTILINE)]
    if done.returncode != 0 and check:
        raise CurlFailed(done.returncode, told)
    info = json.loads(told.rpartition("\n@@")[2])
    # Trailers follow the body, without a status line of their own.
    answer = Answer(heads[-1] if heads else "HTTP/0 000\r\n", done.stdout, info)
    answer.heads = heads
    answer.code = done.returncode
    answer.trailers = told.partition(heads[-1])[2].partition("\n@@")[0] if heads else ""
    return answer


class Raw:
    """A visitor's connection, octet for octet."""

    def __init__(self, address, tls=None, server_name="www.example.net", source=None):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, PATIENCE_S, source)
        self.socket.settimeout(PATIENCE_S)
        self.kept = b""
        if tls:
            self.start_tls(tls, server_name)

    def start_tls(self, context, server_name):
        self.socket = context.wrap_socket(self.socket, server_hostname=server_name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets.encode() if isinstance(octets, str) else octets)
        return self

    def get(self, path="/", *lines, method="GET", host="www.example.net"):
        head = "".join(f"{line}\r\n" for line in lines)
        return self.send(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n")

    def more(self):
        """Reads some; False at the end of the connection."""
        octets = self.socket.recv(65536)
        self.kept += octets
        return bool(octets)

    def until(self, mark):
        """Takes what comes up to and with `mark`."""
        mark = mark.encode() if isinstance(mark, str) else mark
        while mark not in self.kept:
            assert self.more(), f"the connection ended before {mark!r}: {self.kept!r}"
        before, _, self.kept = self.kept.partition(mark)
        return before + mark

    def exactly(self, count):
        while len(self.kept) < count:
            assert self.more(), f"the connection ended {count - len(self.kept)} octets early"
        taken, self.kept = self.kept[:count], self.kept[count:]
        return taken

    def head(self):
        return Answer(self.until("\r\n\r\n").decode("latin-1"))

    def answer(self, to="GET", interim=False):
        """One answer with its body, by the framing of RFC 9112 §6.3."""
        answer = self.head()
        if 100 <= answer.status < 200:
            return answer if interim or answer.status == 101 else self.answer(to)
        if to == "HEAD" or answer.status in (204, 304):
            return answer
        if answer.get("transfer-encoding") == "chunked":
            while size := int(self.until("\r\n").split(b";")[0], 16):
                answer.body += self.exactly(size)
                assert self.exactly(2) == b"\r\n"
            answer.trailers = b""
            while (line := self.until("\r\n")) != b"\r\n":
                answer.trailers += line
        elif answer.get("content-length") is not None:
            answer.body = self.exactly(int(answer.get("content-length")))
        else:
            answer.body = self.rest()
        return answer

    def rest(self):
        """All to the end of the connection, whether closed or reset."""
        with contextlib.suppress(ConnectionError):
            while self.more():
                pass
        taken, self.kept = self.kept, b""
        return taken

    def ends(self):
        """True when the other side has closed and nothing more came."""
        return self.rest() == b""


class Node(Process):
    """origin.mjs: web servers in one Node process. servers: {name: {"kind": "http1" | "h2c" |
    "https" | "h2", …}}; `ports` and `address` say where. What they have seen: stats()."""

    def __init__(self, folder, servers=None, name="origin"):
        folder.mkdir(parents=True, exist_ok=True)
        self.address = loopback_address()
        plan = {"address": self.address, "servers": servers or {"a": {"kind": "http1"}}}
        super().__init__(name, ["node", HERE / "origin.mjs", json.dumps(plan)], folder)
        ready = self.ready_line()
        self.ports = ready["ports"]
        self.control_port = ready["control"]

    def at(self, name="a"):
        return f"{self.address}:{self.ports[name]}"

    def control(self, path):
        url = f"http://{self.address}:{self.control_port}{path}"
        with _DIRECT.open(url, timeout=PATIENCE_S) as reply:
            return json.loads(reply.read())

    def stats(self, name=None):
        """{"connections", "open", "requests": ["GET /path", …], "aborted"} of a server."""
        stats = self.control("/stats")
        return stats[name] if name else stats

    def requests(self, name="a"):
        return self.stats(name)["requests"]

    def wait_request(self, line, name="a"):
        wait_until(lambda: line in self.requests(name), lambda: f"{line} at {name}: {self.stats()}")

    def go(self, key):
        """Lets what waits for `key` go on: /hang?key=…, /stall?key=…, one event of /sse?key=…"""
        return self.control(f"/go?key={key}")

    def stop_server(self, name="a"):
        """Nobody listens there any more, and what was open is reset."""
        self.control(f"/stop?name={name}")

    def start_server(self, name="a"):
        self.control(f"/start?name={name}")


class Scripted:
    """A web server that does what `script(connection, number)` says with each connection (Raw, the
    how manieth), in a thread of its own. The octets of every request are for the script to read."""

    def __init__(self, script):
        self.script = script
        self.listener = socket.create_server((loopback_address(), 0), backlog=64)
        self.host, self.port = self.listener.getsockname()
        self.connections = 0
        self.heads = []
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def at(self):
        return f"{self.host}:{self.port}"

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer, self.connections), daemon=True).start()

    def _serve(self, peer, number):
        connection = Raw.__new__(Raw)
        connection.socket, connection.kept = peer, b""
        peer.settimeout(PATIENCE_S)
        self._open.append(peer)
        with connection, contextlib.suppress(OSError, AssertionError):
            self.script(_Recorded(connection, self.heads), number)

    def end(self):
        """Ends all connections, whatever their scripts are doing."""
        for peer in self._open:
            peer.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for peer in self._open:
            peer.close()


class _Recorded:
    """A Raw that remembers the heads it was sent."""

    def __init__(self, raw, heads):
        self._raw, self._heads = raw, heads

    def __getattr__(self, name):
        return getattr(self._raw, name)

    def request(self):
        """The next request's head, as text."""
        head = self._raw.until("\r\n\r\n").decode("latin-1")
        self._heads.append(head)
        return head

    def reset(self):
        """Closes with RST: what was sent may never arrive."""
        self._raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._raw.close()


OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def nginx_command(folder, http):
    """What runs nginx with `http` in its http block, and all of its files in `folder`."""
    (folder / "nginx.conf").write_text(f"""\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{http}
}}
""")
    return ["nginx", "-p", folder, "-c", folder / "nginx.conf"]


class Nginx(Process):
    """nginx with `server` as the inside of its one server block, on `at`."""

    def __init__(self, folder, server, http="", name="nginx"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        host = loopback_address()
        self.at = f"{host}:8080"
        command = nginx_command(folder, f"""\
  {http}
  server {{
    listen {self.at};
    {server}
  }}
""")
        super().__init__(name, command, folder)

        def listens():
            with contextlib.suppress(OSError), socket.create_connection((host, 8080), 1):
                return True

        self.wait_for(listens, "nginx listens")


class Authority:
    """A CA (ca_file), and certificates of it."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._openssl("req", "-x509", *self._KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days",
                      "2", "-subj", "/CN=CA of the tests", "-addext",
                      "basicConstraints=critical,CA:TRUE")

    _KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _RSA_KEY = ("-newkey", "rsa:2048", "-nodes")

    def _openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], cwd=self.folder, check=True,
                       capture_output=True)

    def certificate(self, *names, file="server", rsa=False):
        """(certificate file, key file) for these DNS names and addresses."""
        alternatives = ",".join(f"{'IP' if re.fullmatch('[0-9.]+|.*:.*', name) else 'DNS'}:{name}"
                                for name in names)
        (self.folder / "ext").write_text(f"subjectAltName={alternatives}\n"
                                         "extendedKeyUsage=serverAuth\n")
        self._openssl("req", *(self._RSA_KEY if rsa else self._KEY), "-keyout", f"{file}.key",
                      "-out", "csr", "-subj", f"/CN={names[0]}")
        self._openssl("x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                      "-CAcreateserial", "-out", f"{file}.pem", "-days", "2", "-extfile", "ext")
        return self.folder / f"{file}.pem", self.folder / f"{file}.key"

    def context(self, alpn=("http/1.1",)):
        """For a visitor that trusts it."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.set_alpn_protocols(list(alpn))
        return context


def listener(address="127.0.0.1:0", **more):
    """TOML of one [[http.listener]]."""
    return toml({"http.listener": [{"listen": [address], **more}]})


def pool(name, servers, **more):
    return toml({"http.pool": [{"name": name, "servers": list(servers), **more}]})


def route(**more):
    """An open route unless told otherwise."""
    return toml({"http.route": [{"policy": "open", **more}]})


def simple(*servers, **more):
    """A plain listener, and a route for everybody to these servers; `more` is the pool's."""
    return listener() + pool("app", servers, **more) + route(pool="app")
