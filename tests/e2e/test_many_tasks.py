"""Five hundred tasks at once, each followed: in bounded memory, none lost or doubled, and nothing left behind."""

import asyncio
import contextlib

import httpx
import psutil
import pytest
from support.cockpit import Cockpit, wait_for
from support.patience import WAIT_S

from venom_otel.testing import SimulatedModel, SimulatedVllm

TOKEN = "q9-Zs_0123456789abcdef"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
STREAMS = 500
TOKENS = 12
MEGABYTE = 1024 * 1024


async def ask_all(page, streams):
    """Ask at once, follow each to its end; the ids of their requests, and how many were worked on at a time."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # one that rests is closed, maybe just as it is used
    async with httpx.AsyncClient(base_url=f"{page}/api/v1", headers=AUTHORIZED, timeout=WAIT_S, limits=limits) as client:

        async def one(number):
            begun = await client.post("/tasks", json={"prompt": f"question {number}", "max_tokens": TOKENS})
            assert begun.status_code == 202, begun.text
            task_id = begun.json()["task_id"]
            tokens = 0
            async with client.stream("GET", f"/tasks/{task_id}/stream") as answer:
                async for line in answer.aiter_lines():
                    tokens += line == "event: token"
                    if line == "event: finished":
                        break
            end = (await client.get(f"/tasks/{task_id}")).json()
            assert (end["status"], end["error"]) == ("COMPLETED", None)
            assert tokens
            return end["request_ids"]

        async with asyncio.TaskGroup() as group:
            found = [group.create_task(one(number)) for number in range(streams)]
        return [request for each in found for request in each.result()]


def stored(client, count):
    """The ids of the newest requests, once there are so many."""

    def look():
        found, before = [], None
        while True:
            query = {"limit": 500} | ({} if before is None else {"before": before})
            page = client.get("/history/requests", params=query).raise_for_status().json()
            found += [request["request_id"] for request in page["items"]]
            before = page["older"]
            if before is None:
                return found if len(found) >= count else None

    return wait_for(look, f"{count} requests")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_five_hundred_streams(tmp_path):
    # Every answer takes so long that all are under way at once.
    model = SimulatedModel("simulated-qwen-7b", first_token_s=3.0, tokens_per_s=4.0, answer_tokens=10 * TOKENS)
    with (
        SimulatedVllm(model) as vllm,
        Cockpit(tmp_path, VENOM_OTEL_TOKEN=TOKEN, VLLM_ENDPOINT=f"{vllm.url}/v1") as cockpit,
        contextlib.closing(httpx.Client(base_url=f"{cockpit.page}/api/v1", timeout=WAIT_S)) as client,
    ):
        up = psutil.Process(cockpit.process.pid)
        asked = len(asyncio.run(ask_all(cockpit.page, 20)))  # all that is loaded once, is
        rss = [up.memory_info().rss]
        descriptors = up.num_fds()
        most = 0
        for _ in range(2):
            vllm.requests.clear()
            ids = asyncio.run(ask_all(cockpit.page, STREAMS))
            asked += len(ids)
            assert len(vllm.requests) == len(ids) == len(set(ids)) == STREAMS
            assert set(ids) <= set(stored(client, asked))
            rss.append(up.memory_info().rss)
            most = max(most, vllm.running)
        assert len(stored(client, asked)) == asked
        wait_for(lambda: vllm.running == 0, "the end of the server's work")
        # What the first round took is for what is kept of so many tasks and for pools; the second takes little more.
        first, last = (round((now - rss[0]) / MEGABYTE, 1) for now in rss[1:])
        assert last <= 1.5 * max(first, 20), f"megabytes above the start: {first} after one round, {last} after two"
        assert last < STREAMS * 0.2, f"{last} megabytes for {STREAMS} streams"
        # 100 connections to the server are kept for the next request for a few seconds.
        wait_for(lambda: up.num_fds() <= descriptors + 120, f"the end of descriptors: {descriptors} before, {up.num_fds()} now", WAIT_S)
        assert cockpit.stop()[::2] == (0, "")
