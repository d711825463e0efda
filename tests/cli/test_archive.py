"""`venom-otel export`, `import` and `purge`, while the cockpit runs and while it does not."""

import csv
import gzip
import io
import json
import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, Gauge, Metric, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from support.cockpit import PROGRAM, Application, Cockpit, command, environment, wait_for
from support.otlp import SECOND, attributes, chat, log_record, log_records, metric_points, span, traces
from support.patience import WAIT_S

from venom_otel.receiver.encoding import from_json
from venom_otel.receiver.otlp_json import to_json
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.embedded.archive import Archive
from venom_otel.store.protocol import Signal

STORE = "telemetry.sqlite3"
FULL = Path("/dev/full")
BEGAN = 1_700_000_000 * SECOND
EVERYTHING = {
    "text": "häß\n\"\u2028", "yes": True, "int": -(2**63), "float": 0.1, "nan": float("inf"), "bytes": b"\x00\xff", "none": None,
    "list": ["a", 1, [True]], "map": {"traceId": {"b": [None, 2.5]}},
}  # fmt: skip


def some_telemetry():
    """Requests of every signal with everything that JSON has a form of its own for."""
    parent = chat(provider="vllm", model="m", start_ns=BEGAN, more=EVERYTHING, events={"e": EVERYTHING})
    child = span(parent=parent, name="step", kind=1, status=2, message="broken", start_ns=BEGAN)
    child.links.append(Span.Link(trace_id=parent.trace_id, span_id=parent.span_id, attributes=attributes(EVERYTHING)))
    failed = chat(
        provider="ollama",
        start_ns=BEGAN + 60 * SECOND,
        more={"llm.outcome": "error", "llm.error.kind": "model_not_found", "error.type": "404"},
        message="model 'x', not found",
    )
    exemplar = Exemplar(as_int=1, trace_id=parent.trace_id, span_id=parent.span_id, time_unix_nano=BEGAN)
    points = [
        NumberDataPoint(time_unix_nano=BEGAN, as_int=2**62, attributes=attributes(EVERYTHING), exemplars=[exemplar]),
        NumberDataPoint(time_unix_nano=BEGAN, as_double=float("nan"), flags=1),
    ]
    return [
        (Signal.TRACES, traces(parent, child)),
        (Signal.TRACES, traces(failed, service="another")),
        (Signal.METRICS, metric_points(Metric(name="up", gauge=Gauge(data_points=points)))),
        (Signal.LOGS, log_records(log_record(EVERYTHING, of=parent, said=EVERYTHING, time_ns=BEGAN), log_record("x", time_ns=BEGAN))),
    ]


def fill(path, requests):
    with EmbeddedStore(path, min_free_bytes=0) as store:
        for signal, raw in requests:
            store.write(signal, raw).result(WAIT_S)


def stored(path):
    with Archive(path) as archive:
        return sorted(archive.requests())


def run(tmp_path, *arguments, status=0, **more):
    ended = command(*arguments, home=tmp_path, VENOM_OTEL_DATA_DIR=str(tmp_path / "data"), **more)
    assert ended.returncode == status, ended.stderr
    return ended


@pytest.fixture
def filled(tmp_path):
    """The requests that the store in `data` holds."""
    sent = some_telemetry()
    fill(tmp_path / "data" / STORE, sent)
    return sent


@pytest.mark.parametrize("signal_and_raw", some_telemetry(), ids=lambda pair: str(pair[0]))
def test_json_says_all_that_protobuf_does(signal_and_raw):
    signal, raw = signal_and_raw
    line = to_json(signal, raw)
    assert "\n" not in line
    assert from_json(signal, line.encode()) == raw


