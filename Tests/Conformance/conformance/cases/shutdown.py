"""SIGTERM: drain, close with 1000, exit 0."""

from __future__ import annotations

import asyncio
import signal
import time

from ..gateway import ContractBroken, Gateway, SubscribePlan
from ..lab import Lab, closed_port
from ..phrases import chunks, echo, numbered_from, stream
from ..registry import case
from .answers import finish_stream


async def closed_normally(gateway: Gateway) -> None:
    """The last connection ended with the bot's close frame 1000."""
    session = gateway.sessions[-1]
    await gateway.until(lambda: session.closed, 10, "end of the connection")
    if session.close_code != 1000:
        raise ContractBroken(f"close code {session.close_code} instead of 1000")


@case("sigterm-stream", "SIGTERM in the middle of a stream: the whole text, close 1000, exit 0")
async def sigterm_stream(lab: Lab) -> str:
    gateway = await lab.gateway()
    bot = await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await gateway.ask(stream(25, 100, "S"))
    await gateway.until(lambda: len(answer.frames) >= 2, 20, "two frames")
    took = await bot.terminate(40)
    await finish_stream(gateway, answer, 25, "S", 2)
    await closed_normally(gateway)
    return f"exact, exit 0 after {took:.2f} s"


@case("sigterm-endless", "SIGTERM during an answer of minutes: its bubble is finished, close 1000, exit 0")
async def sigterm_endless(lab: Lab) -> str:
    gateway = await lab.gateway()
    bot = await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await gateway.ask(stream(3000, 100, "E"))
    await gateway.until(lambda: len(answer.frames) >= 2, 20, "two frames")
    took = await bot.terminate(60)
    if not answer.finished:
        raise ContractBroken("the bubble was left open")
    whole = chunks(3000, "E", numbered_from(answer.text, "E"))
    shown = next((n for n in range(len(answer.text), 0, -1) if whole.startswith(answer.text[:n])), 0)
    if not shown:
        raise ContractBroken(f"the text is not what was produced: {answer.text[:60]!r}")
    await closed_normally(gateway)
    return f"{shown} bytes finished, exit 0 after {took:.2f} s"


@case("sigterm-idle", "SIGTERM while idle, and SIGINT: close 1000, exit 0 at once")
async def sigterm_idle(lab: Lab) -> str:
    times = []
    for number in (signal.SIGTERM, signal.SIGINT):
        gateway = await lab.gateway()
        bot = await lab.bot(gateway.port)
        await gateway.subscribed()
        await gateway.exchange("hello", echo("hello"))
        begin = time.monotonic()
        bot.signal(number)
        status = await bot.exit(10)
        times.append(time.monotonic() - begin)
        if status != 0:
            raise ContractBroken(f"exit status {status} after {number.name}")
        await closed_normally(gateway)
    return "exit 0 after " + ", ".join(f"{seconds:.2f} s" for seconds in times)


@case("sigterm-offline", "SIGTERM while there is no connection, or no subscribe ack: exit 0")
async def sigterm_offline(lab: Lab) -> str:
    async with closed_port() as port:
        bot = await lab.bot(port)
        await asyncio.sleep(3)
        first = await bot.terminate(15)
    gateway = await lab.gateway()
    gateway.later_subscribes = SubscribePlan(silent=True)
    bot = await lab.bot(gateway.port)
    await gateway.until(lambda: bool(gateway.subscribes), 20, "subscribe")
    second = await bot.terminate(15)
    return f"exit 0 after {first:.2f} s, {second:.2f} s"


@case("sigterm-mute", "SIGTERM while the server is mute: exit 0 all the same")
async def sigterm_mute(lab: Lab) -> str:
    gateway = await lab.gateway()
    bot = await lab.bot(gateway.port)
    session = await gateway.subscribed()
    answer = await gateway.ask("hello")
    await gateway.answered(answer, echo("hello"))
    session.mute()
    return f"exit 0 after {await bot.terminate(30):.2f} s"
