"""A file makes mailboxes what it says, and changes nothing that two people signed behind their backs."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.models import RetentionPolicy
from connectors import onboarding
from connectors.models import Mailbox, MailboxState
from tests.cast import Company
from zalion.tenancy.models import Tenant

HEAD = '[tenant]\nslug = "acme"\nname = "Acme"\n'
RETENTION = """
[[retention]]
name = "Standard"
raw_mail_days = {raw}
attachment_days = 365
document_days = 3650
"""


def apply(tmp_path: Path, text: str) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(HEAD + text, "utf-8")
    call_command("apply", str(file))


def test_terms_that_mailboxes_were_signed_off_with_do_not_change(
    acme: Company, mailbox: Mailbox, tmp_path: Path
) -> None:
    apply(tmp_path, RETENTION.format(raw=365))
    with pytest.raises(CommandError, match="Standard"):
        apply(tmp_path, RETENTION.format(raw=1))
    with acme.work():
        assert RetentionPolicy.objects.get(name="Standard").raw_mail_days == 365
        assert onboarding.is_approved(Mailbox.objects.get(state=MailboxState.ACTIVE))


def test_a_policy_that_cannot_be_is_named(acme: Company, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Standard"):
        apply(tmp_path, RETENTION.format(raw=-1))


def test_nothing_is_applied_to_a_suspended_tenant(acme: Company, tmp_path: Path) -> None:
    Tenant.objects.update(suspended_at=timezone.now())
    with pytest.raises(CommandError, match="suspended"):
        apply(tmp_path, RETENTION.format(raw=365))
