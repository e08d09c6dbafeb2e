"""What the connection form is helped with: where the mailbox probably is, and the command for its secret."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from django.http import QueryDict

from connectors import autoconfig, gateway, registry
from connectors.forms import OPTION, ConnectionForm
from connectors.models import Mailbox
from zalion.tenancy.models import Tenant
from zalion.vault.secrets import SecretPurpose, provisioning_command

SECONDS: Final = 6.0  # a person waits
FILLED: Final = "filled"
SOURCES: Final = {
    "hosters": "a hoster that Zalion knows",
    "srv": "your domain’s name servers (SRV)",
    "autoconfig": "your domain’s autoconfig file",
    "mx": "the server that takes your domain’s mail",
}
NOBODY: Final = (
    "Nobody told where this mailbox is. Ask whoever runs the mail server for its host name, and whether it wants the "
    "whole address as user name."
)
FOREIGN: Final = "It lies outside of your domain: make sure that it is where your mail is."


@dataclass(frozen=True, slots=True)
class Help:
    """The form as it was typed, with the server that the address leads to, and words on who named it.

    ``filled`` is what was filled in, for the page to bring along: it goes with the next address.
    """

    form: ConnectionForm
    told: str
    filled: str = ""


def suggested(posted: QueryDict, *, provider: str) -> Help:
    form = ConnectionForm(provider=provider)
    before = _filled(posted)
    form.initial = {
        name: posted[name] for name in form.fields if name in posted and posted[name] != before.get(name)
    }
    search = autoconfig.Search(policy=gateway.network_policy(), seconds=SECONDS)
    found = autoconfig.suggest(posted.get("address", ""), search)
    if found is None or found.provider != provider:
        return Help(form, NOBODY)
    filled = {OPTION + name: value for name, value in asdict(found.options).items() if value}
    form.initial |= filled
    words = [f"The server is filled in as {SOURCES[found.source]} says it; the check decides."]
    told = " ".join([*words, *([FOREIGN] if found.foreign else []), found.advice]).strip()
    return Help(form, told, json.dumps(filled))


def _filled(posted: QueryDict) -> dict[str, str]:
    """What the last answer filled in, as the page brought it along; none where that is not what we wrote."""
    try:
        brought = json.loads(posted.get(FILLED, ""))
    except ValueError:
        return {}
    return {name: str(value) for name, value in brought.items()} if isinstance(brought, dict) else {}


def described(mailbox: Mailbox) -> list[tuple[str, str]]:
    """Each option of the connection, and what it is set to, in the words of the form that asks for it."""
    told: list[tuple[str, str]] = []
    for item in fields(registry.provider(mailbox.provider).Options):
        value = mailbox.options.get(item.name)
        if value and item.metadata["multiline"]:
            told.append((item.metadata["label"], "one of your own is trusted"))
        elif value:
            words = dict(item.metadata["choices"]).get(value, "yes" if value is True else str(value))
            told.append((item.metadata["label"], words))
    return told


def command_words(tenant: Tenant, *, provider: str) -> list[dict[str, Any]]:
    """The command that will put the secret into the store, word by word, with the field that each follows."""
    follows = {"--host": f"{OPTION}host", "--port": f"{OPTION}port", "--user": f"{OPTION}user"}
    purpose = SecretPurpose(tenant=tenant.slug, protocol=provider, host="host", port=0, user="user")
    words = provisioning_command("file:NAME", purpose).split(" ")
    return [
        {"text": word, "lead": "" if word == "NAME" else f"{word.partition('=')[0]}=", "follows": followed}
        if (followed := "reference" if word == "NAME" else follows.get(word.partition("=")[0], ""))
        else {"text": word}
        for word in words
    ]
