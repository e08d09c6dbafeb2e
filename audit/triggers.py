"""Database triggers that make the trail append-only, put in place after every migrate."""

from typing import Any

from django.db import connection

TABLE = "audit_auditevent"
_REFUSAL = "the trail is append-only"

# SQLite drops a table's triggers when Django remakes it, so they cannot be part of a migration. The insert
# trigger also stops INSERT OR REPLACE, which would otherwise go round the delete trigger.
_SQLITE = {
    "audit_no_update": f"BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    "audit_no_delete": f"BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    "audit_append": (
        f"BEFORE INSERT ON {TABLE} WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id) "  # noqa: S608
        f"OR NEW.sequence <> 1 + COALESCE("
        f"(SELECT MAX(sequence) FROM {TABLE} WHERE tenant_id IS NEW.tenant_id), 0) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}, one event after the other'); END"
    ),
}
_POSTGRESQL_REFUSE = f"""
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$
"""
# IS NOT DISTINCT FROM would not use the index, hence the two questions.
_POSTGRESQL_APPEND = f"""
CREATE OR REPLACE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last bigint;
BEGIN
  IF NEW.tenant_id IS NULL THEN
    SELECT MAX(sequence) INTO last FROM {TABLE} WHERE tenant_id IS NULL;
  ELSE
    SELECT MAX(sequence) INTO last FROM {TABLE} WHERE tenant_id = NEW.tenant_id;
  END IF;
  IF NEW.sequence <> COALESCE(last, 0) + 1 THEN
    RAISE EXCEPTION '{_REFUSAL}, one event after the other';
  END IF;
  RETURN NEW;
END $$
"""  # noqa: S608
_POSTGRESQL = {
    "audit_no_update": f"BEFORE UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "audit_no_delete": f"BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "audit_no_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    "audit_append": f"BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION audit_append()",
}


def _wanted() -> dict[str, str]:
    return _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE


def _table_exists() -> bool:
    return TABLE in connection.introspection.table_names()


def install(**signal: Any) -> None:
    """Put the triggers in place anew; receives post_migrate, also where the table is not there yet."""
    if not _table_exists():
        return
    on_table = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL_REFUSE)
            cursor.execute(_POSTGRESQL_APPEND)
        for name, body in _wanted().items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")
            cursor.execute(f"CREATE TRIGGER {name} {body}")


def missing() -> list[str]:
    """What is wrong with the triggers, in words; empty when all stand, switched on and unchanged."""
    if not _table_exists():
        return []
    standing = _standing_postgresql() if connection.vendor == "postgresql" else _standing_sqlite()
    wrong = []
    for name, body in _wanted().items():
        if name not in standing:
            wrong.append(f"the trigger {name} is missing")
        elif standing[name] != _plain(f"CREATE TRIGGER {name} {body}"):
            wrong.append(f"the trigger {name} was changed or switched off")
    return wrong


def _plain(sql: str) -> str:
    return " ".join(sql.split()).lower()


def _standing_sqlite() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE]
        )
        return {name: _plain(sql) for name, sql in cursor.fetchall()}


def _standing_postgresql() -> dict[str, str]:
    """The triggers as we wrote them, where they are enabled and our functions' bodies are unchanged."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, t.tgenabled, p.proname, p.prosrc FROM pg_trigger t "
            "JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = %s::regclass AND NOT t.tgisinternal",
            [TABLE],
        )
        rows = cursor.fetchall()
    bodies = {"audit_refuse": _POSTGRESQL_REFUSE, "audit_append": _POSTGRESQL_APPEND}
    standing = {}
    for name, enabled, function, source in rows:
        intact = enabled in ("O", "A") and source in bodies.get(function, "")
        wanted = _POSTGRESQL.get(name, "")
        intact = intact and f"EXECUTE FUNCTION {function}()" in wanted
        standing[name] = _plain(f"CREATE TRIGGER {name} {wanted}") if intact else "changed"
    return standing
