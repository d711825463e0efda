"""A receiver for each line of standard input, until it is killed: `python -m support.killable STORE`.

Each is a fork of this process, which has imported everything, so that fifty of them start in the time of two. It prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

import uvicorn
from support.patience import WAIT_S

from venom_otel.receiver import AllowedHosts, IngestService, create_receiver, start_grpc
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore

SETTINGS = CockpitSettings(min_free_bytes=0, max_series=1_000_000)


async def serve(store: EmbeddedStore) -> None:
    service = IngestService.from_settings(store, SETTINGS)
    reserved = socket.socket()
    reserved.bind(("127.0.0.1", 0))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ports = {"http": listening.getsockname()[1], "grpc": reserved.getsockname()[1]}
        server = await start_grpc(service, reserved)
        sys.stdout.write(json.dumps({"pid": os.getpid(), **ports}) + "\n")
        sys.stdout.flush()
        application = create_receiver(service, AllowedHosts.from_settings(SETTINGS))
        config = uvicorn.Config(application, log_config=None, access_log=False, timeout_keep_alive=round(WAIT_S))
        await uvicorn.Server(config).serve(sockets=[listening])
        await server.stop(0)


def main() -> None:
    for _ in sys.stdin:
        if (child := os.fork()) == 0:
            with EmbeddedStore.from_settings(Path(sys.argv[1]), SETTINGS) as store:
                asyncio.run(serve(store))
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
