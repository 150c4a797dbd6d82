"""Files that the bot uploads and sends."""

from __future__ import annotations

import asyncio

from ..answers import Answer
from ..gateway import ContractBroken, Gateway
from ..lab import Lab
from ..phrases import echo
from ..registry import case
from ..wire import Chat


def pattern(size: int) -> bytes:
    """The bytes of a file that was asked for."""
    period = bytes(index * 7 % 251 for index in range(251))
    return (period * (size // 251 + 1))[:size]


async def file_sent(gateway: Gateway, answer: Answer, size: int, seconds: float) -> None:
    """Waits for the file of an answer and compares it."""
    await gateway.until(lambda: bool(answer.media), seconds, f"a file of {size} bytes")
    upload = answer.media[0]
    if len(answer.media) != 1 or upload.kind != "file":
        raise ContractBroken(f"{len(answer.media)} media, the first of type {upload.kind}")
    if upload.content != pattern(size):
        raise ContractBroken(f"the file of {size} bytes has other bytes")


@case("file", "`!file N` is answered with a file of N bytes, uploaded in chunks of at most 512 KiB")
async def files(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    sizes = (5, 524_288, 524_289, 1_300_000)
    for size in sizes:
        await file_sent(gateway, await gateway.ask(f"!file {size}"), size, 20)
    return f"{len(sizes)} files in {gateway.uploads.chunk_frames} chunks"


@case("file-beside-chats", "while files of 20 MB are uploaded, other chats are answered", seconds=120, alone=True)
async def files_beside_chats(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    size = 20_000_000
    answers = [await gateway.ask(f"!file {size}", Chat("single", f"files-{number}")) for number in range(2)]
    worst = 0.0
    while not all(answer.media for answer in answers):
        quick = await gateway.exchange("quick", echo("quick"), chat=Chat("single", "quick"))
        worst = max(worst, quick.latency)
        await asyncio.sleep(0.5)
    for answer in answers:
        await file_sent(gateway, answer, size, 60)
    if worst > 2:
        raise ContractBroken(f"another chat waited {worst:.2f} s")
    return f"2 files of 20 MB; another chat at most {worst * 1000:.0f} ms"


@case("file-over-reset", "an upload that a TCP reset cuts off is completed on the next connection")
async def file_over_reset(lab: Lab) -> str:
    gateway = await lab.gateway()
    gateway.ack_latency = 0.15
    await lab.bot(gateway.port)
    session = await gateway.subscribed()
    answer = await gateway.ask("!file 4000000")
    await gateway.until(lambda: gateway.uploads.chunk_frames >= 3, 10, "the first chunks")
    before = gateway.uploads.chunk_frames
    session.reset()
    await gateway.subscribed(2)
    await file_sent(gateway, answer, 4_000_000, 30)
    return f"{before} chunk frames before the reset, {gateway.uploads.chunk_frames} in all"


@case("file-limits", "a file that is too small or too large is not uploaded, and the answer says so")
async def file_limits(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    for size in (0, 4, 20 * 1024 * 1024 + 1):
        answer = await gateway.ask(f"!file {size}")
        await gateway.until(lambda: answer.finished, 10, f"the answer to a file of {size} bytes")  # noqa: B023
    if gateway.uploads.begun:
        raise ContractBroken("an upload was begun")
    return "3 sizes, 0 uploads"
