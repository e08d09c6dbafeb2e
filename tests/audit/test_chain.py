"""Whoever changes the trail in the database is found out, and the first event that does not fit is named."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from audit import actions, chain, checks, trail, triggers
from audit.chain import ChainBrokenError, digest
from audit.checkpoints import checkpoint
from audit.models import AuditEvent, ChainHead
from audit.verify import Misfit, verify, verify_all
from zalion.tenancy import context
from zalion.vault import keys

from .conftest import ADA, make_tenant, record_views
from .tampering import TABLE, drop_triggers, sql, tampered

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
COLUMNS = ", ".join(f.column for f in AuditEvent._meta.concrete_fields)


def misfit(tenant) -> Misfit:
    found = verify(tenant.pk).misfit
    assert found is not None
    return found


def event(number: int) -> AuditEvent:
    return AuditEvent.objects.get(sequence=number)


def rehash(number: int, *, sequence: int | None = None, previous: str | None = None) -> None:
    """What an attacker who read this code does: makes the row's own hash fit again."""
    row = event(number)
    row.previous_hash = row.previous_hash if previous is None else previous
    sql(
        f"UPDATE {TABLE} SET hash = %s, previous_hash = %s WHERE tenant_id = %s AND sequence = %s",
        digest(row, sequence=sequence), row.previous_hash, row.tenant_id, number,
    )  # fmt: skip


def copy_of(number: int, *, to: int, tenant) -> None:
    """Put a copy of one event at another place."""
    import uuid

    fresh = uuid.uuid4()
    picked = ", ".join({"id": "%s", "sequence": "%s"}.get(column, column) for column in COLUMNS.split(", "))
    sql(
        f"INSERT INTO {TABLE} ({COLUMNS}) SELECT {picked} FROM {TABLE} WHERE tenant_id = %s AND sequence = %s",
        fresh, to, tenant.pk, number,
    )  # fmt: skip


def shift(tenant, first: int, by: int) -> None:
    numbers = sorted(range(first, 11), reverse=by > 0)
    for number in numbers:
        sql(
            f"UPDATE {TABLE} SET sequence = %s WHERE tenant_id = %s AND sequence = %s",
            number + by, tenant.pk, number,
        )  # fmt: skip


def test_an_untouched_chain_fits(ten_events):
    report = verify(ten_events.pk)
    assert report.ok
    assert report.events == 10
    assert report.hash == event(10).hash


def test_every_chain_is_checked(ten_events, borealis):
    reports = {report.chain: report for report in verify_all()}
    assert set(reports) == {str(ten_events.pk), "system"}
    assert all(report.ok for report in reports.values())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("reason", "'x'"), ("actor_id", "'somebody'"), ("object_id", "'m-9'"), ("outcome", "'failed'"),
        ("facts", "NULL"), ("timestamp", "'2020-01-01 00:00:00'"), ("cid", "'other'"), ("action", "'mailbox.polled'"),
    ],
)  # fmt: skip
def test_an_edited_event_is_named(ten_events, column, value):
    tampered(f"UPDATE {TABLE} SET {column} = {value} WHERE tenant_id = %s AND sequence = 4", ten_events.pk)
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (4, "edited")


def test_an_event_edited_and_hashed_again_is_named(ten_events):
    drop_triggers()
    sql(f"UPDATE {TABLE} SET reason = 'x' WHERE tenant_id = %s AND sequence = 4", ten_events.pk)
    rehash(4)
    triggers.install()
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (4, "edited")


def test_the_last_event_edited_and_hashed_again_is_named(ten_events):
    drop_triggers()
    sql(f"UPDATE {TABLE} SET reason = 'x' WHERE tenant_id = %s AND sequence = 10", ten_events.pk)
    rehash(10)
    triggers.install()
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (10, "edited")


@pytest.mark.parametrize("number", [1, 5])
def test_a_deleted_event_is_named(ten_events, number):
    tampered(f"DELETE FROM {TABLE} WHERE tenant_id = %s AND sequence = %s", ten_events.pk, number)
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (number, "deleted")


@pytest.mark.parametrize("number", [1, 5])
def test_a_deleted_event_is_named_when_the_others_moved_up(ten_events, number):
    drop_triggers()
    sql(f"DELETE FROM {TABLE} WHERE tenant_id = %s AND sequence = %s", ten_events.pk, number)
    shift(ten_events, number + 1, -1)
    triggers.install()
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (number, "deleted")


