"""Where a case keeps the pictures that it sends: an HTTPS server on loopback, and the platform's encryption (official doc 101463)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import ssl
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


@dataclass(frozen=True)
class Medium:
    """What a message says of a picture."""

    url: str
    aeskey: str


class MediaHost:
    """Serves each medium under an address of its own."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[str] = []
        self._bodies: dict[str, tuple[bytes, int]] = {}
        self._server: asyncio.Server | None = None

    async def start(self, tls: ssl.SSLContext) -> None:
        """Listens on a free loopback port."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.close()

    def publish(self, content: bytes, *, missing: int = 0) -> Medium:
        """Encrypts a content; the last `missing` bytes are not sent."""
        key = secrets.token_bytes(32)
        padding = 32 - len(content) % 32
        encryptor = Cipher(algorithms.AES256(key), modes.CBC(key[:16])).encryptor()
        body = encryptor.update(content + bytes([padding]) * padding) + encryptor.finalize()
        path = f"/obj/{len(self._bodies)}?sign={secrets.token_hex(8)}"
        self._bodies[path] = (body, missing)
        return Medium(f"https://localhost:{self.port}{path}", base64.b64encode(key).decode().rstrip("="))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            target = head.split(" ", 2)[1]
            self.requests.append(target)
            body, missing = self._bodies.get(target, (b"", 0))
            status = "200 OK" if body else "404 Not Found"
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode())
            writer.write(body[: len(body) - missing])
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
