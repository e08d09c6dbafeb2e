"""What a fixture makes in database and data folder: made once in a process, laid down again for later tests."""

import copy
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import cache as counters
from django.db import connection

from audit.models import ChainHead
from zalion.tenancy import context
from zalion.tenancy.models import Tenant
from zalion.vault import keys
from zalion.vault.models import SystemKey

Value = TypeVar("Value")
Ground = tuple[Any, ...]
Rows = dict[str, dict[Any, tuple[Any, ...]]]  # by table and primary key
Files = dict[Path, tuple[int, int]]


@dataclass(frozen=True)
class Made:
    """What was added to one ground, and the ground that it made."""

    rows: Rows
    files: dict[Path, bytes]
    value: Any
    ground: Ground


_kept: dict[tuple[str, Ground], Made] = {}
_PLACES = ("DATA_DIR", "SECRETS_DIR", "STORAGES", "MASTER_KEYS", "BROKER")
_as_started = copy.deepcopy([getattr(settings, name) for name in _PLACES])


def kept(name: str, make: Callable[[], Value]) -> Value:
    """What ``make`` returns: by calling it, or a copy of what it returned on this very ground before.

    The ground is told by the heads of the trail's chains, for whatever is set up is on record there. A test that
    commits, or keeps its files elsewhere, or stands on ground that was not made here, has it made anew. ``make``
    may add rows and files and change them; it takes none away.
    """
    if not connection.in_atomic_block or [getattr(settings, place) for place in _PLACES] != _as_started:
        return make()
    # Another test may have left something under the same names: opened keys that were taken back, and counts.
    keys.forget_opened_keys()
    counters.clear()
    with context.system("tests"):
        ground = _ground()
        if (made := _kept.get((name, ground))) is not None:
            _lay_down(made)
            return copy.deepcopy(made.value)
        if len(ground) > 1 and ground not in {made.ground for made in _kept.values()}:
            return make()
        rows, files = _rows(), _files()
    value = make()
    with context.system("tests"):
        found = _rows()
        assert all(held.keys() <= found[table].keys() for table, held in rows.items()), "make took rows away"
        changed = {
            table: {key: row for key, row in held.items() if rows[table].get(key) != row}
            for table, held in found.items()
        }
        new = {path: path.read_bytes() for path, stamp in _files().items() if files.get(path) != stamp}
        _kept[name, ground] = Made(
            {table: held for table, held in changed.items() if held}, new, copy.deepcopy(value), _ground()
        )
    return value


def _ground() -> Ground:
    """The system's key, which a flush replaces, and the heads of all chains."""
    system = [bytes(key) for key in SystemKey.objects.order_by("version").values_list("wrapped", flat=True)]
    return (tuple(system), *ChainHead.objects.order_by("chain").values_list("chain", "hash"))


@cache
def _tables() -> dict[str, tuple[str, list[str]]]:
    """The primary key and the columns of every table."""
    asked = connection.introspection
    with connection.cursor() as cursor:
        return {
            table: (
                str(asked.get_primary_key_column(cursor, table)),
                [column.name for column in asked.get_table_description(cursor, table)],
            )
            for table in asked.django_table_names(only_existing=True)
        }


def _rows() -> Rows:
    found: Rows = {}
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for table, (key, columns) in _tables().items():
            order = "ORDER BY sequence" if "sequence" in columns else ""  # the trail takes no other
            cursor.execute(f"SELECT {', '.join(map(quote, columns))} FROM {quote(table)} {order}")
            place = columns.index(key)
            rows = (tuple(map(_plain, row)) for row in cursor.fetchall())
            found[table] = {row[place]: row for row in rows}
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _files() -> Files:
    stats = ((path, path.stat()) for path in settings.DATA_DIR.rglob("*") if path.is_file())
    return {path: (stat.st_mtime_ns, stat.st_ino) for path, stat in stats}


def _lay_down(made: Made) -> None:
    for tenant in made.rows.get(Tenant._meta.db_table, ()):
        shutil.rmtree(settings.DATA_DIR / "blobs" / uuid.UUID(str(tenant)).hex, ignore_errors=True)
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for table, rows in made.rows.items():
            key, columns = _tables()[table]
            names = ", ".join(map(quote, columns))
            places = f"({', '.join(['%s'] * len(columns))})"
            changes = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in columns)
            cursor.execute(
                f"INSERT INTO {quote(table)} ({names}) VALUES {', '.join([places] * len(rows))} "
                f"ON CONFLICT ({quote(key)}) DO UPDATE SET {changes}",
                [value for row in rows.values() for value in row],
            )
    for path, content in made.files.items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
