"""Django's view of extraction."""

from django.apps import AppConfig


class ExtractionConfig(AppConfig):
    name = "extraction"
    verbose_name = "Documents"

    def ready(self) -> None:
        # Registers what is checked, told of the server, listened to and worked on.
        from extraction import checks, health, receivers, tasks  # noqa: F401
