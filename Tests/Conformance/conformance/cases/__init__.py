"""The cases, by subject. Importing this package registers them all."""

from . import acks, answers, configuration, hostile, links, load, shutdown, subscribing, trust

__all__ = ["acks", "answers", "configuration", "hostile", "links", "load", "shutdown", "subscribing", "trust"]
