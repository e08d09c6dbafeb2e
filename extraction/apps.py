"""Django's view of extraction."""

from django.apps import AppConfig


class ExtractionConfig(AppConfig):
    name = "extraction"
    verbose_name = "Documents"

    def ready(self) -> None:
        from extraction import checks, receivers, tasks  # noqa: F401  (registers what is checked, listened to and worked on)
