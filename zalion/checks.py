"""System checks: what must be true before anything serves or works."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def secret_key_is_configured(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.SECRET_KEY_CONFIGURED:
        return []
    return [
        Error(
            "ZALION_SECRET_KEY is not set.",
            hint="Set it to 50 random characters; `make demo` makes one for the demonstration.",
            id="zalion.E001",
        )
    ]


@register()
def queue_settings_are_safe(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """django-q2 runs a task twice when it outlives `retry`, and for ever when `max_attempts` is 0."""
    queue = settings.Q_CLUSTER
    wrong = [
        (queue["retry"] <= queue["timeout"], "retry must be longer than timeout"),
        (queue["timeout"] <= settings.LONGEST_STEP, "timeout must be longer than the longest step"),
        (not queue["ack_failures"], "ack_failures must be on"),
        (queue["catch_up"], "catch_up must be off"),
        (not 0 < queue["max_attempts"] <= 10, "max_attempts must be between 1 and 10"),
        (queue["save_limit"] >= 0, "results must not be kept (save_limit -1)"),
    ]
    return [Error(f"Q_CLUSTER: {words}.", id="zalion.E002") for bad, words in wrong if bad]
