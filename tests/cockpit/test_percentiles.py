"""The table of percentiles, without a browser: answers that overtake one another come as a test lets them."""

import asyncio

from nicegui import ui
from nicegui.testing import user_simulation

from venom_otel.cockpit.history.percentiles import Percentiles
from venom_otel.services.figures import MINUTE, Figures, Group, Overview, Window
from venom_otel.store.distribution import Distribution
from venom_otel.store.generation import UNKNOWN
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus

WINDOW = Window(0, MINUTE)


def answer(model):
    counts = dict.fromkeys(RequestStatus, 0) | {RequestStatus.COMPLETED: 1}
    figures = Figures(counts, 0, 0, Distribution(), Distribution(), UNKNOWN)
    return Overview(WINDOW, [Group({Dimension.PROVIDER: "vllm", Dimension.MODEL: model, Dimension.ENDPOINT: ""}, 0, figures)])


class Slow:
    """Answers for each model when it is let."""

    def __init__(self):
        self.let = {model: asyncio.Event() for model in ("earlier", "later")}

    async def overview(self, window, which, by):
        await self.let[which.model].wait()
        return answer(which.model)


async def test_an_answer_that_comes_after_a_later_one_is_not_shown():
    history, built = Slow(), []

    def page() -> None:
        table = Percentiles(history, lambda: None)
        table.build().value = True
        built.append(table)
        ui.label("built")

    async with user_simulation(page) as user:
        await user.open("/")
        await user.should_see("built")
        (table,) = built
        earlier = asyncio.create_task(table.refresh(WINDOW, RequestFilter(model="earlier")))
        await asyncio.sleep(0)
        later = asyncio.create_task(table.refresh(WINDOW, RequestFilter(model="later")))
        await asyncio.sleep(0)
        history.let["later"].set()
        await later
        history.let["earlier"].set()
        await earlier
        assert [row["model"] for row in table._table.rows] == ["later"]
