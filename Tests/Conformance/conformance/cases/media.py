"""Pictures that people send, and where a bot may fetch them."""

from __future__ import annotations

import hashlib
import secrets

from ..answers import Answer
from ..gateway import ContractBroken, Gateway
from ..lab import Lab
from ..media import MediaHost, Medium
from ..phrases import echo
from ..registry import case
from ..wire import Chat

PNG = b"\x89PNG\r\n\x1a\n"


async def started(lab: Lab, *, allowed: bool = True) -> tuple[Gateway, MediaHost]:
    """A gateway, a place for media, and a bot that may fetch from there or not."""
    gateway, host = await lab.gateway(), await lab.media_host()
    variables = {"WECOM_MEDIA_ALLOWED_ORIGINS": f"https://localhost:{host.port}"} if allowed else {}
    await lab.bot(gateway.port, **variables)
    await gateway.subscribed()
    return gateway, host


async def answer_to(gateway: Gateway, medium: Medium, user: str = "zhangsan") -> Answer:
    """Sends a picture and waits for the end of the answer."""
    image = {"url": medium.url, "aeskey": medium.aeskey}
    answer = await gateway.ask("", Chat("single", user), msgtype="image", image=image)
    await gateway.until(lambda: answer.finished, 20, "answer to a picture")
    return answer


@case("image", "a picture is fetched, decrypted, and answered with `md5:` and the MD5 of its bytes, whatever its length")
async def image(lab: Lab) -> str:
    gateway, host = await started(lab)
    lengths = [*range(8, 8 + 33), 70_000, 3_000_000]
    for length in lengths:
        content = PNG + secrets.token_bytes(length - len(PNG))
        # Each from somebody else: a conversation may be written to 30 times a minute.
        answer = await answer_to(gateway, host.publish(content), f"user-{length}")
        expected = f"md5:{hashlib.md5(content).hexdigest()}"
        if expected not in answer.text:
            raise ContractBroken(f"{length} bytes: {answer.text[:120]!r} does not contain {expected}")
    return f"{len(lengths)} pictures, the last of {lengths[-1]} bytes after {answer.latency * 1000:.0f} ms"


@case("image-broken", "a picture with another's key, or cut short, has no MD5; the bot goes on")
async def broken(lab: Lab) -> str:
    gateway, host = await started(lab)
    one, other = host.publish(PNG + b"1" * 100), host.publish(PNG + b"2" * 100)
    for medium in (Medium(one.url, other.aeskey), host.publish(PNG * 20, missing=1), Medium(one.url, "short")):
        answer = await answer_to(gateway, medium)
        if "md5:" in answer.text:
            raise ContractBroken(f"a picture that cannot be decrypted has {answer.text[:120]!r}")
    await gateway.exchange("still there", echo("still there"))
    return "3 refused"


@case("image-private-address", "a picture on a private address is not asked for unless its origin is allowed")
async def private_address(lab: Lab) -> str:
    gateway, host = await started(lab, allowed=False)
    medium = host.publish(PNG + b"1" * 100)
    for url in (medium.url, medium.url.replace("localhost", "127.0.0.1"), "http://169.254.169.254/latest/meta-data"):
        answer = await answer_to(gateway, Medium(url, medium.aeskey))
        if "md5:" in answer.text:
            raise ContractBroken(f"{url} was fetched")
    if host.requests:
        raise ContractBroken(f"asked for {host.requests}")
    return "3 refused, no request"
