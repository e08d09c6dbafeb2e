"""The mail providers Zalion knows: key to dotted path."""

from importlib import import_module

from connectors.adapters import MailboxAdapter
from connectors.errors import ConfigurationError

PROVIDERS: dict[str, str] = {
    "imap": "connectors.providers.imap.adapter.ImapAdapter",
}


def provider(key: str) -> type[MailboxAdapter]:
    """The adapter class registered under `key`, imported on first use. Raises ConfigurationError."""
    try:
        module, _, name = PROVIDERS[key].rpartition(".")
    except KeyError:
        raise ConfigurationError(f"There is no connector named {key!r}.", code="unknown_provider") from None
    adapter: type[MailboxAdapter] = getattr(import_module(module), name)
    return adapter
