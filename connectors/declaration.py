"""A tenant's mailboxes as a file: a plan of what differs, then the same flow functions the portal calls."""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

from audit import retention
from audit.models import RetentionPolicy
from connectors import onboarding
from connectors.models import AccessScope, Credential, FolderMapping, Mailbox, MappingKind, SenderPolicy
from zalion.tenancy import people
from zalion.tenancy.models import Membership, Role, User


class DeclarationError(Exception):
    """The file cannot be read or says something that cannot be; the words name the place."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the plan and the act behind it."""

    words: str
    carry_out: Callable[[], object]


def load(path: Path) -> dict[str, Any]:
    """Tables `tenant`, `person`, `retention` and `mailbox`; docs/apply.md describes each key."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DeclarationError(f"{path.name}: {error}") from error
    if strangers := content.keys() - {"tenant", "person", "retention", "mailbox"}:
        raise DeclarationError(f"{path.name}: unknown table {', '.join(sorted(strangers))}.")
    return content


def plan(content: dict[str, Any]) -> Iterator[Step]:
    """The steps that make the tenant at work what ``content`` says, each planned after the one before it is done.

    Never approves: signatures are given by people in the portal.
    """
    for entry in content.get("person", []):
        yield from _person(entry)
    for entry in content.get("retention", []):
        yield from _retention(entry)
    for entry in content.get("mailbox", []):
        yield from _mailbox(entry)


def _take(entry: dict[str, Any], table: str, required: set[str], optional: set[str]) -> dict[str, Any]:
    label = entry.get("name") or entry.get("username") or "?"
    if lacking := required - entry.keys():
        raise DeclarationError(f"[[{table}]] {label}: {', '.join(sorted(lacking))} is missing.")
    if strangers := entry.keys() - required - optional:
        raise DeclarationError(f"[[{table}]] {label}: {', '.join(sorted(strangers))} is not known.")
    return entry


def _person(entry: dict[str, Any]) -> Iterator[Step]:
    _take(entry, "person", {"username", "name", "roles"}, {"email"})
    user = User.objects.filter(username=entry["username"]).first()
    if user is None:
        yield Step(
            f"add person {entry['username']}",
            lambda: people.add_person(entry["username"], name=entry["name"], email=entry.get("email", "")),
        )
        user = User.objects.filter(username=entry["username"]).first()
    for role in map(Role, entry["roles"]):
        if user is None or not Membership.objects.filter(user=user, role=role).exists():
            yield Step(f"give {entry['username']} the role {role}", partial(_grant, entry["username"], role))


def _grant(username: str, role: Role) -> None:
    people.grant_role(User.objects.get(username=username), role=role)


def _retention(entry: dict[str, Any]) -> Iterator[Step]:
    _take(entry, "retention", {"name", "raw_mail_days", "attachment_days", "document_days"}, set())
    policy = RetentionPolicy.objects.filter(name=entry["name"]).first()
    days = {key: entry[key] for key in ("raw_mail_days", "attachment_days", "document_days")}
    if policy is None:
        yield Step(f"keep mail as in retention {entry['name']}", lambda: _create_policy(entry["name"], days))
    elif any(getattr(policy, key) != value for key, value in days.items()):
        raise DeclarationError(
            f"[[retention]] {entry['name']}: mailboxes were signed off with its terms. Give other terms another "
            f"name, and the mailbox that name."
        )


def _create_policy(name: str, days: dict[str, int]) -> None:
    try:
        retention.create_policy(name, **days)
    except retention.PolicyRefused as error:
        raise DeclarationError(f"[[retention]] {name}: {error}") from error


def _mailbox(entry: dict[str, Any]) -> Iterator[Step]:
    _take(
        entry,
        "mailbox",
        {"name", "address", "provider", "options", "credential", "retention"},
        {"polling_minutes", "push", "folders", "upload", "scopes", "taken_from"}
        | {"trusted_authserv_ids", "failed_senders"},
    )
    name = entry["name"]
    if _differs(entry):
        yield Step(f"configure mailbox {name}", lambda: _configure(entry))
    mailbox = Mailbox.objects.filter(name=name).first()
    if mailbox is None or not onboarding.check_passed(mailbox):
        yield Step(f"check the connection of {name}", lambda: _check(name))
    mapped = set(FolderMapping.objects.filter(mailbox__name=name).values_list("kind", "folder"))
    wanted = {(MappingKind.FOLDER.value, folder) for folder in entry.get("folders", [])}
    if entry.get("upload"):
        wanted.add((MappingKind.UPLOAD.value, "upload"))
    if mapped != wanted:
        yield Step(
            f"take in {len(wanted)} folders of {name}",
            lambda: onboarding.map_folders(
                Mailbox.objects.get(name=name),
                folders=entry.get("folders", []),
                upload=bool(entry.get("upload")),
            ),
        )
    grants = {(scope.get("folder", ""), scope["operation"]) for scope in entry.get("scopes", [])}
    if grants != set(AccessScope.objects.filter(mailbox__name=name).values_list("folder", "operation")):
        yield Step(
            f"grant {len(grants)} scopes on {name}",
            lambda: onboarding.grant_scopes(Mailbox.objects.get(name=name), grants=grants),
        )
    mailbox = Mailbox.objects.filter(name=name).first()
    if mailbox is None or mailbox.state in ("configured", "tested"):
        yield Step(
            f"ask for sign-off of {name}", lambda: onboarding.request_sign_off(Mailbox.objects.get(name=name))
        )


def _differs(entry: dict[str, Any]) -> bool:
    mailbox = Mailbox.objects.filter(name=entry["name"]).select_related("retention").first()
    if mailbox is None:
        return True
    credential = Credential.objects.filter(mailbox=mailbox).first()
    return (
        mailbox.address != entry["address"]
        or any(mailbox.options.get(key) != value for key, value in entry["options"].items())
        or credential is None
        or credential.reference != entry["credential"]
        or mailbox.taken_from != _moment(entry)
        or mailbox.trusted_authserv_ids != sorted(entry.get("trusted_authserv_ids", []))
        or mailbox.failed_senders != entry.get("failed_senders", SenderPolicy.FLAG)
        or mailbox.polling_minutes != entry.get("polling_minutes", 10)
        or mailbox.push != entry.get("push", False)
        or (mailbox.retention.name if mailbox.retention else None) != entry["retention"]
    )


def _moment(entry: dict[str, Any]) -> datetime | None:
    """TOML's local dates and times are UTC here."""
    written = entry.get("taken_from")
    if written is None:
        return None
    if isinstance(written, date) and not isinstance(written, datetime):
        written = datetime.combine(written, time.min)
    if not isinstance(written, datetime):
        raise DeclarationError(f"[[mailbox]] {entry['name']}: taken_from is a date, or a date and time.")
    return written if written.tzinfo else written.replace(tzinfo=UTC)


