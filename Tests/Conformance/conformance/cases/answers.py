"""The contract of `echo-bot`: which answer to which text, and how it is streamed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ..answers import Answer
from ..gateway import ContractBroken, Gateway
from ..lab import Lab
from ..phrases import UNICODE, chunks, echo, numbered_from, stream
from ..registry import case
from ..wire import Chat


async def streamed(
    gateway: Gateway, count: int, gap: int, tag: str, seconds: float, chat: Chat | None = None
) -> Answer:
    """Asks for a stream, waits for its exact text, and checks that it was a stream and kept its pace."""
    answer = await gateway.ask(stream(count, gap, tag), chat or Chat("single", "zhangsan"))
    await finish_stream(gateway, answer, count, tag, seconds)
    if answer.latency < count * gap / 1000 * 0.8:
        raise ContractBroken(f"{count} chunks, one every {gap} ms, were there after {answer.latency:.2f} s")
    return answer


async def finish_stream(gateway: Gateway, answer: Answer, count: int, tag: str, seconds: float) -> None:
    """Waits for the exact text of a stream that was asked for."""
    await gateway.until(lambda: bool(answer.text), seconds, f"first text of {answer.question!r}")
    await gateway.answered(answer, chunks(count, tag, numbered_from(answer.text, tag)), seconds)


@case("once", "`!once X` is answered with one finished frame that contains X")
async def once(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await gateway.ask("!once 你好 X-1")
    await gateway.until(lambda: answer.finished, 20, "answer")
    await asyncio.sleep(1)
    if "你好 X-1" not in answer.text:
        raise ContractBroken(f"the answer {answer.text!r} does not contain 你好 X-1")
    if len(answer.frames) != 1:
        raise ContractBroken(f"{len(answer.frames)} frames instead of one")
    return f"1 frame after {answer.latency * 1000:.0f} ms"


@case("echo", "any other text X is answered `echo: X`, in single chats and groups")
async def echoes(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answers = [
        await gateway.exchange(text, echo(text), chat=chat)
        for chat in (Chat("single", "lisi"), Chat("group", "wrABCdef123"))
        for text in ("hi", "a", "@Helper what's up", "two\nlines", "!unknown command")
    ]
    return f"{len(answers)} exact, slowest {max(answer.latency for answer in answers) * 1000:.0f} ms"


@case("unicode", "Chinese, emoji, combining marks and JSON escapes come back unchanged, also as \\u escapes")
async def unicode(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    for escape in (False, True):
        await gateway.exchange(UNICODE, echo(UNICODE), escape=escape)
    long = UNICODE * 40
    await gateway.exchange(long, echo(long))
    await streamed(gateway, 20, 20, "标签👩‍👧", 20)
    return f"{len(echo(long).encode())} bytes exact"


@case("stream", "a stream is monotone, keeps one id and one frame in flight, and ends exact")
async def plain_stream(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await streamed(gateway, 30, 100, "TAG", 20)
    if len(answer.frames) < 3:
        raise ContractBroken(f"only {len(answer.frames)} frames in 3 s: nothing was streamed")
    if len(answer.bubbles) != 1:
        raise ContractBroken(f"{len(answer.bubbles)} bubbles for a short answer")
    await asyncio.sleep(1)
    first = answer.frames[0].received_at - answer.asked_at
    return f"{len(answer.frames)} frames, first after {first * 1000:.0f} ms, last after {answer.latency:.2f} s"


@case("stream-slow-acks", "acks of 400 ms neither break the one-in-flight rule nor slow the bot's own clock")
async def slow_acks(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_latency = 0.4
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await streamed(gateway, 40, 50, "SLOW", 20)
    if answer.latency > 2 + 4:
        raise ContractBroken(f"a 2 s stream ended after {answer.latency:.2f} s")
    await asyncio.sleep(1)
    return f"{len(answer.frames)} frames, finished after {answer.latency:.2f} s"


@case("stream-instant", "500 chunks without a gap end exact and cost few frames")
async def instant(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await streamed(gateway, 500, 0, "T", 20)
    await asyncio.sleep(1)
    return f"{len(answer.text)} bytes in {len(answer.frames)} frames, {answer.latency * 1000:.0f} ms"


@case("stream-over-limit", "over 20,480 bytes the answer continues in further bubbles and nothing is lost")
async def over_limit(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    at_once = await streamed(gateway, 3000, 0, "TAGTAG", 40)
    slowly = await streamed(gateway, 3000, 1, "慢慢", 40, Chat("single", "lisi"))
    for answer in (at_once, slowly):
        if len(answer.bubbles) < 2:
            raise ContractBroken(f"{len(answer.text.encode())} bytes in one bubble")
    await asyncio.sleep(1)
    return f"{len(at_once.text.encode())} bytes in {len(at_once.bubbles)} bubbles, {len(at_once.frames)} frames"


@case("one-process", "the bot starts no other process")
async def one_process(lab: Lab) -> str:
    gateway = await lab.gateway()
    bot = await lab.bot(gateway.port)
    await gateway.subscribed()
    await streamed(gateway, 5, 50, "P", 20)
    threads = list(Path(f"/proc/{bot.pid}/task").iterdir())
    children = [pid for thread in threads for pid in (thread / "children").read_text().split()]
    if children:
        raise ContractBroken(f"{len(children)} child processes")
    return f"0 children, {len(threads)} threads"
