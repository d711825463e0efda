"""A vLLM that answers at an exact pace: `python paced_server.py [TOKENS [PACE_MS]]`, which prints its URL.

`max_tokens` says how many tokens come, `seed` how many milliseconds lie between them (and before the first): 0 for as fast as can be. Where
a request has neither, the arguments do.
"""

from __future__ import annotations

import asyncio
import json
import sys

MODEL = "paced"
USUAL = {"max_tokens": 100, "seed": 0}
"""What counts where a request says nothing; the arguments change it."""
GETS = {
    "/version": {"version": "0.32.0"},
    "/health": {},
    "/v1/models": {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "vllm", "root": MODEL}]},
}


def _chunk(content: str | None, finish: str | None = None, **more: object) -> bytes:
    choices = [] if content is None else [{"index": 0, "delta": {"content": content}, "logprobs": None, "finish_reason": finish}]
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": choices, **more}
    return _piece(b"data: " + json.dumps(body).encode() + b"\n\n")


def _piece(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def _chat(writer: asyncio.StreamWriter, body: dict) -> None:
    wanted = {**USUAL, **body}
    tokens, pause_s = wanted["max_tokens"], wanted["seed"] / 1000
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    due = asyncio.get_running_loop().time()
    for number in range(tokens):
        due += pause_s
        if pause_s:
            await asyncio.sleep(due - asyncio.get_running_loop().time())
        writer.write(_chunk(" word", "stop" if number == tokens - 1 else None))
        await writer.drain()
    usage = {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": tokens + 5}
    writer.write(_chunk(None, usage=usage) + _piece(b"data: [DONE]\n\n") + b"0\r\n\r\n")
    await writer.drain()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split(" ", 2)
            length = next((int(line.partition(":")[2]) for line in head.split("\r\n") if line.lower().startswith("content-length")), 0)
            body = await reader.readexactly(length)
            if method == "POST":
                await _chat(writer, json.loads(body))
                continue
            status = "200 OK" if path in GETS else "404 Not Found"
            data = json.dumps(GETS.get(path, {"detail": "Not Found"})).encode()
            writer.write(f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    USUAL.update(zip(USUAL, map(int, sys.argv[1:]), strict=False))
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
