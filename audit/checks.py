"""System checks: the trail's triggers stand, and it is our entry that django-auditlog writes."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from audit import triggers


@register(Tags.database)
def triggers_stand(
    app_configs: Sequence[Any] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """A warning, not an error: migrate runs this check, and migrate is what puts them back."""
    if not databases:
        return []
    return [
        checks.Warning(
            f"The trail can be changed: {words}.",
            hint="Find out who removed it, then run `manage.py migrate`, which puts the triggers back.",
            id="audit.W001",
        )
        for words in triggers.missing()
    ]


@register()
def auditlog_writes_our_events(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.AUDITLOG_LOGENTRY_MODEL == "audit.AuditEvent":
        return []
    return [Error("AUDITLOG_LOGENTRY_MODEL must be audit.AuditEvent.", id="audit.E001")]
