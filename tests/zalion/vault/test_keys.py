"""Keys of tenants and the system: made, opened, rotated, re-wrapped, destroyed."""

import pickle
from pathlib import Path

import pytest
from django.db import transaction
from django.db.utils import IntegrityError

from zalion.tenancy.context import NoTenantError, work
from zalion.tenancy.models import Tenant
from zalion.vault import keys
from zalion.vault.errors import KeyRingError, KeyUnavailable, SealBroken
from zalion.vault.models import KeyState, Purpose, SystemKey, TenantKey
from zalion.vault.sealing import Binding, seal, unseal

from .conftest import ADA, OTTO

pytestmark = pytest.mark.database


def test_each_tenant_and_purpose_has_a_key_of_its_own(acme: Tenant, borealis: Tenant) -> None:
    found = []
    for tenant, actor in ((acme, ADA), (borealis, OTTO)):
        with work(tenant.pk, actor):
            found += [keys.tenant_key(purpose).secret for purpose in Purpose]
    assert len(set(found)) == 8
    assert {len(secret) for secret in found} == {32}


def test_no_key_is_stored_in_clear(at_acme: Tenant) -> None:
    for row in TenantKey.objects.all():
        assert keys.tenant_key(Purpose(row.purpose)).secret not in bytes(row.wrapped)


def test_there_are_no_keys_outside_a_tenants_work(acme: Tenant) -> None:
    with pytest.raises(NoTenantError):
        keys.tenant_key(Purpose.FIELDS)


def test_an_opened_key_is_kept_for_seconds_only(
    at_acme: Tenant, monkeypatch, django_assert_num_queries
) -> None:
    with django_assert_num_queries(1):
        keys.tenant_key(Purpose.FIELDS)
        keys.tenant_key(Purpose.FIELDS)
        keys.tenant_key(Purpose.FIELDS, 1)
    monkeypatch.setattr(keys.time, "monotonic", lambda: 1e12)
    with django_assert_num_queries(1):
        keys.tenant_key(Purpose.FIELDS)


def test_a_key_neither_shows_nor_pickles_itself(at_acme: Tenant) -> None:
    key = keys.tenant_key(Purpose.FIELDS)
    assert repr(key) == "<Key fields v1 ***>"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_a_wrapped_key_moved_to_another_row_does_not_open(acme: Tenant, borealis: Tenant) -> None:
    stolen = TenantKey.across_tenants.get(tenant=acme, purpose="fields")
    TenantKey.across_tenants.filter(tenant=borealis, purpose="fields").update(wrapped=stolen.wrapped)
    with work(borealis.pk, OTTO), pytest.raises(KeyRingError):
        keys.tenant_key(Purpose.FIELDS)
    TenantKey.across_tenants.filter(tenant=acme, purpose="content").update(wrapped=stolen.wrapped)
    with work(acme.pk, ADA), pytest.raises(KeyRingError):
        keys.tenant_key(Purpose.CONTENT)


def test_after_a_rotation_new_data_has_the_new_key_and_old_data_opens(at_acme: Tenant) -> None:
    binding = Binding(at_acme.pk, "note", "1", "text")
    old = seal(b"before", binding=binding)
    assert keys.rotate(Purpose.FIELDS) == 2
    new = seal(b"after", binding=binding)
    assert int.from_bytes(old[5:9], "big") == 1
    assert int.from_bytes(new[5:9], "big") == 2
    assert (unseal(old, binding=binding), unseal(new, binding=binding)) == (b"before", b"after")
    states = TenantKey.objects.filter(purpose="fields").order_by("version").values_list("state", flat=True)
    assert list(states) == [KeyState.RETIRED, KeyState.ACTIVE]


