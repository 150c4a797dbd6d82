"""What one case works with: gateways, bots, a private authority, and the checks every case ends with."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from .authority import Authority
from .gateway import ContractBroken, Gateway
from .media import MediaHost
from .process import BotProcess


class Doorman:
    """A TCP listener in front of a gateway that counts who comes. Without a gateway it lets nobody say a word."""

    def __init__(self, behind: int | None) -> None:
        self._behind = behind
        self.visits = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def admit_to(self, port: int) -> None:
        """Sends everyone who comes from now on to another port."""
        self._behind = port

    async def start(self) -> None:
        """Listens on a free loopback port."""
        self._server = await asyncio.start_server(self._greet, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Drops every visitor and stops listening."""
        for writer in self._writers:
            writer.transport.abort()
        if self._server is not None:
            self._server.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            if self._behind is None:
                await reader.read(-1)
            else:
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._behind)
                self._writers.add(inner_writer)
                await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))


class Lab:
    """Everything a case starts is started through its lab, and ended by it."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.authority = Authority(folder)
        self.bot_id = f"aib{secrets.token_hex(6)}"
        self.secret = f"secret-{secrets.token_hex(12)}"
        self._gateways: list[Gateway] = []
        self._doormen: list[Doorman] = []
        self._media_hosts: list[MediaHost] = []
        self.bots: list[BotProcess] = []

    async def gateway(self, tls: ssl.SSLContext | None = None) -> Gateway:
        """A gateway that accepts this case's credentials, with a certificate for `localhost` unless told otherwise."""
        gateway = Gateway(self.bot_id, self.secret)
        await gateway.start(tls or self.authority.server())
        self._gateways.append(gateway)
        return gateway

    async def doorman(self, behind: Gateway | None = None) -> Doorman:
        """A counting listener in front of `behind`."""
        doorman = Doorman(behind.port if behind else None)
        await doorman.start()
        self._doormen.append(doorman)
        return doorman

    async def media_host(self) -> MediaHost:
        """A place for pictures, with a certificate for `localhost`."""
        host = MediaHost()
        await host.start(self.authority.server())
        self._media_hosts.append(host)
        return host

    async def bot(self, port: int, **environment: str) -> BotProcess:
        """The bot under test, configured for a port on loopback; `environment` overrides single variables."""
        values = {
            "WECOM_BOT_ID": self.bot_id,
            "WECOM_BOT_SECRET": self.secret,
            "WECOM_WS_URL": f"wss://localhost:{port}",
            "WECOM_CA_FILE": str(self.authority.file),
            "WECOM_HEARTBEAT_SECONDS": "30",
        }
        bot = await BotProcess.start(self._program, values | environment)
        self.bots.append(bot)
        return bot

    def other_authority(self) -> Authority:
        """An authority the bot is not told about."""
        return Authority(self._folder, "stranger")

    async def conclude(self) -> None:
        """What holds after every case: a bot that runs ends on SIGTERM with status 0, no rule was broken, no bubble
        was left open, no secret was written."""
        for bot in self.bots:
            if bot.running:
                await bot.terminate()
        if broken := self.broken_rules() or [text for gateway in self._gateways for text in gateway.open_bubbles()]:
            raise ContractBroken(broken[0] + (f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""))

    def broken_rules(self) -> list[str]:
        """Rules that may not be broken at any time, broken so far."""
        broken = [text for gateway in self._gateways for text in gateway.violations]
        if any(self.secret in line for bot in self.bots for line in [*bot.lines, bot.output]):
            broken.append("the secret was written to the log")
        return broken

    async def clean_up(self) -> None:
        """Ends whatever is left."""
        for bot in self.bots:
            await bot.kill()
        for doorman in self._doormen:
            await doorman.stop()
        for host in self._media_hosts:
            await host.stop()
        for gateway in self._gateways:
            await gateway.stop()


@contextlib.asynccontextmanager
async def closed_port() -> AsyncIterator[int]:
    """A loopback port that is taken but refuses every connection."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
