"""The one door to an adapter: opens it, checks the scope, writes the trail, shares the back-off."""

import ipaddress
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from audit import actions, trail
from connectors import credentials, errors, registry
from connectors.adapters import (
    ChangePage,
    CheckReport,
    FolderInfo,
    Heard,
    Limits,
    Listener,
    MailboxAdapter,
    MessageRef,
    RawMessage,
    Receiver,
)
from connectors.models import AccessScope, Mailbox, MailboxState, Operation
from zalion.net import NetworkPolicy
from zalion.tenancy.unit import unit
from zalion.vault import blobs
from zalion.vault.secrets import SecretPurpose

MAX_REFUSALS = 3  # then the mailbox waits for a person, rather than have its account locked
FIRST_BACK_OFF = timedelta(seconds=30)
LONGEST_BACK_OFF = timedelta(hours=1)
LONGEST_ASKED = 86400.0  # seconds: nobody is kept away for longer by what a server says


def network_policy() -> NetworkPolicy:
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = settings.ALLOWED_NETWORKS
    return NetworkPolicy(allowed_networks=networks)


def adapter_for(mailbox: Mailbox, *, limits: Limits | None = None) -> MailboxAdapter:
    """A closed adapter; raises ConfigurationError when the options do not fit its provider."""
    adapter_class = registry.provider(mailbox.provider)
    known = {field.name for field in fields(adapter_class.Options)}
    try:
        options = adapter_class.Options(**{k: v for k, v in mailbox.options.items() if k in known})
    except TypeError as error:
        raise errors.ConfigurationError(
            "The connection's settings are not complete.", code="options"
        ) from error
    adapter = adapter_class(
        options,
        secret=lambda: credentials.reveal(mailbox, adapter.binding),
        policy=network_policy(),
        limits=limits,
    )
    return adapter


def secret_purpose(mailbox: Mailbox) -> SecretPurpose:
    """What the mailbox's secret has to be provisioned for, as the set-up page shows it."""
    return credentials.purpose(mailbox, adapter_for(mailbox).binding)


class Gateway:
    """An open adapter of one mailbox. Nothing reaches the provider that was not granted and recorded."""

    def __init__(self, mailbox: Mailbox, adapter: MailboxAdapter) -> None:
        self.mailbox = mailbox
        self.facts: dict[str, Any] = asdict(adapter.facts)
        self._adapter = adapter

    def folders(self) -> dict[str, FolderInfo]:
        """Every folder of the mailbox by its id, names only."""
        trail.record(actions.FOLDERS_LISTED, object=self.mailbox)
        return {folder.id: folder for folder in self._adapter.folders()}

    def changes(self, folder: str, cursor: str | None, *, called: str = "") -> Iterator[ChangePage]:
        """What came after ``cursor`` into ``folder`` as it was granted, which by now may be ``called`` otherwise."""
        receiver = self._receiver(folder)
        for page in receiver.changes(called or folder, cursor):
            if page.refs:
                trail.record(
                    actions.MESSAGES_LISTED,
                    object=self.mailbox,
                    scope=Operation.READ,
                    facts={"folder": folder, "ids": [ref.id for ref in page.refs]},
                )
            yield page

    def fetch(
        self, folder: str, refs: Sequence[MessageRef]
    ) -> Iterator[tuple[MessageRef, RawMessage | errors.ConnectorError]]:
        """Each message of a page, or why that one cannot be had; the event that names them all comes first.

        Raises StoreFull before it, where there is no room for them.
        """
        receiver = self._receiver(folder)
        if refs:
            blobs.require_room()
            trail.record(
                actions.MESSAGE_FETCHED,
                object=self.mailbox,
                scope=Operation.READ,
                facts={"folder": folder, "ids": [ref.id for ref in refs], "server": self.facts["server"]},
            )
        for ref in refs:
            try:
                yield ref, receiver.fetch(ref)
            except (errors.MessageGone, errors.MessageTooLarge) as error:
                yield ref, error

    def inventory(self, folder: str, *, called: str = "") -> Iterator[MessageRef]:
        """Every message now in ``folder``, ids only. One event for the folder: what is fetched is named then."""
        receiver = self._receiver(folder)
        trail.record(
            actions.INVENTORY_LISTED, object=self.mailbox, scope=Operation.READ, facts={"folder": folder}
        )
        yield from receiver.inventory(called or folder)

    def listen(self, folder: str, *, called: str = "", seconds: float) -> Iterator[Heard]:
        """What is heard of ``folder``, a word at least every ``seconds``, for as long as it is iterated.

        One event for the connection. Raises UnsupportedOperation where connector or server cannot tell.
        """
        require_scope(self.mailbox, Operation.READ, folder)
        if not isinstance(self._adapter, Listener):
            raise errors.UnsupportedOperation(
                "This connector cannot be told of new mail.", code="idle_missing"
            )
        facts = {"folder": folder, "server": self.facts["server"]}
        trail.record(actions.MAILBOX_LISTENED, object=self.mailbox, scope=Operation.READ, facts=facts)
        while True:
            yield self._adapter.listen(called or folder, seconds=seconds)

    def _receiver(self, folder: str) -> Receiver:
        require_scope(self.mailbox, Operation.READ, folder)
        if not isinstance(self._adapter, Receiver):
            raise errors.UnsupportedOperation("This connector cannot receive mail.")
        return self._adapter


