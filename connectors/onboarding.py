"""Setting a mailbox up: connection, check, folders, scopes, retention, and two signatures before it is live."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple, NotRequired, TypedDict, Unpack
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone

from audit import actions, trail
from audit.models import RetentionPolicy
from connectors import errors, gateway, hosts, registry, rules
from connectors.adapters import FolderInfo
from connectors.models import (
    AccessScope,
    Approval,
    ApprovalKind,
    Credential,
    FolderMapping,
    Mailbox,
    MailboxState,
    MappingKind,
    Operation,
    SenderPolicy,
    SyncState,
)
from connectors.sync import sync_now
from zalion.tasks import enqueue
from zalion.tenancy import roles
from zalion.tenancy.models import User
from zalion.tenancy.unit import unit
from zalion.vault.secrets import SecretError, SecretRef

CHECK_TASK = "connectors.check_mailbox"
# What others than the settings' forms write of a mailbox.
FARES = (
    "state", "checked_at", "check_report", "connection_facts", "back_off_until", "failures", "refusals",
    "error_code", "error_at",
)  # fmt: skip
LIVE = (MailboxState.ACTIVE, MailboxState.PAUSED, MailboxState.NEEDS_ATTENTION)


class OnboardingError(Exception):
    """What was asked does not fit the mailbox's state or settings; the words are for the person who asked."""


class Settings(TypedDict):
    """What people choose of a mailbox; what is not named is as its column's default says.

    Mail from before ``taken_from`` is taken in as historical; without it there is no such mail. With ``push``
    a connection is kept open that tells of new mail, where the server can; it is polled all the same.
    """

    address: str
    options: dict[str, Any]
    reference: str
    polling_minutes: NotRequired[int]
    push: NotRequired[bool]
    retention: NotRequired[RetentionPolicy | None]
    taken_from: NotRequired[datetime | None]
    trusted_authserv_ids: NotRequired[Sequence[str]]
    failed_senders: NotRequired[str]


def create_mailbox(name: str, *, provider: str, **settings: Unpack[Settings]) -> Mailbox:
    """A mailbox in state `configured`, connected to nothing yet. Raises OnboardingError for settings that cannot be."""
    return _save(Mailbox(name=name, provider=provider), settings)


def configure(mailbox: Mailbox, *, name: str, **settings: Unpack[Settings]) -> Mailbox:
    """Change the connection; whatever was approved before does not cover it any more."""
    mailbox.name = name
    return _save(mailbox, settings)


def _server_names(written: Sequence[str]) -> list[str]:
    """In the spelling that connectors.mime.authentication gives them; "-" stands for servers that name none."""
    names = sorted({name.strip().lower() for name in written if name.strip()})
    for name in names:
        if len(name) > 253 or any(not (c.isalnum() or c in ".-_") for c in name):
            raise OnboardingError(f"“{name}” is no server's name, such as mx.acme.example.")
    return names


def _save(mailbox: Mailbox, settings: Settings) -> Mailbox:
    reference, named = settings["reference"], settings.get("trusted_authserv_ids", ())
    try:
        complete = registry.provider(mailbox.provider).Options(**settings["options"])
        SecretRef.parse(reference)
    except (errors.ConfigurationError, SecretError, TypeError, ValueError) as error:
        raise OnboardingError(str(error)) from error
    mailbox.address, mailbox.options = settings["address"], asdict(complete)
    mailbox.polling_minutes, mailbox.push = settings.get("polling_minutes", 10), settings.get("push", False)
    mailbox.retention, mailbox.taken_from = settings.get("retention"), settings.get("taken_from")
    mailbox.trusted_authserv_ids = _server_names(named)
    mailbox.failed_senders = settings.get("failed_senders", SenderPolicy.FLAG)
    mailbox.claim_tenant()
    try:
        mailbox.full_clean(validate_unique=True)
    except ValidationError as error:
        raise OnboardingError(" ".join(error.messages)) from error
    with unit():
        now = Mailbox.objects.select_for_update(no_key=True).filter(pk=mailbox.pk).first() or mailbox
        for name in FARES:
            setattr(mailbox, name, getattr(now, name))
        credential = Credential.objects.filter(mailbox=mailbox).first() or Credential(mailbox=mailbox)
        if now.options != mailbox.options or credential.reference != reference:
            mailbox.checked_at = mailbox.check_report = mailbox.connection_facts = None
            mailbox.failures = mailbox.refusals = 0
            mailbox.back_off_until, mailbox.error_code = None, ""
        mailbox.save()
        credential.reference = reference
        credential.save()
        _settle(mailbox)
    return mailbox


