"""What a user would see: the bubbles a bot's frames build, and the rules each frame has to keep."""

from __future__ import annotations

from dataclasses import dataclass, field

from .uploads import Upload
from .wire import MAXIMUM_CONTENT_BYTES, Chat


@dataclass
class Bubble:
    """One message on the user's screen. `stream_id` is `None` for a message sent whole."""

    stream_id: str | None
    text: str = ""
    finished: bool = False
    finish_acknowledged: bool = False


@dataclass
class ReplyFrame:
    """One frame that answers a message, accepted or not."""

    answer: Answer
    number: int
    stream_id: str | None
    content: str
    finish: bool
    received_at: float
    session: int


@dataclass
class Answer:
    """Everything the bot sent in answer to one message."""

    req_id: str
    msgid: str
    chat: Chat
    question: str
    asked_at: float
    frames: list[ReplyFrame] = field(default_factory=list)
    bubbles: list[Bubble] = field(default_factory=list)
    media: list[Upload] = field(default_factory=list)
    finished_at: float = 0.0

    @property
    def text(self) -> str:
        """The text of all bubbles, oldest first."""
        return "".join(bubble.text for bubble in self.bubbles)

    @property
    def finished(self) -> bool:
        """Whether there is an answer and none of its bubbles is still open."""
        return bool(self.bubbles) and all(bubble.finished for bubble in self.bubbles)

    @property
    def latency(self) -> float:
        """Seconds from the question to the frame that finished the answer."""
        return self.finished_at - self.asked_at

    def record(self, stream_id: str | None, content: str, finish: bool, now: float, session: int) -> ReplyFrame:
        """Notes a frame that arrived, before any verdict."""
        frame = ReplyFrame(self, len(self.frames), stream_id, content, finish, now, session)
        self.frames.append(frame)
        return frame

    def accept(self, frame: ReplyFrame) -> list[str]:
        """Shows a frame to the user; returns the rules it broke."""
        bubble = next((known for known in self.bubbles if known.stream_id == frame.stream_id), None)
        if bubble is None or frame.stream_id is None:
            return self._open(frame)
        if bubble.finished:
            return self._after_finish(bubble, frame)
        broken = [] if frame.content.startswith(bubble.text) else [f"text went backwards in {self._place(frame)}"]
        self._show(bubble, frame)
        return broken

    def acknowledge(self, frame: ReplyFrame) -> None:
        """Notes that the bot was told this frame had been accepted."""
        for bubble in self.bubbles:
            if frame.finish and bubble.stream_id == frame.stream_id:
                bubble.finish_acknowledged = True

    def _open(self, frame: ReplyFrame) -> list[str]:
        broken = []
        if self.bubbles and not self.bubbles[-1].finished:
            broken.append(f"a new bubble while the previous one is still open in {self._place(frame)}")
        bubble = Bubble(frame.stream_id)
        self.bubbles.append(bubble)
        self._show(bubble, frame)
        return broken

    def _after_finish(self, bubble: Bubble, frame: ReplyFrame) -> list[str]:
        """A final frame whose ack was lost may be repeated as it was; anything else after finish is wrong."""
        repeated = frame.finish and frame.content == bubble.text and not bubble.finish_acknowledged
        return [] if repeated else [f"a frame after finish in {self._place(frame)}"]

    def _show(self, bubble: Bubble, frame: ReplyFrame) -> None:
        bubble.text = frame.content
        if frame.finish:
            bubble.finished = True
            self.finished_at = frame.received_at

    def _place(self, frame: ReplyFrame) -> str:
        return f"frame {frame.number} of the answer to {self.question[:40]!r}"


def content_violations(frame: ReplyFrame) -> list[str]:
    """The rules a frame breaks whatever came before it."""
    broken = []
    size = len(frame.content.encode())
    if size > MAXIMUM_CONTENT_BYTES:
        broken.append(f"{size} bytes of content; the limit is {MAXIMUM_CONTENT_BYTES}")
    if frame.finish and not frame.content.strip():
        broken.append("an answer finished with nothing visible")
    return broken
