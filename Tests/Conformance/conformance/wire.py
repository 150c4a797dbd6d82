"""The JSON frames of the long connection, written from the protocol's documentation and sharing no code with the bot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MAXIMUM_CONTENT_BYTES = 20_480
"""Longest `stream.content` or `markdown.content`, in UTF-8 bytes (official doc 101463)."""

SUBSCRIBE = "aibot_subscribe"
PING = "ping"
RESPOND = "aibot_respond_msg"
PUSH = "aibot_send_msg"
UPLOAD_INIT = "aibot_upload_media_init"
UPLOAD_CHUNK = "aibot_upload_media_chunk"
UPLOAD_FINISH = "aibot_upload_media_finish"

MEDIA_KINDS = {"file", "image", "voice", "video"}
EVENT_ANSWERS = {"aibot_respond_welcome_msg": "enter_chat", "aibot_respond_update_msg": "template_card_event"}
"""The commands that answer an event, each with the event it is for."""


class FrameError(Exception):
    """A frame of the bot that breaks the wire format."""


@dataclass(frozen=True)
class ClientFrame:
    """A well-formed frame of the bot."""

    cmd: str
    req_id: str
    body: dict[str, Any] | None


@dataclass(frozen=True)
class Chat:
    """A conversation: `kind` is `single` (then `id` is the user) or `group`."""

    kind: str
    id: str


def parse(message: str | bytes) -> ClientFrame:
    """Reads a frame strictly: the gateway accepts exactly what is documented."""
    if isinstance(message, bytes):
        raise FrameError("a binary frame; the protocol is JSON in text frames")
    try:
        value = json.loads(message)
    except ValueError as error:
        raise FrameError(f"not JSON: {error}") from error
    if not isinstance(value, dict) or not set(value) <= {"cmd", "headers", "body"}:
        raise FrameError(f"not an object of cmd, headers, body: {message[:120]}")
    cmd = value.get("cmd")
    if not isinstance(cmd, str) or not cmd:
        raise FrameError(f"no cmd: {message[:120]}")
    headers = value.get("headers")
    req_id = headers.get("req_id") if isinstance(headers, dict) else None
    if not isinstance(req_id, str) or not req_id:
        raise FrameError(f"no headers.req_id in {cmd}")
    body = value.get("body")
    if cmd == PING:
        if "body" in value:
            raise FrameError("a ping has no body")
    elif not isinstance(body, dict):
        raise FrameError(f"no body in {cmd}")
    return ClientFrame(cmd, req_id, body)


def content_of(frame: ClientFrame) -> tuple[str | None, str, bool]:
    """The stream id (`None` for a message that is not a stream), text and finish flag of a reply or push."""
    body = frame.body or {}
    kind = body.get("msgtype")
    part = body.get(str(kind))
    if not isinstance(part, dict):
        raise FrameError(f"msgtype {kind!r} without its object")
    content = part.get("content", "")
    if not isinstance(content, str):
        raise FrameError("content is not a string")
    if kind == "markdown":
        return None, content, True
    if kind != "stream" or frame.cmd == PUSH:
        raise FrameError(f"msgtype {kind!r} is not allowed in {frame.cmd} by this contract")
    stream_id = part.get("id")
    finish = part.get("finish", False)
    if not isinstance(stream_id, str) or not stream_id:
        raise FrameError("stream without id")
    if not isinstance(finish, bool):
        raise FrameError("stream.finish is not a boolean")
    return stream_id, content, finish


def ack(req_id: str, errcode: int = 0, body: dict[str, Any] | None = None) -> str:
    """An acknowledgement; it carries only the `req_id`, never a `cmd`, and a body only for an upload."""
    errmsg = "ok" if errcode == 0 else f"simulated refusal {errcode}, hint: [1767225600000]"
    frame: dict[str, Any] = {"headers": {"req_id": req_id}, "errcode": errcode, "errmsg": errmsg}
    return json.dumps(frame if body is None else frame | {"body": body})


def text_callback(bot_id: str, req_id: str, msgid: str, chat: Chat, text: str, **extra: Any) -> dict[str, Any]:
    """A user's text message, as the server pushes it."""
    body: dict[str, Any] = {"msgid": msgid, "aibotid": bot_id, "chattype": chat.kind}
    body["from"] = {"userid": chat.id if chat.kind == "single" else "zhangsan"}
    if chat.kind == "group":
        body["chatid"] = chat.id
    body |= {"create_time": 1_767_225_600, "msgtype": "text", "text": {"content": text}} | extra
    return {"cmd": "aibot_msg_callback", "headers": {"req_id": req_id}, "body": body}


def event_callback(bot_id: str, req_id: str, eventtype: str) -> dict[str, Any]:
    """An event without a sender, such as `disconnected_event`."""
    body = {"msgid": f"EVT-{req_id}", "create_time": 1_767_225_600, "aibotid": bot_id, "msgtype": "event"}
    return {
        "cmd": "aibot_event_callback",
        "headers": {"req_id": req_id},
        "body": body | {"event": {"eventtype": eventtype}},
    }


def user_event(bot_id: str, req_id: str, user: str, event: dict[str, Any]) -> dict[str, Any]:
    """Something that a user did in the single chat."""
    frame = event_callback(bot_id, req_id, str(event["eventtype"]))
    frame["body"] |= {"chattype": "single", "from": {"userid": user}, "event": event}
    return frame


def encode(frame: dict[str, Any], *, escape: bool = False) -> str:
    """A frame as text; `escape` writes everything beyond ASCII as `\\u` escapes (surrogate pairs included)."""
    return json.dumps(frame, ensure_ascii=escape)
