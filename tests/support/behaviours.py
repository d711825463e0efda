"""How a chat server behaves, for better or worse; each serves both dialects, calls and streams. For `ChatServer.play`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support import dialects
from support.dialects import Answer, Error

if TYPE_CHECKING:
    from support.chat_server import Behaviour, Exchange


def answers(answer: Answer = Answer(), *, model: str | None = None) -> Behaviour:  # noqa: B008 - frozen
    """Answer well. `model`: the one that says it answers, by default the one asked for."""

    async def behave(exchange: Exchange) -> None:
        dialect, body = dialects.of(exchange.request.path), exchange.request.body
        named = model or body["model"]
        if not body["stream"]:
            await exchange.reply(200, dialect.reply(named, answer))
            return
        await exchange.begin(200, dialect.stream_type)
        for piece in dialect.pieces(named, answer):
            await exchange.send(piece)
        await exchange.end()

    return behave


def echoes() -> Behaviour:
    """Answer with the last message's own words."""

    async def behave(exchange: Exchange) -> None:
        text = exchange.request.body["messages"][-1]["content"]
        await answers(Answer(words=tuple(f" {word}" for word in text.split())))(exchange)

    return behave


def refuses(error: Error, **headers: str) -> Behaviour:
    """Refuse by a status."""

    async def behave(exchange: Exchange) -> None:
        body = dialects.of(exchange.request.path).error(error)
        await exchange.reply(error.status, body, "text/plain" if isinstance(body, bytes) else "application/json", **headers)

    return behave


def hangs(after: int = 0) -> Behaviour:
    """Keep silent, in a stream after `after` pieces, until the client leaves."""

    async def behave(exchange: Exchange) -> None:
        await _begin(exchange, after)
        await exchange.until_closed()

    return behave


def breaks(after: int = 2) -> Behaviour:
    """Reset the connection: in a stream after `after` pieces, else in the middle of the reply."""

    async def behave(exchange: Exchange) -> None:
        dialect, body = dialects.of(exchange.request.path), exchange.request.body
        if not body["stream"]:
            await exchange.cut(200, "application/json", dialect.reply(body["model"], Answer()))
        await _begin(exchange, after)
        exchange.reset()

    return behave


def drops() -> Behaviour:
    """Reset the connection in place of an answer."""

    async def behave(exchange: Exchange) -> None:
        exchange.reset()

    return behave


def fails_midway(error: Error, after: int = 2) -> Behaviour:
    """Send an error in a stream that began well."""

    async def behave(exchange: Exchange) -> None:
        await _begin(exchange, after)
        await exchange.send(dialects.of(exchange.request.path).error_piece(error))
        await exchange.end()

    return behave


def says_nothing() -> Behaviour:
    """Begin a stream and end it at once."""

    async def behave(exchange: Exchange) -> None:
        await exchange.begin(200, dialects.of(exchange.request.path).stream_type)
        await exchange.end()

    return behave


async def _begin(exchange: Exchange, pieces: int) -> None:
    """The first pieces of a stream; nothing where none are wanted, and for a call."""
    body = exchange.request.body
    if pieces and body["stream"]:
        dialect = dialects.of(exchange.request.path)
        await exchange.begin(200, dialect.stream_type)
        for piece in dialect.pieces(body["model"], Answer())[:pieces]:
            await exchange.send(piece)
