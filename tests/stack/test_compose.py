"""docker-compose.yml and the Dockerfile: what the specification and the linters say, and what holds for each service.

No Docker is needed, and none was there: docs/stack.md says what that leaves open.
"""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import compose_spec
import pytest
import yaml
from support.prometheus_server import COMPOSE
from support.repository import ROOT, tracked

from venom_otel import __version__
from venom_otel.settings import CockpitSettings, InstrumentationSettings, RuntimeSettings

HADOLINT = Path(sys.executable).with_name("hadolint")
FILE = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
SERVICES = FILE["services"]
PROFILES = {name: [name] for name in ("ollama", "vllm", "loki", "monitor")}
OWN_VARIABLES = {
    f"{prefix}{name}".upper()
    for model, prefix in ((CockpitSettings, "VENOM_OTEL_"), (InstrumentationSettings, "VENOM_OTEL_"), (RuntimeSettings, ""))
    for name in model.model_fields
}


def filled(text):
    """With the defaults of its variables."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def mounted(service):
    """What it mounts, and whether it may only read it."""
    for volume in service.get("volumes", []):
        if isinstance(volume, str):
            yield volume.split(":")[0], volume.endswith(":ro")
        else:
            yield filled(volume["source"]), volume["read_only"]


def check(file):
    """Raise ValueError where the specification does not allow it; `host-gateway` is Docker's, which this reader does not know."""
    compose_spec.PyCompose.from_json(filled(json.dumps(file)).replace("host-gateway", "192.0.2.1")).to_spec()


def test_it_is_what_the_compose_specification_allows():
    check(FILE)


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (("tempo", "healthchek"), {}),
        (("tempo", "healthcheck", "interval"), "10 bananas"),
        (("tempo", "depends_on"), {"volume-owners": {"condition": "service_fine"}}),
        (("tempo", "ports"), ["127.0.0.1:x:1"]),
    ],
)
def test_the_check_finds_mistakes(where, what):
    wrong = copy.deepcopy(FILE)
    *to, last = where
    place = wrong["services"]
    for name in to:
        place = place[name]
    place[last] = what
    with pytest.raises(ValueError, match=r"\w"):
        check(wrong)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_refers_to_what_is_there(name):
    service = SERVICES[name]
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
    for source, only_read in mounted(service):
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert only_read, "what is in the checkout is only read"
        else:
            assert source in FILE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_reached_from_this_machine_alone(name):
    service = SERVICES[name]
    assert [port for port in service.get("ports", []) if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []
    assert service.get("network_mode") in (None, "none")
    assert not service.get("privileged")


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned(name):
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"ollama", "vllm"}))
def test_a_service_may_do_no_more_than_it_must(name):
    """The model servers' images run as root."""
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["CHOWN"] if name == "volume-owners" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_whoever_writes_to_a_volume_owns_it():
    """By its image, whose directory gives a new volume its owner, or by the service `volume-owners`."""
    by_image = {"prometheus": "65534:65534", "grafana": "472:0"}
    assert {name: SERVICES[name]["user"] for name in by_image} == by_image
    owner, *folders = SERVICES["volume-owners"]["entrypoint"][1:]
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["volume-owners"]["volumes"])
    assert sorted(mounted.values()) == sorted(folders)
    for volume in mounted:
        using = {name: service for name, service in SERVICES.items() if f"{volume}:" in str(service.get("volumes"))}
        assert {service["user"] for name, service in using.items() if name != "volume-owners"} == {owner}, volume


def test_profiles():
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == PROFILES


def test_every_service_says_whether_it_works_where_its_image_can():
    """The Collector's has no shell, and `volume-owners` ends at once."""
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"collector", "volume-owners", "venom-otel"}
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_grafana_has_no_account_and_no_password():
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert [name for name in environment if "PASSWORD" in name] == []


def test_our_variables_are_settings():
    services = ("venom-otel", "monitor")
    named = {name for service in services for name in SERVICES[service]["environment"] if not name.startswith("OTEL_")}
    lines = (ROOT / "deploy" / "servers.env").read_text(encoding="utf-8").splitlines()
    named |= {line.partition("=")[0] for line in lines if not line.startswith("#")}
    assert named <= OWN_VARIABLES
    assert re.findall(r"VENOM_OTEL_\w+", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert set(re.findall(r"VENOM_OTEL_\w+", (ROOT / "Dockerfile").read_text(encoding="utf-8"))) <= OWN_VARIABLES


def test_the_image_is_of_this_version():
    assert SERVICES["venom-otel"]["image"] == SERVICES["monitor"]["image"] == f"venom-otel:{__version__}"


def test_one_program_watches_the_model_servers_and_sends_what_it_sees():
    """The cockpit, or without it the monitor: both would ask them twice, and all that they see would be there twice."""
    ours = {name: service for name, service in SERVICES.items() if service["image"].startswith("venom-otel:")}
    assert {name: (service["command"], service.get("profiles")) for name, service in ours.items()} == {
        "venom-otel": (["up"], None),
        "monitor": (["monitor"], ["monitor"]),
    }
    for service in ours.values():
        assert service["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
        assert service["env_file"] == SERVICES["venom-otel"]["env_file"]


def test_the_collector_is_told_the_profiles_that_compose_takes_from_the_same_variable():
    assert SERVICES["collector"]["environment"]["COLLECTOR_PROFILES"] == "${COMPOSE_PROFILES:-}"


def test_what_is_secret_is_read_from_files_that_git_ignores():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    optional = {file["path"] for service in SERVICES.values() for file in service.get("env_file", []) if not file["required"]}
    assert optional == {"deploy/my-grafana.env", "deploy/my-servers.env"}
    assert {f"/{path}" for path in optional} <= set(ignored)


def test_the_dockerfile_is_clean():
    done = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_dockerfile_copies_what_is_there_and_what_is_let_in():
    """`.dockerignore` leaves everything out but what it names."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {source for line in lines if line.startswith("COPY ") and "--from" not in line for source in line.split()[1:-1]}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    assert copied == let_in
    assert all(tracked(name) for name in copied)


def test_the_image_runs_as_nobody_special():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert text.index("USER 10001:10001") < text.index("ENTRYPOINT")
    assert len(re.findall(r"^FROM ", text, re.MULTILINE)) == 2
    assert text.count("--require-hashes") == 2


def test_what_the_package_links_to_is_let_into_the_image():
    let_in = tuple(line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!"))
    links = [ROOT / path for path in tracked("venom_otel") if (ROOT / path).is_symlink()]
    assert links
    assert [str(link) for link in links if not str(link.resolve().relative_to(ROOT)).startswith(let_in)] == []
