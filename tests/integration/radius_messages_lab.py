"""A RADIUS door that sends its users codes and links, and what a user does with them."""

import json
import re
import socket
import sys

from gate_lab import ALICE, GATE, HERE, Visitor
from harness import Sallyport
from harness.net import free_port, loopback_address, wait_until

BOB = {"id": "bob", "name": "Bob", "mail": "bob@example.net"}
CAROL = {"id": "carol", "name": "Carol"}  # no address at all
CLASS = {"accept_attributes": ["Class = mfa={factor}"]}


def policy(action, **more):
    return [{"name": "messages", "users": ["alice", "bob", "carol", "dave"], "action": action,
             **CLASS, **more}]


def file_channel(path):
    """Needs a mail address, which it does not use."""
    return {"name": "file", "type": "command",
            "command": [sys.executable, str(HERE / "append_message.py"), str(path), "{to_mail}"]}


class Door(Sallyport):
    """The daemon with a store, users and a file of messages; with `web`, a gate that is reached."""

    def __init__(self, folder, downstream, notakey, web=False, users=(ALICE, BOB, CAROL),
                 channel=None, gate=None, **sections):
        self.message_file = folder / "messages.jsonl"
        address = loopback_address()
        where = f"{address}:{free_port(address, socket.SOCK_STREAM)}"
        self.origin = f"http://{where}"
        pages = {
            "http.listener": [{"listen": [where]}],
            "http.route": [{"hosts": [address], "policy": "second_factor", "respond": 200}],
        }
        super().__init__(folder, downstream, notakey, **{
            "store": {"type": "sqlite", "path": str(folder / "messages.db")},
            "http": {"control_socket": str(folder / "control.sock")},
            **(pages if web else {}),
            "gate": {"token_duration": "60s", **({"url": self.origin, "insecure_cookie": True}
                                                 if web else {}), **(gate or {})},
            "gate.directory": [{"name": "users", "type": "list"}],
            "gate.directory.user": list(users),
            "gate.channel": [channel or file_channel(self.message_file)],
            **sections})
        self.control = folder / "control.sock"

    def messages(self):
        if not self.message_file.exists():
            return []
        lines = self.message_file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["text"] for line in lines if line]

    def wait_message(self, count=1):
        wait_until(lambda: len(self.messages()) >= count, lambda: f"{self.messages()}")
        return self.messages()[count - 1]

    def code(self, count=1):
        return re.search(r"\b\d{6}\b", self.wait_message(count)).group(0)

    def link(self, count=1):
        return re.search(r"http\S*/approve\S*", self.wait_message(count)).group(0)

    def events(self, name):
        return [line for line in self.log_lines() if line.get("event") == name]


def decide(door, link, answer_, source=None):
    """What the user does on the page of his link."""
    visitor = Visitor(door, source or loopback_address())
    page = visitor.get(link)
    assert page.status == 200, page
    visitor.submit(f"{GATE}/approve", k=visitor.field("k"), answer=answer_)
    return page.text
