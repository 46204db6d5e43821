"""A command channel of the tests: appends what it is given as one line of JSON to a file."""

import json
import sys

with open(sys.argv[1], "a", encoding="utf-8") as file:
    file.write(json.dumps({"to": sys.argv[2:], "text": sys.stdin.read()}) + "\n")
