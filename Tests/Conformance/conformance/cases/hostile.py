"""Frames no one should send, and frames of a size or shape that is unusual but allowed."""

from __future__ import annotations

import asyncio
import json

from ..gateway import ContractBroken
from ..lab import Lab
from ..phrases import UNICODE, echo
from ..registry import case

MEBIBYTE = 1 << 20


def callback(**body: object) -> str:
    """A callback frame with the given body."""
    return json.dumps({"cmd": "aibot_msg_callback", "headers": {"req_id": "REQ-JUNK"}, "body": body})


SENDER = {"msgid": "JUNK", "aibotid": "x", "chattype": "single", "from": {"userid": "u"}}
GARBAGE: dict[str, str | bytes] = {
    "binary junk": bytes(range(256)) * 4,
    "binary JSON": json.dumps({"cmd": "nobody_knows", "headers": {"req_id": "1"}}).encode(),
    "null headers": '{"headers":null}',
    "null everything": '{"cmd":null,"headers":null,"body":null,"errcode":null}',
    "not JSON": '{"cmd":"aibot_msg_callback",',
    "an empty message": "",
    "a number": "42",
    "an array": "[[],{},null]",
    "a string with half a surrogate": '{"cmd":"\\ud83d","headers":{"req_id":"\\udc00"}}',
    "an unknown command": '{"cmd":"aibot_from_the_future","headers":{"req_id":"F-1","x":[1]},"body":{"a":{"b":[true]}}}',
    "an ack nobody waits for": '{"headers":{"req_id":"REQ-NEVER"},"errcode":0,"errmsg":"ok"}',
    "an ack with a command's prefix": '{"headers":{"req_id":"ping_1"},"errcode":"zero","errmsg":7}',
    "a refused subscribe nobody sent": '{"headers":{"req_id":"aibot_subscribe_1"},"errcode":853000,"errmsg":"no"}',
    "a callback without body": '{"cmd":"aibot_msg_callback","headers":{"req_id":"REQ-JUNK"}}',
    "wrong types": callback(msgid=7, chattype=[], msgtype={}, text="x", **{"from": None}),
    "text without text": callback(msgtype="text", **SENDER),
    "an event without event": '{"cmd":"aibot_event_callback","headers":{"req_id":"E"},"body":{"msgtype":"event"}}',
    "an unknown event": '{"cmd":"aibot_event_callback","headers":{"req_id":"E"},"body":{"msgtype":"event","msgid":"e9",'
    '"event":{"eventtype":"moon_landing"}}}',
    "an enormous number": '{"headers":{"req_id":"n"},"errcode":' + "9" * 400 + "}",
    "deep arrays": "[" * 50_000,
    "deep objects": '{"cmd":"x","body":' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}",
}


@case("garbage", "each malformed or unknown frame is skipped on a connection that lives on")
async def garbage(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    for name, frame in GARBAGE.items():
        await session.send(frame)
        try:
            await gateway.exchange(f"after {name}", echo(f"after {name}"), 15)
        except ContractBroken as broken:
            raise ContractBroken(f"{name}: {broken}") from None
        if session.closed:
            raise ContractBroken(f"{name}: the connection ended")
    return f"{len(GARBAGE)} kinds skipped on one connection"


@case("unknown-message-type", "a message of a type nobody knows harms nothing")
async def unknown_type(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    await gateway.ask("hologram", msgtype="hologram", hologram={"depth": 3})
    await gateway.exchange("after", echo("after"))
    if session.closed:
        raise ContractBroken("the connection ended")
    return "next message answered"


@case("five-mebibytes", "a frame of 5 MiB is read; a message inside it is answered")
async def five_mebibytes(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    await session.send(
        json.dumps({"cmd": "nobody_knows", "headers": {"req_id": "B"}, "body": {"pad": "x" * 5 * MEBIBYTE}})
    )
    padded = await gateway.exchange("inside", echo("inside"), padding="填" * (5 * MEBIBYTE // 3))
    await gateway.exchange("after", echo("after"))
    if session.closed:
        raise ContractBroken("the connection ended")
    return f"answered after {padded.latency * 1000:.0f} ms"


@case("fragmented", "a message in 50 fragments, cut anywhere in UTF-8, is answered")
async def fragmented(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    await gateway.exchange(UNICODE, echo(UNICODE), fragments=50)
    large = await gateway.ask("large", fragments=200, padding="填" * 500_000)
    await gateway.answered(large, echo("large"))
    if session.closed:
        raise ContractBroken("the connection ended")
    return f"1.5 MB in 200 fragments answered after {large.latency * 1000:.0f} ms"


@case("over-sixteen-mebibytes", "a message over 16 MiB ends the connection with 1009; the next one works")
async def oversize(lab: Lab) -> str:
    gateway = await lab.gateway()
    bot = await lab.bot(gateway.port)
    session = await gateway.subscribed()
    await gateway.ask("too much", padding="x" * 17 * MEBIBYTE)
    await gateway.until(lambda: session.closed, 30, "end of the connection")
    await gateway.subscribed(2, 30)
    await gateway.exchange("after", echo("after"))
    await asyncio.sleep(1)
    if not bot.running:
        raise ContractBroken(f"the bot ended; {bot.last_words()}")
    if session.close_code != 1009:
        raise ContractBroken(f"close code {session.close_code} instead of 1009")
    return f"close code {session.close_code}"
