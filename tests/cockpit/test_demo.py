"""The page while the demo runs: what a newcomer sees."""

import httpx
import pytest
from playwright.sync_api import expect
from support.cockpit import wait_for
from support.demo import Demo


@pytest.mark.slow
def test_everything_moves(cockpit, open_tab):
    page = open_tab("/history")
    with Demo(cockpit.folder, VENOM_OTEL_DATA_DIR=str(cockpit.folder / "data")) as demo:
        assert demo.page() == cockpit.page
        rows = page.locator(".request")
        for words in ("simulated-qwen-7b", "simulated-llama-3b", "simulated-missing-8b", "simulated-crashing-7b"):
            expect(rows.filter(has_text=words).first).to_be_visible()
        expect(rows.filter(has_text="model_not_found: model 'simulated-missing-8b' not found").first).to_be_visible()
        page.goto(f"/trace/{wait_for(lambda: with_two_servers(cockpit), 'a second server')}")
        steps = page.get_by_role("treeitem")
        for words in ("route simulated-crashing-7b", "chat simulated-crashing-7b", "chat simulated-llama-3b"):
            expect(steps.filter(has_text=words)).to_be_visible()
        assert demo.stop()[::2] == (0, "")


def with_two_servers(cockpit):
    """A trace in which both servers were asked, once all of it is there."""
    requests = httpx.get(f"{cockpit.page}/api/v1/history/requests", params={"limit": 500}).json()["items"]
    asked = [one["request_id"].partition("-")[0] for one in requests]
    for trace in {one for one in asked if asked.count(one) > 1}:
        steps = httpx.get(f"{cockpit.page}/api/v1/history/traces/{trace}").json()["steps"]
        if [step["name"] for step in steps] == ["execute_tool support-answer"]:
            return trace
    return None
