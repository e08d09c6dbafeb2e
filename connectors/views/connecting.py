"""What the connection form is helped with: where the mailbox probably is, and the command for its secret."""

from dataclasses import asdict
from typing import Any, Final

from django.http import QueryDict

from connectors import autoconfig, gateway
from connectors.forms import OPTION, ConnectionForm
from zalion.tenancy.models import Tenant
from zalion.vault.secrets import SecretPurpose, provisioning_command

SECONDS: Final = 6.0  # a person waits
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


def suggested(posted: QueryDict, *, provider: str) -> tuple[ConnectionForm, str]:
    """The form as it was typed, with the server that the address leads to, and words on who named it."""
    form = ConnectionForm(provider=provider)
    form.initial = {name: posted[name] for name in form.fields if name in posted}
    search = autoconfig.Search(policy=gateway.network_policy(), seconds=SECONDS)
    found = autoconfig.suggest(posted.get("address", ""), search)
    if found is None or found.provider != provider:
        return form, NOBODY
    form.initial |= {OPTION + name: value for name, value in asdict(found.options).items() if value}
    words = [f"The server is filled in as {SOURCES[found.source]} says it; the check decides."]
    return form, " ".join([*words, *([FOREIGN] if found.foreign else []), found.advice]).strip()


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
