"""Forked processes send what is theirs, once, over connections of their own."""

import collections

import pytest
from support.otlp_sink import OtlpSink

WORK = """
from venom_otel.instrumentation.sdk import Telemetry
unhurried()
telemetry = Telemetry()

counter = None

def work(name, amount=1):
    global counter
    providers = telemetry.providers()
    providers.tracer_provider.get_tracer("t").start_span(name).end()
    counter = counter or providers.meter_provider.get_meter("m").create_counter("calls")
    counter.add(amount)

def child(act):
    pid = os.fork()
    if pid == 0:
        act()
        sys.exit(0)
    return pid

def wait(*pids):
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
"""


def counted(sink):
    """The last count that each process sent, by the set of span names it sent."""
    instance = "service.instance.id"
    names = collections.defaultdict(set)
    for span in sink.spans:
        names[span.resource[instance]].add(span.name)
    counts = {metric.resource[instance]: metric.sum.data_points[0].as_int for metric in sink.metrics}
    return {(frozenset(names[process]), counts.get(process)) for process in {*names, *counts}}


def test_parents_and_children_send_their_own(run, sink):
    ended = run(
        WORK
        + """
work("sent before the fork", 1)
assert telemetry.flush(60)
work("waits during the fork", 10)
children = [child(lambda: work("first child", 100)), child(lambda: work("second child", 1000))]
work("parent after", 10000)
wait(*children)
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_BSP_SCHEDULE_DELAY="60000",
        OTEL_METRIC_EXPORT_INTERVAL="60000",
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert collections.Counter(span.name for span in sink.spans) == dict.fromkeys(
        ["sent before the fork", "waits during the fork", "first child", "second child", "parent after"], 1
    )
    assert counted(sink) == {
        (frozenset({"sent before the fork", "waits during the fork", "parent after"}), 10011),
        (frozenset({"first child"}), 100),
        (frozenset({"second child"}), 1000),
    }


def test_a_child_that_leaves_without_farewell_has_sent_by_then(run, sink):
    """Its own thread sends; nothing is left to an exit that never comes."""
    ended = run(
        WORK
        + """
work("parent")
def act():
    work("child")
    assert telemetry.flush(60)
    os._exit(0)
wait(child(act))
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert sorted(span.name for span in sink.spans) == ["child", "parent"]


def test_prefork_where_the_first_call_is_made_in_the_children(run, sink):
    ended = run(
        WORK
        + """
children = [child(lambda: work("child")) for _ in range(3)]
wait(*children)
assert our_threads() == []
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert [span.name for span in sink.spans] == ["child"] * 3
    assert len({span.resource["service.instance.id"] for span in sink.spans}) == 3


def test_grandchildren(run, sink):
    ended = run(
        WORK
        + """
work("parent")
def in_child():
    work("child")
    wait(child(lambda: work("grandchild")))
wait(child(in_child))
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert sorted(span.name for span in sink.spans) == ["child", "grandchild", "parent"]


def test_a_fork_in_the_middle_of_everything(run, sink):
    """Threads record and export without pause while the process forks again and again."""
    ended = run(
        WORK
        + """
stop = threading.Event()
def busy():
    while not stop.wait(0.01):
        work("parent")
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads:
    thread.start()
for number in range(6):
    wait(child(lambda: (work(f"child {number}"), telemetry.flush(60) or sys.exit("not sent"))))
stop.set()
for thread in threads:
    thread.join()
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_BSP_SCHEDULE_DELAY="20",
        OTEL_METRIC_EXPORT_INTERVAL="20",
    )
    assert (ended.code, ended.stderr) == (0, "")
    children = [span.name for span in sink.spans if span.name.startswith("child")]
    assert children == [f"child {number}" for number in range(6)]


def test_a_fork_while_a_gauge_of_the_application_hangs(run, sink):
    ended = run(
        WORK
        + """
work("parent")
entered, leave = threading.Event(), threading.Event()
def hang(options):
    entered.set()
    leave.wait()
    return []
metrics.get_meter_provider().get_meter("application").create_observable_gauge("hangs", [hang])
asker = threading.Thread(target=lambda: telemetry.flush(60))
asker.start()
entered.wait()
wait(child(lambda: work("child")))
leave.set()
asker.join()
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert sorted(span.name for span in sink.spans) == ["child", "parent"]


def test_a_fork_while_an_export_hangs(run):
    """It hangs until after the test's own time is over."""
    with OtlpSink("hang") as sink:
        ended = run(
            WORK
            + """
work("parent")
assert not telemetry.flush(0.2)
unhurried(exit_s=1.0)
wait(child(lambda: work("child")))
""",
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
            OTEL_EXPORTER_OTLP_TIMEOUT="3600",
        )
        assert ended.code == 0
        assert 1 <= len(ended.stderr.splitlines()) <= 2, "one line for each process at most"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(run, sink, method):
    ended = run(
        WORK
        + f"""
import multiprocessing
def task(number):
    work(f"task {{number}}")
    return number
if __name__ == "__main__":
    work("parent")
    context = multiprocessing.get_context("{method}")
    processes = [context.Process(target=task, args=(number,)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print([process.exitcode for process in processes])
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_BSP_SCHEDULE_DELAY="60000",
    )
    assert (ended.code, ended.stderr, ended.lines) == (0, "", ["[0, 0]"])
    assert sorted(span.name for span in sink.spans) == ["parent", "task 0", "task 1"]


def test_a_child_after_close_sends_nothing(run, sink):
    ended = run(
        WORK
        + """
work("parent")
telemetry.close()
wait(child(lambda: (work("child"), our_threads() == [] or sys.exit(1))))
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert [span.name for span in sink.spans] == ["parent"]
