"""References to secrets that live elsewhere, bound to where they may be sent; nothing here stores them."""

import json
import os
import re
import secrets as randomness
import shlex
from dataclasses import asdict, dataclass
from typing import Literal, Never, Self

from django.conf import settings

from zalion.vault.files import UnsafeFile, open_private_directory, read_private

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_ENV_NAME = re.compile(r"ZALION_SECRET_[A-Z0-9_]{1,60}")
# Matches the pattern and is the portal's own signing key.
_NOT_FOR_MAILBOXES = "ZALION_SECRET_KEY"
_META = ".meta"
_BOUND = "__BOUND"
_META_FIELDS = {"tenant", "protocol", "host", "port", "user"}


class SecretError(Exception):
    """A secret that is not handed out.

    The message can be logged; ``what_to_do`` is for the administrator's eyes and may name host and user.
    """

    code = "secret_error"

    def __init__(self, message: str, *, what_to_do: str) -> None:
        super().__init__(message)
        self.what_to_do = what_to_do


class SecretMissing(SecretError):
    """The reference names nothing that exists."""

    code = "secret_missing"


class SecretUnbound(SecretError):
    """The secret was not provisioned for this tenant, protocol, host, port and user."""

    code = "secret_unbound"


class SecretUnsafe(SecretError):
    """The secret is kept in a way that others could read or replace, or is not a text."""

    code = "secret_unsafe"


