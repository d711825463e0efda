"""Tasks of the real `venom-otel up`: over simulated servers and a real Ollama, cancelled, killed and started again."""

import contextlib
import signal
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from support.cockpit import Cockpit, wait_for
from support.patience import WAIT_S

from venom_otel.cli.client import server_sent
from venom_otel.testing import SimulatedModel, SimulatedOllama, SimulatedVllm

TOKEN = "q9-Zs_0123456789abcdef"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
OLLAMA, VLLM = "simulated-llama-3b", "simulated-qwen-7b"


class Up:
    """A cockpit's tasks."""

    def __init__(self, cockpit):
        self.cockpit = cockpit
        self.client = httpx.Client(base_url=f"{cockpit.page}/api/v1", timeout=WAIT_S, headers=AUTHORIZED)

    def begin(self, prompt="Why is the sky blue?", **wanted):
        answer = self.client.post("/tasks", json={"prompt": prompt, **wanted})
        assert answer.status_code == 202, answer.text
        return answer.json()["task_id"]

    def told(self, task_id):
        with self.client.stream("GET", f"/tasks/{task_id}/stream") as answer:
            events = []
            for event in server_sent(answer.iter_lines()):
                events.append(event)
                if event.name == "finished":
                    return events
        raise AssertionError(events)

    def task(self, task_id):
        return self.client.get(f"/tasks/{task_id}").raise_for_status().json()

    def requests(self, count, **query):
        """So many requests, once they are stored."""
        return wait_for(lambda: len(found := self.history(**query)) >= count and found, f"{count} requests")

    def history(self, **query):
        return self.client.get("/history/requests", params={"limit": 500, **query}).raise_for_status().json()["items"]


@contextlib.contextmanager
def up(folder, **settings):
    with Cockpit(folder, VENOM_OTEL_TOKEN=TOKEN, **settings) as cockpit:
        found = Up(cockpit)
        with contextlib.closing(found.client):
            yield found


@pytest.fixture
def servers():
    """Quick ones."""
    with (
        SimulatedOllama(SimulatedModel(OLLAMA), speed=100) as ollama,
        SimulatedVllm(SimulatedModel(VLLM), speed=100) as vllm,
    ):
        yield ollama, vllm


def named(ollama, vllm):
    return {"OLLAMA_ENDPOINT": ollama.url, "VLLM_ENDPOINT": f"{vllm.url}/v1"}


def test_the_history_has_exactly_one_request_for_each_that_a_server_was_asked(tmp_path, servers):
    ollama, vllm = servers
    with up(tmp_path, **named(ollama, vllm)) as found:
        tasks = [found.begin(f"question {number}", provider=("ollama", "vllm")[number % 2], max_tokens=5) for number in range(40)]
        ended = [found.told(task)[-1].data for task in tasks]
        assert {task["status"] for task in ended} == {"COMPLETED"}
        assert {(task["llm_provider"], task["llm_model"]) for task in ended} == {("ollama", OLLAMA), ("vllm", VLLM)}
        requests = found.requests(40)
        assert len(ollama.requests) == len(vllm.requests) == 20
        assert sorted(request["request_id"] for request in requests) == sorted(one for task in ended for one in task["request_ids"])
        assert {request["service"] for request in requests} == {"venom-otel"}
        of_one = found.history(attribute=f"llm.task.id={tasks[7]}")
        assert [request["request_id"] for request in of_one] == ended[7]["request_ids"]
        assert found.cockpit.stop()[::2] == (0, "")


def test_another_server_answers_once_the_first_is_gone_and_none_is_lost_or_doubled(tmp_path, servers):
    ollama, vllm = servers
    with up(tmp_path, **named(ollama, vllm), VENOM_OTEL_PROBE_INTERVAL_S="1") as found:
        before = [found.told(found.begin(max_tokens=3))[-1].data for _ in range(3)]
        ollama.__exit__(None, None, None)
        after = [found.told(found.begin(max_tokens=3))[-1].data for _ in range(5)]
        assert [task["llm_provider"] for task in before] == ["ollama"] * 3
        assert [(task["status"], task["llm_provider"]) for task in after] == [("COMPLETED", "vllm")] * 5
        for task in after:
            fallback = task["context"]["llm_runtime"]["fallback"]
            assert (fallback["from"]["llm_provider"], fallback["to"]["llm_provider"]) == ("ollama", "vllm")
            assert fallback["reason"] == "not_reached"
        ids = [one for task in before + after for one in task["request_ids"]]
        requests = found.requests(len(ids))
        assert sorted(request["request_id"] for request in requests) == sorted(ids)
        completed = [request for request in requests if request["status"] == "COMPLETED"]
        assert len(completed) == len(ollama.requests) + len(vllm.requests) == 8