def test_an_inserted_event_is_named(ten_events):
    drop_triggers()
    shift(ten_events, 5, 1)
    copy_of(2, to=5, tenant=ten_events)
    triggers.install()
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (5, "inserted")


def test_an_inserted_event_with_a_fitting_hash_is_named(ten_events):
    drop_triggers()
    shift(ten_events, 5, 1)
    copy_of(2, to=5, tenant=ten_events)
    rehash(5, previous=event(4).hash)
    triggers.install()
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (5, "inserted")


def test_an_event_put_behind_the_end_is_named(ten_events):
    copy_of(2, to=11, tenant=ten_events)  # the triggers let it pass: it is the next number
    rehash_triggerless(11)
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (11, "inserted")


def rehash_triggerless(number: int) -> None:
    drop_triggers()
    rehash(number, previous=event(number - 1).hash)
    triggers.install()


def test_an_event_with_a_number_below_one_is_found(ten_events):
    drop_triggers()
    copy_of(2, to=-1, tenant=ten_events)
    triggers.install()
    assert misfit(ten_events).how == "inserted"


def test_reordered_events_are_named(ten_events):
    drop_triggers()
    for old, new in ((3, 99), (4, 3), (99, 4)):
        sql(
            f"UPDATE {TABLE} SET sequence = %s WHERE tenant_id = %s AND sequence = %s",
            new,
            ten_events.pk,
            old,
        )
    triggers.install()
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (3, "reordered")


def test_an_event_moved_to_the_end_is_named(ten_events):
    tampered(f"UPDATE {TABLE} SET sequence = 11 WHERE tenant_id = %s AND sequence = 3", ten_events.pk)
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (3, "reordered")


def test_an_event_moved_to_another_chain_is_missed_in_its_own(ten_events, borealis):
    tampered(
        f"UPDATE {TABLE} SET tenant_id = %s WHERE tenant_id = %s AND sequence = 10",
        borealis.pk,
        ten_events.pk,
    )
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (10, "cut off")
    assert (misfit(borealis).sequence, misfit(borealis).how) == (1, "deleted")


def test_a_cut_off_end_is_named(ten_events):
    tampered(f"DELETE FROM {TABLE} WHERE tenant_id = %s AND sequence > 7", ten_events.pk)
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (8, "cut off")


def test_a_cut_off_end_with_a_made_up_head_is_named(ten_events):
    tampered(f"DELETE FROM {TABLE} WHERE tenant_id = %s AND sequence > 7", ten_events.pk)
    ChainHead.objects.filter(chain=str(ten_events.pk)).update(sequence=7, count=7, hash=event(7).hash)
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (7, "head")


def test_nothing_is_appended_behind_a_made_up_head(ten_events):
    ChainHead.objects.filter(chain=str(ten_events.pk)).update(hash="0" * 64)
    with pytest.raises(ChainBrokenError):
        trail.record(actions.MESSAGE_VIEWED)


def test_a_head_taken_from_another_chain_is_not_ours(ten_events):
    head = ChainHead.objects.get(chain=str(ten_events.pk))
    assert chain.head_is_ours(head)
    head.chain = "system"
    assert not chain.head_is_ours(head)


def test_a_missing_head_is_named(ten_events):
    ChainHead.objects.filter(chain=str(ten_events.pk)).delete()
    assert misfit(ten_events).how == "head"


def test_a_chain_set_back_with_its_own_old_head_is_found_by_its_checkpoint(ten_events):
    old = ChainHead.objects.get(chain=str(ten_events.pk))
    record_views(5)
    checkpoint(NOW)
    tampered(f"DELETE FROM {TABLE} WHERE tenant_id = %s AND sequence > 10", ten_events.pk)
    old.save()
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (11, "cut off")
    with pytest.raises(ChainBrokenError):
        checkpoint(NOW)


def test_a_whole_chain_written_anew_is_found_by_its_checkpoint(ten_events):
    """Even by somebody who holds the key of the heads."""
    checkpoint(NOW)
    tampered(f"DELETE FROM {TABLE} WHERE tenant_id = %s", ten_events.pk)
    ChainHead.objects.filter(chain=str(ten_events.pk)).delete()
    record_views(12)
    assert (misfit(ten_events).sequence, misfit(ten_events).how) == (10, "checkpoint")


