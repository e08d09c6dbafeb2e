"""System checks: what must be true before anything serves or works."""

import math
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

BROKERS = ("zalion.tasks.OrmBroker", "zalion.tasks.RedisBroker")


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
    # What a cluster has taken waits, with its time running, until a worker is free; one more is in the hand
    # of the process that fetches.
    rounds = math.ceil((queue["queue_limit"] + 1) / queue["workers"]) + 1
    wrong = [
        (queue["retry"] <= queue["timeout"], "retry must be longer than timeout"),
        (queue["timeout"] <= settings.LONGEST_STEP, "timeout must be longer than the longest step"),
        (queue["retry"] < rounds * settings.LONGEST_STEP, "retry must outlast what waits for a worker"),
        (not queue["ack_failures"], "ack_failures must be on"),
        (queue["catch_up"], "catch_up must be off"),
        (not 0 < queue["max_attempts"] <= 10, "max_attempts must be between 1 and 10"),
        (queue["save_limit"] >= 0, "results must not be kept (save_limit -1)"),
        (queue["broker_class"] not in BROKERS, "broker_class must be one of zalion.tasks"),
        (queue.get("sync", False), "sync must be off"),
    ]
    return [Error(f"Q_CLUSTER: {words}.", id="zalion.E002") for bad, words in wrong if bad]
