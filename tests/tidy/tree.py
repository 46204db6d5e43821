"""The files of the repository, as the tidy tests see them."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("protocol", "verify", "engine", "bench", "tests")
NOT_OURS = {"node_modules", "build", ".git", "__pycache__", "corpus", "generated"}
TEXT = {".cc", ".h", ".py", ".md", ".cmake", ".txt", ".toml", ".json", ".mjs", ".js", ".css",
        ".html", ".svg", ".service", ".yml", ".sh", ""}


def files(*suffixes, folders=CODE_FOLDERS):
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file() and not NOT_OURS & set(path.parts):
                found.append(path)
    return found


def cpp():
    return files(".cc", ".h")


def name(path):
    return str(path.relative_to(ROOT))
