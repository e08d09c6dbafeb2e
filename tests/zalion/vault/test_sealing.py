"""ZL1: what was sealed opens where it belongs, and nowhere else, and not a bit different."""

import io
import os
import random
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zalion.tenancy.context import work
from zalion.tenancy.models import Tenant
from zalion.tenancy.scoping import CrossTenantError
from zalion.vault import keys
from zalion.vault.errors import SealBroken
from zalion.vault.models import Purpose
from zalion.vault.sealing import (
    SEGMENT_BYTES,
    TAG_BYTES,
    Binding,
    SealingWriter,
    UnsealingReader,
    seal,
    unseal,
)

from .conftest import ADA, OTTO

HEADER = 80  # bytes of a stream before its first segment
STEP = SEGMENT_BYTES + TAG_BYTES
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def binding(at_acme: Tenant) -> Binding:
    return Binding(at_acme.pk, "connectors.message", str(uuid4()), "subject")


def streamed(plain: bytes, binding: Binding, object_key: bytes | None = None, step: int = 1 << 20) -> bytes:
    sink = io.BytesIO()
    with SealingWriter(sink, binding=binding, object_key=object_key) as writer:
        for start in range(0, len(plain), step):
            writer.write(plain[start : start + step])
    return sink.getvalue()


def opened(sealed: bytes, binding: Binding, object_key: bytes | None = None) -> bytes:
    with UnsealingReader(io.BytesIO(sealed), binding=binding, object_key=object_key) as reader:
        return reader.read()


@given(plain=st.binary(max_size=2000))
@relaxed
def test_a_small_value_comes_back(binding: Binding, plain: bytes) -> None:
    sealed = seal(plain, binding=binding)
    assert len(sealed) == len(plain) + 89
    assert unseal(sealed, binding=binding) == plain


@given(
    parts=st.tuples(st.text(), st.text(), st.text()),
    others=st.tuples(st.text(), st.text(), st.text()),
)
@relaxed
def test_two_bindings_never_have_the_same_bytes(parts, others) -> None:
    assert (Binding(None, *parts).encoded() == Binding(None, *others).encoded()) == (parts == others)


@pytest.mark.parametrize(
    "size", [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES, 200_001]
)
@pytest.mark.parametrize("step", [997, SEGMENT_BYTES, 1 << 20])
def test_a_stream_comes_back_whatever_its_size_and_pieces(binding: Binding, size: int, step: int) -> None:
    plain = os.urandom(size)
    sealed = streamed(plain, binding, step=step)
    assert len(sealed) == HEADER + size + TAG_BYTES * max(1, -(-size // SEGMENT_BYTES))
    assert opened(sealed, binding) == plain


@given(sizes=st.lists(st.integers(0, 90_000), max_size=8), reads=st.lists(st.integers(1, 90_000), min_size=1))
@settings(relaxed, max_examples=25)
def test_a_stream_comes_back_whatever_way_it_is_written_and_read(binding: Binding, sizes, reads) -> None:
    pieces = [os.urandom(size) for size in sizes]
    sink = io.BytesIO()
    with SealingWriter(sink, binding=binding) as writer:
        for piece in pieces:
            writer.write(piece)
    reader = UnsealingReader(io.BytesIO(sink.getvalue()), binding=binding)
    found, turn = b"", 0
    while part := reader.read(reads[turn % len(reads)]):
        found, turn = found + part, turn + 1
    assert found == b"".join(pieces)
    assert reader.read() == b""


def test_a_source_that_gives_less_than_asked_is_read_to_its_end(binding: Binding) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size, 1000) if size and size > 0 else size)

    plain = os.urandom(150_000)
    assert UnsealingReader(Slow(streamed(plain, binding)), binding=binding).read() == plain


def test_10000_mutations_of_a_small_value_are_not_accepted(binding: Binding) -> None:
    plain, luck = b"Order confirmation 4711", random.Random(4711)
    sealed = seal(plain, binding=binding)
    for _ in range(10_000):
        broken = bytearray(sealed)
        kind = luck.randrange(4)
        if kind == 0:
            broken[luck.randrange(len(broken))] ^= 1 << luck.randrange(8)
        elif kind == 1:
            del broken[luck.randrange(len(broken)) :]
        elif kind == 2:
            broken[luck.randrange(len(broken)) :] += luck.randbytes(luck.randrange(1, 9))
        else:
            at, other = luck.randrange(len(broken)), luck.randbytes(luck.randrange(1, 9))
            broken[at : at + len(other)] = other
        if broken != sealed:
            with pytest.raises(SealBroken):
                unseal(bytes(broken), binding=binding)


def test_mutations_of_a_stream_are_not_accepted(binding: Binding) -> None:
    plain, luck = os.urandom(2 * SEGMENT_BYTES + 100), random.Random(4712)
    sealed = streamed(plain, binding)
    places = [*range(HEADER), *(luck.randrange(len(sealed)) for _ in range(120))]
    for place in places:
        broken = bytearray(sealed)
        broken[place] ^= 1 << luck.randrange(8)
        with pytest.raises(SealBroken):
            opened(bytes(broken), binding)


def test_a_cut_segment_does_not_open(binding: Binding) -> None:
    sealed = streamed(os.urandom(3 * SEGMENT_BYTES), binding)
    for length in (0, 1, HEADER - 1, HEADER, HEADER + 1, HEADER + STEP, HEADER + 2 * STEP, len(sealed) - 1):
        with pytest.raises(SealBroken):
            opened(sealed[:length], binding)
    with pytest.raises(SealBroken):
        opened(sealed + b"\x00", binding)


