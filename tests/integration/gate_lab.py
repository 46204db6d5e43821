"""What the tests of the gate are made of: a daemon with a gate in front of one page, whose messages
go to a file, and a visitor who keeps cookies and fills in forms."""

import html
import json
import pathlib
import re
import socket
import sys
import urllib.parse

from harness.net import free_port, loopback_address, wait_until
from harness.sallyport import toml
from http_lab import CurlFailed, HttpDoor, curl, listener, route

HERE = pathlib.Path(__file__).resolve().parent
GATE = "/.sallyport"
CURL_CUT_OFF = (52, 55, 56)  # no answer, cut while sending, while receiving
ALICE = {"id": "alice", "name": "Alice Example", "mail": "alice@example.net",
         "mobile": "+4915112345678"}


class GateDoor(HttpDoor):
    """`sallyport run` with a gate at http://ADDRESS:PORT in front of a page that says "welcome".
    `gate`: more of [gate]; `limits`: [gate.limits]; `more`: TOML to be added; a `store` or
    `channel` takes the place of ours. `any_host`: the page's route names no host."""

    def __init__(self, folder, gate=None, limits=None, users=(ALICE,), store=None, channel=None,
                 more="", http=None, page=None, any_host=False, **options):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.host = loopback_address()
        self.port = free_port(self.host, socket.SOCK_STREAM)
        self.authority = f"{self.host}:{self.port}"
        self.origin = f"http://{self.authority}"
        self.message_file = folder / "messages.jsonl"
        channel = channel or {
            "name": "file", "type": "command",
            "command": [sys.executable, str(HERE / "append_message.py"), str(self.message_file),
                        "{user}"]}
        self.parts = {
            "http": {"control_socket": str(folder / "control.sock"), **(http or {})},
            "admin": {"listen": f"{self.host}:{free_port(self.host, socket.SOCK_STREAM)}"},
            "gate": {"url": self.origin, "insecure_cookie": True, "issuer": "Example",
                     **(gate or {})},
            "gate.limits": limits or {},
            "store": store or {"type": "sqlite", "path": str(folder / "gate.db")},
        }
        page = page or {"respond": 200, "respond_body": "welcome"}
        self.text = (toml(self.parts) + listener(self.authority)
                     + route(**({} if any_host else {"hosts": [self.host]}),
                             policy="second_factor", **page)
                     + (toml({"gate.directory": [{"name": "users", "type": "list"}]}) if users
                        else "")
                     + toml({"gate.directory.user": list(users)})
                     + toml({"gate.channel": [channel]}) + more)
        super().__init__(folder, self.text, **options)

    def messages(self):
        """All that were sent: {"to", "text"}."""
        if not self.message_file.exists():
            return []
        lines = self.message_file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line]

    def wait_message(self, count=1):
        """The text of message number `count`."""
        wait_until(lambda: len(self.messages()) >= count, lambda: f"{self.messages()}")
        return self.messages()[count - 1]["text"]

    def texts_to(self, user):
        return [message["text"] for message in self.messages() if message["to"] == [user]]

    def text_to(self, user, count=1):
        """The text of the message number `count` to this user."""
        wait_until(lambda: len(self.texts_to(user)) >= count, lambda: f"{self.messages()}")
        return self.texts_to(user)[count - 1]

    def codes_to(self, user):
        return self._in_texts_to(user, r"\b\d{6}\b")

    def links_to(self, user):
        return self._in_texts_to(user, re.escape(self.origin) + r"\S*")

    def _in_texts_to(self, user, pattern):
        found = [re.search(pattern, text) for text in self.texts_to(user)]
        return [one.group(0) for one in found if one]

    def code_to(self, user, count=1):
        """The code number `count` that was sent to this user."""
        wait_until(lambda: len(self.codes_to(user)) >= count, lambda: f"{self.messages()}")
        return self.codes_to(user)[count - 1]

    def link_to(self, user, count=1):
        wait_until(lambda: len(self.links_to(user)) >= count, lambda: f"{self.messages()}")
        return self.links_to(user)[count - 1]

    def metric(self, name):
        """The value of a sample of /metrics, labels included in the name."""
        text = curl(f"http://{self.admin[0]}:{self.admin[1]}/metrics").text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else None


class Visitor:
    """A browser without a script: cookies, redirects one at a time, forms by their fields."""

    def __init__(self, door, source=None, language="en"):
        self.door = door
        self.options = ["--interface", source] if source else []
        self.language = language
        self.cookies = {}
        self.page = None

    def _ask(self, path, *options, data=None, **more):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        url = path if path.startswith("http") else self.door.origin + path
        answer = curl(url, *self.options, "--header", f"Accept-Language: {self.language}",
                      *(["--header", f"Cookie: {cookies}"] if cookies else []), *options,
                      data=data, **more)
        for line in answer.all("set-cookie"):
            name, _, value = line.split(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        self.page = answer
        return answer

    def get(self, path, *options, accept="text/html", **more):
        return self._ask(path, "--header", f"Accept: {accept}", *options, **more)

    def json(self, path, *options, **more):
        """As the gate's own script asks."""
        return self.get(path, *options, accept="application/json", **more)

    def post(self, path, form, *options, origin=None, **more):
        """As a page of the gate's would, unless `origin` is another's."""
        data = form if isinstance(form, bytes) else urllib.parse.urlencode(form).encode()
        return self._ask(path, "--header", f"Origin: {origin or self.door.origin}", "--header",
                         "Accept: text/html", *options, data=data, **more)

    def follow(self):
        """Where the last answer leads."""
        assert self.page.status in (302, 303), self.page
        return self.get(self.page.get("location"))

    def field(self, name):
        """The value of a hidden field of the last page."""
        tag = re.search(rf'<input[^>]*\bname="{name}"[^>]*>', self.page.text)
        assert tag, self.page
        return html.unescape(re.search(r'\bvalue="([^"]*)"', tag.group(0)).group(1))

    def submit(self, path, **form):
        """A form of the last page, with its token; follows the redirect that answers it."""
        answer = self.post(path, {"form_token": self.field("form_token"), **form})
        return self.follow() if answer.status == 303 else answer

    def start(self, user="alice", back=""):
        """From the first page to the visit's."""
        self.get(f"{GATE}/?rd={urllib.parse.quote(back, safe='')}")
        answer = self.post(f"{GATE}/start", {"user": user, "rd": back})
        return self.follow() if answer.status == 303 else answer

    def enter(self, user="alice", back=""):
        """All the way with a code by message."""
        before = len(self.door.codes_to(user))
        self.start(user, back)
        return self.submit(f"{GATE}/code", code=self.door.code_to(user, before + 1))

    def is_in(self, path="/"):
        return self.get(path).status == 200

    def is_out(self, path="/"):
        """For waiting: a request that the end of the grant meets on its way is cut off with all
        else that the grant had opened, and asked again."""
        try:
            return not self.is_in(path)
        except CurlFailed as failed:
            if failed.code not in CURL_CUT_OFF:
                raise
            return False
