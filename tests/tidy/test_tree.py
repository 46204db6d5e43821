"""The rules of the house, read from the sources. Each test lists every place that breaks it."""

import ast
import re
import subprocess

import tree

MAX_LINES = 500
MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 70

# Arrows point down only: what each layer may include of ours.
LAYERS = {
    "protocol": {"protocol"},
    "verify": {"verify", "protocol"},
    "engine": {"engine", "verify", "protocol"},
    "bench": {"bench", "engine", "verify", "protocol"},
}


def complaints(lines):
    assert not lines, "\n" + "\n".join(lines)


def lines_of(path):
    return path.read_text().splitlines()


def test_includes_point_down():
    wrong = []
    for layer, allowed in LAYERS.items():
        for path in tree.files(".cc", ".h", folders=[layer]):
            for number, line in enumerate(lines_of(path), 1):
                match = re.match(r'#include "([^/"]+)/', line)
                if match and match.group(1) not in allowed:
                    wrong.append(f"{tree.name(path)}:{number}: {layer} must not: {line}")
    complaints(wrong)


def test_own_headers_are_named_from_the_root():
    """An include without a folder hides its layer from the test above."""
    own = {path.name for path in tree.files(".h", folders=LAYERS)}
    complaints([
        f"{tree.name(path)}:{number}: {line}"
        for path in tree.files(".cc", ".h", folders=LAYERS)
        for number, line in enumerate(lines_of(path), 1)
        if (match := re.match(r'#include "([^/"]+)"', line)) and match.group(1) in own
    ])


def test_the_daemon_does_not_know_the_lab():
    complaints([
        f"{tree.name(path)}:{number}: {line.strip()}"
        for path in tree.files(".cc", ".h", folders=["protocol", "verify", "engine"])
        for number, line in enumerate(lines_of(path), 1)
        if re.search(r"\blab::|sallyport-lab|\bbench/", line)
    ])


def test_protocol_is_pure():
    """No I/O, no clock, no threads, no libraries that have them."""
    banned = re.compile(
        r"#include <(sys/epoll|fcntl|netdb|poll|thread|mutex|chrono|fstream|iostream|ctime|curl/"
        r"|liburing)")
    complaints([
        f"{tree.name(path)}:{number}: {line}"
        for path in tree.files(".cc", ".h", folders=["protocol"])
        for number, line in enumerate(lines_of(path), 1)
        if banned.match(line)
    ])


def test_files_are_short():
    complaints([
        f"{tree.name(path)}: {len(lines_of(path))} lines, at most {MAX_LINES}"
        for path in [*tree.cpp(), *tree.files(".py")]
        if len(lines_of(path)) > MAX_LINES
    ])


def outside_raw_strings(lines):
    """Numbered lines, without those of text that is quoted as it is printed."""
    inside = False
    for number, line in enumerate(lines, 1):
        if not inside:
            yield number, line
            opening = re.search(r'R"(\w*)\(', line)
            inside = opening and f'){opening.group(1)}"' not in line[opening.end() :]
        elif f'){opening.group(1)}"' in line:
            inside = False


def test_lines_are_short():
    complaints([
        f"{tree.name(path)}:{number}: {len(line)} columns"
        for path in [*tree.cpp(), *tree.files(".py")]
        for number, line in outside_raw_strings(lines_of(path))
        if len(line) > MAX_COLUMNS
    ])


def test_headers_begin_with_pragma_once_and_a_comment():
    wrong = []
    for path in tree.files(".h"):
        lines = lines_of(path)
        if lines[0] != "#pragma once":
            wrong.append(f"{tree.name(path)}:1: begins with {lines[0]!r}")
        elif not lines[1].startswith("// "):
            wrong.append(f"{tree.name(path)}:2: does not say what the reader must know")
    complaints(wrong)


NOT_A_FUNCTION = re.compile(
    r"(namespace|class|struct|enum|union|extern|template|typedef|using|#|//|})"
)


def functions(lines):
    """(line, length) of each function whose head begins in the first column: clang-format puts its
    closing brace there too."""
    head = None
    for number, line in enumerate(lines, 1):
        if head is None:
            if line and not line[0].isspace() and not NOT_A_FUNCTION.match(line) and "(" in line:
                head = number
        elif line == "}":
            yield head, number - head + 1
            head = None
        elif line and not line[0].isspace() and line != "}":
            head = number if "(" in line and not NOT_A_FUNCTION.match(line) else None


def test_functions_are_short():
    wrong = [
        f"{tree.name(path)}:{number}: {length} lines, at most {MAX_FUNCTION_LINES}"
        for path in tree.cpp()
        for number, length in functions(lines_of(path))
        if length > MAX_FUNCTION_LINES
    ]
    for path in tree.files(".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    wrong.append(f"{tree.name(path)}:{node.lineno}: {length} lines")
    complaints(wrong)


def test_nothing_is_put_off():
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    complaints([
        f"{tree.name(path)}:{number}: {line.strip()}"
        for path in tree.files(*tree.TEXT, folders=[*tree.CODE_FOLDERS, "scripts", "docs", "cmake"])
        for number, line in enumerate(lines_of(path), 1)
        if words.search(line)
    ])


def test_switches_over_enums_are_exhaustive():
    """`default:` would silence the compiler when an enum grows. A number that is no enum (errno, an
    HTTP status) may have one; where it is not an error number, a comment says so."""
    wrong = []
    for path in tree.files(".cc", ".h", folders=["protocol", "verify", "engine"]):
        subject = ""
        for number, line in enumerate(lines_of(path), 1):
            if match := re.search(r"\bswitch \((.*)\) {", line):
                subject = match.group(1)
            excused = re.search(r"err(no|or)", subject) or "//" in line
            if re.match(r"\s*default:", line) and not excused:
                wrong.append(f"{tree.name(path)}:{number}: switch ({subject})")
    complaints(wrong)


def test_no_using_namespace():
    complaints([
        f"{tree.name(path)}:{number}: {line.strip()}"
        for path in tree.cpp()
        for number, line in enumerate(lines_of(path), 1)
        if re.match(r"\s*using namespace (?!std::(string_view_|chrono_)?literals)", line)
    ])


def test_secrets_are_not_formatted():
    """Secret::reveal() is for keying digests: never in one line with something that writes text."""
    writes = re.compile(r"fmt::|spdlog::|std::cout|std::cerr|printf|format_to|append_")
    complaints([
        f"{tree.name(path)}:{number}: {line.strip()}"
        for path in tree.files(".cc", ".h", folders=["protocol", "verify", "engine"])
        for number, line in enumerate(lines_of(path), 1)
        if "reveal()" in line and writes.search(line)
    ])


def test_comparisons_of_digests_take_constant_time():
    complaints([
        f"{tree.name(path)}:{number}: {line.strip()}"
        for path in tree.files(".cc", ".h", folders=["protocol", "verify", "engine"])
        for number, line in enumerate(lines_of(path), 1)
        if "memcmp(" in line and "CRYPTO_memcmp" not in line
    ])


def test_clang_format_has_nothing_to_say():
    result = subprocess.run(
        ["clang-format-19", "--dry-run", "-Werror", "--ferror-limit=3", *map(str, tree.cpp())],
        capture_output=True, text=True, check=False, cwd=tree.ROOT)
    assert result.returncode == 0, "\n" + "\n".join(
        line for line in result.stderr.splitlines() if "error:" in line)