def require_scope(mailbox: Mailbox, operation: Operation, folder: str = "") -> None:
    """Raise ScopeViolation, on record, unless the customer granted ``operation`` there and the mailbox is live."""
    granted = AccessScope.objects.filter(
        mailbox=mailbox, operation=operation, folder__in=("", folder)
    ).exists()
    state = Mailbox.objects.filter(pk=mailbox.pk).values_list("state", flat=True).first()
    if granted and state == MailboxState.ACTIVE:
        return
    reason = "not_active" if granted else "not_granted"
    trail.record(
        actions.SCOPE_REFUSED,
        object=mailbox,
        scope=operation,
        outcome="refused",
        reason=reason,
        facts={"folder": folder},
    )
    raise errors.ScopeViolation("This operation was not granted there.", code=reason)


@contextmanager
def open_mailbox(mailbox: Mailbox, *, limits: Limits | None = None) -> Iterator[Gateway]:
    """Connected and signed in; failures are counted on the mailbox and hold every worker back alike.

    Raises StoreFull, and does not connect, where there would be no room for what is found.
    """
    blobs.require_room()
    now = timezone.now()
    if mailbox.back_off_until is not None and mailbox.back_off_until > now:
        wait = (mailbox.back_off_until - now).total_seconds()
        raise errors.RateLimited("Waiting before the next attempt.", retry_after=wait, code="backing_off")
    try:
        with adapter_for(mailbox, limits=limits) as adapter:
            gateway = Gateway(mailbox, adapter)
            note_connection(mailbox, gateway.facts)
            yield gateway
    except (errors.CursorExpired, errors.FolderMissing, errors.ScopeViolation):
        raise  # one folder's matter: the connection itself is well
    except errors.ConnectorError as error:
        note_failure(mailbox, error, now=timezone.now())
        raise
    note_success(mailbox)


def check(mailbox: Mailbox) -> tuple[CheckReport, list[FolderInfo]]:
    """Try the connection step by step; the folders come with it when every step passed."""
    trail.record(actions.MAILBOX_TESTED, object=mailbox)
    adapter = adapter_for(mailbox)
    report = adapter.check()
    if not report.passed:
        return report, []
    with adapter:
        trail.record(actions.FOLDERS_LISTED, object=mailbox)
        return report, list(adapter.folders())


def note_connection(mailbox: Mailbox, facts: dict[str, Any]) -> None:
    """Keep how the connection is protected, and put it on record where that is not as it was."""
    before = mailbox.connection_facts
    if before == facts:
        return
    changed = {name: [was, facts[name]] for name, was in (before or {}).items() if facts.get(name) != was}
    with unit():
        Mailbox.objects.filter(pk=mailbox.pk).update(connection_facts=facts)
        # A server has many addresses and answers from any of them.
        if changed.keys() - {"server"}:
            trail.record(actions.CONNECTION_CHANGED, object=mailbox, facts={"changed": changed})
    mailbox.connection_facts = facts


def note_success(mailbox: Mailbox) -> None:
    """Forget earlier failures; written only where there were some, since every poll comes by here."""
    if not (mailbox.failures or mailbox.refusals or mailbox.error_code):
        return
    with unit():
        failed = Mailbox.objects.select_for_update(no_key=True).filter(pk=mailbox.pk).first()
        if failed is None or not (failed.failures or failed.refusals or failed.error_code):
            return
        Mailbox.objects.filter(pk=mailbox.pk).update(
            failures=0, refusals=0, error_code="", error_at=None, back_off_until=None
        )
        facts = {"failures": failed.failures}
        trail.record(actions.MAILBOX_RECOVERED, object=mailbox, reason=failed.error_code, facts=facts)
    # A connection that is kept ends here too, long after: what happened in between is not forgotten then.
    mailbox.failures, mailbox.refusals, mailbox.error_code = 0, 0, ""


def note_failure(mailbox: Mailbox, error: errors.ConnectorError, *, now: datetime) -> None:
    """Count the failure, set the shared back-off, and stop the mailbox where only a person can help.

    Counted on the row as it is now, since several folders of a mailbox may fail at once; a mailbox that was
    paused or reopened meanwhile stays so.
    """
    with unit():
        counted = Mailbox.objects.select_for_update(no_key=True).filter(pk=mailbox.pk).first() or mailbox
        refusals = counted.refusals + isinstance(error, errors.AuthenticationError)
        failures = counted.failures + 1
        waits_for_person = refusals >= MAX_REFUSALS or isinstance(
            error, errors.ConfigurationError | errors.AccessDenied | errors.UnsupportedOperation
        )
        changes: dict[str, Any] = {
            "failures": failures,
            "refusals": refusals,
            "error_code": error.code,
            "error_at": now,
            "back_off_until": now + back_off(failures, error),
        }
        if waits_for_person and counted.state == MailboxState.ACTIVE:
            changes["state"] = MailboxState.NEEDS_ATTENTION
        Mailbox.objects.filter(pk=mailbox.pk).update(**changes)
        trail.record(
            actions.MAILBOX_ATTENTION,
            object=mailbox,
            outcome="failed",
            reason=error.code,
            facts={"failures": failures, "stopped": waits_for_person},
        )


def back_off(failures: int, error: Exception) -> timedelta:
    """What the server asked for, else doubling from 30 seconds to an hour, with jitter so that workers spread."""
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        return timedelta(seconds=min(max(float(asked), 0), LONGEST_ASKED))
    doublings = min(max(failures - 1, 0), 10)
    longest: timedelta = min(FIRST_BACK_OFF * (1 << doublings), LONGEST_BACK_OFF)
    return longest * random.uniform(0.75, 1.0)  # noqa: S311  (jitter, not a secret)
