"""Events are written with what they tell of, or at once; and never by any other way."""

import pytest
from django.db import transaction

from audit import actions, trail
from audit.models import AppendOnlyError, AuditEvent, RetentionPolicy
from zalion.tenancy import context, roles
from zalion.tenancy.context import NoTenantError
from zalion.tenancy.models import ApiToken, User
from zalion.tenancy.unit import unit

from .conftest import ADA

pytestmark = pytest.mark.django_db


def codes() -> list[str]:
    return [event.action for event in AuditEvent.objects.order_by("sequence")]


def test_an_event_tells_who_did_what_to_what_and_when(at_acme):
    trail.record(
        actions.SCOPE_REFUSED,
        object=("mailbox", "m-1"),
        facts={"folder": "INBOX"},
        outcome="refused",
        reason="not_granted",
        scope="modify denied",
    )
    event = AuditEvent.objects.get()
    assert (event.sequence, event.tenant_id, event.cid) == (1, at_acme.pk, "story-1")
    assert (event.actor_kind, event.actor_id, event.actor_name) == ("user", ADA.id, "ada")
    assert (event.signed_in_by, event.source_address) == ("link", "192.0.2.7")
    assert (event.object_kind, event.object_id) == ("mailbox", "m-1")
    assert (event.outcome, event.reason, event.scope) == ("refused", "not_granted", "modify denied")
    assert event.facts == {"folder": "INBOX"}
    assert event.sentence.endswith("It was refused.")


