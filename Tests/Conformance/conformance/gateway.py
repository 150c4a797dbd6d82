"""The far side of the long connection: a real `wss` server on loopback with faults a case can script."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from . import wire
from .answers import Answer, ReplyFrame, content_violations
from .uploads import Uploads
from .wire import Chat, ClientFrame, FrameError

ACK_EXPIRY = 4.5
"""Seconds after which a bot may give up waiting for an ack (5 s by contract, less a tolerance)."""

DISPLACED_CLOSE_DELAY = 3.0
"""Seconds an older connection may live on beside a newer one before it counts as a second connection."""


SOMEONE = Chat("single", "zhangsan")
"""Who asks when it does not matter."""


class ContractBroken(Exception):
    """The bot did something the contract forbids, or did not do in time what it demands."""


@dataclass(frozen=True)
class AckPlan:
    """What happens to one frame of the bot."""

    errcode: int = 0
    delay: float = 0.0
    drop: bool = False


@dataclass(frozen=True)
class SubscribePlan:
    """What happens to one subscribe request."""

    errcode: int = 0
    delay: float = 0.0
    silent: bool = False


class Session:
    """One connection of the bot."""

    def __init__(self, number: int, connection: ServerConnection) -> None:
        self.number = number
        self.connection = connection
        self.opened_at = time.monotonic()
        self.subscribe_received_at = 0.0
        self.subscribed = False
        self.closed = False
        self.close_code: int | None = None
        self.muted = False
        self.pings: list[float] = []
        self.outstanding: dict[str, list[float]] = {}

    async def send(self, message: str | bytes) -> None:
        """Sends one message; a connection that is gone is not an error here."""
        with contextlib.suppress(ConnectionClosed):
            await self.connection.send(message)

    async def send_in_fragments(self, message: str, count: int) -> None:
        """Sends one text message in about `count` fragments of bytes, so that characters are cut in the middle."""
        data = message.encode()
        size = max(1, len(data) // count)
        with contextlib.suppress(ConnectionClosed):
            await self.connection.send((data[at : at + size] for at in range(0, len(data), size)), text=True)

    async def close(self, code: int) -> None:
        """Ends the connection with a close frame."""
        await self.connection.close(code, "conformance")

    def abort(self) -> None:
        """Ends the connection without a close frame (the bot sees 1006)."""
        self.connection.transport.abort()

    def reset(self) -> None:
        """Ends the connection with a TCP RST."""
        raw = self.connection.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.transport.abort()

    def mute(self) -> None:
        """Stops reading and answering while the connection stays open: a half-open link."""
        self.muted = True
        self.connection.transport.pause_reading()


class Gateway:
    """A gateway for one bot. Start with `start`, end with `stop`; cases read `sessions`, `answers` and `violations`."""

    def __init__(self, bot_id: str, secret: str) -> None:
        self.bot_id = bot_id
        self.secret = secret
        self.sessions: list[Session] = []
        self.answers: list[Answer] = []
        self.violations: list[str] = []
        self.subscribes: list[float] = []
        self.subscribe_plans: deque[SubscribePlan] = deque()
        self.later_subscribes = SubscribePlan()
        self.ack_plan: Callable[[ReplyFrame], AckPlan] = lambda _: AckPlan(delay=self.ack_latency)
        self.ack_latency = 0.02
        self.upgrade_refusals = 0
        self.uploads = Uploads()
        self.port = 0
        self._by_req_id: dict[str, Answer] = {}
        self._last_in_chat: dict[str, Answer] = {}
        self._events: dict[str, str] = {}
        self.event_answers: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._server: Server | None = None

    # Life

    async def start(self, tls: ssl.SSLContext) -> None:
        """Listens on a free loopback port."""
        self._server = await serve(
            self._serve, "127.0.0.1", 0, ssl=tls, ping_interval=None, max_size=None, close_timeout=2,
            process_request=self._upgrade,
        )  # fmt: skip
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Drops every connection and stops listening."""
        for task in self._tasks:
            task.cancel()
        for session in self.sessions:
            if not session.closed:
                session.abort()
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 5)

    # What cases do

    @property
    def live(self) -> Session:
        """The subscribed connection."""
        for session in reversed(self.sessions):
            if session.subscribed and not session.closed and not session.muted:
                return session
        raise ContractBroken("the bot has no subscribed connection")

    async def until(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Waits until `condition` holds; returns how long it took."""
        begin = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise ContractBroken(f"{what}: not within {seconds:g} s") from None
        return time.monotonic() - begin

    async def subscribed(self, count: int = 1, seconds: float = 20) -> Session:
        """Waits for the `count`-th connection that completed its subscribe, and for its being the live one."""

        def ready() -> bool:
            done = [session for session in self.sessions if session.subscribed]
            return len(done) >= count and not done[-1].closed

        await self.until(ready, seconds, f"subscribed connection number {count}")
        return self.live

    async def ask(
        self,
        text: str,
        chat: Chat = SOMEONE,
        *,
        msgid: str | None = None,
        req_id: str | None = None,
        escape: bool = False,
        session: Session | None = None,
        fragments: int = 1,
        **extra: Any,
    ) -> Answer:
        """Delivers a user's message and returns the place where the bot's answer to it will be seen."""
        number = next(self._numbers)
        answer = Answer(req_id or f"REQ-{number}", msgid or f"MSG-{number}", chat, text, time.monotonic())
        self.answers.append(answer)
        self._by_req_id.setdefault(answer.req_id, answer)
        frame = wire.encode(
            wire.text_callback(self.bot_id, answer.req_id, answer.msgid, chat, text, **extra), escape=escape
        )
        target = session or self.live
        await (target.send_in_fragments(frame, fragments) if fragments > 1 else target.send(frame))
        return answer

    async def answered(self, answer: Answer, text: str, seconds: float = 20) -> Answer:
        """Waits until the answer is finished and is exactly `text`."""
        try:
            await self.until(lambda: answer.finished and answer.text == text, seconds, "answer")
        except ContractBroken:
            raise ContractBroken(_difference(answer, text, seconds)) from None
        return answer

    async def exchange(self, question: str, text: str, seconds: float = 20, **options: Any) -> Answer:
        """Asks and waits for the exact answer."""
        return await self.answered(await self.ask(question, **options), text, seconds)

    async def send_event(self, eventtype: str) -> None:
        """Delivers an event to the live connection."""
        number = next(self._numbers)
        await self.live.send(wire.encode(wire.event_callback(self.bot_id, f"REQ-E{number}", eventtype)))

    async def user_event(self, event: dict[str, Any], user: str = "zhangsan") -> str:
        """Delivers what a user did to the live connection; returns its `req_id`."""
        req_id = f"REQ-E{next(self._numbers)}"
        self._events[req_id] = str(event["eventtype"])
        await self.live.send(wire.encode(wire.user_event(self.bot_id, req_id, user, event)))
        return req_id

    def open_bubbles(self) -> list[str]:
        """Answers that were begun and not finished."""
        return [f"a bubble left open: {a.question[:40]!r}" for a in self.answers if a.bubbles and not a.finished]

    # The protocol

    def _upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.upgrade_refusals <= 0:
            return None
        self.upgrade_refusals -= 1
        return connection.respond(503, "busy\n")

    async def _serve(self, connection: ServerConnection) -> None:
        session = Session(len(self.sessions) + 1, connection)
        self.sessions.append(session)
        self._changed.set()
        try:
            async for message in connection:
                if not session.muted:
                    self._receive(session, message)
                    self._changed.set()
        except ConnectionClosed:
            pass
        finally:
            session.closed = True
            session.close_code = connection.close_code
            self._changed.set()

    def _receive(self, session: Session, message: str | bytes) -> None:
        try:
            frame = wire.parse(message)
            self._handle(session, frame)
        except FrameError as error:
            self.violations.append(f"malformed frame: {error}")

    def _handle(self, session: Session, frame: ClientFrame) -> None:
        if frame.cmd == wire.SUBSCRIBE:
            self._subscribe(session, frame)
        elif not session.subscribed:
            self.violations.append(f"{frame.cmd} before the subscribe was acknowledged")
            self._spawn(session.send(wire.ack(frame.req_id, 846609)))
        elif frame.cmd == wire.PING:
            session.pings.append(time.monotonic())
            self._spawn(session.send(wire.ack(frame.req_id)))
        elif frame.cmd in (wire.RESPOND, wire.PUSH):
            if (frame.body or {}).get("msgtype") in wire.MEDIA_KINDS:
                self._media_reply(session, frame)
            else:
                self._reply(session, frame)
        elif frame.cmd in wire.EVENT_ANSWERS:
            self._answer_event(session, frame)
        elif frame.cmd in (wire.UPLOAD_INIT, wire.UPLOAD_CHUNK, wire.UPLOAD_FINISH):
            self._upload(session, frame)
        else:
            self.violations.append(f"unexpected command {frame.cmd}")

    def _answer_event(self, session: Session, frame: ClientFrame) -> None:
        if self._events.get(frame.req_id) != wire.EVENT_ANSWERS[frame.cmd] or frame.req_id in self.event_answers:
            self.violations.append(f"{frame.cmd} for {frame.req_id[:60]}, which it cannot answer (again)")
            self._spawn(session.send(wire.ack(frame.req_id, 846605)))
            return
        self.event_answers[frame.req_id] = frame.body or {}
        self._spawn(session.send(wire.ack(frame.req_id)))

    def _media_reply(self, session: Session, frame: ClientFrame) -> None:
        """A file by its id: shown beside the bubbles, so it is in `media` and not in the answer's text."""
        answer = self._answer_for(frame)
        body = frame.body or {}
        kind = body["msgtype"]
        media_id = (body.get(kind) or {}).get("media_id")
        upload = self.uploads.media.get(str(media_id))
        if answer is None or upload is None or kind != upload.kind:
            raise FrameError(f"{frame.cmd} of a {kind} with a req_id or a media_id it cannot have: {media_id!r}")
        answer.media.append(upload)
        self._spawn(self._acknowledge_later(session, frame))

    def _upload(self, session: Session, frame: ClientFrame) -> None:
        body = frame.body or {}
        told: dict[str, Any] | None = None
        if frame.cmd == wire.UPLOAD_INIT:
            told = self.uploads.begin(body)
        elif frame.cmd == wire.UPLOAD_CHUNK:
            self.uploads.chunk(body)
        else:
            told = self.uploads.finish(body)
        self._spawn(self._acknowledge_later(session, frame, told))

    async def _acknowledge_later(
        self, session: Session, frame: ClientFrame, body: dict[str, Any] | None = None
    ) -> None:
        await asyncio.sleep(self.ack_latency)
        if not (session.closed or session.muted):
            await session.send(wire.ack(frame.req_id, body=body))

    def _subscribe(self, session: Session, frame: ClientFrame) -> None:
        now = time.monotonic()
        self.subscribes.append(now)
        if session.subscribed:
            self.violations.append("subscribe repeated on a subscribed connection")
        session.subscribe_received_at = now
        plan = self.subscribe_plans.popleft() if self.subscribe_plans else self.later_subscribes
        credentials = {"bot_id": self.bot_id, "secret": self.secret}
        if {key: (frame.body or {}).get(key) for key in credentials} != credentials:
            self.violations.append("subscribe with other credentials than the environment's")
        if not plan.silent:
            self._spawn(self._acknowledge_subscribe(session, frame, plan))

    async def _acknowledge_subscribe(self, session: Session, frame: ClientFrame, plan: SubscribePlan) -> None:
        await asyncio.sleep(plan.delay)
        if session.closed or session.muted:
            return
        if plan.errcode == 0:
            session.subscribed = True
            for older in self.sessions[: session.number - 1]:
                if not older.closed and not older.muted:
                    self._spawn(self._displace(older))
        await session.send(wire.ack(frame.req_id, plan.errcode))
        self._changed.set()

    async def _displace(self, older: Session) -> None:
        await asyncio.sleep(DISPLACED_CLOSE_DELAY)
        if not older.closed:
            self.violations.append("two connections at once")
            older.abort()

    def _reply(self, session: Session, frame: ClientFrame) -> None:
        answer = self._answer_for(frame)
        if answer is None:
            self.violations.append(f"{frame.cmd} with a req_id or chat nobody asked from: {frame.req_id[:60]}")
            self._spawn(session.send(wire.ack(frame.req_id, 846605)))
            return
        stream_id, content, finish = wire.content_of(frame)
        reply = answer.record(stream_id, content, finish, time.monotonic(), session.number)
        self._check_single_flight(session, frame, reply)
        plan = self.ack_plan(reply)
        broken = content_violations(reply)
        if plan.errcode == 0:
            broken += answer.accept(reply)
        self.violations += broken
        if not plan.drop:
            self._spawn(self._acknowledge(session, frame, reply, plan))

    def _answer_for(self, frame: ClientFrame) -> Answer | None:
        if frame.cmd == wire.RESPOND:
            answer = self._by_req_id.get(frame.req_id)
            if answer is not None:
                self._last_in_chat[answer.chat.id] = answer
            return answer
        return self._last_in_chat.get(str((frame.body or {}).get("chatid")))

    def _check_single_flight(self, session: Session, frame: ClientFrame, reply: ReplyFrame) -> None:
        waiting = session.outstanding.setdefault(frame.req_id, [])
        if any(reply.received_at - since < ACK_EXPIRY for since in waiting):
            self.violations.append(f"two frames of one req_id in flight, answering {reply.answer.question[:40]!r}")
        waiting.append(reply.received_at)

    async def _acknowledge(self, session: Session, frame: ClientFrame, reply: ReplyFrame, plan: AckPlan) -> None:
        await asyncio.sleep(plan.delay)
        if session.closed or session.muted:
            return
        session.outstanding[frame.req_id].remove(reply.received_at)
        if plan.errcode == 0:
            reply.answer.acknowledge(reply)
        await session.send(wire.ack(frame.req_id, plan.errcode))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _difference(answer: Answer, text: str, seconds: float) -> str:
    got = answer.text
    if got == text:
        return f"the answer to {answer.question[:40]!r} is not finished after {seconds:g} s"
    same = next((i for i, (a, b) in enumerate(zip(got, text)) if a != b), min(len(got), len(text)))
    return (
        f"the answer to {answer.question[:40]!r} is wrong after {seconds:g} s: {len(got)} of {len(text)} characters in "
        f"{len(answer.frames)} frames, differs at {same}: {json.dumps(got[same : same + 24])}"
    )
