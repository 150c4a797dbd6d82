"""The list of cases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .lab import Lab

Body = Callable[[Lab], Awaitable[str]]


@dataclass(frozen=True)
class Case:
    """One claim about the bot. `run` returns the measured figure, or raises `ContractBroken`."""

    name: str
    claim: str
    run: Body
    seconds: float
    alone: bool


CASES: list[Case] = []


def case(name: str, claim: str, *, seconds: float = 90, alone: bool = False) -> Callable[[Body], Body]:
    """Registers a case. `seconds` bounds it; `alone` keeps other cases from running beside it."""

    def register(body: Body) -> Body:
        if any(known.name == name for known in CASES):
            raise ValueError(f"two cases are called {name}")
        CASES.append(Case(name, claim, body, seconds, alone))
        return body

    return register
