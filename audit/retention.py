"""How long things are kept: policies, which never change once they are made."""

from django.core.exceptions import ValidationError

from audit.models import RetentionPolicy
from zalion.tenancy.unit import unit


class PolicyRefused(Exception):
    """The policy cannot be; the words are for the person who asked."""


def create_policy(
    name: str, *, raw_mail_days: int, attachment_days: int, document_days: int
) -> RetentionPolicy:
    """A new policy of the tenant at work. Raises PolicyRefused, also for a name that is taken.

    Mailboxes were signed off with the terms of theirs: other terms are another policy, which a mailbox is moved to.
    """
    policy = RetentionPolicy(
        name=name, raw_mail_days=raw_mail_days, attachment_days=attachment_days, document_days=document_days
    )
    policy.claim_tenant()
    try:
        policy.full_clean()
    except ValidationError as error:
        raise PolicyRefused(" ".join(error.messages)) from error
    with unit():
        policy.save()
    return policy