def test_segments_out_of_order_left_out_or_repeated_do_not_open(binding: Binding) -> None:
    sealed = streamed(os.urandom(4 * SEGMENT_BYTES), binding)
    head, first, second, third, last = (
        sealed[:HEADER],
        *(sealed[HEADER + i * STEP : HEADER + (i + 1) * STEP] for i in range(4)),
    )
    for order in (
        (second, first, third, last),
        (first, third, last),
        (first, second, second, third, last),
        (first, second, last, third),
        (first, second, third, last, last),
        (last,),
    ):
        with pytest.raises(SealBroken):
            opened(head + b"".join(order), binding)


def test_segments_of_another_stream_do_not_fit(binding: Binding) -> None:
    one, two = (streamed(os.urandom(2 * SEGMENT_BYTES), binding) for _ in range(2))
    with pytest.raises(SealBroken):
        opened(one[: HEADER + STEP] + two[HEADER + STEP :], binding)


def test_no_byte_of_a_bad_segment_or_behind_it_is_released(binding: Binding) -> None:
    plain = os.urandom(3 * SEGMENT_BYTES)
    sealed = bytearray(streamed(plain, binding))
    sealed[HEADER + STEP + 10] ^= 1
    reader = UnsealingReader(io.BytesIO(bytes(sealed)), binding=binding)
    assert reader.read(SEGMENT_BYTES) == plain[:SEGMENT_BYTES]
    for _ in range(3):
        with pytest.raises(SealBroken):
            reader.read(1)


def test_a_stream_that_was_given_up_does_not_open(binding: Binding) -> None:
    sink = io.BytesIO()
    writer = SealingWriter(sink, binding=binding)

    def break_off() -> None:
        with writer:
            writer.write(b"half of it")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    with pytest.raises(ValueError, match="ended"):
        writer.write(b"the other half")
    with pytest.raises(SealBroken):
        opened(sink.getvalue(), binding)


@pytest.mark.parametrize(
    "change", [{"kind": "connectors.attachment"}, {"object_id": "other"}, {"field": "snippet"}]
)
def test_a_value_moved_to_another_row_or_field_does_not_open(
    binding: Binding, change: dict[str, str]
) -> None:
    elsewhere = replace(binding, **change)
    with pytest.raises(SealBroken):
        unseal(seal(b"text", binding=binding), binding=elsewhere)
    with pytest.raises(SealBroken):
        opened(streamed(b"text", binding), elsewhere)


def test_a_value_moved_to_another_tenant_does_not_open(acme: Tenant, borealis: Tenant) -> None:
    with work(acme.pk, ADA):
        ours = Binding(acme.pk, "note", "1", "text")
        small, stream = seal(b"text", binding=ours), streamed(b"text", ours)
    with work(borealis.pk, OTTO):
        theirs = replace(ours, tenant=borealis.pk)
        with pytest.raises(SealBroken):
            unseal(small, binding=theirs)
        with pytest.raises(SealBroken):
            opened(stream, theirs)
        with pytest.raises(CrossTenantError):
            unseal(small, binding=ours)
        with pytest.raises(CrossTenantError):
            seal(b"text", binding=ours)
    with pytest.raises(SealBroken):
        unseal(small, binding=replace(ours, tenant=None))


def test_every_failure_is_one_and_the_same_error(binding: Binding) -> None:
    sealed = seal(b"text", binding=binding)
    unknown_version = sealed[:5] + (99).to_bytes(4, "big") + sealed[9:]
    unknown_suite = sealed[:3] + b"\x09" + sealed[4:]
    other_purpose = sealed[:4] + b"\x01" + sealed[5:]
    said = set()
    for broken in (unknown_version, unknown_suite, other_purpose, sealed[:-1], b"", b"clear text " * 20):
        with pytest.raises(SealBroken) as caught:
            unseal(broken, binding=binding)
        said.add((type(caught.value), str(caught.value), caught.value.__cause__))
    assert len(said) == 1


def test_the_two_forms_are_not_taken_for_each_other(binding: Binding) -> None:
    with pytest.raises(SealBroken):
        unseal(streamed(b"text", binding), binding=binding)
    with pytest.raises(SealBroken):
        opened(seal(b"text", binding=binding), binding)


def test_a_stream_under_its_own_key_opens_with_that_key_alone(binding: Binding) -> None:
    own = os.urandom(32)
    sealed = streamed(b"text", binding, object_key=own)
    assert opened(sealed, binding, object_key=own) == b"text"
    for key in (os.urandom(32), None):
        with pytest.raises(SealBroken):
            opened(sealed, binding, object_key=key)
    with pytest.raises(SealBroken):
        opened(streamed(b"text", binding), binding, object_key=own)


def test_what_has_no_tenant_is_sealed_for_the_system(db: None) -> None:
    binding = Binding(None, "audit.auditevent", "1", "facts")
    sealed = seal(b"text", binding=binding)
    keys.forget_opened_keys()
    assert unseal(sealed, binding=binding) == b"text"


def test_no_salt_key_or_prefix_repeats_in_100000_values(binding: Binding) -> None:
    salts = {seal(b"", binding=binding)[9:73] for _ in range(100_000)}
    assert len(salts) == 100_000
    prefixes = {streamed(b"", binding)[9:HEADER] for _ in range(1_000)}
    assert len(prefixes) == 1_000


def test_each_purpose_has_a_key_of_its_own(binding: Binding) -> None:
    for code, purpose in enumerate(Purpose, 1):
        sealed = seal(b"text", binding=binding, purpose=purpose)
        assert sealed[4] == code
        assert unseal(sealed, binding=binding) == b"text"
