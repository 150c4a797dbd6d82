"""The link: heartbeat, every way it can end, and coming back."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

from ..gateway import AckPlan, ContractBroken, Gateway, Session
from ..lab import Lab
from ..phrases import chunks, echo, stream
from ..registry import case
from .answers import finish_stream

RECONNECT_SECONDS = 15.0
"""An end nobody asked for is followed by a subscribed connection within this time."""

HALF_OPEN_SECONDS = 10.0
"""At a heartbeat of 2 s: found within 1.5 heartbeats, plus back-off, plus room for a shared machine."""


async def comes_back(gateway: Gateway, count: int = 2, seconds: float = RECONNECT_SECONDS) -> float:
    """Waits for the next subscribed connection and an answer on it; returns the seconds until subscribed."""
    begin = time.monotonic()
    await gateway.subscribed(count, seconds)
    took = time.monotonic() - begin
    await gateway.exchange(f"back {count}", echo(f"back {count}"))
    return took


@case("heartbeat", "at WECOM_HEARTBEAT_SECONDS=1 a ping goes out every second")
async def heartbeat(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port, WECOM_HEARTBEAT_SECONDS="1")
    session = await gateway.subscribed()
    await gateway.until(lambda: len(session.pings) >= 8, 15, "8 pings")
    gaps = [later - earlier for earlier, later in pairwise(session.pings)]
    mean = sum(gaps) / len(gaps)
    if not 0.85 <= mean <= 1.3 or max(gaps) > 2 or min(gaps) < 0.3:
        raise ContractBroken(f"gaps of {min(gaps):.2f} to {max(gaps):.2f} s, {mean:.2f} s on average")
    if len(gateway.sessions) != 1:
        raise ContractBroken(f"{len(gateway.sessions)} connections while nothing was wrong")
    return f"mean gap {mean:.2f} s, {min(gaps):.2f} to {max(gaps):.2f} s"


@case("heartbeat-default", "at WECOM_HEARTBEAT_SECONDS=30 no ping in the first 8 s beyond a first one")
async def slow_heartbeat(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    await asyncio.sleep(8)
    if len(session.pings) > 1:
        raise ContractBroken(f"{len(session.pings)} pings in 8 s")
    return f"{len(session.pings)} pings in 8 s"


@case("reset-idle", "a TCP reset while idle leads to a new connection")
async def reset_idle(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    await gateway.exchange("before", echo("before"))
    session.reset()
    return f"subscribed again after {await comes_back(gateway):.2f} s"


async def interrupted_stream(lab: Lab, interrupt: str) -> str:
    """Ends the connection in the middle of a stream; the final text has to arrive on the next one."""
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    answer = await gateway.ask(stream(30, 100, "R"))
    await gateway.until(lambda: len(answer.frames) >= 3, 20, "three frames")
    if interrupt == "reset":
        session.reset()
    else:
        await session.close(int(interrupt))
    await finish_stream(gateway, answer, 30, "R", 30)
    await asyncio.sleep(1)
    if answer.frames[-1].session == session.number:
        raise ContractBroken("the answer did not need the second connection; nothing was proved")
    return f"exact after {answer.latency:.2f} s, {len(answer.frames)} frames over 2 connections"


@case("reset-mid-stream", "a TCP reset in the middle of a stream: its final text arrives on the next connection")
async def reset_mid_stream(lab: Lab) -> str:
    return await interrupted_stream(lab, "reset")


@case("close-mid-stream", "an orderly close (1001) in the middle of a stream: its final text arrives")
async def close_mid_stream(lab: Lab) -> str:
    return await interrupted_stream(lab, "1001")


@case("offline-finish", "an answer finished while there is no connection arrives on the next one")
async def offline_finish(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    answer = await gateway.ask(stream(20, 100, "O"))
    await gateway.until(lambda: len(answer.frames) >= 2, 20, "two frames")
    gateway.upgrade_refusals = 2
    session.reset()
    await finish_stream(gateway, answer, 20, "O", 40)
    return f"exact after {answer.latency:.2f} s"


@case("unacknowledged-final", "a final frame cut off before its ack ends as one finished bubble")
async def unacknowledged_final(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_plan = lambda frame: AckPlan(drop=frame.finish and len(gateway.sessions) == 1)
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    answer = await gateway.ask("cut")
    await gateway.answered(answer, echo("cut"))
    session.reset()
    took = await comes_back(gateway)
    await asyncio.sleep(2)
    return f"subscribed again after {took:.2f} s, {len(answer.frames)} frames, {len(answer.bubbles)} bubble"


async def closed_with(lab: Lab, code: int | None) -> str:
    """Ends the idle connection with a close code, or without a close frame."""
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    await gateway.exchange("before", echo("before"))
    await _end(session, code)
    return f"subscribed again after {await comes_back(gateway):.2f} s"


async def _end(session: Session, code: int | None) -> None:
    if code is None:
        session.abort()
    else:
        await session.close(code)


@case("close-1000", "a normal close by the server leads to a new connection")
async def close_1000(lab: Lab) -> str:
    return await closed_with(lab, 1000)


@case("close-1001", "`going away` leads to a new connection")
async def close_1001(lab: Lab) -> str:
    return await closed_with(lab, 1001)


@case("close-1006", "an end without a close frame leads to a new connection")
async def close_1006(lab: Lab) -> str:
    return await closed_with(lab, None)


@case("close-1012", "`service restart` leads to a new connection")
async def close_1012(lab: Lab) -> str:
    return await closed_with(lab, 1012)


@case("mute-server", f"a mute server at a heartbeat of 2 s: a new connection within {HALF_OPEN_SECONDS:g} s")
async def mute_server(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port, WECOM_HEARTBEAT_SECONDS="2")
    session = await gateway.subscribed()
    await gateway.exchange("before", echo("before"))
    session.mute()
    return f"subscribed again after {await comes_back(gateway, 2, HALF_OPEN_SECONDS):.2f} s"


@case(
    "mute-mid-stream",
    "a server that goes mute in the middle of a stream: the final text arrives on the next connection",
)
async def mute_mid_stream(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port, WECOM_HEARTBEAT_SECONDS="2")
    session = await gateway.subscribed()
    answer = await gateway.ask(stream(30, 100, "M"))
    await gateway.until(lambda: len(answer.frames) >= 3, 20, "three frames")
    session.mute()
    await finish_stream(gateway, answer, 30, "M", 30)
    return f"exact after {answer.latency:.2f} s"


@case("flapping-server", "a server that drops every connection right after the subscribe is not hammered")
async def flapping(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    begin, dropped = time.monotonic(), 0
    while time.monotonic() - begin < 20:
        await asyncio.sleep(0.02)
        for session in gateway.sessions[dropped:]:
            if session.subscribed:
                session.reset()
                dropped = session.number
    connections = len(gateway.sessions)
    if not 2 <= connections <= 20:
        raise ContractBroken(f"{connections} connections in 20 s")
    await comes_back(gateway, 1, 40)
    return f"{connections} connections in 20 s"


@case("displaced", "after `disconnected_event` the bot does not fight for its place, and stays alive")
async def displaced(lab: Lab) -> str:
    gateway = await lab.gateway()
    bot = await lab.bot(gateway.port)
    session = await gateway.subscribed()
    await gateway.send_event("disconnected_event")
    await asyncio.sleep(2)
    session.abort()
    await asyncio.sleep(12)
    if len(gateway.subscribes) > 1:
        raise ContractBroken(f"subscribed {len(gateway.subscribes) - 1} times in 14 s after being displaced")
    if not bot.running:
        raise ContractBroken(f"the bot ended; {bot.last_words()}")
    line = await bot.line(r"displaced|another connection|other connection|disconnected_event|taken over", 1)
    return f"0 subscribes in 14 s; {line[:110]!r}"


@case("long-answer-over-reset", "chunks produced while the link is down are not lost")
async def long_answer(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await gateway.ask(stream(60, 100, "LONG"))
    for count in (2, 3):
        await asyncio.sleep(1.2)
        gateway.live.reset()
        await gateway.subscribed(count)
    await finish_stream(gateway, answer, 60, "LONG", 40)
    return f"{len(chunks(60, 'LONG'))} bytes exact over {len(gateway.sessions)} connections"
