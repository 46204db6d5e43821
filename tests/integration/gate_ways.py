"""Ways through the gate that several of its tests take."""

import json
import re
import subprocess
import urllib.parse

from gate_lab import ALICE, GATE, Visitor
from gate_peers import app_code
from harness.net import loopback_address
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT

ODD = {"id": 'o<b>&"\'x', "mail": "odd@example.net"}
USERS = (ALICE, ODD, *({"id": uid, "mail": f"{uid}@example.net"} for uid in (
    "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan")))

HAS_QR = "otpauth://"
ASKS_YES = 'name="answer"'


def someone(door):
    """A visitor from an address that nobody else has."""
    return Visitor(door, loopback_address())


def begin(visitor, user, factor):
    visitor.start(user)
    return visitor.submit(f"{GATE}/factor", factor=factor)


def enter(visitor, user):
    before = len(visitor.door.codes_to(user))
    begin(visitor, user, "token")
    return visitor.submit(f"{GATE}/code", code=visitor.door.code_to(user, before + 1))


def key_of(link):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["k"][0]


def another(code):
    """A code of the same form that is not this one."""
    return code[:-1] + str((int(code[-1]) + 1) % 10)


def register_link(visitor, user):
    """Asks for a registration message, from the page that asks for the app's code."""
    before = len(visitor.door.links_to(user))
    begin(visitor, user, "otp")
    visitor.submit(f"{GATE}/register", factor="otp")
    return visitor.door.link_to(user, before + 1)


def app_secret(page):
    return re.search(r'class="secret"><code>([A-Z2-7 ]+)<', page.text).group(1)


def register(visitor, user):
    """The secret of an authenticator app that is good from now on, and the code that is used up
    by that: its last step's."""
    page = visitor.get(register_link(visitor, user))
    secret = app_secret(page)
    code = app_code(secret, -30)
    answer = visitor.submit(f"{GATE}/register", k=visitor.field("k"), code=code)
    assert "recovery" in answer.text.lower(), answer
    return secret, code


def sallyport(door, *words):
    done = subprocess.run([BINARY, *words, "--config", door.config], check=False,
                          capture_output=True, text=True, timeout=20, env=CLEAN_ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def grants(door):
    return json.loads(sallyport(door, "grants", "list", "--json"))