def request_check(mailbox: Mailbox) -> None:
    """Have the worker try the connection; the report appears on the mailbox."""
    with unit():
        Mailbox.objects.filter(pk=mailbox.pk).update(checked_at=None, check_report=None)
        enqueue(CHECK_TASK, mailbox.pk)


def check_mailbox(mailbox_id: UUID) -> None:
    """Try the connection and keep the report, with the live folder list where it passed.

    The report of a connection that was changed meanwhile is dropped: it tells nothing of the new one.
    """
    mailbox = Mailbox.objects.get(pk=mailbox_id)
    tried = _connection(mailbox)
    try:
        report, folders = gateway.check(mailbox)
        steps = [asdict(step) for step in report.steps]
    except errors.ConnectorError as error:
        steps = [
            {
                "key": "settings",
                "title": "Settings",
                "outcome": "failed",
                "detail": str(error),
                "what_to_do": error.what_to_do,
                "code": error.code,
            }
        ]
        folders = []
    with unit():
        _hold(mailbox)
        if _connection(mailbox) == tried:
            mailbox.check_report = {"steps": steps, "folders": [asdict(folder) for folder in folders]}
            mailbox.checked_at = timezone.now()
            mailbox.save(update_fields=["check_report", "checked_at"])
            _settle(mailbox)


def _connection(mailbox: Mailbox) -> tuple[Any, ...]:
    references = Credential.objects.filter(mailbox=mailbox).values_list("reference", flat=True)
    return mailbox.provider, mailbox.options, references.first()


def check_passed(mailbox: Mailbox) -> bool:
    steps = (mailbox.check_report or {}).get("steps", [])
    return bool(steps) and all(step["outcome"] == "passed" for step in steps)


def map_folders(mailbox: Mailbox, *, folders: Sequence[str], upload: bool = False) -> None:
    """Exactly these folders of the live list are taken in; a mapping with mail keeps its rows when it goes.

    Raises OnboardingError for a folder that the last check did not see, and for two that show the same mail.
    """
    listed = {f["id"]: f for f in (mailbox.check_report or {}).get("folders", []) if f["selectable"]}
    known = {name: FolderInfo(**told) for name, told in listed.items()}
    try:
        hosts.require_one_view([known[name] for name in folders if name in known], list(known.values()))
    except errors.ConfigurationError as error:
        raise OnboardingError(f"{error} {error.what_to_do}") from error
    wanted = {(MappingKind.FOLDER.value, folder) for folder in folders}
    if upload:
        wanted.add((MappingKind.UPLOAD.value, "upload"))
    with unit():
        _hold(mailbox)
        existing = {(m.kind, m.folder): m for m in FolderMapping.objects.filter(mailbox=mailbox)}
        for kind, folder in sorted(wanted - existing.keys()):
            if kind == MappingKind.FOLDER and folder not in listed:
                raise OnboardingError(f"The folder {folder} is not in the live list. Run the check again.")
            name = listed[folder]["name"] if kind == MappingKind.FOLDER else "Upload"
            mapping = FolderMapping(mailbox=mailbox, kind=kind, folder=folder, name=name)
            mapping.save()
            if kind == MappingKind.FOLDER:
                SyncState(mapping=mapping).save()
        for key in existing.keys() - wanted:
            if existing[key].messages.exists():
                raise OnboardingError(f"{existing[key].name} holds mail: take its read scope away instead.")
            existing[key].delete()
        _settle(mailbox)


def set_filter(mapping: FolderMapping, *, chosen: rules.Filter) -> None:
    """From now on only mail that passes ``chosen`` is looked into; the signatures have to be given anew."""
    mapping.filter = chosen.kept()
    with unit():
        _hold(mapping.mailbox)
        mapping.save(update_fields=["filter"])
        _settle(mapping.mailbox)


