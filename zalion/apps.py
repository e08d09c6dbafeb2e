"""Django's view of the portal itself: what is set right once every app is there."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PortalConfig(AppConfig):
    name = "zalion"
    label = "portal"

    def ready(self) -> None:
        from zalion import checks, schedule  # noqa: F401  (registers the system checks)

        # Every app's tasks are known in every process: payloads are checked against them on both sides.
        autodiscover_modules("tasks")
        schedule.install()
