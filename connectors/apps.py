"""Django's view of connectors."""

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "connectors"
    verbose_name = "Mailboxes"

    def ready(self) -> None:
        from audit import trail
        from connectors import checks, models, tasks  # noqa: F401  (checks and tasks register themselves)

        # How a mailbox fares is told by events of its own; these are the customer's settings.
        fares = ("checked_at", "check_report", "connection_facts", "back_off_until", "failures", "refusals")
        trail.track(models.Mailbox, ignored=(*fares, "error_code", "error_at"))
        trail.track(models.Credential)
        trail.track(models.FolderMapping)
        trail.track(models.AccessScope)
        trail.track(models.Approval)
