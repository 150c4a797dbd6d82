"""The cases, by subject. Importing this package registers them all."""

from . import acks, answers, configuration, events, files, hostile, links, load, media, shutdown, subscribing, trust

__all__ = [
    "acks", "answers", "configuration", "events", "files", "hostile", "links", "load", "media", "shutdown", "subscribing", "trust",
]  # fmt: skip
