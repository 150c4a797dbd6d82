"""Whom the bot talks to, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import time

from ..gateway import ContractBroken, Gateway
from ..lab import Doorman, Lab, closed_port
from ..phrases import echo
from ..process import BotProcess
from ..registry import case

WATCH_SECONDS = 10.0


async def watched(bot: BotProcess, pattern: str, doorman: Doorman | None = None) -> str:
    """A line names the cause; within ten seconds there are neither many lines nor many attempts."""
    line = await bot.line(pattern, 25)
    begin_lines, begin_visits = len(bot.lines), doorman.visits if doorman else 0
    begin = time.monotonic()
    await asyncio.sleep(WATCH_SECONDS)
    seconds = time.monotonic() - begin
    lines, visits = len(bot.lines) - begin_lines, (doorman.visits if doorman else 0) - begin_visits
    if lines > 20 or visits > 12:
        raise ContractBroken(f"{lines} lines and {visits} attempts in {seconds:.0f} s")
    if not bot.running:
        raise ContractBroken(f"the bot ended; {bot.last_words()}")
    return f"{visits} attempts, {lines} lines in {seconds:.0f} s: {line[:160]!r}"


async def distrusted(lab: Lab, gateway: Gateway, pattern: str) -> str:
    """A gateway whose certificate is wrong: the cause is named, and no credentials reach it."""
    doorman = await lab.doorman(gateway)
    bot = await lab.bot(doorman.port)
    figure = await watched(bot, pattern, doorman)
    if gateway.sessions:
        raise ContractBroken("the bot went on to a gateway whose certificate is wrong")
    return figure


@case("unreachable-host", "nobody listens: a line names the cause, no hot loop")
async def unreachable(lab: Lab) -> str:
    async with closed_port() as port:
        return await watched(await lab.bot(port), rf"refused|unreachable|(connect.*{port})")


@case("untrusted-certificate", "a certificate of an unknown authority: a line names the cause, no credentials sent")
async def untrusted(lab: Lab) -> str:
    gateway = await lab.gateway(lab.other_authority().server())
    return await distrusted(lab, gateway, r"certificate|authority|trust|issuer|self.signed")


@case("wrong-host-name", "a certificate for another host: a line names the cause, no credentials sent")
async def wrong_host(lab: Lab) -> str:
    gateway = await lab.gateway(lab.authority.server("gateway.example.com"))
    return await distrusted(
        lab, gateway, r"host ?name|another (host|name)|other (host|name)|does not match|mismatch|not valid for"
    )


@case("expired-certificate", "an expired certificate: a line names the cause, no credentials sent")
async def expired(lab: Lab) -> str:
    gateway = await lab.gateway(lab.authority.server(expired=True))
    return await distrusted(lab, gateway, r"expired|validity|not valid|certificate")


@case("silent-tls", "a server that accepts and never speaks TLS: given up in time, with a line of its own")
async def silent_tls(lab: Lab) -> str:
    doorman = await lab.doorman()
    bot = await lab.bot(doorman.port)
    begin = time.monotonic()
    line = await bot.line(r"time[d ]*.?out|deadline|within|too long|did not answer|no answer", 30)
    took = time.monotonic() - begin
    while doorman.visits < 2:
        if time.monotonic() - begin > 60:
            raise ContractBroken("no second attempt within 60 s")
        await asyncio.sleep(0.1)
    return f"given up after {took:.1f} s: {line[:140]!r}"


@case("upgrade-refused", "HTTP 503 to the upgrade is tried again and then works")
async def upgrade_refused(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.upgrade_refusals = 2
    begin = time.monotonic()
    await lab.bot(gateway.port)
    await gateway.subscribed(1, 40)
    took = time.monotonic() - begin
    await gateway.exchange("hello", echo("hello"))
    return f"subscribed after {took:.2f} s and 2 refusals"


@case("late-server", "a server that comes up later is found without help")
async def late_server(lab: Lab) -> str:
    strange = await lab.gateway(lab.other_authority().server())
    trusted = await lab.gateway()
    doorman = await lab.doorman(strange)
    await lab.bot(doorman.port)
    await asyncio.sleep(5)
    doorman.admit_to(trusted.port)
    begin = time.monotonic()
    await trusted.subscribed(1, 60)
    return f"subscribed {time.monotonic() - begin:.2f} s after it was there"
