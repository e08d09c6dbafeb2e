"""Django's view of the vault: its check, and the system key a new database gets."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


def _make_system_key(using: str, **kwargs: Any) -> None:
    from zalion.vault import keys

    keys.forget_opened_keys()
    # The table is not there after `migrate vault zero`.
    if using == "default" and "vault_systemkey" in connections[using].introspection.table_names():
        keys.create_system_key()


class VaultConfig(AppConfig):
    name = "zalion.vault"
    label = "vault"
    verbose_name = "Keys and sealing"

    def ready(self) -> None:
        from zalion.vault import checks  # noqa: F401  (registers the system check)

        post_migrate.connect(_make_system_key, sender=self, dispatch_uid="vault.system_key")