@pytest.mark.django_db(transaction=True)
def test_a_rotation_that_was_rolled_back_leaves_no_key_in_memory(acme: Tenant) -> None:
    binding = Binding(acme.pk, "note", "1", "text")
    with work(acme.pk, ADA):
        with transaction.atomic():
            keys.rotate(Purpose.FIELDS)
            assert keys.tenant_key(Purpose.FIELDS).version == 2
            transaction.set_rollback(True)
        sealed = seal(b"text", binding=binding)
        keys.forget_opened_keys()
        assert unseal(sealed, binding=binding) == b"text"
        assert keys.rotate(Purpose.FIELDS) == 2
        keys.tenant_key(Purpose.FIELDS)
        keys.forget_opened_keys()
        assert keys.tenant_key(Purpose.FIELDS).version == 2


def test_the_index_key_is_not_rotated(at_acme: Tenant) -> None:
    with pytest.raises(ValueError, match="equal"):
        keys.rotate(Purpose.INDEX)


def test_one_purpose_never_has_two_active_keys(at_acme: Tenant) -> None:
    row = TenantKey.objects.get(purpose="fields")
    with pytest.raises(IntegrityError):
        TenantKey(purpose="fields", version=2, master=row.master, wrapped=row.wrapped).save()


def test_a_new_master_key_wraps_everything_again_and_the_old_one_can_go(
    at_acme: Tenant, borealis: Tenant, ring_file: Path, ring_line
) -> None:
    binding = Binding(at_acme.pk, "note", "1", "text")
    sealed, system = seal(b"text", binding=binding), keys.system_key("chain").secret
    newest = ring_line("next")
    ring_file.write_text(newest + ring_file.read_text())
    assert keys.rewrap() == 9
    assert keys.rewrap() == 0
    ring_file.write_text(newest)
    keys.forget_opened_keys()
    assert unseal(sealed, binding=binding) == b"text"
    assert keys.system_key("chain").secret == system


def test_row_91_a_master_key_that_is_gone_mid_run_stops_the_work(
    at_acme: Tenant, ring_file: Path, ring_line
) -> None:
    binding = Binding(at_acme.pk, "note", "1", "text")
    sealed = seal(b"text", binding=binding)
    rows = list(TenantKey.objects.values_list("pk", "state"))
    ring_file.write_text(ring_line("other"))
    keys.forget_opened_keys()
    with pytest.raises(KeyRingError):
        seal(b"more", binding=binding)
    with pytest.raises(KeyRingError):
        unseal(sealed, binding=binding)
    assert list(TenantKey.objects.values_list("pk", "state")) == rows


def test_row_92_a_shredded_tenant_seals_nothing_and_opens_nothing(acme: Tenant, borealis: Tenant) -> None:
    binding = Binding(acme.pk, "note", "1", "text")
    with work(acme.pk, ADA):
        sealed = seal(b"text", binding=binding)
    assert keys.shred(acme.pk) == 4
    assert keys.shred(acme.pk) == 0
    with work(acme.pk, ADA):
        with pytest.raises(KeyUnavailable):
            seal(b"more", binding=binding)
        with pytest.raises(SealBroken):
            unseal(sealed, binding=binding)
        with pytest.raises(KeyUnavailable):
            keys.rotate(Purpose.FIELDS)
    for row in TenantKey.across_tenants.filter(tenant=acme):
        assert (row.state, bytes(row.wrapped)) == (KeyState.SHREDDED, b"")
    with work(borealis.pk, OTTO):
        keys.tenant_key(Purpose.FIELDS)


def test_the_system_has_a_key_for_each_purpose_and_keeps_it(db: None) -> None:
    chain = keys.system_key("chain")
    assert chain.secret != keys.system_key("fields").secret
    keys.forget_opened_keys()
    assert keys.system_key("chain", chain.version).secret == chain.secret
    keys.create_system_key()
    assert SystemKey.objects.count() == 1
    with pytest.raises(KeyUnavailable):
        keys.system_key("chain", 2)


def test_a_lost_system_key_is_not_replaced_in_silence(acme: Tenant) -> None:
    SystemKey.objects.all().delete()
    with pytest.raises(KeyRingError, match="Restore"):
        keys.create_system_key()
