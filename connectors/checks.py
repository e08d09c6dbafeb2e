"""System checks: the virus scanner's address can be one."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from connectors import clamd


@register()
def scanner_address_is_one(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Nothing is connected to here; whether it answers is health's to say."""
    if not settings.CLAMD:
        return []
    try:
        clamd.address(settings.CLAMD)
    except ValueError:
        return [
            Error(
                "ZALION_CLAMD is no address.",
                hint="Give HOST:PORT, or the path of clamd's socket.",
                id="connectors.E001",
            )
        ]
    return []