class Secret:
    """A secret in memory. It shows itself to ``reveal`` alone and cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> Never:
        raise TypeError("A secret is not written anywhere.")


@dataclass(frozen=True, slots=True)
class SecretPurpose:
    """What one secret is for. ``tenant`` is the slug; a host is compared without case and a final dot."""

    tenant: str
    protocol: str
    host: str
    port: int
    user: str

    def normalised(self) -> Self:
        host = self.host.casefold().rstrip(".")
        return type(self)(self.tenant, self.protocol.casefold(), host, self.port, self.user)

    def as_json(self) -> str:
        return json.dumps(asdict(self.normalised()), sort_keys=True)


@dataclass(frozen=True, slots=True)
class SecretRef:
    """``file:NAME`` or ``env:ZALION_SECRET_NAME``: the store is named, nothing is searched for."""

    store: Literal["file", "env"]
    name: str

    @classmethod
    def parse(cls, reference: str) -> Self:
        """Raises SecretMissing for what is no reference; the text itself is not repeated in the message."""
        store, _, name = reference.partition(":")
        if store == "file" and _FILE_NAME.fullmatch(name) and not name.endswith(_META):
            return cls("file", name)
        not_a_secret = name.endswith(_BOUND) or name == _NOT_FOR_MAILBOXES
        if store == "env" and _ENV_NAME.fullmatch(name) and not not_a_secret:
            return cls("env", name)
        # Somebody may have pasted the secret in place of its name.
        raise SecretMissing(
            "This is not a reference to a secret.",
            what_to_do="Write file:NAME (letters, digits, dot, dash, underscore) or env:ZALION_SECRET_NAME.",
        )

    def __str__(self) -> str:
        return f"{self.store}:{self.name}"


def resolve(reference: str, *, purpose: SecretPurpose) -> Secret:
    """The secret that ``reference`` names, if it was provisioned for exactly ``purpose``.

    Read anew each time and kept nowhere, so a changed binding counts at once. Raises SecretMissing,
    SecretUnbound or SecretUnsafe. The binding is looked at first: without it the secret is not even read.
    """
    ref = SecretRef.parse(reference)
    how = f"Provision it with: {provisioning_command(reference, purpose)}"
    bound = _bound_purpose(ref, how)
    if bound != purpose.normalised():
        raise SecretUnbound(f"{ref} was not provisioned for this connection.", what_to_do=how)
    raw = _read_file(ref.name, how) if ref.store == "file" else os.environ.get(ref.name, "")
    # Editors and shells end a file with a line break that is not part of the secret.
    value = raw.removesuffix("\n").removesuffix("\r")
    if not value:
        raise SecretMissing(f"{ref} is empty or not set.", what_to_do=how)
    return Secret(value)


def _bound_purpose(ref: SecretRef, how: str) -> SecretPurpose:
    if ref.store == "env":
        if not os.environ.get(ref.name):
            raise SecretMissing(f"{ref} is not set for this process.", what_to_do=how)
        text = os.environ.get(ref.name + _BOUND, "")
    else:
        try:
            text = _read_file(ref.name + _META, how)
        except SecretMissing:
            _read_file(ref.name, how)  # tells a secret that is missing from one that is only unbound
            text = ""
    try:
        return _parse_meta(text)
    except ValueError:
        raise SecretUnbound(f"{ref} has no valid binding to a connection.", what_to_do=how) from None


def _parse_meta(text: str) -> SecretPurpose:
    """Raises ValueError for anything but an object with the five fields in their types."""
    found = json.loads(text)
    if not isinstance(found, dict) or set(found) != _META_FIELDS or type(found["port"]) is not int:
        raise ValueError("not a binding")
    if not all(isinstance(found[name], str) for name in _META_FIELDS - {"port"}):
        raise ValueError("not a binding")
    return SecretPurpose(**found).normalised()


def _read_file(name: str, how: str) -> str:
    try:
        directory = open_private_directory(str(settings.SECRETS_DIR))
        try:
            return read_private(name, directory=directory).decode("utf-8")
        finally:
            os.close(directory)
    except FileNotFoundError:
        raise SecretMissing(f"There is no file {name} among the secrets.", what_to_do=how) from None
    except UnsafeFile as error:
        raise SecretUnsafe(
            f"The secret file {name} is not used: {error}.",
            what_to_do="It must be a plain file of mode 0600 or 0400 in ZALION_SECRETS_DIR, owned by the "
            "worker's user or root.",
        ) from None
    except UnicodeDecodeError:
        raise SecretUnsafe(f"The secret file {name} is not UTF-8 text.", what_to_do=how) from None


def names(*, tenant: str) -> list[str]:
    """The references that exist and are bound to ``tenant``, sorted; the wizard lists them."""
    try:
        directory = open_private_directory(str(settings.SECRETS_DIR))
    except (FileNotFoundError, UnsafeFile):
        files: list[str] = []
    else:
        try:
            files = [f"file:{name}" for name in os.listdir(directory) if not name.endswith(_META)]
        finally:
            os.close(directory)
    variables = [f"env:{name}" for name in os.environ if name.startswith("ZALION_SECRET_")]
    return sorted(reference for reference in files + variables if _is_bound_to(reference, tenant))


def _is_bound_to(reference: str, tenant: str) -> bool:
    bound = purpose_of(reference)
    return bound is not None and bound.tenant == tenant


def purpose_of(reference: str) -> SecretPurpose | None:
    """What ``reference`` is bound to now; None where it is bound to nothing, or there is none."""
    try:
        return _bound_purpose(SecretRef.parse(reference), "")
    except SecretError:
        return None


def put(name: str, value: str, purpose: SecretPurpose) -> SecretRef:
    """Write a secret and its binding into SECRETS_DIR, in place of one of that name; raises SecretError.

    The old binding goes first and the new one comes last: killed in between, the secret is unbound and goes
    nowhere, rather than the old secret to the new host.
    """
    ref = SecretRef.parse(f"file:{name}")
    os.makedirs(settings.SECRETS_DIR, mode=0o700, exist_ok=True)
    directory = _own_directory()
    try:
        _unlink(directory, name + _META)
        os.fsync(directory)
        _replace(directory, name, value)
        _replace(directory, name + _META, purpose.as_json())
    finally:
        os.close(directory)
    return ref


def remove(name: str) -> SecretRef:
    """Take a secret out of SECRETS_DIR, its binding first. Raises SecretError, SecretMissing where there is none."""
    ref = SecretRef.parse(f"file:{name}")
    try:
        directory = _own_directory()
    except FileNotFoundError:
        found = False
    else:
        try:
            _unlink(directory, name + _META)
            found = _unlink(directory, name)
            os.fsync(directory)
        finally:
            os.close(directory)
    if not found:
        raise SecretMissing(
            f"There is no file {name} among the secrets.", what_to_do="Look with: manage.py secret list"
        )
    return ref


def _own_directory() -> int:
    """SECRETS_DIR, opened. Raises SecretUnsafe, FileNotFoundError."""
    try:
        return open_private_directory(str(settings.SECRETS_DIR))
    except UnsafeFile as error:
        raise SecretUnsafe(
            f"ZALION_SECRETS_DIR is not used: {error}.", what_to_do="Make it a folder of mode 0700."
        ) from None


def _unlink(directory: int, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


def _replace(directory: int, name: str, content: str) -> None:
    temporary = f".{randomness.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
    in_place = False
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode())
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        in_place = True
    finally:
        if not in_place:
            os.unlink(temporary, dir_fd=directory)
    os.fsync(directory)


def provisioning_command(reference: str, purpose: SecretPurpose) -> str:
    """The one line that provisions ``reference`` for ``purpose``, for the shell of the worker's user."""
    ref = SecretRef.parse(reference)
    if ref.store == "env":
        bound = shlex.quote(purpose.as_json())
        return f"read -rs {ref.name} && export {ref.name} {ref.name}{_BOUND}={bound}"
    options = asdict(purpose.normalised()).items()
    words = " ".join(f"--{option}={shlex.quote(str(value))}" for option, value in options)
    return f"python manage.py secret put {ref.name} {words}"
