"""The bot under test, as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from pathlib import Path

from .gateway import ContractBroken

PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}


class BotProcess:
    """A running bot program. It inherits the environment less proxies and `WECOM_*`, plus what the case sets."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []
        self.output = ""
        self._arrived = asyncio.Event()
        self._readers = [
            asyncio.create_task(self._read(process.stderr, errors=True)),
            asyncio.create_task(self._read(process.stdout, errors=False)),
        ]

    @classmethod
    async def start(cls, program: Path, environment: dict[str, str]) -> BotProcess:
        """Starts the program in a process group of its own, so that it can be ended with whatever it started."""
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.upper().startswith("WECOM_") and key.lower() not in PROXIES
        }
        process = await asyncio.create_subprocess_exec(
            str(program),
            env=inherited | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=1 << 24,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def exit(self, seconds: float) -> int:
        """Waits for the end and returns the exit status (negative: killed by that signal)."""
        try:
            async with asyncio.timeout(seconds):
                status = await self._process.wait()
                await asyncio.gather(*self._readers)
                return status
        except TimeoutError:
            raise ContractBroken(f"the bot did not end within {seconds:g} s") from None

    async def terminate(self, seconds: float = 30) -> float:
        """SIGTERM, then exit status 0; returns how long that took."""
        begin = time.monotonic()
        self.signal(signal.SIGTERM)
        status = await self.exit(seconds)
        if status != 0:
            raise ContractBroken(f"exit status {status} after SIGTERM; {self.last_words()}")
        return time.monotonic() - begin

    async def kill(self) -> None:
        """Ends the process and everything in its group, now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
        for reader in self._readers:
            reader.cancel()

    async def line(self, pattern: str, seconds: float) -> str:
        """Waits for a line on standard error that matches, ignoring case."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := self.matching(pattern)):
                    self._arrived.clear()
                    await self._arrived.wait()
                return found[0]
        except TimeoutError:
            raise ContractBroken(f"no line like /{pattern}/ within {seconds:g} s; {self.last_words()}") from None

    def matching(self, pattern: str) -> list[str]:
        """The lines on standard error that match, ignoring case."""
        return [line for line in self.lines if re.search(pattern, line, re.IGNORECASE)]

    def last_words(self) -> str:
        """The last line it wrote, for a failure report."""
        return f"last line: {self.lines[-1][:160]!r}" if self.lines else "it wrote nothing"

    async def _read(self, stream: asyncio.StreamReader | None, *, errors: bool) -> None:
        assert stream is not None
        while data := await stream.readline():
            text = data.decode(errors="replace").rstrip("\n")
            if errors:
                self.lines.append(text)
                self._arrived.set()
            else:
                self.output += text + "\n"