def _configure(entry: dict[str, Any]) -> None:
    policy = RetentionPolicy.objects.filter(name=entry["retention"]).first()
    if policy is None:
        raise DeclarationError(f"[[mailbox]] {entry['name']}: there is no retention {entry['retention']}.")
    settings: dict[str, Any] = {
        "address": entry["address"],
        "options": entry["options"],
        "reference": entry["credential"],
        "polling_minutes": entry.get("polling_minutes", 10),
        "push": bool(entry.get("push")),
        "retention": policy,
        "taken_from": _moment(entry),
        "trusted_authserv_ids": entry.get("trusted_authserv_ids", []),
        "failed_senders": entry.get("failed_senders", SenderPolicy.FLAG),
    }
    mailbox = Mailbox.objects.filter(name=entry["name"]).first()
    if mailbox is None:
        onboarding.create_mailbox(entry["name"], provider=entry["provider"], **settings)
    elif mailbox.provider != entry["provider"]:
        raise DeclarationError(
            f"[[mailbox]] {entry['name']}: a mailbox keeps its provider; make another one."
        )
    else:
        onboarding.configure(mailbox, name=entry["name"], **settings)


def _check(name: str) -> None:
    mailbox = Mailbox.objects.get(name=name)
    onboarding.check_mailbox(mailbox.pk)
    mailbox.refresh_from_db()
    for step in (mailbox.check_report or {}).get("steps", []):
        if step["outcome"] == "failed":
            raise DeclarationError(f"{name}: {step['title']} failed. {step['detail']} {step['what_to_do']}")