def test_a_task_is_lost_where_its_program_is_killed(tmp_path):
    with SimulatedVllm(SimulatedModel(VLLM, tokens_per_s=20, answer_tokens=2000)) as vllm:
        with up(tmp_path, VLLM_ENDPOINT=f"{vllm.url}/v1", VENOM_OTEL_TASKS_RUNNING="1") as found:
            running, waiting = found.begin(), found.begin()
            wait_for(lambda: found.task(running)["answer"], "the first token")
            found.cockpit.process.send_signal(signal.SIGKILL)
            found.cockpit.process.communicate()
        wait_for(lambda: vllm.running == 0, "the end of the server's work")
        with up(tmp_path, VLLM_ENDPOINT=f"{vllm.url}/v1") as found:
            for each, started in ((running, True), (waiting, False)):
                task = found.task(each)
                assert (task["status"], task["finished_at"], task["answer"]) == ("LOST", None, None)
                assert task["error"]["words"].startswith("venom-otel ended while it ran")
                assert (task["started_at"] is not None) is started
                (event,) = found.told(each)
                assert event.data["status"] == "LOST"
            assert [task["task_id"] for task in found.client.get("/tasks").json()["items"]] == [waiting, running]


def test_the_end_of_up_ends_its_tasks_at_once_and_says_so(tmp_path):
    with SimulatedVllm(SimulatedModel(VLLM, tokens_per_s=20, answer_tokens=20 * 3600)) as vllm:
        with up(tmp_path, VLLM_ENDPOINT=f"{vllm.url}/v1") as found:
            task = found.begin()
            wait_for(lambda: found.task(task)["answer"], "the first token")
            status, _, words = found.cockpit.stop()  # within its deadline: the answer would take an hour
            assert (status, words) == (0, "")
        wait_for(lambda: vllm.running == 0, "the end of the server's work")
        with up(tmp_path, VLLM_ENDPOINT=f"{vllm.url}/v1") as found:
            lost = found.task(task)
            assert (lost["status"], lost["error"]["words"]) == ("LOST", "venom-otel was stopped while it ran.")
            (request,) = found.requests(1)
            assert (request["request_id"], request["status"]) == (lost["request_ids"][0], "CANCELLED")


def test_up_below_opentelemetry_s_own_command_records_its_tasks_all_the_same(tmp_path, servers):
    """It starts itself anew without an SDK then; what tasks say goes into its own store."""
    ollama, vllm = servers
    within = [Path(sys.executable).with_name("opentelemetry-instrument")]
    with Cockpit(tmp_path, within=within, VENOM_OTEL_TOKEN=TOKEN, OTEL_TRACES_EXPORTER="none", **named(ollama, vllm)) as cockpit:
        found = Up(cockpit)
        with contextlib.closing(found.client):
            end = found.told(found.begin(max_tokens=3))[-1].data
            assert (end["status"], end["llm_provider"]) == ("COMPLETED", "ollama")
            (request,) = found.requests(1)
            assert end["request_ids"] == [request["request_id"]]


def test_nothing_is_leaked_by_followers_that_leave_and_tasks_that_end(tmp_path, servers):
    ollama, vllm = servers
    with up(tmp_path, **named(ollama, vllm)) as found:
        for _ in range(5):
            found.told(found.begin(max_tokens=3))
        process = psutil.Process(found.cockpit.process.pid)
        before = process.num_fds()
        for _ in range(60):
            task = found.begin(max_tokens=200)
            with httpx.stream("GET", f"{found.client.base_url}tasks/{task}/stream", timeout=WAIT_S) as answer:
                next(answer.iter_lines())
        wait_for(lambda: {each["status"] for each in found.client.get("/tasks").json()["items"]} == {"COMPLETED"}, "all ends", WAIT_S)
        # Connections that are kept open for the next request are few, and are no leak.
        wait_for(lambda: process.num_fds() <= before + 16, f"the end of descriptors, {before} before and {process.num_fds()} now", WAIT_S)
        assert found.cockpit.stop()[::2] == (0, "")  # and nothing was printed of those who left


def cancelled(found):
    """Whether a long answer was ended by a word."""
    task = found.begin("Go on for as long as you can.", max_tokens=100_000)
    wait_for(lambda: found.task(task)["answer"], "the first token")
    return found.client.delete(f"/tasks/{task}").json()["status"] == "CANCELLED"


@pytest.mark.ollama
def test_with_a_real_ollama(tmp_path, ollama):
    with up(tmp_path, OLLAMA_ENDPOINT=ollama.url) as found:
        events = found.told(found.begin("Say something.", max_tokens=8))
        end = events[-1].data
        assert (end["status"], end["llm_provider"], end["llm_model"]) == ("COMPLETED", "ollama", ollama.model)
        assert end["llm_response_model"] == ollama.model
        assert end["usage"]["output_tokens"] == 8
        answer = "".join(event.data["text"] for event in events if event.name == "token")
        assert answer
        assert found.task(end["task_id"])["answer"] == answer
        (request,) = found.requests(1)
        assert end["request_ids"] == [request["request_id"]]
        assert any(cancelled(found) for _ in range(5))  # ten times its context is all that it says, which may be over just before
        # It works on nothing any more, so the next answer comes at once.
        assert found.told(found.begin(max_tokens=2))[-1].data["status"] == "COMPLETED"
