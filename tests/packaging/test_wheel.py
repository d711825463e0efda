"""The wheel in a clean environment."""

import json
import os
import re
import subprocess
import zipfile

import httpx
from support.cockpit import Cockpit
from support.patience import WAIT_S
from support.repository import ROOT, tracked

HEAVY = {
    "fastapi", "starlette", "uvicorn", "nicegui", "typer", "rich", "platformdirs", "zstandard", "dotenv",
    "semantic_kernel", "openai", "ollama",
    "opentelemetry", "pydantic", "pydantic_settings", "httpx", "httpx2", "wrapt", "sqlite3", "asyncio",
}  # fmt: skip


def loaded_by(environment, statement):
    """The modules a statement brings into a fresh interpreter."""
    code = f"import sys; before = set(sys.modules)\n{statement}\nimport json; print(json.dumps(sorted(set(sys.modules) - before)))"
    return json.loads(environment.answer(code))


def test_the_wheel_carries_the_package_and_its_licence_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"venom_otel", f"venom_otel-{wheel.name.split('-')[1]}.dist-info"}
    assert "venom_otel/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.endswith((".pyc", ".db", ".log"))]


def test_the_wheel_carries_every_file_of_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        assert {str(path) for path in tracked("venom_otel")} <= set(archive.namelist())


def test_importing_loads_nothing_heavy(whole):
    """In an environment that has all of it."""
    brought = loaded_by(whole, "import venom_otel")
    assert {name.partition(".")[0] for name in brought} & HEAVY == set()
    assert [name for name in brought if name.startswith("venom_otel")] == ["venom_otel"]


def test_importing_costs_one_module_and_typing(bare):
    """Counted in modules, which is the same on every machine: `typing` and itself."""
    assert set(loaded_by(bare, "import venom_otel")) - set(loaded_by(bare, "import typing")) == {"venom_otel", "__future__"}


def test_the_base_package_stands_without_extras(bare):
    absent = "import importlib.util as u; print([n for n in ('semantic_kernel', 'fastapi', 'nicegui', 'typer') if u.find_spec(n)])"
    assert bare.answer(absent) == "[]"
    assert bare.answer("import venom_otel; print(venom_otel.__version__, callable(venom_otel.instrument))").endswith(" True")


def test_opentelemetry_finds_the_instrumentor(bare):
    code = """
from importlib.metadata import entry_points
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
(found,) = entry_points(group="opentelemetry_instrumentor", name="venom_otel")
print(issubclass(found.load(), BaseInstrumentor), found.load()().instrumentation_dependencies())
"""
    known, dependencies = bare.answer(code).split(" ", 1)
    assert known == "True"
    assert "semantic-kernel" in dependencies


def test_the_command_says_which_extra_it_needs(bare):
    done = subprocess.run([bare.python.with_name("venom-otel"), "up"], capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode != 0
    assert "venom-otel[cockpit]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_cockpit_runs_from_the_wheel(whole, tmp_path, monkeypatch):
    """With the assets of its page, away from the checkout."""
    monkeypatch.setattr("support.cockpit.PROGRAM", whole.python.with_name("venom-otel"))
    with Cockpit(tmp_path) as cockpit:
        assert httpx.get(f"{cockpit.page}/api/v1/history/requests").json()["items"] == []
        page = httpx.get(cockpit.page)
        assert page.status_code == 200
        own = set(re.findall(r"""["'(]((?:/[\w.-]+)+\.(?:css|js|svg|woff2))\b""", page.text))
        assert own
        assert {path: httpx.get(cockpit.page + path).status_code for path in own} == dict.fromkeys(own, 200)


def test_init_writes_the_checkouts_own_files(whole, tmp_path):
    """Which the wheel carries in place of the links to them."""
    program = whole.python.with_name("venom-otel")
    subprocess.run([program, "init"], cwd=tmp_path, check=True, capture_output=True, timeout=WAIT_S)
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {tmp_path / ".env": (ROOT / ".env.example").read_bytes()} | {
        tmp_path / path: (ROOT / path).read_bytes() for path in tracked("scripts/llm")
    }
    assert {path.name for path in written if os.access(path, os.X_OK)} == {"ollama_service.sh", "vllm_service.sh"}


def test_the_source_archive_makes_such_a_wheel_too(uv, wheel, tmp_path):
    build = [uv, "build", "--quiet", "--build-constraints", "requirements/build.lock", "--require-hashes", "--out-dir", str(tmp_path)]
    subprocess.run([*build, "--sdist"], cwd=ROOT, check=True, capture_output=True, timeout=100)
    (archive,) = tmp_path.glob("*.tar.gz")
    subprocess.run([*build, "--wheel", archive], cwd=ROOT, check=True, capture_output=True, timeout=100)
    (again,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert other.namelist() == one.namelist()
        linked = [name for name in one.namelist() if "/init_files/" in name]
        assert linked
        assert [name for name in linked if other.read(name) != one.read(name)] == []
