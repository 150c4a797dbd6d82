"""A private certificate authority that lives as long as one run."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme


class Authority:
    """Issues the gateway's certificates; `file` is what a bot gets as `WECOM_CA_FILE`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._authority = trustme.CA(organization_name=f"Conformance {name}")
        self.file = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def server(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """A server context for `names` (`localhost` and 127.0.0.1 when none is given)."""
        yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        leaf = self._authority.issue_cert(
            *(names or ("localhost", "127.0.0.1")),
            not_before=yesterday - datetime.timedelta(days=1) if expired else None,
            not_after=yesterday if expired else None,
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        leaf.configure_cert(context)
        return context
