"""Walks a chain and names the first event that does not fit, and how."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from audit import checkpoints, triggers
from audit.chain import chain_of, digest, head_is_ours, tenant_of
from audit.checkpoints import Checkpoint
from audit.models import AuditEvent, ChainHead

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong: ``how`` is edited, deleted, inserted, reordered, cut off, head or checkpoint.

    ``sequence`` is the first event that does not fit; 0 where no single one can be named.
    """

    sequence: int
    how: str
    sentence: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a walk found. ``checkpoint`` is the newest signed one that the chain was compared with."""

    chain: str
    events: int
    hash: str
    misfit: Misfit | None
    triggers: tuple[str, ...]
    checkpoint: Checkpoint | None

    @property
    def ok(self) -> bool:
        return self.misfit is None and not self.triggers


def verify(tenant_id: uuid.UUID | None) -> VerifyReport:
    """Check one chain from its first event to its head, against its checkpoints and the table's triggers.

    None stands for the system chain. Events may be appended meanwhile; nothing is locked.
    """
    return _Walk(chain_of(tenant_id), checkpoints.read()).run()


def verify_all() -> Iterator[VerifyReport]:
    """Check every chain that has events, a head or a checkpoint."""
    signed = checkpoints.read()
    tenants = AuditEvent.across_tenants.order_by().values_list("tenant_id", flat=True).distinct()
    names = {chain_of(tenant) for tenant in tenants}
    names.update(ChainHead.objects.values_list("chain", flat=True), signed.by_chain)
    for chain in sorted(names):
        yield _Walk(chain, signed).run()


class _Walk:
    def __init__(self, chain: str, signed: checkpoints.Checkpoints) -> None:
        self.chain = chain
        self.rows = AuditEvent.across_tenants.filter(tenant_id=tenant_of(chain))
        self.signed = signed.by_chain.get(chain, {})
        self.strange = signed.strange
        self.last: AuditEvent | None = None

    def run(self) -> VerifyReport:
        misfit = self._walk()
        newest = max(self.signed) if self.signed else None
        return VerifyReport(
            chain=self.chain,
            events=self._place,
            hash=self.last.hash if self.last else "",
            misfit=misfit,
            triggers=tuple(triggers.missing()),
            checkpoint=self.signed[newest] if newest else None,
        )

    @property
    def _place(self) -> int:
        return self.last.sequence if self.last else 0

    def _walk(self) -> Misfit | None:
        if self.rows.filter(sequence__lt=1).exists():
            return Misfit(0, "inserted", "There is an event with a number below 1, which we never write.")
        while True:
            # The head is read before the rows: what others append meanwhile can only be behind it.
            head = ChainHead.objects.filter(chain=self.chain).first()
            for row in self._rows_after(self._place):
                if misfit := self._check(row):
                    return misfit
                self.last = row
            if head is None or head.sequence >= self._place:
                return self._check_end(head)
            head.refresh_from_db()
            if head.sequence < self._place:
                place = head.sequence + 1
                return Misfit(place, "inserted", f"Event {place} was put behind the end that the head seals.")

    def _rows_after(self, place: int) -> Iterator[AuditEvent]:
        while page := list(self.rows.filter(sequence__gt=place).order_by("sequence")[:_PAGE]):
            yield from page
            place = page[-1].sequence

    def _check(self, row: AuditEvent) -> Misfit | None:
        place = self._place + 1
        expected = self.last.hash if self.last else ""
        if row.sequence != place:
            return self._missing(place, expected)
        if row.previous_hash != expected or digest(row) != row.hash:
            return self._explain(row, place, expected)
        signed = self.signed.get(place)
        if signed is not None and signed.hash != row.hash:
            return Misfit(
                place, "checkpoint",
                f"Event {place} is not the one that was signed at {signed.time}: the chain was rewritten.",
            )  # fmt: skip
        return None

    def _missing(self, place: int, expected: str) -> Misfit:
        moved = self.rows.filter(previous_hash=expected).first()
        if moved is not None and digest(moved, sequence=place) == moved.hash:
            return Misfit(place, "reordered", f"Event {place} stands at {moved.sequence} now.")
        return Misfit(place, "deleted", f"Event {place} is missing.")

    def _explain(self, row: AuditEvent, place: int, expected: str) -> Misfit:
        """Why ``row`` does not fit at ``place``, behind the event with the hash ``expected``."""
        follower = self.rows.filter(previous_hash=expected).exclude(pk=row.pk).first()
        once = self._original_place(row)
        if follower is not None and once is None and follower.sequence == place + 1:
            return Misfit(
                place, "inserted", f"Event {place} was put in between: the next one does not follow it."
            )
        if follower is not None and once is not None:
            return Misfit(place, "reordered", f"The event at {place} was written as number {once}.")
        if self.last is not None and row.previous_hash == self.last.previous_hash:
            return Misfit(
                place - 1,
                "inserted",
                f"Event {place - 1} was put in: event {place} had its place.",
            )
        if once is not None and once > place:
            return Misfit(
                place, "deleted", f"Event {place} is missing: the one that stands there was number {once}."
            )
        if once == place:  # sound in itself, behind another event than the one that stands there
            at = max(place - 1, 1)
            return Misfit(
                at, "edited", f"Event {at} was changed and hashed again: the next one does not follow it."
            )
        return Misfit(place, "edited", f"Event {place} was changed: its hash is not that of its content.")

    def _original_place(self, row: AuditEvent) -> int | None:
        """The number ``row`` had when it was hashed; None if its content changed."""
        span = max(self.rows.count(), *self.signed, 0) + 1
        for distance in range(span + 1):
            for place in {row.sequence - distance, row.sequence + distance}:
                if place >= 1 and digest(row, sequence=place) == row.hash:
                    return place
        return None

    def _check_end(self, head: ChainHead | None) -> Misfit | None:
        end, newest = self._place, max(self.signed, default=0)
        if newest > end:
            when = self.signed[newest].time
            return Misfit(
                end + 1,
                "cut off",
                f"Events {end + 1} to {newest} are missing; {newest} was signed at {when}.",
            )
        if head is None:
            if end == 0:
                return None
            return Misfit(end, "head", "The head of the chain is missing.")
        if not head_is_ours(head):
            return Misfit(end, "head", "The head of the chain was changed: its seal does not fit.")
        if head.sequence > end:
            return Misfit(end + 1, "cut off", f"Events {end + 1} to {head.sequence} are missing at the end.")
        if head.hash != (self.last.hash if self.last else ""):
            return Misfit(
                end, "edited", f"Event {end} is not the one the head seals: it was changed and hashed again."
            )
        if self.strange:
            return Misfit(
                0, "checkpoint", f"Line {self.strange[0]} of the checkpoint file is not signed by us."
            )
        return None
