"""`talktime serve` brings a worker along, in a process of its own."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from tests.engines import on_sqlite
from tests.interfaces.charging.asgi import until
from tests.interfaces.charging.servers import free_port
from tests.interfaces.worker.shop import Shop

STOP_SECONDS_MAX = 60


def serve(shop: Shop, log: Path) -> "subprocess.Popen[bytes]":
    environment = {"TALKTIME_DATABASE": shop.url, "TALKTIME_DATA_FOLDER": str(shop.data_folder)}
    with log.open("ab") as written:
        return subprocess.Popen(
            [sys.executable, "-m", "talktime", "serve", "--port", str(free_port())],
            stdout=written,
            stderr=written,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )


@on_sqlite
def test_one_command_serves_and_works_and_stops_both(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    shop.open()
    shop.order()

    server = serve(shop, log)
    try:
        asyncio.run(until(lambda: shop.books()[3] == 1))
    finally:
        server.terminate()
        server.wait(STOP_SECONDS_MAX)

    assert server.returncode == 0
    assert shop.books() == (1, 1, 1, 1)
    assert "worker_stopped" in log.read_text("utf-8")
    assert "Traceback" not in log.read_text("utf-8")


@on_sqlite
def test_a_worker_does_not_outlive_a_server_that_is_killed(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    server = serve(shop, log)
    try:
        asyncio.run(until(lambda: "worker_started" in log.read_text("utf-8")))
    finally:
        server.kill()
        server.wait(STOP_SECONDS_MAX)

    asyncio.run(until(lambda: "worker_stopped" in log.read_text("utf-8")))
