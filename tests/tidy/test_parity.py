"""Each test that docs/doorman-parity.md names is there."""

import re

import tree

INTEGRATION = tree.ROOT / "tests" / "integration"


def googletests():
    found = set()
    for path in tree.files(".cc", folders=["tests"]):
        found |= {f"{suite}.{test}" for suite, test in
                  re.findall(r"\bTEST(?:_[FP])?\(\s*(\w+),\s*(\w+)", path.read_text())}
    return found


def integration_tests():
    return {f"{path.name}::{test}" for path in INTEGRATION.glob("test_*.py")
            for test in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}


def test_each_test_that_shows_parity_exists():
    text = (tree.ROOT / "docs" / "doorman-parity.md").read_text()
    there = googletests() | integration_tests()
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    missing = []
    for row in rows:
        named = re.findall(r"`(\w+\.\w+(?:::\w+)?)`", row.split("|")[2])
        missing += [name for name in named if name not in there] or ([] if named else [row])
    assert not missing, "\n".join(missing)
    assert len(rows) > 30
