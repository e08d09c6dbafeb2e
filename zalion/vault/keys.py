"""Keys of tenants and of the system: made, opened for a few seconds, rotated, re-wrapped, destroyed."""

import os
import time
import uuid

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from django.db import transaction
from django.utils import timezone

from zalion.tenancy import context
from zalion.tenancy.unit import unit
from zalion.vault.errors import KeyRingError, KeyUnavailable
from zalion.vault.models import KeyState, Purpose, SystemKey, TenantKey
from zalion.vault.ring import KEY_BYTES, KeyWrapper, Wrapped, master_ring

# How long an opened key may stay in a process. Another process that shreds a tenant is noticed after this
# time; what was sealed until then is sealed under a key that exists nowhere any more.
CACHE_SECONDS = 15.0
_SYSTEM = "system"


class Key:
    """An opened 256-bit key. Its repr tells what it is for and nothing of what it is."""

    __slots__ = ("_derived", "purpose", "secret", "version")

    def __init__(self, purpose: str, version: int, secret: bytes) -> None:
        self.purpose = purpose
        self.version = version
        self.secret = secret
        self._derived: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"<Key {self.purpose} v{self.version} ***>"

    def __reduce__(self) -> str:
        raise TypeError("A key is not written anywhere.")

    def derive(self, label: str) -> bytes:
        """A key of its own for one use (HKDF-Expand, RFC 5869): the same ``label`` gives the same key."""
        if label not in self._derived:
            info = b"ZL1 derived\x00" + label.encode()
            expand = HKDFExpand(algorithm=hashes.SHA256(), length=KEY_BYTES, info=info)
            self._derived[label] = expand.derive(self.secret)
        return self._derived[label]


_Slot = tuple[uuid.UUID | None, str, int | None]
_cache: dict[_Slot, tuple[float, Key]] = {}
# Rows of a rotation whose transaction has not ended: a key that a rollback takes back must not be kept.
_uncommitted: set[uuid.UUID] = set()


def forget_opened_keys(tenant_id: uuid.UUID | None = None) -> None:
    """Drop the opened keys of one tenant, or of everybody, from this process."""
    for slot in list(_cache):
        if tenant_id is None or slot[0] == tenant_id:
            _cache.pop(slot, None)


def _cached(slot: _Slot) -> Key | None:
    found = _cache.get(slot)
    if found is None:
        return None
    if found[0] < time.monotonic():
        _cache.pop(slot, None)
        return None
    return found[1]


def _context(owner: str, purpose: str, version: int) -> bytes:
    """The words a wrapped key is tied to; none of them can hold the bar between them."""
    return f"ZL1 key|{owner}|{purpose}|{version}".encode()


# -- keys of tenants --------------------------------------------------------------------------------------


def create_keys(tenant_id: uuid.UUID) -> None:
    """The first keys of a new tenant, one for each purpose; call it in that tenant's context and unit."""
    ring = master_ring()
    rows = [_new_row(ring=ring, tenant=tenant_id, purpose=p, version=1) for p in Purpose]
    TenantKey.objects.bulk_create(rows)
    forget_opened_keys(tenant_id)


def _new_row(*, ring: KeyWrapper, tenant: uuid.UUID, purpose: Purpose, version: int) -> TenantKey:
    wrapped = ring.wrap(os.urandom(KEY_BYTES), context=_context(tenant.hex, purpose.value, version))
    return TenantKey(
        tenant_id=tenant, purpose=purpose, version=version, master=wrapped.master, wrapped=wrapped.data
    )


def tenant_key(purpose: Purpose, version: int | None = None) -> Key:
    """A key of the tenant at work: the one that seals now, or the ``version`` that sealed something.

    Raises NoTenantError outside a tenant's work, KeyUnavailable when there is none or it was destroyed, and
    KeyRingError when the master key cannot open it.
    """
    tenant = context.tenant_id()
    slot = (tenant, purpose.value, version)
    if (found := _cached(slot)) is not None:
        return found
    rows = TenantKey.objects.filter(purpose=purpose)
    if version is None:
        row = rows.filter(state=KeyState.ACTIVE).first()
    else:
        row = rows.filter(version=version).exclude(state=KeyState.SHREDDED).first()
    if row is None:
        raise KeyUnavailable(f"The tenant has no {purpose.value} key to use; it may have been destroyed.")
    secret = master_ring().unwrap(
        Wrapped(row.master, bytes(row.wrapped)), context=_context(tenant.hex, row.purpose, row.version)
    )
    key = Key(row.purpose, row.version, secret)
    if row.pk not in _uncommitted:
        until = time.monotonic() + CACHE_SECONDS
        _cache[slot] = _cache[(tenant, row.purpose, row.version)] = (until, key)
    return key