def test_what_is_exported_is_otlp_json(tmp_path, filled):
    lines = [json.loads(line) for line in run(tmp_path, "export").stdout.split("\n")[:-1]]
    assert len(lines) == 4
    (of_traces, of_logs) = (next(line for line in lines if name in line) for name in ("resourceSpans", "resourceLogs"))
    first = of_traces["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert re.fullmatch("[0-9a-f]{32}", first["traceId"])
    assert re.fullmatch("[0-9a-f]{16}", first["spanId"])
    assert (first["kind"], first["startTimeUnixNano"]) == (3, str(BEGAN))
    assert of_logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["traceId"] == first["traceId"]


@pytest.mark.parametrize("name", ["telemetry.jsonl", "telemetry.jsonl.gz"])
def test_an_export_is_imported_exactly_and_once(tmp_path, filled, name):
    file = tmp_path / name
    said = run(tmp_path, "export", "-o", str(file)).stderr
    assert said == f"2 requests of traces, 1 requests of metrics, 1 requests of logs written to {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")
    copy = tmp_path / "copy"
    words = f"{file}: 3 spans, 2 points, 2 log records stored\n"
    assert run(tmp_path, "import", str(file), "--data-dir", str(copy)).stdout == words
    assert stored(copy / STORE) == sorted(filled)
    again = run(tmp_path, "import", str(file), str(file), "--data-dir", str(copy)).stdout
    assert again == f"{file}: nothing stored; 4 of 4 requests were here already\n" * 2
    assert stored(copy / STORE) == sorted(filled)
    assert run(tmp_path, "import", str(file)).stdout == f"{file}: nothing stored; 4 of 4 requests were here already\n"


def test_a_part_of_it(tmp_path, filled):
    def lines(*arguments):
        return run(tmp_path, "export", *arguments).stdout.split("\n")[:-1]

    assert [list(json.loads(line)) for line in lines("--signal", "metrics", "--signal", "logs")] == [["resourceMetrics"], ["resourceLogs"]]
    assert len(lines("--since", "2023-11-14T22:14:00Z")) == 1
    assert len(lines("--until", "2023-11-14T22:13:30Z")) == 3
    assert lines("--last", "24h") == []


def test_the_list_of_requests_has_the_api_s_fields(tmp_path, filled):
    first, second = [json.loads(line) for line in run(tmp_path, "export", "--format", "jsonl").stdout.splitlines()]
    assert (first["status"], first["llm_provider"], first["llm_model"], first["error"]) == ("COMPLETED", "vllm", "m", None)
    assert second["error"] == {"kind": "model_not_found", "code": "404", "words": "model 'x', not found"}
    failed = ("--status", "failed", "--provider", "ollama", "--service", "another")
    assert [json.loads(line) for line in run(tmp_path, "export", "--format", "jsonl", *failed).stdout.splitlines()] == [second]
    table = list(csv.DictReader(io.StringIO(run(tmp_path, "export", "--format", "csv", *failed).stdout)))
    assert len(table) == 1
    assert table[0]["request_id"] == second["request_id"]
    assert (table[0]["error.words"], table[0]["usage.input_tokens"]) == ("model 'x', not found", "")


def test_while_the_cockpit_runs(tmp_path):
    """Reading goes beside it, what is imported is sent to it, and it deletes itself."""
    sent = some_telemetry()
    fill(tmp_path / "other" / STORE, sent)
    file = tmp_path / "telemetry.jsonl"
    run(tmp_path, "export", "--data-dir", str(tmp_path / "other"), "-o", str(file))
    with Cockpit(tmp_path) as cockpit:
        said = run(tmp_path, "import", str(file)).stdout
        assert said == f"{file}: 3 spans, 2 points, 2 log records stored\n"
        assert stored(tmp_path / "data" / STORE) == sorted(sent)
        with Application(cockpit.otlp) as application:
            application.request("llama3.2:1b")
        assert len(run(tmp_path, "export", "--format", "csv").stdout.splitlines()) == 4
        assert run(tmp_path, "import", str(file)).stdout == f"{file}: nothing stored; 4 of 4 requests were here already\n"
        refused = run(tmp_path, "purge", "--all", status=2)
        assert "add it if all of that is to be deleted" in refused.stderr
        deleted = run(tmp_path, "purge", "--all", "--yes").stdout
        assert deleted.startswith("Deleted 6 spans (3 requests to models), 2 points and 2 log records; ")
        assert run(tmp_path, "export").stdout == ""
        assert run(tmp_path, "import", str(file)).stdout == f"{file}: 3 spans, 2 points, 2 log records stored\n"


