"""What must hold for the files themselves: no machine's traces in them, names in one place, pages that say what the code does."""

import ast
import re

import pytest
from support.repository import ROOT, texts

from tools import docs
from venom_otel import semconv

# Written in two halves, so that this file may be checked too.
REGISTRY = re.compile(
    r"\b(?:" + "|".join(f"{name}\\.{domain}" for name, domain in (
        ("pypi", "org"), ("pythonhosted", "org"), ("proxy\\.golang", "org"), ("sum\\.golang", "org"), ("registry\\.npmjs", "org"),
        ("crates", "io"), ("maven", "org"), ("deb\\.debian", "org"),
    )) + r")\b"
)  # fmt: skip
MACHINE_PATH = re.compile(r"(?<![\w./$}~-])/(?:root|work|home/\w+|Users/\w+)/")
FROM_AN_INDEX = re.compile(r"https?://|^--(?:extra-)?index-url|^--find-links|^-[if] ", re.MULTILINE)

NAMES = {value for value in vars(semconv).values() if isinstance(value, str) and re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", value)}
NAMESPACE = re.compile(r"\b(?:gen_ai|llm)\.[a-z_]+")


def test_lock_files_name_no_registry():
    locks = texts("requirements")
    assert {path.name for path in locks} >= {"cockpit.lock", "dev.lock", "build.lock", "installer.lock"}
    assert [str(path) for path, text in locks.items() if FROM_AN_INDEX.search(text)] == []


def test_every_locked_package_has_its_hashes():
    for path, text in texts("requirements").items():
        if path.suffix == ".lock":
            entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
            assert entries
            assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == [], path


def test_no_file_names_a_registry_or_a_machine():
    found = {
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if REGISTRY.search(line) or MACHINE_PATH.search(line)
    }
    assert found == set()


def test_telemetry_names_are_spelled_in_one_file():
    found = {
        f"{path}:{line}: {text}"
        for path, source in texts("venom_otel").items()
        if path.name != "semconv.py"
        for line, text in _strings(path, source)
        if text in NAMES or NAMESPACE.search(text)
    }
    assert found == set()


def _strings(path, source):
    """The string constants of a Python module, docstrings left out; of another file its lines."""
    if path.suffix != ".py":
        yield from enumerate(source.splitlines(), 1)
        return
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


@pytest.mark.parametrize("page", docs.PAGES)
def test_the_generated_pages_say_what_the_code_does(page):
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == docs.PAGES[page]()


def test_every_setting_the_code_names_is_documented():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    named = {name for text in texts("venom_otel").values() for name in re.findall(r"\bVENOM_OTEL(?:_[A-Z]+)+\b", text)}
    assert named
    assert {name for name in named if f"`{name}" not in page} == set()


def test_documents_name_tests_that_there_are():
    named = 0
    for page in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "ARCHITECTURE.md"]:
        for path, name in re.findall(r"`(tests/[\w/.-]+)(?:::(\w+))?[\w\[\]:]*`", page.read_text(encoding="utf-8")):
            place = ROOT / path
            assert place.exists(), f"{page.name}: {path}"
            assert not name or re.search(rf"(def|class) {name}\b", place.read_text(encoding="utf-8")), f"{page.name}: {path}::{name}"
            named += 1
    assert named > 20