def rotate(purpose: Purpose) -> int:
    """A new key for what the tenant at work seals from now on; older versions still open what they sealed.

    Returns the new version. The index key cannot be rotated (ValueError): equal words would get unequal
    tokens, and mail already taken in would not be recognised.
    """
    if purpose == Purpose.INDEX:
        raise ValueError("The index key is not rotated: its tokens would no longer be equal.")
    tenant = context.tenant_id()
    with unit():
        now = TenantKey.objects.select_for_update().filter(purpose=purpose, state=KeyState.ACTIVE).first()
        if now is None:
            raise KeyUnavailable(f"The tenant has no {purpose.value} key to rotate.")
        TenantKey.objects.filter(pk=now.pk).update(state=KeyState.RETIRED, state_since=timezone.now())
        row = _new_row(ring=master_ring(), tenant=tenant, purpose=purpose, version=now.version + 1)
        _uncommitted.add(row.pk)
        row.save(force_insert=True)
        forget_opened_keys(tenant)
        transaction.on_commit(lambda: _uncommitted.discard(row.pk))
    return row.version


def shred(tenant_id: uuid.UUID) -> int:
    """Destroy every key of a tenant, so that nothing sealed for it can be opened again; returns how many.

    The rows stay, empty, as the record of it. Copies outside this database (backups, write-ahead logs,
    replicas) keep their wrapped keys until they are overwritten.
    """
    with unit():
        shredded = (
            TenantKey.across_tenants.filter(tenant_id=tenant_id)
            .exclude(state=KeyState.SHREDDED)
            .update(state=KeyState.SHREDDED, wrapped=b"", state_since=timezone.now())
        )
    forget_opened_keys(tenant_id)
    return shredded


# -- keys of the system -----------------------------------------------------------------------------------


def create_system_key() -> None:
    """Make the system's key in a new database; raises KeyRingError where one was lost."""
    if SystemKey.objects.exists():
        return
    if TenantKey.across_tenants.exists():
        raise KeyRingError(
            "This database has keys of tenants and none of the system.",
            what_to_do="Restore the table vault_systemkey; a new key would not open what the old one sealed.",
        )
    wrapped = master_ring().wrap(os.urandom(KEY_BYTES), context=_context(_SYSTEM, _SYSTEM, 1))
    SystemKey.objects.create(version=1, master=wrapped.master, wrapped=wrapped.data)
    forget_opened_keys()


def system_key(purpose: str, version: int | None = None) -> Key:
    """A key for what belongs to no tenant; every ``purpose`` has one of its own, derived from the system key.

    Raises KeyUnavailable when there is no such version, KeyRingError when the master key cannot open it.
    """
    slot = (None, purpose, version)
    if (found := _cached(slot)) is not None:
        return found
    rows = SystemKey.objects.order_by("-version")
    row = rows.first() if version is None else rows.filter(version=version).first()
    if row is None:
        raise KeyUnavailable("There is no such system key; `manage.py migrate` makes the first one.")
    words = _context(_SYSTEM, _SYSTEM, row.version)
    root = Key(
        _SYSTEM, row.version, master_ring().unwrap(Wrapped(row.master, bytes(row.wrapped)), context=words)
    )
    key = Key(purpose, row.version, root.derive(f"system {purpose}"))
    until = time.monotonic() + CACHE_SECONDS
    _cache[slot] = _cache[(None, purpose, row.version)] = (until, key)
    return key


# -- rotation of the master key ---------------------------------------------------------------------------


@context.system("rewrap")  # of every tenant, whoever calls: a key that was left out would be lost
def rewrap() -> int:
    """Wrap every key again under the newest master key; returns how many were not yet.

    Safe to repeat and to interrupt. When it returned, lines of older master keys can leave the ring.
    """
    ring = master_ring()
    done = 0
    for row in TenantKey.across_tenants.exclude(state=KeyState.SHREDDED).exclude(master=ring.newest):
        words = _context(row.tenant_id.hex, row.purpose, row.version)
        fresh = ring.wrap(ring.unwrap(Wrapped(row.master, bytes(row.wrapped)), context=words), context=words)
        # The condition keeps a key that was destroyed in the meantime destroyed.
        same = TenantKey.across_tenants.filter(pk=row.pk, master=row.master).exclude(state=KeyState.SHREDDED)
        done += same.update(master=fresh.master, wrapped=fresh.data)
    for system in SystemKey.objects.exclude(master=ring.newest):
        words = _context(_SYSTEM, _SYSTEM, system.version)
        opened = ring.unwrap(Wrapped(system.master, bytes(system.wrapped)), context=words)
        fresh = ring.wrap(opened, context=words)
        same_row = SystemKey.objects.filter(pk=system.pk, master=system.master)
        done += same_row.update(master=fresh.master, wrapped=fresh.data)
    return done
