"""The vault's system check: nothing serves or works without a readable master key."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from zalion.vault.errors import KeyRingError
from zalion.vault.ring import master_ring


@register()
def master_keys_are_readable(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    try:
        master_ring()
    except KeyRingError as error:
        return [Error(str(error), id="vault.E001")]
    return []
