"""`python -m conformance`: runs the cases against a bot program and says what held."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import cases
from .gateway import ContractBroken
from .lab import Lab
from .registry import CASES, Case

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Outcome:
    """How one case ended."""

    case: Case
    passed: bool
    figure: str
    seconds: float

    def __str__(self) -> str:
        verdict = "PASS" if self.passed else "FAIL"
        return f"{verdict}  {self.case.name:<32} {self.figure}  [{self.seconds:.1f} s]"


def explain(reason: str, lab: Lab) -> str:
    """The reason, with the first broken rule if that is not the reason already: it is often the cause."""
    rules = [rule for rule in lab.broken_rules() if rule not in reason]
    return f"{reason}; also: {rules[0]}" if rules else reason


async def run(case: Case, program: Path, logs: Path | None) -> Outcome:
    """Runs one case in a lab of its own, and leaves no process behind."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        lab = Lab(program, Path(folder))
        try:
            async with asyncio.timeout(case.seconds):
                figure = await case.run(lab)
                await lab.conclude()
            passed = True
        except ContractBroken as broken:
            passed, figure = False, explain(str(broken), lab)
        except TimeoutError:
            passed, figure = False, explain(f"not over within {case.seconds:g} s", lab)
        except Exception as error:  # noqa: BLE001 -- a defect here must not hide the other cases
            passed, figure = False, f"{type(error).__name__}: {error}"
        finally:
            await lab.clean_up()
            if logs is not None:
                text = "\n".join(line for bot in lab.bots for line in bot.lines)
                (logs / f"{case.name}.log").write_text(text + "\n")
    return Outcome(case, passed, " ".join(figure.split()), time.monotonic() - begin)


async def run_all(chosen: list[Case], program: Path, jobs: int, logs: Path | None) -> list[Outcome]:
    """Cases that mostly wait run `jobs` at a time; then the heavy ones, one by one. SIGTERM ends the run cleanly."""
    if (whole := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)
    slots = asyncio.Semaphore(jobs)

    async def one(case: Case) -> Outcome:
        async with slots:
            outcome = await run(case, program, logs)
            print(outcome, flush=True)
            return outcome

    outcomes = list(await asyncio.gather(*(one(case) for case in chosen if not case.alone)))
    return outcomes + [await one(case) for case in chosen if case.alone]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("--bot", type=Path, default=REPOSITORY / ".build/release/echo-bot", help="the program to test")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these cases only")
    parser.add_argument("--list", action="store_true", help="list the cases and stop")
    parser.add_argument("--jobs", type=int, default=4, help="cases at once (default 4)")
    parser.add_argument("--logs", type=Path, help="a folder for what the bots write to standard error")
    return parser.parse_args()


def select(names: Iterable[str] | None) -> list[Case]:
    """The cases called `names`, or all."""
    if names is None:
        return CASES
    known = {case.name: case for case in CASES}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no such case: {', '.join(unknown)}")
    return [known[name] for name in names]


def main() -> int:
    """Runs what the command line asks for; 0 if everything held."""
    options = arguments()
    chosen = select(options.only)
    if options.list:
        for case in chosen:
            print(f"{case.name:<32} {case.claim}")
        return 0
    program = options.bot.resolve()
    if not program.is_file():
        sys.exit(f"no bot program at {program}; build it (swift build -c release) or give --bot PATH")
    if options.logs is not None:
        options.logs.mkdir(parents=True, exist_ok=True)
    for name in ("websockets", "asyncio"):  # resets and refused handshakes are wanted here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        outcomes = asyncio.run(run_all(chosen, program, max(1, options.jobs), options.logs))
    except (asyncio.CancelledError, KeyboardInterrupt):
        sys.exit("interrupted; every bot was ended")
    failed = sum(not outcome.passed for outcome in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    assert cases
    sys.exit(main())
