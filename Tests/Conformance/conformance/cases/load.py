"""Many chats and many messages at once."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

from ..answers import Answer
from ..gateway import ContractBroken, Gateway
from ..lab import Lab
from ..phrases import echo, stream
from ..registry import case
from ..wire import Chat
from .answers import finish_stream

BURST = 500


@case("twenty-chats", "20 chats stream at once; each text is exact and none waits for another", alone=True)
async def twenty_chats(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_latency = 0.1
    await lab.bot(gateway.port)
    await gateway.subscribed()
    chats = [Chat("group" if index % 2 else "single", f"chat{index:02d}") for index in range(20)]
    answers = [await gateway.ask(stream(20, 100, f"C{index:02d}"), chat) for index, chat in enumerate(chats)]
    for index, answer in enumerate(answers):
        await finish_stream(gateway, answer, 20, f"C{index:02d}", 30)
    slowest = max(answer.latency for answer in answers)
    if slowest > 8:
        raise ContractBroken(f"the slowest 2 s stream took {slowest:.1f} s")
    return f"20 exact, slowest {slowest:.2f} s, {sum(len(answer.frames) for answer in answers)} frames"


async def burst(gateway: Gateway, chats: list[Chat], count: int = BURST) -> str:
    """Delivers the burst, waits for every answer, then checks that each came once and in order per chat."""
    begin = time.monotonic()
    answers = [await gateway.ask(f"burst {number} 消息", chats[number % len(chats)]) for number in range(count)]
    done: set[int] = set()

    def complete() -> bool:
        done.update(index for index, answer in enumerate(answers) if index not in done and answer.finished)
        return len(done) == count

    try:
        await gateway.until(complete, 120, "burst")
    except ContractBroken:
        missing = [index for index in range(count) if index not in done]
        raise ContractBroken(f"{len(missing)} of {count} unanswered after 120 s, first {missing[0]}") from None
    took = time.monotonic() - begin
    await asyncio.sleep(2)
    wrong = [answer for answer in answers if answer.text != echo(answer.question) or len(answer.bubbles) != 1]
    if wrong:
        raise ContractBroken(f"{len(wrong)} wrong answers, first to {wrong[0].question!r}: {wrong[0].text[:60]!r}")
    for chat in chats:
        one_at_a_time([answer for answer in answers if answer.chat == chat])
    return f"{count} answered once in {took:.2f} s ({count / took:.0f}/s)"


def one_at_a_time(answers: list[Answer]) -> None:
    """In one conversation an answer begins after the previous one has ended, in the order of the messages."""
    for earlier, later in pairwise(answers):
        if later.frames[0].received_at < earlier.finished_at:
            raise ContractBroken(
                f"{later.question!r} was answered before the answer to {earlier.question!r} was finished"
            )


@case("one-turn-per-chat", "three streams asked for at once in one chat come one after the other")
async def one_turn_per_chat(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answers = [await gateway.ask(stream(10, 100, f"T{index}")) for index in range(3)]
    for index, answer in enumerate(answers):
        await finish_stream(gateway, answer, 10, f"T{index}", 30)
    one_at_a_time(answers)
    return f"3 in order, the last finished after {answers[-1].latency:.2f} s"


@case(
    "burst-one-chat",
    "45 messages in one chat are each answered once, in order, and no 60 s see more than 30 of them",
    seconds=180,
)
async def burst_one_chat(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_latency = 0
    await lab.bot(gateway.port)
    await gateway.subscribed()
    told = await burst(gateway, [Chat("group", "wrBURST")], 45)
    opened = sorted(answer.frames[0].received_at for answer in gateway.answers)
    for begin in opened:
        within = sum(begin <= at <= begin + 60 for at in opened)
        if within > 30:
            raise ContractBroken(f"{within} messages in one chat within 60 s")
    return told


@case(
    "burst-many-chats", "500 messages over 50 chats are each answered once, in order per chat", seconds=180, alone=True
)
async def burst_many_chats(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    return await burst(gateway, [Chat("single", f"user{index:02d}") for index in range(50)])


@case(
    "burst-slow-acks", "500 messages in 500 chats with acks of 300 ms are each answered once", seconds=180, alone=True
)
async def burst_slow_acks(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_latency = 0.3
    await lab.bot(gateway.port)
    await gateway.subscribed()
    return await burst(gateway, [Chat("single", f"user{index:03d}") for index in range(BURST)])


@case(
    "long-answers-unread",
    "2,000 answers of 40 KB while the gateway reads nothing: all arrive when it reads again",
    alone=True,
)
async def long_answers_unread(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    text = '"' * 20_000  # JSON needs two bytes for each
    session.connection.transport.pause_reading()
    answers = [await gateway.ask(f"!once {text}", Chat("single", f"reader{index}")) for index in range(2_000)]
    await asyncio.sleep(2)
    session.connection.transport.resume_reading()
    took = await gateway.until(lambda: all(answer.finished for answer in answers), 60, "2,000 long answers")
    if wrong := [answer for answer in answers if answer.text != text]:
        raise ContractBroken(f"{len(wrong)} of 2,000 answers are wrong")
    if len(gateway.sessions) != 1:
        raise ContractBroken(f"it gave its connection up {len(gateway.sessions) - 1} times")
    return f"2,000 answers, {took:.1f} s after the gateway read again"


@case("answers-in-6000-chats", "6,000 chats at once with acks of 1.5 s: every one is answered", alone=True)
async def answers_in_6000_chats(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_latency = 1.5
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answers = [await gateway.ask("!once yes", Chat("single", f"user{index}")) for index in range(6_000)]
    took = await gateway.until(lambda: all(answer.finished for answer in answers), 60, "6,000 chats")
    return f"6,000 answered in {took:.1f} s"