def test_lines_that_cannot_be_stored_are_named_and_the_others_stored(tmp_path):
    good = [to_json(signal, raw) for signal, raw in some_telemetry()]
    no_trace = to_json(Signal.TRACES, traces(chat(trace_id=bytes(16))))
    lines = [good[0], "", "{}", "not JSON", '{"resourceProfiles":[]}', good[3][:-3], good[3], '{"resourceLogs":7}', no_trace]
    file = tmp_path / "mixed.jsonl"
    file.write_text("\n".join(lines))
    ended = run(tmp_path, "import", str(file), status=1)
    assert ended.stdout == f"{file}: 2 spans, 2 log records stored; 5 lines could not be stored\n"
    named = [re.match(r"venom-otel: .*mixed\.jsonl line (\d+): (.*)", line).groups() for line in ended.stderr.splitlines()]
    assert [int(number) for number, _ in named] == [4, 5, 6, 8, 9]
    assert "is no JSON object" in named[0][1]
    assert "begins with 'resourceProfiles'" in named[1][1]
    assert "1 of 1 spans were not stored: spans without a trace id" in named[4][1]


def test_what_the_collector_writes_is_imported(tmp_path):
    """Its file exporter mixes signals in one file; ids and times are as its marshaller has them, and fields may be unknown here."""
    lines = [
        {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}, "scopeSpans": [
            {"scope": {}, "spans": [{
                "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "parentSpanId": "", "name": "a", "kind": 2,
                "flags": 256, "startTimeUnixNano": str(BEGAN), "endTimeUnixNano": str(BEGAN + 1), "status": {}, "brandNew": True,
            }]},
        ]}]},
        {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"scope": {}, "metrics": [{"name": "m", "sum": {
            "aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [{"asInt": "5", "timeUnixNano": str(BEGAN)}],
        }}]}]}]},
        {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": [
            {"timeUnixNano": str(BEGAN), "severityNumber": 9, "body": {"stringValue": "hello"}, "traceId": "", "spanId": ""},
        ]}]}]},
    ]  # fmt: skip
    ended = command("import", "-", "--data-dir", str(tmp_path / "data"), home=tmp_path)
    assert ended.stdout == "-: nothing stored\n"
    piped = subprocess.run(
        [PROGRAM, "import", "-", "--data-dir", str(tmp_path / "data")],
        env=environment(tmp_path),
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
    )
    assert piped.stdout == "-: 1 spans, 1 points, 1 log records stored\n"
    (log,) = [raw for signal, raw in stored(tmp_path / "data" / STORE) if signal is Signal.LOGS]
    assert ExportLogsServiceRequest.FromString(log).resource_logs[0].scope_logs[0].log_records[0].body.string_value == "hello"


def test_a_file_that_breaks_off(tmp_path):
    good = [to_json(signal, raw) for signal, raw in some_telemetry()]
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(good * 50).encode())[:-20])
    ended = run(tmp_path, "import", str(file), status=2)
    assert ended.stderr.startswith(f"venom-otel: {file} cannot be read to its end: ")
    missing = run(tmp_path, "import", str(tmp_path / "nothing"), status=2)
    assert (
        missing.stderr
        == f"venom-otel: {tmp_path}/nothing cannot be read to its end: No such file or directory. What was read before is stored.\n"
    )


