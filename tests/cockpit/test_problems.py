"""A store that cannot be read is said in words, and forgotten once it can be read again; without a browser, for no file fails on demand."""

import pytest
from nicegui import ui
from nicegui.testing import user_simulation

from venom_otel.cockpit import texts
from venom_otel.cockpit.history.address import ListAddress
from venom_otel.cockpit.history.history_page import HistoryPage
from venom_otel.cockpit.home.home_page import HomePage
from venom_otel.cockpit.trace.trace_view import TraceView
from venom_otel.errors import StoreError
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.store.embedded import EmbeddedStore

WORDS = "the store cannot be read: the disk is gone"
RETRIES = 1000
"""Looks, 0.1 s apart and less, until it is seen."""

OTLP = "http://127.0.0.1:4318"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class FailingStore(EmbeddedStore):
    """A real store, until its disk is gone."""

    broken = True

    async def requests(self, which, limit):
        self._check()
        return await super().requests(which, limit)

    async def trace(self, trace_id):
        self._check()
        return await super().trace(trace_id)

    def _check(self):
        if self.broken:
            raise StoreError(WORDS)


@pytest.fixture
def store(tmp_path):
    with FailingStore(tmp_path / "telemetry.sqlite3") as failing:
        yield failing


def made(kind, history, address):
    """A page over a history."""
    if kind is HomePage:
        return HomePage(Services(history=history), OTLP, address)
    return HistoryPage(history, OTLP, address) if kind is HistoryPage else TraceView(history, TRACE, "", address)


@pytest.mark.parametrize("kind", [HomePage, HistoryPage, TraceView])
async def test_a_store_that_cannot_be_read(store, kind):
    history = History(store)

    def page() -> None:
        address = ListAddress(ui.context.client.sub_pages_router)

        async def show() -> None:
            await made(kind, history, address).show()

        ui.sub_pages({"/": show})

    async with user_simulation(page) as user:
        await user.open("/")
        await user.should_see(WORDS, retries=RETRIES)
        store.broken = False  # and nothing arrives that would tell the page
        await user.should_not_see(WORDS, retries=RETRIES)
        await user.should_see(texts.NO_TRACE_TITLE if kind is TraceView else texts.EMPTY_TITLE, retries=RETRIES)