def test_facts_names_and_addresses_are_sealed_in_the_table(at_acme):
    from django.db import connection

    trail.record(actions.MESSAGE_VIEWED, facts={"subject": "Grüße aus Kassel"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM audit_auditevent")
        row = repr([bytes(v) if isinstance(v, memoryview) else v for v in cursor.fetchone()])
    assert "Kassel" not in row
    assert "192.0.2.7" not in row
    assert "'ada'" not in row


def test_an_action_without_a_sentence_is_refused(at_acme):
    with pytest.raises(ValueError, match="no action"):
        trail.record("coffee.made")


def test_every_action_has_a_sentence():
    names = {v for k, v in vars(actions).items() if k.isupper() and isinstance(v, str)}
    assert names == set(actions.SENTENCES)


def test_without_a_context_nothing_is_recorded(db):
    with pytest.raises(NoTenantError):
        trail.record(actions.MESSAGE_VIEWED)


def test_the_events_of_a_unit_come_last_and_together(at_acme, django_assert_num_queries):
    with unit():
        trail.record(actions.MESSAGES_STORED)
        trail.record(actions.MESSAGE_PARSED)
        assert codes() == []
    assert codes() == [actions.MESSAGES_STORED, actions.MESSAGE_PARSED]


def test_a_unit_that_is_undone_leaves_no_event(at_acme):
    def flow() -> None:
        with unit():
            trail.record(actions.DOCUMENT_APPROVED)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        flow()
    assert codes() == []


def test_a_refusal_is_kept_even_when_its_unit_is_undone(at_acme):
    def flow() -> None:
        with unit():
            trail.record(actions.DOCUMENT_APPROVED)
            trail.record(actions.ACCESS_REFUSED, outcome="refused")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        flow()
    assert codes() == [actions.ACCESS_REFUSED]


def test_a_foreign_transaction_is_refused(at_acme):
    with transaction.atomic(), pytest.raises(trail.ForeignTransactionError):
        trail.record(actions.MESSAGE_VIEWED)
    assert codes() == []


def test_the_events_of_two_chains_in_one_unit_are_numbered_each_on_its_own(acme, borealis):
    with context.system("test"), unit():
        trail.record(actions.TASK_REFUSED)
        for tenant in (borealis, acme):
            with context.work(tenant.pk, ADA):
                trail.record(actions.MAILBOX_PAUSED)
    for tenant in (acme, borealis):
        with context.work(tenant.pk, ADA):
            assert [(e.sequence, e.action) for e in AuditEvent.objects.all()] == [(1, actions.MAILBOX_PAUSED)]


def test_a_tenant_sees_its_own_events_and_the_system_its_own(acme, borealis):
    with context.work(acme.pk, ADA):
        trail.record(actions.MAILBOX_PAUSED)
    with context.work(borealis.pk, ADA):
        assert codes() == []
    with context.system("test"):
        assert set(codes()) == {actions.CONFIGURATION_CREATED}  # the two tenants
    with pytest.raises(NoTenantError):
        AuditEvent.objects.count()


def test_events_cannot_be_written_changed_or_deleted_by_hand(at_acme):
    trail.record(actions.MAILBOX_PAUSED)
    event = AuditEvent.objects.get()
    for attempt in (
        event.save,
        event.delete,
        AuditEvent.objects.all().delete,
        AuditEvent.objects.create,
        lambda: AuditEvent.objects.update(reason="x"),
        lambda: AuditEvent.objects.bulk_create([event]),
        lambda: AuditEvent.objects.bulk_update([event], ["reason"]),
    ):
        with pytest.raises(AppendOnlyError):
            attempt()


def test_a_changed_setting_is_recorded_with_its_difference(at_acme):
    policy = RetentionPolicy(name="Orders")
    policy.save()
    policy.raw_mail_days = 30
    with unit():
        policy.save()
        policy.delete()
    created, changed, deleted = AuditEvent.objects.order_by("sequence")
    assert created.action == actions.CONFIGURATION_CREATED
    assert created.facts["changes"]["name"] == ["None", "Orders"]
    assert changed.facts == {"changes": {"raw_mail_days": ["365", "30"]}}
    assert (changed.object_kind, changed.object_id) == ("retentionpolicy", created.object_id)
    assert deleted.action == actions.CONFIGURATION_DELETED


def test_bulk_writes_of_settings_are_recorded_with_their_ids(at_acme):
    rows = RetentionPolicy.objects.bulk_create([RetentionPolicy(name=n) for n in ("one", "two")])
    RetentionPolicy.objects.filter(name="two").update(document_days=7)
    created, changed = AuditEvent.objects.order_by("sequence")
    assert created.facts == {"ids": [str(r.pk) for r in rows], "count": 2, "fields": []}
    assert changed.facts == {"ids": [str(rows[1].pk)], "count": 1, "fields": ["document_days"]}
    assert changed.object_id == str(rows[1].pk)


def test_a_long_list_of_ids_is_cut_and_counted(at_acme):
    RetentionPolicy.objects.bulk_create([RetentionPolicy(name=f"p{n}") for n in range(trail.MOST_IDS + 1)])
    facts = AuditEvent.objects.get().facts
    assert (len(facts["ids"]), facts["count"]) == (trail.MOST_IDS, trail.MOST_IDS + 1)


def test_secrets_are_named_when_they_change_and_never_shown(at_acme):
    from django.utils import timezone

    user = User.objects.create_user("ada", name="Ada")
    token = ApiToken(
        name="erp", prefix="abc", digest="5ecre7" * 10, created_by=user, expires_at=timezone.now()
    )
    token.save()
    for event in AuditEvent.objects.all():
        assert "5ecre7" not in repr(event.facts)
        assert user.session_nonce not in repr(event.facts)
        assert "memberships" not in event.facts["changes"]
    token.digest = "other"
    token.save()
    assert AuditEvent.objects.latest().facts == {"changes": {"digest": ["(not shown)", "(not shown)"]}}


def test_the_time_of_the_last_sign_in_alone_is_no_event(at_acme):
    from django.utils import timezone

    user = User.objects.create_user("ada", name="Ada")
    before = AuditEvent.objects.count()
    user.last_login = timezone.now()
    user.save(update_fields=["last_login"])
    assert AuditEvent.objects.count() == before


def test_a_refused_door_is_an_event(at_acme):
    from django.core.exceptions import PermissionDenied

    with pytest.raises(PermissionDenied):
        roles.require(None, roles.VIEW_MAIL)
    event = AuditEvent.objects.get()
    assert (event.action, event.outcome, event.facts) == (
        actions.ACCESS_REFUSED,
        "refused",
        {"permission": roles.VIEW_MAIL},
    )
