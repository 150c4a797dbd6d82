"""The subscribe handshake."""

from __future__ import annotations

import asyncio

from ..gateway import ContractBroken, SubscribePlan
from ..lab import Lab
from ..phrases import echo
from ..registry import case


@case("subscribe-first", "subscribe is the first frame and nothing follows it before its ack")
async def subscribe_first(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.subscribe_plans.append(SubscribePlan(delay=3))
    await lab.bot(gateway.port, WECOM_HEARTBEAT_SECONDS="1")
    await gateway.until(lambda: bool(gateway.subscribes), 20, "subscribe")
    session = gateway.sessions[0]
    early = await gateway.ask("early", session=session)
    await gateway.subscribed()
    await gateway.answered(early, echo("early"))
    return (
        f"subscribed {session.subscribe_received_at - session.opened_at:.3f} s after the upgrade, 3 s of silence kept"
    )


@case("subscribe-throttled", "a subscribe refused with 45009 is tried again and then works")
async def throttled(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.subscribe_plans.append(SubscribePlan(errcode=45009))
    await lab.bot(gateway.port)
    await gateway.subscribed(1, 30)
    await gateway.exchange("hello", echo("hello"))
    gap = gateway.subscribes[1] - gateway.subscribes[0]
    if gap < 0.1:
        raise ContractBroken(f"tried again after {gap * 1000:.0f} ms")
    return f"tried again after {gap:.2f} s"


@case("credentials-then-accepted", "a subscribe refused with 853000 is tried again, slowly, and then works")
async def credentials_then_accepted(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.subscribe_plans.append(SubscribePlan(errcode=853000))
    await lab.bot(gateway.port)
    await gateway.subscribed(1, 60)
    await gateway.exchange("hello", echo("hello"))
    gap = gateway.subscribes[1] - gateway.subscribes[0]
    if gap > 40:
        raise ContractBroken(f"tried again only after {gap:.1f} s")
    return f"tried again after {gap:.1f} s"


@case("subscribe-silent", "a subscribe that is never answered is given up and tried on a new connection")
async def silent(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.subscribe_plans.append(SubscribePlan(silent=True))
    await lab.bot(gateway.port)
    await gateway.subscribed(1, 40)
    await gateway.exchange("hello", echo("hello"))
    return f"tried again after {gateway.subscribes[1] - gateway.subscribes[0]:.1f} s"


@case("wrong-secret", "a wrong secret: a clear line, and at most 4 subscribes in 20 s")
async def wrong_secret(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.later_subscribes = SubscribePlan(errcode=853000)
    bot = await lab.bot(gateway.port)
    line = await bot.line(r"853000|credential|secret", 15)
    await asyncio.sleep(20)
    count, lines = len(gateway.subscribes), len(bot.matching(r"853000|credential|secret"))
    if count > 4:
        raise ContractBroken(f"{count} subscribes in 20 s")
    if lines > 2 * count + 1:
        raise ContractBroken(f"{lines} lines about it for {count} subscribes")
    if not bot.running:
        raise ContractBroken(f"the bot ended; {bot.last_words()}")
    return f"{count} subscribes in 20 s, {lines} lines: {line[:140]!r}"
