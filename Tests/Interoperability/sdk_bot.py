#!/usr/bin/env python3
"""A bot on the official Python SDK (`wecom-aibot-python-sdk`), to show that a gateway is one the field's client can use.

Environment as for `echo-bot`: WECOM_BOT_ID, WECOM_BOT_SECRET, WECOM_WS_URL (wss only: the SDK insists on TLS),
WECOM_CA_FILE (PEM; empty = the SDK's own trust), WECOM_HEARTBEAT_SECONDS. Answers every text X with a stream of three
intermediate frames and a final one, `sdk: X`. Writes one JSON object per event on standard output; ends with status 0 on
SIGTERM, and with 78 if its configuration is wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import certifi

CONFIGURATION_ERROR = 78


def trust(ca_file: str) -> None:
    """Makes the SDK trust a private authority. It reads `certifi.where()` once, while it is being imported."""
    if ca_file:
        certifi.where = lambda: ca_file


trust(os.environ.get("WECOM_CA_FILE", ""))

from aibot import DefaultLogger, WSClient, WSClientOptions, generate_req_id  # after the trust is set


def report(event: str, **facts: object) -> None:
    """Writes one event as a line of JSON on standard output."""
    print(json.dumps({"event": event} | facts, ensure_ascii=False), flush=True)


def options() -> WSClientOptions:
    """The SDK's options from the environment; ends the program if a variable is missing or wrong."""
    values = {key: os.environ.get(key, "") for key in ("WECOM_BOT_ID", "WECOM_BOT_SECRET", "WECOM_WS_URL")}
    problems = [f"{key} is empty" for key, value in values.items() if not value]
    try:
        heartbeat = float(os.environ.get("WECOM_HEARTBEAT_SECONDS") or "30")
    except ValueError:
        heartbeat = 0
    if heartbeat <= 0:
        problems.append("WECOM_HEARTBEAT_SECONDS is not a positive number")
    if problems:
        print("\n".join(problems), file=sys.stderr)
        sys.exit(CONFIGURATION_ERROR)
    return WSClientOptions(
        bot_id=values["WECOM_BOT_ID"],
        secret=values["WECOM_BOT_SECRET"],
        ws_url=values["WECOM_WS_URL"],
        heartbeat_interval=int(heartbeat * 1000),
        max_reconnect_attempts=-1,
        logger=DefaultLogger("sdk-bot"),
    )


class SDKBot:
    """Answers text messages through the SDK until it is told to stop."""

    def __init__(self, client: WSClient) -> None:
        self._client = client
        self._turns: set[asyncio.Task[None]] = set()
        client.on("connected", lambda: report("connected"))
        client.on("authenticated", lambda: report("authenticated"))
        client.on("disconnected", lambda reason: report("disconnected", reason=str(reason)))
        client.on("error", lambda error: report("error", message=str(error)))
        client.on("message.text", lambda frame: self._start(self._answer(frame)))

    async def run(self) -> None:
        """Connects and serves until SIGTERM or SIGINT, then lets open answers end and closes the connection."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        connecting = asyncio.create_task(self._client.connect())  # does not return while the SDK is retrying
        await stop.wait()
        connecting.cancel()
        if self._turns:
            await asyncio.wait(self._turns, timeout=5)
        self._client.disconnect()
        await asyncio.sleep(0.3)  # the SDK closes in a task it does not hand out
        report("stopped")

    def _start(self, turn: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(turn)
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)

    async def _answer(self, frame: dict[str, Any]) -> None:
        body = frame["body"]
        text = body["text"]["content"]
        report("message", msgid=body["msgid"], text=text)
        stream_id = generate_req_id("stream")
        answer = f"sdk: {text}"
        try:
            for end in (len("sdk:"), len("sdk: ") + len(text) // 3, len("sdk: ") + 2 * len(text) // 3):
                await self._client.reply_stream(frame, stream_id, answer[:end], finish=False)
            await self._client.reply_stream(frame, stream_id, answer, finish=True)
        except Exception as error:  # noqa: BLE001 -- the SDK raises RuntimeError and TimeoutError with text only
            report("failed", msgid=body["msgid"], reason=str(error))
        else:
            report("replied", msgid=body["msgid"], stream=stream_id, text=answer)


async def main() -> None:
    """Runs the bot."""
    await SDKBot(WSClient(options())).run()


if __name__ == "__main__":
    asyncio.run(main())
