"""Files that the bot uploads in pieces, checked as the documentation has it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Any

from .wire import MEDIA_KINDS, FrameError

MAXIMUM_CHUNK_BYTES = 512 * 1024
MAXIMUM_CHUNKS = 100
MAXIMUM_NAME_BYTES = 256
MINIMUM_BYTES = 5
MAXIMUM_BYTES = {
    "file": 20 * 1024 * 1024, "image": 10 * 1024 * 1024, "video": 10 * 1024 * 1024, "voice": 2 * 1024 * 1024,
}  # fmt: skip


@dataclass
class Upload:
    """One file on its way."""

    kind: str
    name: str
    size: int
    count: int
    md5: str | None
    chunks: dict[int, bytes] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """What has arrived, in order."""
        return b"".join(self.chunks[index] for index in sorted(self.chunks))


class Uploads:
    """The uploads of one gateway: every frame is checked, and what breaks a rule is a `FrameError`."""

    def __init__(self) -> None:
        self.begun: dict[str, Upload] = {}
        self.media: dict[str, Upload] = {}
        self.chunk_frames = 0

    def begin(self, body: dict[str, Any]) -> dict[str, Any]:
        """`aibot_upload_media_init`: returns the body of the acknowledgement."""
        kind, name = body.get("type"), body.get("filename")
        size, count, md5 = body.get("total_size"), body.get("total_chunks"), body.get("md5")
        if kind not in MEDIA_KINDS:
            raise FrameError(f"an upload of type {kind!r}")
        if not isinstance(name, str) or not name or len(name.encode()) > MAXIMUM_NAME_BYTES:
            raise FrameError("an upload without a name of at most 256 bytes")
        if type(size) is not int or not MINIMUM_BYTES <= size <= MAXIMUM_BYTES[kind]:
            raise FrameError(f"an upload of {size!r} bytes as {kind}")
        if type(count) is not int or not 1 <= count <= MAXIMUM_CHUNKS:
            raise FrameError(f"an upload in {count!r} chunks")
        if not (md5 is None or isinstance(md5, str)):
            raise FrameError("md5 is not a string")
        upload_id = f"UP-{len(self.begun) + 1}"
        self.begun[upload_id] = Upload(kind, name, size, count, md5)
        return {"upload_id": upload_id}

    def chunk(self, body: dict[str, Any]) -> None:
        """`aibot_upload_media_chunk`; a chunk may come again, and in any order."""
        self.chunk_frames += 1
        upload, index = self._known(body), body.get("chunk_index")
        if type(index) is not int or not 0 <= index < upload.count:
            raise FrameError(f"chunk {index!r} of {upload.count}")
        try:
            data = base64.b64decode(str(body.get("base64_data")), validate=True)
        except binascii.Error as error:
            raise FrameError(f"chunk {index} is not base64: {error}") from error
        if not 1 <= len(data) <= MAXIMUM_CHUNK_BYTES:
            raise FrameError(f"chunk {index} of {len(data)} bytes")
        if upload.chunks.setdefault(index, data) != data:
            raise FrameError(f"chunk {index} came again with other bytes")

    def finish(self, body: dict[str, Any]) -> dict[str, Any]:
        """`aibot_upload_media_finish`: returns the body of the acknowledgement."""
        upload = self._known(body)
        if len(upload.chunks) != upload.count:
            raise FrameError(f"finished after {len(upload.chunks)} of {upload.count} chunks")
        if len(upload.content) != upload.size:
            raise FrameError(f"{len(upload.content)} bytes came, {upload.size} were announced")
        if upload.md5 is not None and upload.md5 != hashlib.md5(upload.content).hexdigest():
            raise FrameError("the MD5 is that of other bytes")
        media_id = f"MEDIA-{len(self.media) + 1}"
        self.media[media_id] = upload
        return {"type": upload.kind, "media_id": media_id, "created_at": "1767225600"}

    def _known(self, body: dict[str, Any]) -> Upload:
        upload = self.begun.get(str(body.get("upload_id")))
        if upload is None:
            raise FrameError(f"an upload_id nobody was given: {body.get('upload_id')!r}")
        return upload
