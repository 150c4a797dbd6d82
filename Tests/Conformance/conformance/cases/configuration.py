"""A wrong configuration is reported whole, before anything starts."""

from __future__ import annotations

from ..gateway import ContractBroken
from ..lab import Lab
from ..process import BotProcess
from ..registry import case

STATUS = 78
"""`EX_CONFIG` of sysexits.h."""


async def refused(lab: Lab, bot: BotProcess, *keys: str) -> str:
    """The program ends with 78 and names each of `keys` on standard error."""
    status = await bot.exit(20)
    if status != STATUS:
        raise ContractBroken(f"exit status {status} instead of {STATUS}; {bot.last_words()}")
    text = "\n".join(bot.lines)
    if unnamed := [key for key in keys if key not in text]:
        raise ContractBroken(f"does not name {', '.join(unnamed)}; it wrote {text[:300]!r}")
    return f"exit {status}, {len(keys)} of {len(keys)} keys named in {len(bot.lines)} lines"


@case("bad-configuration", "empty id, empty secret, bad URL and heartbeat 0: all four keys named, exit 78")
async def bad_configuration(lab: Lab) -> str:
    gateway = await lab.gateway()
    bot = await lab.bot(
        gateway.port,
        WECOM_BOT_ID="",
        WECOM_BOT_SECRET="",
        WECOM_WS_URL="http//nowhere",
        WECOM_HEARTBEAT_SECONDS="0",
    )
    figure = await refused(
        lab, bot, "WECOM_BOT_ID", "WECOM_BOT_SECRET", "WECOM_WS_URL", "WECOM_HEARTBEAT_SECONDS"
    )  # fmt: skip
    if gateway.sessions:
        raise ContractBroken("it connected before it had read its configuration")
    return figure


@case("unknown-key", "a misspelt WECOM_ variable is named, exit 78")
async def unknown_key(lab: Lab) -> str:
    gateway = await lab.gateway()
    return await refused(lab, await lab.bot(gateway.port, WECOM_HEARTBEET_SECONDS="5"), "WECOM_HEARTBEET_SECONDS")


@case("bad-heartbeat", "a heartbeat that is not a number is named, exit 78")
async def bad_heartbeat(lab: Lab) -> str:
    gateway = await lab.gateway()
    return await refused(lab, await lab.bot(gateway.port, WECOM_HEARTBEAT_SECONDS="soon"), "WECOM_HEARTBEAT_SECONDS")


@case("missing-ca-file", "a CA file that is not there is named, exit 78")
async def missing_ca_file(lab: Lab) -> str:
    gateway = await lab.gateway()
    return await refused(lab, await lab.bot(gateway.port, WECOM_CA_FILE="/nonexistent/ca.pem"), "WECOM_CA_FILE")
