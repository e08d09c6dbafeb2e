"""What extraction does when mail is stored: one run per message, in the same unit."""

from typing import Any

from django.dispatch import receiver

from connectors.models import Message
from connectors.signals import message_stored
from extraction import pipeline


@receiver(message_stored, dispatch_uid="extraction.queue")
def queue_runs(sender: Any, messages: list[Message], **kwargs: Any) -> None:
    pipeline.queue(messages)