def grant_scopes(mailbox: Mailbox, *, grants: Iterable[tuple[str, str]]) -> None:
    """Exactly these (folder, operation) are granted; an empty folder means the whole mailbox."""
    wanted = {(folder, Operation(operation).value) for folder, operation in grants}
    with unit():
        _hold(mailbox)
        existing = {(s.folder, s.operation): s for s in AccessScope.objects.filter(mailbox=mailbox)}
        for folder, operation in sorted(wanted - existing.keys()):
            AccessScope(mailbox=mailbox, folder=folder, operation=operation).save()
        for key in existing.keys() - wanted:
            existing[key].delete()
        _settle(mailbox)


def configuration(mailbox: Mailbox) -> dict[str, Any]:
    """What the two signatures are for: everything that decides what Zalion may touch and keep.

    A place for uploads is not part of it: it opens nothing of the mailbox.
    """
    policy = mailbox.retention
    credential = Credential.objects.filter(mailbox=mailbox).first()
    folders = FolderMapping.objects.filter(mailbox=mailbox, kind=MappingKind.FOLDER)
    mappings = folders.select_related("retention").order_by("folder")
    # These are named where they are set, so that a signature from before they were still covers the rest.
    chosen: dict[str, Any] = {
        "filters": {m.folder: m.filter for m in mappings if m.filter},
        "taken_from": mailbox.taken_from.isoformat() if mailbox.taken_from else "",
        "trusted_authserv_ids": mailbox.trusted_authserv_ids,
        "push": mailbox.push,
        "failed_senders": mailbox.failed_senders if mailbox.failed_senders != SenderPolicy.FLAG else "",
    }
    return {
        **{name: value for name, value in chosen.items() if value},
        "address": mailbox.address,
        "provider": mailbox.provider,
        "connection": mailbox.options,
        "credential": credential.reference if credential else "",
        "polling_minutes": mailbox.polling_minutes,
        "folders": [[m.kind, m.folder, str(m.retention or "")] for m in mappings],
        "scopes": sorted([s.folder, s.operation] for s in AccessScope.objects.filter(mailbox=mailbox)),
        "retention": policy.terms() if policy else {},
    }


