"""Behind the managers stands PostgreSQL: SQL that forgets the tenant sees one tenant's rows all the same."""

import uuid
from typing import Any

import pytest
from django.db import DataError, ProgrammingError, connection, transaction

from connectors.models import FolderMapping, Mailbox
from tests.cast import Company
from tests.populated import Populated
from zalion.tenancy import context, walls
from zalion.tenancy.unit import unit


@pytest.fixture(autouse=True)
def _on_postgresql(db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no row-level security")


def count(table: str) -> int:
    """What a query without any condition counts, past Django's managers."""
    return int(ask(f"SELECT count(*) FROM {table}")[0][0])


def ask(sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def test_every_tenants_table_has_the_wall_and_it_binds_the_owner() -> None:
    held = ask(
        "SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid "
        "WHERE relrowsecurity AND relforcerowsecurity AND polname = %s AND polcmd = '*' AND polpermissive",
        walls.POLICY,
    )
    assert {name for (name,) in held} == set(walls.tables())
    assert ask("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user") == [(False,)]
    assert walls.the_role_is_held_by_the_wall(None, databases=["default"]) == []


def test_a_query_without_a_condition_sees_the_tenant_at_work_alone(populated: Populated) -> None:
    for table in walls.tables():
        own = []
        for company in populated.both():
            with company.work():
                own.append(count(table))
                assert ask(f"SELECT DISTINCT tenant_id FROM {table}") in ([], [(company.tenant.pk,)])
        with context.system("counting"):
            assert count(table) == sum(own)


def test_a_session_that_says_nothing_sees_nothing(populated: Populated) -> None:
    with connection.connection.cursor() as stranger:  # psycopg's own, as in another program
        stranger.execute("SELECT set_config(%s, '', false)", (walls.SETTING,))
        stranger.execute("SELECT count(*) FROM connectors_message")
        assert stranger.fetchone() == (0,)
    next(w for w in connection.execute_wrappers if isinstance(w, walls.Guard)).forget()


def test_another_tenants_rows_are_neither_written_nor_changed(
    acme: Company, borealis: Company, mailbox: Mailbox
) -> None:
    row = (uuid.uuid4(), mailbox.pk, "upload", "upload", "Upload")
    insert = (
        "INSERT INTO connectors_foldermapping (id, mailbox_id, kind, folder, name, created_at, tenant_id) "
        "VALUES (%s, %s, %s, %s, %s, now(), %s)"
    )
    with borealis.work():
        with pytest.raises(ProgrammingError, match="row-level security"), unit():
            ask(insert, *row, acme.tenant.pk)
        with unit():
            ask("UPDATE connectors_mailbox SET name = 'mine now'")
            ask("DELETE FROM connectors_foldermapping")
    with acme.work():
        assert Mailbox.objects.get().name == "Orders"
        assert FolderMapping.objects.count() == 1


def test_the_wall_follows_the_context_through_undone_transactions(populated: Populated) -> None:
    """What a session is told inside a transaction is forgotten with it."""
    acme, borealis = (company.tenant.pk for company in populated.both())

    def seen() -> set[uuid.UUID]:
        return {tenant for (tenant,) in ask("SELECT DISTINCT tenant_id FROM connectors_mailbox")}

    def undone(failing: str) -> None:
        with transaction.atomic():
            with populated.borealis.work():
                assert seen() == {borealis}
                with transaction.atomic():
                    assert seen() == {borealis}
            ask(failing)
            raise DataError

    for failing in ("SELECT 1", "SELECT 1/0"):
        with populated.acme.work():
            assert seen() == {acme}
            with transaction.atomic():
                with pytest.raises(DataError):
                    undone(failing)
                assert seen() == {acme}
                with populated.borealis.work():
                    assert seen() == {borealis}
            assert seen() == {acme}
        assert seen() == {acme, borealis}


def test_telling_costs_nothing_while_the_work_stays_the_same(populated: Populated) -> None:
    guard = next(w for w in connection.execute_wrappers if isinstance(w, walls.Guard))
    with populated.acme.work():
        count("connectors_mailbox")
        blocks = guard.told_in
        with unit():
            count("connectors_mailbox")
        count("connectors_mailbox")
        assert guard.told_in is blocks, "told once"
