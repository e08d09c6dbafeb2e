"""The steward of an installation that met real and hostile mail: what its ledger tells of each."""

import hashlib
from typing import Any

from tests.journeys import installation


def rows() -> list[dict[str, Any]]:
    """One dictionary for each mail of the ledger, in the order of their arrival."""
    from connectors import ingest
    from connectors.models import Mailbox, Message
    from zalion.tenancy import context

    mailbox = Mailbox.across_tenants.get()
    with context.work(mailbox.tenant_id, context.SYSTEM):
        found = Message.objects.prefetch_related("attachments").order_by("taken_in_at")
        return [
            {
                "identity": row.identity,
                "digest": hashlib.sha256(ingest.read_raw(row)).hexdigest() if row.raw_blob else "",
                "state": row.state,
                "reason": row.reason,
                "flags": sorted(
                    {*row.flags, *(flag for part in row.attachments.all() for flag in part.flags)}
                ),
                "subject": row.subject,
                "believed": (row.authentication or {}).get("server", ""),
                "copy": row.copy_of_id is not None,
                "parsed": row.parsed_at.timestamp() if row.parsed_at else 0,
            }
            for row in found
        ]


def unread() -> dict[str, int]:
    """How many mails the ledger has, and how many of them still wait for the parser."""
    from connectors.models import Message

    rows = Message.across_tenants
    return {"stored": rows.count(), "waiting": rows.exclude(parse_due_at=None).count()}


def trust(server: str) -> None:
    """Believe what ``server`` says of senders."""
    from connectors.models import Mailbox

    Mailbox.across_tenants.update(trusted_authserv_ids=[server])


if __name__ == "__main__":
    installation.STEPS |= {"rows": rows, "unread": unread, "trust": trust}
    installation.main()