def test_purge_without_a_cockpit(tmp_path, filled):
    assert run(tmp_path, "purge", "--before", "1h", "-y").stdout.startswith("Deleted 0 spans (0 requests to models), 0 points and 0 log")
    assert len(stored(tmp_path / "data" / STORE)) == 4
    done = run(tmp_path, "purge", "--before", "0s", "-y").stdout
    assert re.fullmatch(
        r"Deleted 3 spans \(2 requests to models\), 2 points and 2 log records; \d+\.\d MiB went back to the disk\.\n", done
    )
    assert stored(tmp_path / "data" / STORE) == []


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", 4), (b"y\n", 0)])
def test_purge_asks(tmp_path, filled, answer, left):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "purge", "--all", "--data-dir", str(tmp_path / "data")],
        env=environment(tmp_path),
        stdin=terminal,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(terminal)
    os.write(controller, answer)
    said, _ = process.communicate(timeout=WAIT_S)
    os.close(controller)
    assert "Delete everything: 3 spans (2 requests to models), 2 points and 2 log records?" in said
    assert process.returncode == (1 if left else 0)
    assert len(stored(tmp_path / "data" / STORE)) == left


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "--provider", "ollama"], "--provider: filters of requests are for --format jsonl and csv; "),
        (["export", "--format", "csv", "--signal", "logs"], "--signal: the list of requests is made of traces alone; "),
        (["export", "--last", "1h", "--since", "2h"], "--last: give either --last or --since."),
        (["export", "--since", "lately"], "--since: 'lately' is no time: give one like 2026-11-22T21:04:05Z, "),
        (["purge"], "say what to delete: either --before 7d (or a date), or --all."),
        (["purge", "--all", "--before", "7d"], "say what to delete: either --before 7d (or a date), or --all."),
    ],
)  # fmt: skip
def test_what_cannot_be(tmp_path, arguments, words):
    assert run(tmp_path, *arguments, status=2).stderr.startswith(f"venom-otel: {words}")


@pytest.mark.parametrize("arguments", [["export"], ["purge", "--all", "-y"]])
def test_no_store_yet(tmp_path, arguments):
    ended = run(tmp_path, *arguments, status=2)
    assert ended.stderr.startswith(f"venom-otel: there is no store at {tmp_path}/data/{STORE} yet")
    assert not (tmp_path / "data" / STORE).exists()


@pytest.mark.parametrize("arguments", [["export"], ["purge", "--all", "-y"], ["import", "-"]])
def test_a_foreign_file(tmp_path, arguments):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / STORE).write_text("my diary")
    ended = run(tmp_path, *arguments, status=2)
    assert "is not a store of venom-otel and is left untouched" in ended.stderr
    assert (tmp_path / "data" / STORE).read_text() == "my diary"


@pytest.mark.skipif(not FULL.exists(), reason="needs the device that is always full")
def test_a_full_disk(tmp_path, filled):
    for out in (["-o", str(FULL)], []):
        with FULL.open("w") as full:
            ended = subprocess.run(
                [PROGRAM, "export", *out, "--data-dir", str(tmp_path / "data")],
                env=environment(tmp_path),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=WAIT_S,
                check=False,
            )
        assert ended.returncode == 2
        assert re.fullmatch(r"venom-otel: .* cannot be written: the disk is full.*\n", ended.stderr), ended.stderr
    assert FULL.is_char_device()


def test_nothing_is_left_of_what_could_not_be_written(tmp_path, filled):
    (tmp_path / "closed").mkdir()
    target = tmp_path / "closed" / "x" / "telemetry.jsonl"
    ended = run(tmp_path, "export", "-o", str(target), status=2)
    assert ended.stderr == f"venom-otel: {target} cannot be written: No such file or directory. Give another place with -o.\n"
    assert list((tmp_path / "closed").iterdir()) == []


def test_into_a_pipe_that_closes(tmp_path):
    fill(tmp_path / "data" / STORE, [(Signal.TRACES, traces(*(chat(more={"x": "y" * 500}) for _ in range(100)))) for _ in range(10)])
    process = subprocess.Popen(
        [PROGRAM, "export", "--data-dir", str(tmp_path / "data")],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.read(10) == '{"resource'
    process.stdout.close()
    wait_for(lambda: process.poll() is not None, "the end")
    assert process.stderr.read() == ""
    process.stderr.close()


def test_help_needs_no_heavy_import(tmp_path):
    code = "import sys; import venom_otel.cli.app; print(sorted({'fastapi', 'nicegui', 'uvicorn'} & set(sys.modules)))"
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True, timeout=WAIT_S, check=True
    )
    assert said.stdout == "[]\n"
