"""Resolvers that are closed again, and ways to wait for what they find."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.patience import WAIT_S
from support.replay import Page
from support.unhurried import unhurried  # noqa: F401 - a fixture

from venom_otel.identity.resolver import HttpResolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.replay import Behaviour, Exchange, Pages

    from venom_otel.identity.model import Endpoint, Identity


class Watched(HttpResolver):
    """A resolver with what tests need to wait."""

    def ask(self, endpoint: Endpoint, headers: Callable[[], dict[str, str]] | None = None) -> Identity:
        """Who is there, as a span would learn it."""
        self.start(endpoint, headers)
        return self.wait(endpoint)

    def wait(self, endpoint: Endpoint) -> Identity:
        """The answer to a question under way."""
        answers: queue.Queue[tuple[Identity, int]] = queue.Queue()
        self.when_known(endpoint, None, lambda identity: answers.put((identity, threading.get_ident())))
        identity, thread = answers.get(timeout=WAIT_S)
        assert thread != threading.get_ident()
        assert answers.empty()
        return identity


@pytest.fixture
def make_resolver() -> Iterator[Callable[..., Watched]]:
    """Makes resolvers with the given arguments."""
    made: list[Watched] = []

    def make(*args, **kwargs) -> Watched:
        made.append(Watched(*args, **kwargs))
        return made[-1]

    yield make
    for resolver in made:
        resolver.close()


@pytest.fixture
def resolver(make_resolver) -> Watched:
    return make_resolver()


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        threading.Event().wait(0.01)


def held(pages: Pages, go: threading.Event) -> dict[str, Behaviour]:
    """The same pages, none of which is given before `go`."""

    def behaviour(page: Page | Behaviour) -> Behaviour:
        def give(exchange: Exchange) -> None:
            go.wait(WAIT_S)
            assert isinstance(page, Page)
            exchange.send(page.adding(("Connection", "close")).encode())

        return give

    return {path: behaviour(page) for path, page in pages.items()}
