"""Two people sign what they saw, and nobody alone goes live with anything else, by no detour and in no race."""

from dataclasses import asdict
from typing import Any

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from connectors import gateway, onboarding
from connectors.adapters import FolderInfo
from connectors.models import Approval, Credential, Mailbox, MailboxState
from connectors.onboarding import OnboardingError
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from tests.zalion.tenancy.test_signin import sign_in


def settings_of(mailbox: Mailbox, **changed: Any) -> dict[str, Any]:
    kept = {
        "name": mailbox.name,
        "address": mailbox.address,
        "options": mailbox.options,
        "reference": Credential.objects.get(mailbox=mailbox).reference,
        "polling_minutes": mailbox.polling_minutes,
        "retention": mailbox.retention,
    }
    return kept | changed


def signed(acme: Company, mailbox: Mailbox) -> None:
    onboarding.request_sign_off(mailbox)
    onboarding.approve(mailbox, user=acme.ada, kind="it")
    onboarding.approve(mailbox, user=acme.cleo, kind="compliance")


def state(mailbox: Mailbox) -> str:
    return Mailbox.objects.get(pk=mailbox.pk).state


def test_what_was_signed_once_does_not_come_back_without_new_signatures(
    acme: Company, mailbox: Mailbox
) -> None:
    wide, narrow = [("INBOX", "read"), ("INBOX", "modify")], [("INBOX", "read")]
    with acme.work(acme.ada):
        onboarding.grant_scopes(mailbox, grants=wide)
        signed(acme, mailbox)
        onboarding.grant_scopes(mailbox, grants=narrow)
        signed(acme, mailbox)
        assert state(mailbox) == MailboxState.ACTIVE
        onboarding.grant_scopes(mailbox, grants=wide)
        assert state(mailbox) == MailboxState.TESTED
        assert not onboarding.is_approved(mailbox)
        with pytest.raises(OnboardingError):
            onboarding.resume(mailbox)
        signed(acme, mailbox)
        assert state(mailbox) == MailboxState.ACTIVE
        assert Approval.objects.count() == 8  # none is deleted


def test_a_change_taken_back_is_signed_anew(acme: Company, mailbox: Mailbox) -> None:
    with acme.work(acme.ada):
        onboarding.configure(mailbox, **settings_of(mailbox, polling_minutes=20))
        onboarding.configure(mailbox, **settings_of(mailbox, polling_minutes=10))
        assert state(mailbox) == MailboxState.TESTED
        signed(acme, mailbox)
        assert state(mailbox) == MailboxState.ACTIVE


def test_a_signature_covers_what_its_page_showed(acme: Company, mailbox: Mailbox) -> None:
    cleo = sign_in(acme.cleo)
    with acme.work(acme.ada):
        onboarding.grant_scopes(mailbox, grants=[("", "read")])
        onboarding.request_sign_off(mailbox)
        shown = onboarding.configuration_hash(mailbox)
        page = cleo.get(reverse("portal:mailbox", args=[mailbox.pk])).content.decode()
        assert f'name="configuration" value="{shown}"' in page
        onboarding.grant_scopes(mailbox, grants=[("", "read"), ("", "modify")])
        onboarding.request_sign_off(mailbox)
    address = reverse("portal:mailbox-approve-compliance", args=[mailbox.pk])
    cleo.post(address, {"configuration": shown})
    cleo.post(address)
    with acme.work():
        now = onboarding.configuration_hash(mailbox)
        assert not Approval.objects.filter(configuration=now).exists()
    cleo.post(address, {"configuration": now})
    with acme.work():
        assert Approval.objects.get(configuration=now).user == acme.cleo


def test_a_mailbox_that_was_changed_is_not_resumed_by_who_loaded_it_before(
    acme: Company, mailbox: Mailbox
) -> None:
    with acme.work(acme.ada):
        onboarding.pause(mailbox)
        loaded = Mailbox.objects.get(pk=mailbox.pk)
        onboarding.configure(mailbox, **settings_of(mailbox, address="others@acme.example"))
        with pytest.raises(OnboardingError):
            onboarding.resume(loaded)
        assert state(mailbox) == MailboxState.TESTED


def test_settings_saved_from_an_old_page_do_not_bring_an_old_state_back(
    acme: Company, mailbox: Mailbox
) -> None:
    with acme.work(acme.ada):
        loaded = Mailbox.objects.get(pk=mailbox.pk)
        onboarding.pause(mailbox)
        onboarding.configure(loaded, **settings_of(loaded))
        assert state(mailbox) == MailboxState.PAUSED


def test_the_report_of_an_old_connection_is_no_report_of_a_new_one(
    acme: Company, mailbox: Mailbox, server: MemoryMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**mailbox.options, "mailbox": "elsewhere"}
    check = gateway.check

    def slow(checked: Mailbox) -> Any:
        report = check(checked)
        onboarding.configure(Mailbox.objects.get(pk=mailbox.pk), **settings_of(mailbox, options=other))
        return report

    with acme.work(acme.ada):
        monkeypatch.setattr(gateway, "check", slow)
        onboarding.check_mailbox(mailbox.pk)
        mailbox.refresh_from_db()
        assert mailbox.options["mailbox"] == "elsewhere"
        assert not onboarding.check_passed(mailbox)
        assert mailbox.state == MailboxState.CONFIGURED


def test_sign_off_is_not_asked_for_what_is_signed(acme: Company, mailbox: Mailbox) -> None:
    with acme.work(acme.ada):
        with pytest.raises(OnboardingError):
            onboarding.request_sign_off(mailbox)
        onboarding.pause(mailbox)
        with pytest.raises(OnboardingError):
            onboarding.request_sign_off(mailbox)
        assert state(mailbox) == MailboxState.PAUSED


def test_withdrawing_a_signature_is_on_record(acme: Company, mailbox: Mailbox) -> None:
    with acme.work(acme.ada):
        onboarding.configure(mailbox, **settings_of(mailbox, polling_minutes=20))
        changed = AuditEvent.objects.filter(action="configuration.changed", object_kind="approval")
        assert changed.count() == 1


def test_all_mail_is_not_followed_beside_the_folders_it_shows(acme: Company, mailbox: Mailbox) -> None:
    """Field note 33: one label or All Mail, never both as independent."""
    with acme.work(acme.ada):
        listed = [
            asdict(FolderInfo(name, name, (name,), role, True, None))
            for name, role in (("INBOX", "inbox"), ("All Mail", "all"))
        ]
        mailbox.check_report = {"steps": [], "folders": listed}
        mailbox.save()
        with pytest.raises(OnboardingError, match="All Mail alone"):
            onboarding.map_folders(mailbox, folders=["INBOX", "All Mail"])
        onboarding.map_folders(mailbox, folders=["INBOX"])
