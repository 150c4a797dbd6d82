"""What `echo-bot` says to what is no message."""

from __future__ import annotations

from ..gateway import ContractBroken
from ..lab import Lab
from ..phrases import stream
from ..registry import case

PRESSED = {"card_type": "button_interaction", "event_key": "yes", "task_id": "task_20260101-01@a"}
WINDOW = 5
"""How long an event may be answered, in seconds (official doc 101463)."""


@case("enter-chat", "`enter_chat` is answered with a welcome text within 5 s")
async def enter_chat(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    req_id = await gateway.user_event({"eventtype": "enter_chat"})
    took = await gateway.until(lambda: req_id in gateway.event_answers, WINDOW, "welcome")
    body = gateway.event_answers[req_id]
    text = body.get("text", {}).get("content") if body.get("msgtype") == "text" else None
    if not isinstance(text, str) or not text.strip():
        raise ContractBroken(f"not a welcome text: {body}")
    return f"after {took * 1000:.0f} ms"


@case("card-pressed", "a press on a card, written nested or flat, is answered with an update of that card within 5 s")
async def card_pressed(lab: Lab) -> str:
    gateway = await lab.gateway()
    await lab.bot(gateway.port)
    await gateway.subscribed()
    slowest = 0.0
    for event in (
        {"eventtype": "template_card_event", "template_card_event": PRESSED},
        {"eventtype": "template_card_event"} | PRESSED,
    ):
        # An answer that streams in the same chat does not hold it up.
        answer = await gateway.ask(stream(20, 100, "TAG"))
        await gateway.until(lambda a=answer: bool(a.text), 20, "first text")  # type: ignore[misc]
        req_id = await gateway.user_event(event, user=answer.chat.id)
        took = await gateway.until(lambda r=req_id: r in gateway.event_answers, WINDOW, "update")  # type: ignore[misc]
        slowest = max(slowest, took)
        if answer.finished:
            raise ContractBroken("the update waited for the answer")
        body = gateway.event_answers[req_id]
        card = body.get("template_card", {})
        if body.get("response_type") != "update_template_card" or card.get("task_id") != PRESSED["task_id"]:
            raise ContractBroken(f"not an update of that card: {body}")
        await gateway.until(lambda a=answer: a.finished, 20, "end of the answer")  # type: ignore[misc]
    return f"slowest {slowest * 1000:.0f} ms"
