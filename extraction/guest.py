"""An optional language model is shown the text of documents that stayed open; what it says is checked in the child."""

import ipaddress
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from audit import actions, trail
from extraction.confidence import passes_without_person
from extraction.models import Document, ExtractionRun
from extraction.questions import PATH, request_body
from extraction.registry import LAYOUTS
from extraction.schemas import CanonicalDocument
from extraction.sources import BODY, Reading
from zalion import circuits, http, net, sandbox
from zalion.health import LANGUAGE_MODEL
from zalion.sandbox import SandboxError
from zalion.vault import secrets

SECONDS: Final = 60.0  # one answer
MAX_ANSWER: Final = 1 << 20
NO_DOCUMENT: Final = "no_document"
# Documents of one source that are shown.
MAX_SHOWN: Final = 4
# What a secret for the model is bound to in place of a tenant: it is the installation's.
EVERY_TENANT: Final = "*"
PROTOCOL: Final = "openai"
FIRST_REST: Final = timedelta(seconds=30)
LONGEST_REST: Final = timedelta(hours=1)
# Answers that mean "later": RFC 9110 section 15.6, RFC 6585 section 4.
_LATER: Final = frozenset({429, 503})


class NotAskedError(Exception):
    """The model gave no answer; `code` says why. With `failed`, the endpoint is at fault and is left alone for a while,
    `rest` at least if it said how long."""

    def __init__(self, code: str, *, failed: bool = False, rest: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.failed = failed
        self.rest = rest


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is, as the settings say."""

    host: str
    port: int
    path: str
    tls: bool

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises ValueError for what is no address of an endpoint, or would send text over a network in clear."""
        parts = urlsplit(url)
        host, tls = parts.hostname or "", parts.scheme == "https"
        if (
            parts.scheme not in {"https", "http"}
            or not host
            or parts.username
            or parts.query
            or parts.fragment
        ):
            raise ValueError("ZALION_MODEL_URL is no address such as https://models.example/v1.")
        if not tls and not is_loopback(host):
            raise ValueError("ZALION_MODEL_URL is not https, which only 127.0.0.1 and ::1 may do without.")
        return cls(host, parts.port or (443 if tls else 80), parts.path.rstrip("/") + PATH, tls)

    def purpose(self) -> secrets.SecretPurpose:
        """What the secret is to be bound to."""
        return secrets.SecretPurpose(EVERY_TENANT, PROTOCOL, self.host, self.port, settings.MODEL_NAME)


def is_loopback(host: str) -> bool:
    """A name may be resolved to anything, so only numbers are of this machine for certain."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def completed(run: ExtractionRun, readings: Sequence[Reading], *, ends: float) -> list[Reading]:
    """The readings of a message, those that stayed open with what a language model saw and the page bears out, until
    `ends` (of time.monotonic). Without an endpoint, or without the tenant's agreement, they are what they were."""
    if not settings.MODEL_URL or run.message.tenant.slug not in settings.MODEL_TENANTS:
        return list(readings)
    made: list[Reading] = []
    for found in readings:
        # A body is a document of its own, or a letter around those attached to it.
        spoken_for = found.source.path == BODY and any(other.documents for other in made)
        wanted = _is_open(found) and not spoken_for and not _is_known(run, found)
        made.append(_completed(run, found, ends=ends) if wanted else found)
    return made


def _is_open(found: Reading) -> bool:
    """Whether the extractors left something open that reads a layout: no document in a file, or one that a person must
    look at. What was given as data is read exactly, and a body without a document is a letter."""
    if found.extractor not in LAYOUTS:
        return False
    if not found.documents:
        return found.outcome == NO_DOCUMENT and found.source.path != BODY
    return not all(_passes(document) for document in found.documents)


def _passes(document: Mapping[str, Any]) -> bool:
    return passes_without_person(CanonicalDocument.from_json(document))


def _is_known(run: ExtractionRun, found: Reading) -> bool:
    """Whether the same paper came with another mail: what it says is known, or was not to be found out."""
    return Document.objects.filter(source_hmac=found.source.hmac).exclude(message=run.message).exists()


def _completed(run: ExtractionRun, found: Reading, *, ends: float) -> Reading:
    started = time.monotonic()
    made: list[dict[str, Any]] = []
    outcomes: list[str] = []
    taken = 0
    for document in found.documents or (None,):
        if document is not None and (_passes(document) or len(outcomes) == MAX_SHOWN):
            made.append(document)
            continue
        try:
            told = _asked(run, found, document, ends=ends)
        except NotAskedError as error:
            told = {"outcome": error.code, "taken": 0, "document": None}
        outcomes.append(told["outcome"])
        taken += told["taken"]
        made += [item for item in (told["document"] or document,) if item is not None]
    model = {
        "name": settings.MODEL_NAME,
        "outcome": max(set(outcomes), key=outcomes.count),
        "taken": taken,
        "seconds": round(time.monotonic() - started, 2),
    }
    outcome = "documents" if made else found.outcome
    return replace(found, documents=tuple(made), outcome=outcome, model=model)


def _asked(
    run: ExtractionRun, found: Reading, document: dict[str, Any] | None, *, ends: float
) -> dict[str, Any]:
    """What the child accepts of the answer. Raises NotAskedError."""
    if circuits.is_open(LANGUAGE_MODEL):
        raise NotAskedError("model_left_alone")
    source = {
        "name": found.source.name,
        "content": found.source.content,
        "extractor": found.extractor,
        "document": document,
    }
    try:
        shown = sandbox.run("extraction.quoted:shown_plain", payload=source)
    except SandboxError as error:
        raise NotAskedError(error.code) from None
    if not shown["text"]:
        raise NotAskedError("no_text")
    seconds = min(SECONDS, ends - time.monotonic())
    if seconds < 1:
        raise NotAskedError("out_of_time")
    try:
        body = _answer(run, shown["text"], path=found.source.path, seconds=seconds)
    except NotAskedError as error:
        if error.failed:
            circuits.failed(
                LANGUAGE_MODEL, error.code, first=FIRST_REST, longest=LONGEST_REST, asked=error.rest
            )
        raise
    circuits.answered(LANGUAGE_MODEL, now=timezone.now())
    payload = {"pages": shown["pages"], "answer": body, "document": document}
    try:
        accepted: dict[str, Any] = sandbox.run("extraction.quoted:accepted_plain", payload=payload)
    except SandboxError as error:
        raise NotAskedError(error.code) from None
    return accepted


def _answer(run: ExtractionRun, text: str, *, path: str, seconds: float) -> bytes:
    """The body of the endpoint's answer; that it is asked is on record before anything leaves. Raises NotAskedError."""
    try:
        request, ca_pem = _request(text)
    except (ValueError, OSError):
        raise NotAskedError("model_misconfigured") from None
    except secrets.SecretError as error:
        raise NotAskedError(error.code) from None
    facts = {"run": str(run.pk), "path": path, "host": request.host, "model": settings.MODEL_NAME}
    trail.record(
        actions.DOCUMENT_SHOWN_TO_MODEL, object=run.message, facts={**facts, "characters": len(text)}
    )
    policy = net.NetworkPolicy(settings.ALLOWED_NETWORKS)
    try:
        answer = http.exchange(request, policy=policy, seconds=seconds, at_most=MAX_ANSWER, ca_pem=ca_pem)
    except net.NetworkError as error:
        raise NotAskedError(error.code, failed=True) from None
    if answer.status != 200:
        raise NotAskedError(f"http_{answer.status}", failed=True, rest=_told_rest(answer))
    return answer.body


def _request(text: str) -> tuple[http.Request, str | None]:
    """Raises ValueError and OSError for settings that cannot be used, SecretError."""
    endpoint = Endpoint.of(settings.MODEL_URL)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if settings.MODEL_SECRET:
        secret = secrets.resolve(settings.MODEL_SECRET, purpose=endpoint.purpose())
        headers["Authorization"] = f"Bearer {secret.reveal()}"
    request = http.Request(
        endpoint.host,
        endpoint.path,
        endpoint.port,
        method="POST",
        headers=headers,
        body=request_body(text, settings.MODEL_NAME),
        tls=endpoint.tls,
    )
    request.encoded()
    return request, Path(settings.MODEL_CA).read_text("utf-8") if settings.MODEL_CA else None


def _told_rest(answer: http.Answer) -> timedelta | None:
    told = answer.headers.get("retry-after", "")
    return (
        timedelta(seconds=int(told))
        if answer.status in _LATER and told.isdecimal() and len(told) < 6
        else None
    )
