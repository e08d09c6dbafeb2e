"""The second wall, on PostgreSQL: row-level security shows each tenant's work that tenant's rows alone."""

from collections.abc import Callable, Sequence
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

from zalion.tenancy import context
from zalion.tenancy.scoping import TenantModel

SETTING = "zalion.tenant"
# What works above the tenants, or before one is known: sign-in, the tick, migrations.
ALL = "*"
POLICY = "one_tenant"
# A session that says nothing, such as somebody's psql, sees no rows at all.
_RULE = f"current_setting('{SETTING}', true) IN ('{ALL}', tenant_id::text)"
# Within a savepoint that is about to be undone, what the session is told would be undone with it.
_CONTROL = ("SAVEPOINT", "RELEASE", "ROLLBACK")


def tables() -> list[str]:
    """The tables of every model whose rows belong to one tenant."""
    return sorted(model._meta.db_table for model in apps.get_models() if issubclass(model, TenantModel))


def install(using: str, **signal: Any) -> None:
    """Put the policy on every tenant table that lacks it; receives post_migrate. It binds the owner as well."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for table in sorted(set(tables()) & set(_open_tables(cursor))):
            name = connection.ops.quote_name(table)
            cursor.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
            cursor.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
            cursor.execute(f"DROP POLICY IF EXISTS {POLICY} ON {name}")
            cursor.execute(f"CREATE POLICY {POLICY} ON {name} USING ({_RULE}) WITH CHECK ({_RULE})")


def _open_tables(cursor: Any) -> list[str]:
    """The tables of this database without the whole of the wall."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace "
        "AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS "
        "(SELECT 1 FROM pg_policy WHERE polrelid = pg_class.oid AND polname = %s))",
        [POLICY],
    )
    return [name for (name,) in cursor.fetchall()]


class Guard:
    """Tells one connection's session, before a statement, whose work it is, where it does not know yet."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.told = ""
        self.told_in: list[Any] = []

    def forget(self) -> None:
        """The session is new, and knows nothing."""
        self.told = ""

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, told: dict[str, Any]
    ) -> Any:
        session = self.connection.connection
        undoing = isinstance(sql, str) and sql.startswith(_CONTROL)
        if not undoing and session.info.transaction_status != TransactionStatus.INERROR:
            self._tell(session)
        return execute(sql, params, many, told)

    def _tell(self, session: Any) -> None:
        here = context.current()
        wanted = str(here.tenant_id) if isinstance(here, context.WorkContext) else ALL
        if wanted == self.told and self._still_holds():
            return
        session.execute("SELECT set_config(%s, %s, false)", (SETTING, wanted))
        self.told, self.told_in = wanted, list(self.connection.atomic_blocks)

    def _still_holds(self) -> bool:
        """Whether no transaction or savepoint that the session was told in has ended: PostgreSQL undoes it."""
        blocks = self.connection.atomic_blocks[: len(self.told_in)]
        return len(blocks) == len(self.told_in) and all(
            a is b for a, b in zip(blocks, self.told_in, strict=True)
        )


def guard(connection: BaseDatabaseWrapper, **signal: Any) -> None:
    """Receives connection_created, also when a connection is opened anew."""
    if connection.vendor != "postgresql":
        return
    for wrapper in connection.execute_wrappers:
        if isinstance(wrapper, Guard):
            wrapper.forget()
            return
    connection.execute_wrappers.insert(0, Guard(connection))


@checks.register(checks.Tags.database)
def the_role_is_held_by_the_wall(
    app_configs: Sequence[Any] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """PostgreSQL lets superusers, and roles with BYPASSRLS, past every policy."""
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        if connections[alias].vendor != "postgresql":
            continue
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            if cursor.fetchone() == (True,):
                found.append(
                    checks.Warning(
                        "The database role passes row-level security, the second wall between tenants.",
                        hint="Use a role without SUPERUSER and BYPASSRLS in DATABASE_URL.",
                        id="tenancy.W001",
                    )
                )
    return found
