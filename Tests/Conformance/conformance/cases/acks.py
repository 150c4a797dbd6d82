"""Acknowledgements that are late, lost or refusals, and messages delivered twice."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from ..answers import Answer, ReplyFrame
from ..gateway import AckPlan, ContractBroken
from ..lab import Lab
from ..phrases import echo, stream
from ..registry import case
from ..wire import Chat
from .answers import finish_stream

A = Chat("single", "slow")
B = Chat("single", "quick")


@case("duplicate-message", "a msgid delivered again, under its own or a new req_id, is answered once")
async def duplicate(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    running = await gateway.ask(stream(10, 100, "D"), msgid="DUP-1")
    copies = [
        await gateway.ask(running.question, msgid="DUP-1", req_id=req_id) for req_id in ("REQ-OTHER", running.req_id)
    ]
    await finish_stream(gateway, running, 10, "D", 20)
    frames = len(running.frames)
    copies += [
        await gateway.ask(running.question, msgid="DUP-1", req_id=req_id) for req_id in ("REQ-LATE", running.req_id)
    ]
    await asyncio.sleep(3)
    extra = sum(len(copy.frames) for copy in copies) + len(running.frames) - frames
    if extra:
        raise ContractBroken(f"{extra} frames in answer to copies")
    return f"{len(copies)} copies, 0 extra frames"


@case("duplicate-after-reconnect", "a msgid delivered again on the next connection is answered once")
async def duplicate_after_reconnect(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    await gateway.exchange("hello", echo("hello"), msgid="DUP-2")
    session.reset()
    await gateway.subscribed(2)
    copy = await gateway.ask("hello", msgid="DUP-2")
    await gateway.exchange("next", echo("next"))
    await asyncio.sleep(2)
    if copy.frames:
        raise ContractBroken(f"{len(copy.frames)} frames in answer to the copy")
    return "1 copy, 0 extra frames"


@case("ack-delayed", "an ack delayed by 7 s in one chat delays no other chat")
async def ack_delayed(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_plan = lambda frame: AckPlan(delay=7 if frame.answer.chat == A and frame.number == 0 else 0.02)
    await lab.bot(gateway.port)
    await gateway.subscribed()
    slow = await gateway.ask(stream(20, 100, "A"), A)
    await gateway.until(lambda: bool(slow.frames), 10, "first frame of the slow chat")
    worst = 0.0
    for number in range(12):
        answer = await gateway.exchange(f"quick {number}", echo(f"quick {number}"), chat=B)
        worst = max(worst, answer.latency)
        await asyncio.sleep(0.4)
    if worst > 2:
        raise ContractBroken(f"the other chat waited {worst:.2f} s")
    await finish_stream(gateway, slow, 20, "A", 20)
    await asyncio.sleep(1)
    return f"other chat at most {worst * 1000:.0f} ms; delayed chat finished after {slow.latency:.1f} s"


@case("late-ack-not-credited", "the late ack of one frame is not taken for the verdict on the next")
async def late_ack(lab: Lab) -> str:
    gateway = await lab.gateway()
    refused: list[ReplyFrame] = []

    def plan(frame: ReplyFrame) -> AckPlan:
        if frame.number == 0:
            return AckPlan(delay=7)
        if not refused:  # arrives while the first ack is still to come, and is refused after that ack
            refused.append(frame)
            return AckPlan(errcode=6000, delay=max(0.3, frame.answer.frames[0].received_at + 7.3 - frame.received_at))
        return AckPlan(delay=0.02)

    gateway.ack_plan = plan
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await gateway.ask(stream(10, 100, "L"), A)
    await finish_stream(gateway, answer, 10, "L", 30)
    await asyncio.sleep(1)
    return f"refused frame repeated; finished after {answer.latency:.1f} s in {len(answer.frames)} frames"


@case("ack-dropped", "an ack that never comes does not cost the rest of the answer")
async def ack_dropped(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_plan = lambda frame: AckPlan(drop=frame.number == 1, delay=0.02)
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await gateway.ask(stream(20, 100, "X"), A)
    await finish_stream(gateway, answer, 20, "X", 30)
    gateway.ack_plan = lambda frame: AckPlan(drop=frame.finish and frame.answer.chat == B, delay=0.02)
    last = await gateway.ask("final ack lost", B)
    await gateway.answered(last, echo("final ack lost"))
    await asyncio.sleep(7)
    after = await gateway.exchange("next", echo("next"), chat=B)
    return f"finished after {answer.latency:.1f} s; after a lost final ack the chat answers in {after.latency * 1000:.0f} ms"


@case("conflict-twice", "errcode 6000 twice: the same frame is repeated after about 0.2 and 0.4 s")
async def conflict(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_plan = lambda frame: AckPlan(errcode=6000 if frame.number < 2 else 0, delay=0.02)
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await gateway.ask("!once conflict")
    await gateway.until(lambda: answer.finished, 20, "the frame that was refused twice")
    await asyncio.sleep(1)
    times = [frame.received_at for frame in answer.frames]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if len(times) != 3:
        raise ContractBroken(f"{len(times)} frames instead of 3")
    if min(gaps) < 0.1:
        raise ContractBroken(f"repeated after {min(gaps) * 1000:.0f} ms")
    return "repeated after " + ", ".join(f"{gap:.2f} s" for gap in gaps)


@case("not-subscribed", "errcode 846609 once: a new subscribe, then the frame goes again")
async def not_subscribed(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_plan = lambda frame: AckPlan(errcode=846609 if frame.number == 0 else 0, delay=0.02)
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await gateway.ask("!once again")
    await gateway.until(
        lambda: answer.finished and "again" in answer.text, 30, "the frame that was refused with 846609"
    )
    await asyncio.sleep(1)
    if len(gateway.subscribes) != 2:
        raise ContractBroken(f"{len(gateway.subscribes)} subscribes instead of 2")
    return f"delivered after {answer.latency:.2f} s"


@case("expired-stream", "errcode 846608 to a last frame: the text arrives in another stream, once")
async def expired(lab: Lab) -> str:
    answer = await refused(lab, 846608)
    ids = [frame.stream_id for frame in answer.frames]
    if len(set(ids)) != 2 or None in ids:
        raise ContractBroken(f"streams {ids} instead of two different ones")
    return f"in another stream after {answer.latency:.2f} s"


@case("unusable-req-id", "errcode 846605 to a last frame: the text arrives by aibot_send_msg, once")
async def unusable(lab: Lab) -> str:
    answer = await refused(lab, 846605)
    if answer.frames[1].stream_id is not None:
        raise ContractBroken("a req_id that was refused is used again")
    return f"pushed after {answer.latency:.2f} s"


async def refused(lab: Lab, errcode: int) -> Answer:
    """The answer to a message whose first frame, the last one of its stream, is refused."""
    gateway = await lab.gateway()
    gateway.ack_plan = lambda frame: AckPlan(errcode=errcode if frame.number == 0 else 0, delay=0.02)
    await lab.bot(gateway.port)
    await gateway.subscribed()
    answer = await gateway.ask("!once 另一条路")
    await gateway.until(lambda: answer.finished, 20, f"the text that was refused with {errcode}")
    await asyncio.sleep(2)
    if len(answer.frames) != 2 or "另一条路" not in answer.text:
        raise ContractBroken(f"{len(answer.frames)} frames, and the user sees {answer.text!r}")
    return answer
