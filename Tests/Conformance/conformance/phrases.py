"""What the bot is asked and what it has to answer."""

from __future__ import annotations

from .gateway import ContractBroken

UNICODE = " ".join(  # noqa: FLY002 -- one kind per line
    [
        "中文测试：你好，世界！𠮷野家",
        "👩\u200d👩\u200d👧\u200d👦 🇨🇳🇫🇷 👍🏽 𝄞",
        "e\u0301a\u0308\u0323 café ﷽",
        "\u200f\u05e2\u05d1\u05e8\u05d9\u05ea",
        'tab\t "quoted" \\ back / </script>',
    ]
)
"""Chinese, joined emoji, flags, planes beyond the first, combining marks, right-to-left, what JSON has to escape."""


def stream(count: int, gap: int, tag: str) -> str:
    """The request for `count` chunks, one every `gap` milliseconds."""
    return f"!stream {count} {gap} {tag}"


def chunks(count: int, tag: str, first: int = 0) -> str:
    """The text of `count` chunks, numbered from `first`."""
    return "".join(f"{tag}:{number:05d};" for number in range(first, first + count))


def numbered_from(shown: str, tag: str) -> int:
    """Whether a bot counts its chunks from 0 or from 1; the contract leaves that open."""
    for first in (0, 1):
        if shown.startswith(f"{tag}:{first:05d};"):
            return first
    raise ContractBroken(f"the first chunk is neither {tag}:00000; nor {tag}:00001; but {shown[:24]!r}")


def echo(text: str) -> str:
    """The answer to a plain text."""
    return f"echo: {text}"