def test_a_chain_that_vanished_is_found_by_its_checkpoint(ten_events):
    checkpoint(NOW)
    tampered(f"DELETE FROM {TABLE} WHERE tenant_id = %s", ten_events.pk)
    ChainHead.objects.filter(chain=str(ten_events.pk)).delete()
    report = {r.chain: r for r in verify_all()}[str(ten_events.pk)]
    assert (report.misfit.sequence, report.misfit.how) == (1, "cut off")


def test_a_chain_stays_verifiable_after_its_keys_are_destroyed(ten_events):
    keys.shred(ten_events.pk)
    assert verify(ten_events.pk).ok


@pytest.mark.parametrize("name", ["audit_no_update", "audit_no_delete", "audit_append"])
def test_a_dropped_trigger_is_reported_and_put_back_by_migrate(ten_events, name):
    on_table = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    sql(f"DROP TRIGGER {name}{on_table}")
    report = verify(ten_events.pk)
    assert not report.ok
    assert report.triggers == (f"the trigger {name} is missing",)
    assert [m.id for m in checks.triggers_stand(None, databases=["default"])] == ["audit.W001"]
    call_command("migrate", verbosity=0)
    assert verify(ten_events.pk).ok
    assert checks.triggers_stand(None, databases=["default"]) == []


def test_a_weakened_trigger_is_reported(ten_events):
    if connection.vendor == "postgresql":
        sql(f"ALTER TABLE {TABLE} DISABLE TRIGGER audit_no_update")
    else:
        sql("DROP TRIGGER audit_no_update")
        sql(f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE} WHEN 0 BEGIN SELECT 1; END")
    assert verify(ten_events.pk).triggers == ("the trigger audit_no_update was changed or switched off",)


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {TABLE} SET reason = 'x'",
        f"DELETE FROM {TABLE}",
        f"DELETE FROM {TABLE} WHERE sequence = 10",
        f"INSERT INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM {TABLE} WHERE sequence = 3",
    ],
)
def test_the_database_refuses_to_change_the_trail(ten_events, statement):
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(statement)
    assert verify(ten_events.pk).ok


def test_replacing_an_event_is_refused_too(ten_events):
    if connection.vendor != "sqlite":
        pytest.skip("INSERT OR REPLACE is SQLite's")
    statement = (
        f"INSERT OR REPLACE INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM {TABLE} WHERE sequence = 10"
    )
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(statement)


def test_truncating_the_trail_is_refused(ten_events):
    if connection.vendor != "postgresql":
        pytest.skip("TRUNCATE is PostgreSQL's")
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(f"TRUNCATE {TABLE}")


def test_auditlogs_own_table_is_not_made(db):
    names = connection.introspection.table_names()
    assert TABLE in names
    assert "auditlog_logentry" not in names


def test_a_checkpoint_is_written_when_a_chain_moved_and_every_hour(ten_events, checkpoint_file):
    assert checkpoint(NOW) == 2  # acme's and the system's
    assert checkpoint(NOW + timedelta(minutes=1)) == 0
    record_views(1)
    assert checkpoint(NOW + timedelta(minutes=2)) == 1
    assert checkpoint(NOW + timedelta(minutes=62)) == 2
    assert len(checkpoint_file.read_text().splitlines()) == 5
    assert checkpoint_file.stat().st_mode & 0o077 == 0
    report = verify(ten_events.pk)
    assert report.ok
    assert report.checkpoint.sequence == 11


def test_a_changed_checkpoint_is_found(ten_events, checkpoint_file):
    checkpoint(NOW)
    lines = checkpoint_file.read_text()
    checkpoint_file.write_text(lines.replace('"sequence":10', '"sequence":9'))
    assert misfit(ten_events).how == "checkpoint"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", [1, 2])
def test_tests_that_commit_leave_an_empty_trail_with_its_triggers(run):
    tenant = make_tenant("acme")
    with context.work(tenant.pk, ADA):
        assert AuditEvent.objects.count() == 0
        record_views(3)
    assert verify(tenant.pk).ok


@pytest.mark.django_db(transaction=True)
def test_an_event_inside_somebody_elses_transaction_is_refused_and_leaves_nothing():
    tenant = make_tenant("acme")
    with context.work(tenant.pk, ADA):
        with transaction.atomic(), pytest.raises(trail.ForeignTransactionError):
            record_views(1)
        assert AuditEvent.objects.count() == 0