def configuration_hash(mailbox: Mailbox) -> str:
    canonical = json.dumps(configuration(mailbox), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class Requirement(NamedTuple):
    """Something that has to be so before sign-off can be asked for."""

    key: str
    words: str
    met: bool


def requirements(mailbox: Mailbox) -> list[Requirement]:
    """Everything that sign-off needs, in the order in which it is best done, and what of it is there."""
    folders = set(
        FolderMapping.objects.filter(mailbox=mailbox, kind=MappingKind.FOLDER).values_list(
            "folder", flat=True
        )
    )
    readable = set(
        AccessScope.objects.filter(mailbox=mailbox, operation=Operation.READ).values_list("folder", flat=True)
    )
    uploads = FolderMapping.objects.filter(mailbox=mailbox, kind=MappingKind.UPLOAD).exists()
    chosen, granted = bool(folders or uploads), "" in readable or folders <= readable
    return [
        Requirement("retention", "Choose how long mail is kept.", mailbox.retention_id is not None),
        Requirement("check", "Run the connection check until every step passes.", check_passed(mailbox)),
        Requirement("folders", "Choose at least one folder.", chosen),
        Requirement("access", "Grant read on every chosen folder.", chosen and granted),
    ]


def request_sign_off(mailbox: Mailbox) -> None:
    with unit():
        _hold(mailbox)
        if lacking := [found.words for found in requirements(mailbox) if not found.met]:
            raise OnboardingError(" ".join(lacking))
        if is_approved(mailbox):
            raise OnboardingError("Both signatures for this configuration are there already.")
        _move(mailbox, MailboxState.AWAITING_SIGN_OFF)


def approve(mailbox: Mailbox, *, user: User, kind: str, shown: str | None = None) -> Approval:
    """One signature. With both, from two people, for the configuration as it is now, the mailbox goes live.

    ``shown`` is the hash of the configuration that the signer has seen: another one is not signed. None signs
    what is configured now. Raises OnboardingError when nothing is asked for, something else was configured or
    the same person signed already, PermissionDenied without the role.
    """
    roles.require(user, roles.APPROVE_IT if kind == ApprovalKind.IT else roles.APPROVE_COMPLIANCE)
    with unit():
        _hold(mailbox)
        signed = configuration_hash(mailbox)
        if shown is not None and shown != signed:
            raise OnboardingError("The configuration changed since you opened it: look at it again.")
        if mailbox.state != MailboxState.AWAITING_SIGN_OFF:
            raise OnboardingError("This mailbox is not waiting for sign-off.")
        others = Approval.objects.filter(mailbox=mailbox, configuration=signed, withdrawn_at=None)
        if others.filter(user=user).exists():
            raise OnboardingError("The second signature must come from somebody else.")
        if others.filter(kind=kind).exists():
            raise OnboardingError("This signature is already there.")
        approval = Approval(mailbox=mailbox, kind=ApprovalKind(kind), user=user, configuration=signed)
        approval.save()
        trail.record(actions.MAILBOX_APPROVED, object=mailbox, facts={"kind": kind, "hash": signed})
        if is_approved(mailbox):
            _move(mailbox, MailboxState.ACTIVE)
            sync_now(mailbox)
    return approval


def is_approved(mailbox: Mailbox) -> bool:
    signed = configuration_hash(mailbox)
    kinds = Approval.objects.filter(mailbox=mailbox, configuration=signed, withdrawn_at=None)
    return set(kinds.values_list("kind", flat=True)) == set(ApprovalKind.values)


def pause(mailbox: Mailbox) -> None:
    with unit():
        _hold(mailbox)
        if mailbox.state not in (MailboxState.ACTIVE, MailboxState.NEEDS_ATTENTION):
            raise OnboardingError("Only a mailbox that is live can be paused.")
        _move(mailbox, MailboxState.PAUSED)


def resume(mailbox: Mailbox) -> None:
    """Back to work, if what was approved is still what is configured; else sign-off comes first."""
    with unit():
        _hold(mailbox)
        if mailbox.state not in (MailboxState.PAUSED, MailboxState.NEEDS_ATTENTION):
            raise OnboardingError("Only a paused mailbox can be resumed.")
        if not is_approved(mailbox):
            raise OnboardingError("The configuration changed since it was approved: ask for sign-off again.")
        Mailbox.objects.filter(pk=mailbox.pk).update(
            failures=0, refusals=0, error_code="", back_off_until=None
        )
        _move(mailbox, MailboxState.ACTIVE)
        sync_now(mailbox)


def _hold(mailbox: Mailbox) -> None:
    """Read the row anew and hold it until the unit ends: what was true when it was loaded may not be any more.

    Before any other row of the mailbox, as claims.claim does: two that take them in two orders wait for each other.
    """
    mailbox.refresh_from_db(from_queryset=Mailbox.objects.select_for_update(no_key=True))


def _settle(mailbox: Mailbox) -> None:
    """After a change: stay live only where the signatures still cover what is configured.

    Signatures of anything else are withdrawn, so that nobody alone can go back to what was signed once.
    """
    _hold(mailbox)
    others = Approval.objects.filter(mailbox=mailbox, withdrawn_at=None)
    others.exclude(configuration=configuration_hash(mailbox)).update(withdrawn_at=timezone.now())
    if mailbox.state in LIVE and is_approved(mailbox):
        return
    _move(mailbox, MailboxState.TESTED if check_passed(mailbox) else MailboxState.CONFIGURED)


MOVES = {
    MailboxState.ACTIVE: actions.MAILBOX_ACTIVATED,
    MailboxState.PAUSED: actions.MAILBOX_PAUSED,
    MailboxState.AWAITING_SIGN_OFF: actions.MAILBOX_SIGN_OFF_ASKED,
}


def _move(mailbox: Mailbox, state: MailboxState) -> None:
    if mailbox.state == state:
        return
    reopened = mailbox.state in (*LIVE, MailboxState.AWAITING_SIGN_OFF)
    mailbox.state = state
    mailbox.save(update_fields=["state"])
    if state in MOVES:
        trail.record(MOVES[state], object=mailbox, facts={"hash": configuration_hash(mailbox)})
    elif reopened:
        trail.record(actions.MAILBOX_REOPENED, object=mailbox)
