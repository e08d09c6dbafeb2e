"""What lies in the queue: signed with the cluster's own key, opened without running anything, checked."""

import hashlib
import io
import logging
import pickle
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.signing import SignatureExpired, b64_decode
from django.db import transaction
from django.dispatch import Signal, receiver
from django_q.conf import Conf
from django_q.core_signing import BadSignature, TimestampSigner
from django_q.signals import pre_enqueue

from zalion.tasks import registry
from zalion.tenancy import context

RUN = "zalion.tasks.run"
RECONCILE = "schedule.reconcile"
LARGEST = 8192  # characters: ids need a few hundred
# A bell older than this is not worth ringing: what is due has been rung for again long since. It also
# bounds how long somebody who can write to the queue may replay one.
LIFETIME = timedelta(days=1)
REQUIRED = {"id", "name", "func", "args", "kwargs", "started", "ack_failure"}
# The scheduler adds these two. Everything else that django-q2 understands runs code (hook, chain, sync),
# keeps results (save, cached) or lifts the limits (timeout).
OPTIONAL = {"group", "cluster"}
CORRELATION = re.compile(r"[0-9a-f]{32}")
PLAIN = {
    ("datetime", "datetime"): datetime,
    ("datetime", "timedelta"): timedelta,
    ("datetime", "timezone"): type(UTC),
    ("uuid", "UUID"): uuid.UUID,
}
# What unpickling damaged data raises, by the pickle module's own documentation "not necessarily limited to".
NOT_A_PICKLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
)

logger = logging.getLogger(__name__)
# Sent in a SystemContext, outside any transaction: ``reason`` (a code), ``place`` ("queue" or "schedule") and
# ``digest`` (SHA-256 of what was found). The trail listens.
stranger_refused = Signal()


class Stranger(ValueError):
    """A payload that no ``enqueue`` of ours made; ``reason`` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stale(ValueError):
    """A payload of ours past its lifetime."""


def cluster_key() -> str:
    """What payloads are signed with: derived from SECRET_KEY, so that neither stands in for the other."""
    secret = str(settings.SECRET_KEY).encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"zalion/cluster/1").derive(secret).hex()


Conf.SECRET_KEY = cluster_key()


class PlainUnpickler(pickle.Unpickler):
    """Builds plain values, times and UUIDs; a name of anything else ends it before it is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return PLAIN[module, name]
        except KeyError:
            raise Stranger("not_plain") from None

    def persistent_load(self, pid: Any) -> Any:
        raise Stranger("not_plain")


def open_package(payload: str | bytes) -> dict[str, Any]:
    """What a payload from the queue says; the signature is verified before anything is built from it.

    Raises Stranger for what is not ours to run, Stale for what is too old to be worth it.
    """
    if len(payload) > LARGEST:
        raise Stranger("too_large")
    try:
        text = payload.decode("ascii") if isinstance(payload, bytes) else payload
        signer = TimestampSigner(key=Conf.SECRET_KEY, salt=Conf.PREFIX)
        body = signer.unsign(text, max_age=LIFETIME)
    except SignatureExpired:
        raise Stale from None
    except (BadSignature, UnicodeError):
        raise Stranger("bad_signature") from None
    try:
        package: dict[str, Any] = PlainUnpickler(io.BytesIO(b64_decode(body.encode()))).load()
    except Stranger:
        raise
    except NOT_A_PICKLE:
        raise Stranger("not_plain") from None
    check(package)
    return package


def check(package: Any) -> None:
    """Raise Stranger unless ``enqueue`` makes such a package, or the scheduler for a task without ids."""
    if not isinstance(package, dict) or not REQUIRED <= package.keys() <= REQUIRED | OPTIONAL:
        raise Stranger("bad_options")
    if package["func"] != RUN or not isinstance(package["func"], str):
        raise Stranger("unknown_function")
    if (
        package["kwargs"] != {}
        or package["ack_failure"] is not True
        or package.get("cluster") not in (None, Conf.CLUSTER_NAME)
        or not isinstance(package["id"], str)
        or not isinstance(package["name"], str)
        or not isinstance(package["started"], datetime)
    ):
        raise Stranger("bad_options")
    args = package["args"]
    if not isinstance(args, tuple) or len(args) != 4:
        raise Stranger("bad_arguments")
    check_call(*args)
    # The scheduler, and only it, names a group. Whoever can write a Schedule row gets a signature for it, so
    # what comes from there can be a task above the tenants and without ids, nothing more.
    if "group" in package and args != (package["group"], None, "", ()):
        raise Stranger("bad_arguments")


def check_call(name: Any, tenant: Any, correlation_id: Any, args: Any) -> None:
    """Raise Stranger unless these are arguments that ``zalion.tasks.run`` takes."""
    try:
        task = registry.find(name)
    except (registry.UnknownTask, TypeError):
        raise Stranger("unknown_task") from None
    if task.system != (tenant is None) or not (tenant is None or isinstance(tenant, uuid.UUID)):
        raise Stranger("bad_arguments")
    if not isinstance(correlation_id, str) or (correlation_id and not CORRELATION.fullmatch(correlation_id)):
        raise Stranger("bad_arguments")
    if not isinstance(args, tuple) or not all(registry.is_opaque(item) for item in args):
        raise Stranger("bad_arguments")


def record(stranger: Stranger, *, place: str, found: str | bytes) -> None:
    """Log and announce a refused payload: by its reason and digest, never by what it says."""
    raw = found.encode() if isinstance(found, str) else found
    digest = hashlib.sha256(raw).hexdigest()
    logger.error("Refused what was found in the %s: %s, sha256 %s.", place, stranger.reason, digest)

    def announce() -> None:
        with context.system("queue"):
            stranger_refused.send_robust(sender=None, reason=stranger.reason, place=place, digest=digest)

    # The scheduler works in a transaction of its own, and the trail does not write in somebody else's.
    transaction.on_commit(announce)


@receiver(pre_enqueue, dispatch_uid="zalion.tasks.packages")
def nothing_strange_is_signed(task: dict[str, Any], **_: Any) -> None:
    """The scheduler signs whatever a Schedule row says, and runs it at once when the row says ``sync``.

    A stranger is replaced by the task that puts the schedule right, since raising here would stop every other
    schedule as well.
    """
    try:
        check(task)
    except Stranger as stranger:
        record(stranger, place="schedule", found=str(task.get("func")))
        kept = {"id": task["id"], "name": task["name"], "started": task["started"], "ack_failure": True}
        task.clear()
        task.update(kept, func=RUN, args=(RECONCILE, None, "", ()), kwargs={})
