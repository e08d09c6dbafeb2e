"""System checks: a language model is set up whole, or not at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's name)

from extraction.guest import Endpoint
from zalion import net
from zalion.vault import secrets


@register()
def language_model_is_set_up(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Nothing is looked up or connected to here; whether it answers is health's to say."""
    rest = (settings.MODEL_NAME, settings.MODEL_SECRET, settings.MODEL_TENANTS, settings.MODEL_CA)
    if not settings.MODEL_URL:
        if not any(rest):
            return []
        return [
            _warning(
                "ZALION_MODEL_URL is not set, so no language model is asked.", "Set it, or remove the others."
            )
        ]
    try:
        endpoint = Endpoint.of(settings.MODEL_URL)
    except ValueError as error:
        return [Error(str(error), id="extraction.E001")]
    found: list[CheckMessage] = []
    if not settings.MODEL_NAME:
        found.append(
            Error("ZALION_MODEL_NAME is not set.", hint="Name the endpoint's model.", id="extraction.E002")
        )
    if not settings.MODEL_TENANTS:
        found.append(
            _warning(
                "ZALION_MODEL_TENANTS is empty, so no document is shown to the model.",
                "Name the tenants that agreed.",
            )
        )
    return [*found, *_secret(endpoint), *_authority()]


def _secret(endpoint: Endpoint) -> list[CheckMessage]:
    if not settings.MODEL_SECRET:
        return []
    try:
        secrets.resolve(settings.MODEL_SECRET, purpose=endpoint.purpose())
    except secrets.SecretError as error:
        return [Error(f"ZALION_MODEL_SECRET: {error}", hint=error.what_to_do, id="extraction.E003")]
    return []


def _authority() -> list[CheckMessage]:
    if not settings.MODEL_CA:
        return []
    try:
        net.tls_context(ca_pem=Path(settings.MODEL_CA).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, net.AuthorityUnreadable):
        return [Error("ZALION_MODEL_CA names no file of PEM certificates.", id="extraction.E004")]
    return []


def _warning(words: str, hint: str) -> CheckMessage:
    return Warning(words, hint=hint, id="extraction.W001")
