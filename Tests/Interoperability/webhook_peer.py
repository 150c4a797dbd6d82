#!/usr/bin/env python3
"""The far side of a callback address, on `wechatpy`: makes deliveries and opens answers.

One JSON object on standard input: `token`, `key` (the EncodingAESKey), and either `seal`, a list of texts, or `open`, a list of
envelopes as this package answers with. On standard output a list: for each text a delivery (`encrypt`, `signature`, `timestamp`,
`nonce`), for each envelope its text. A signature or receive id that is wrong ends it with an error.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import xmltodict
from wechatpy.enterprise.crypto import WeChatCrypto


def seal(crypto: WeChatCrypto, text: str, number: int) -> dict[str, str]:
    """A delivery; the library makes XML, as other callbacks of the platform have it."""
    sealed = xmltodict.parse(crypto.encrypt_message(text, f"nonce{number}", str(1_767_225_600 + number)))["xml"]
    return {
        "encrypt": sealed["Encrypt"],
        "signature": sealed["MsgSignature"],
        "timestamp": sealed["TimeStamp"],
        "nonce": sealed["Nonce"],
    }


def open_envelope(crypto: WeChatCrypto, envelope: dict[str, Any]) -> str:
    """The text of an answer, after its signature and receive id were checked."""
    sealed = {"Encrypt": envelope["encrypt"]}
    return crypto.decrypt_message(sealed, envelope["msgsignature"], str(envelope["timestamp"]), envelope["nonce"])


def main() -> None:
    """Reads the task and does it."""
    task = json.load(sys.stdin)
    crypto = WeChatCrypto(task["token"], task["key"], "")  # the AI bots of an enterprise have no receive id
    if "seal" in task:
        result: list[Any] = [seal(crypto, text, number) for number, text in enumerate(task["seal"])]
    else:
        result = [open_envelope(crypto, envelope) for envelope in task["open"]]
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
