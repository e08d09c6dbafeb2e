"""What somebody with the database in his hands does to the trail: takes the triggers away, changes rows."""

import uuid
from typing import Any

from django.db import connection

from audit import triggers

TABLE = triggers.TABLE


def drop_triggers() -> None:
    on_table = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for name in ("audit_no_update", "audit_no_delete", "audit_no_truncate", "audit_append"):
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")


def sql(statement: str, *values: Any) -> None:
    """Run one statement behind the application's back, with a tenant's key as the database keeps it."""
    plain = [
        value.hex if isinstance(value, uuid.UUID) and connection.vendor == "sqlite" else value
        for value in values
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, plain)


def tampered(statement: str, *values: Any) -> None:
    """Run ``statement`` with the triggers taken away and put back, as a careful attacker would."""
    drop_triggers()
    sql(statement, *values)
    triggers.install()
