"""The contract test of every Receiver: subclass it beside the provider's tests and fill in the ground."""

import inspect
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from connectors.adapters import CheckOutcome, Limits, MessageRef, RawMessage, Receiver
from connectors.errors import (
    AuthenticationError,
    CursorExpired,
    FolderMissing,
    MessageGone,
    MessageTooLarge,
)


class Ground(ABC):
    """One mailbox on a real server (or what stands for it), empty at the start, and who may read it."""

    secret: str

    @abstractmethod
    def adapter(self, *, secret: Callable[[], str], limits: Limits) -> Receiver:
        """A new adapter for this mailbox, not open."""

    @abstractmethod
    def deliver(self, raw: bytes, *, folder: str, when: datetime) -> None: ...

    @abstractmethod
    def remove(self, folder: str, position: int) -> None: ...

    @abstractmethod
    def forget_identities(self, folder: str) -> None: ...

    @abstractmethod
    def snapshot(self) -> object:
        """Everything of the mailbox that must not change, flags included."""


def mail(number: int, *, size: int = 0) -> bytes:
    """A mail whose bytes depend on its number, with lines that look like the protocol's own."""
    head = [
        f"Message-ID: <{number}@supplier.example>",
        "From: Sales <sales@supplier.example>",
        f"Subject: =?utf-8?q?Auftragsbest=C3=A4tigung_{number}?=",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
    ]
    body = [f"Bestellung {number}: 4 Stück", "a1 OK FETCH completed.", "* 1 EXISTS {5}", ".", ")", ""]
    raw = "\r\n".join(head + body).encode()
    return raw + b"x" * max(0, size - len(raw) - 2) + b"\r\n"


WHEN = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)


class ReceiverContract:
    """What a flow may rely on, whatever the provider."""

    folder = "INBOX"

    @pytest.fixture
    def ground(self) -> Ground:
        raise NotImplementedError("the provider's test class says what it runs against")

    @pytest.fixture
    def adapter(self, ground: Ground) -> Iterator[Receiver]:
        with self.made(ground) as opened:
            yield opened

    def made(self, ground: Ground, **limits: float) -> Receiver:
        return ground.adapter(secret=lambda: ground.secret, limits=replace(Limits(page_size=3), **limits))

    def filled(self, ground: Ground, count: int, start: int = 0) -> list[bytes]:
        mails = [mail(number) for number in range(start, start + count)]
        for raw in mails:
            ground.deliver(raw, folder=self.folder, when=WHEN)
        return mails

    def refs(self, adapter: Receiver, cursor: str | None = None) -> tuple[list[MessageRef], str]:
        pages = list(adapter.changes(self.folder, cursor))
        assert [page.done for page in pages] == [False] * (len(pages) - 1) + [True]
        assert all(len(page.refs) <= adapter.limits.page_size for page in pages)
        return [ref for page in pages for ref in page.refs], pages[-1].cursor

    def bodies(self, adapter: Receiver, refs: list[MessageRef]) -> list[bytes]:
        return [self.body(adapter.fetch(ref)) for ref in refs]

    def body(self, message: RawMessage) -> bytes:
        with message.body as file:
            raw = file.read()
        assert len(raw) == message.size
        return raw

    def test_pages_come_oldest_first_with_identical_bytes(self, ground: Ground, adapter: Receiver) -> None:
        mails = self.filled(ground, 7)
        refs, _ = self.refs(adapter)
        assert len({ref.id for ref in refs}) == 7
        assert self.bodies(adapter, refs) == mails

    def test_refs_carry_the_servers_size_and_time(self, ground: Ground, adapter: Receiver) -> None:
        [raw] = self.filled(ground, 1)
        [ref], _ = self.refs(adapter)
        assert ref.folder == self.folder
        assert ref.size in {None, len(raw)}
        assert ref.received_at in {None, WHEN}
        assert adapter.fetch(ref).received_at == WHEN

    def test_a_cursor_gives_only_what_is_new(self, ground: Ground, adapter: Receiver) -> None:
        self.filled(ground, 4)
        _, cursor = self.refs(adapter)
        assert self.refs(adapter, cursor) == ([], cursor)
        news = self.filled(ground, 2, start=4)
        refs, _ = self.refs(adapter, cursor)
        assert self.bodies(adapter, refs) == news

    def test_every_page_has_a_cursor_to_resume_from(self, ground: Ground, adapter: Receiver) -> None:
        mails = self.filled(ground, 7)
        first = next(adapter.changes(self.folder, None))
        with self.made(ground) as later:
            rest, _ = self.refs(later, first.cursor)
            assert self.bodies(later, [*first.refs, *rest]) == mails

    def test_a_cursor_may_be_used_again(self, ground: Ground, adapter: Receiver) -> None:
        self.filled(ground, 2)
        _, cursor = self.refs(adapter)
        self.filled(ground, 3, start=2)
        assert self.refs(adapter, cursor) == self.refs(adapter, cursor)

    def test_an_empty_folder_gives_one_page_with_a_cursor(self, ground: Ground, adapter: Receiver) -> None:
        refs, cursor = self.refs(adapter)
        assert refs == []
        mails = self.filled(ground, 1)
        refs, _ = self.refs(adapter, cursor)
        assert self.bodies(adapter, refs) == mails

    def test_other_calls_may_come_between_two_pages(self, ground: Ground, adapter: Receiver) -> None:
        mails = self.filled(ground, 7)
        seen = []
        for page in adapter.changes(self.folder, None):
            adapter.folders()
            seen += self.bodies(adapter, list(page.refs))
            list(adapter.inventory(self.folder))
        assert seen == mails

    def test_mail_that_arrives_or_leaves_during_a_call_skips_nothing(self, ground: Ground) -> None:
        mails = self.filled(ground, 7)
        with self.made(ground) as adapter:
            pages = adapter.changes(self.folder, None)
            first = next(pages)
            ground.remove(self.folder, 0)
            mails += self.filled(ground, 2, start=7)
            rest = list(pages)
            news, _ = self.refs(adapter, rest[-1].cursor)
            later = [ref for page in rest for ref in page.refs]
            assert self.bodies(adapter, later + news) == mails[len(first.refs) :]

    def test_reading_changes_nothing_in_the_mailbox(self, ground: Ground) -> None:
        self.filled(ground, 5)
        before = ground.snapshot()
        assert before
        assert self.made(ground).check().passed
        with self.made(ground) as adapter:
            adapter.folders()
            refs, _ = self.refs(adapter)
            self.bodies(adapter, refs)
            list(adapter.inventory(self.folder))
        assert ground.snapshot() == before

    def test_the_inventory_names_every_message_as_the_changes_do(
        self, ground: Ground, adapter: Receiver
    ) -> None:
        self.filled(ground, 7)
        refs, _ = self.refs(adapter)
        assert [(ref.folder, ref.id) for ref in adapter.inventory(self.folder)] == [
            (ref.folder, ref.id) for ref in refs
        ]

    def test_a_message_that_left_is_gone(self, ground: Ground, adapter: Receiver) -> None:
        mails = self.filled(ground, 3)
        refs, cursor = self.refs(adapter)
        ground.remove(self.folder, 1)
        with self.made(ground) as later:
            with pytest.raises(MessageGone):
                later.fetch(refs[1])
            assert self.bodies(later, [refs[0], refs[2]]) == [mails[0], mails[2]]
            assert self.refs(later, cursor) == ([], cursor)

    def test_identities_that_were_lost_expire_the_cursor(self, ground: Ground, adapter: Receiver) -> None:
        mails = self.filled(ground, 3)
        refs, cursor = self.refs(adapter)
        adapter.close()
        ground.forget_identities(self.folder)
        with self.made(ground) as later:
            with pytest.raises(CursorExpired):
                self.refs(later, cursor)
            with pytest.raises(CursorExpired):
                later.fetch(refs[0])
            again, _ = self.refs(later)
            assert self.bodies(later, again) == mails
            assert not {ref.id for ref in again} & {ref.id for ref in refs}

    def test_a_message_above_the_limit_is_not_fetched(self, ground: Ground) -> None:
        ground.deliver(mail(1, size=20_000), folder=self.folder, when=WHEN)
        ground.deliver(mail(2), folder=self.folder, when=WHEN)
        with self.made(ground, message_bytes=10_000) as adapter:
            refs, _ = self.refs(adapter)
            with pytest.raises(MessageTooLarge) as caught:
                adapter.fetch(refs[0])
            assert caught.value.limit == 10_000
            assert caught.value.size >= 10_000
            # The server's announcement may lie; what arrives is counted all the same.
            with pytest.raises(MessageTooLarge):
                adapter.fetch(replace(refs[0], size=10))
            assert self.bodies(adapter, refs[1:]) == [mail(2)]

    def test_a_large_message_arrives_whole(self, ground: Ground, adapter: Receiver) -> None:
        raw = mail(1, size=3_000_000)
        ground.deliver(raw, folder=self.folder, when=WHEN)
        refs, _ = self.refs(adapter)
        assert self.bodies(adapter, refs) == [raw]

    def test_a_missing_folder_is_named_as_such(self, ground: Ground, adapter: Receiver) -> None:
        with pytest.raises(FolderMissing):
            next(adapter.changes("No such folder", None))
        assert self.refs(adapter)[0] == []

    def test_the_inbox_is_among_the_folders(self, adapter: Receiver) -> None:
        inbox = [folder for folder in adapter.folders() if folder.role == "inbox"]
        assert [folder.id for folder in inbox] == [self.folder]
        assert inbox[0].selectable

    def test_the_check_names_its_steps_and_what_to_do(self, ground: Ground) -> None:
        report = self.made(ground).check()
        assert report.passed
        wrong = ground.adapter(secret=lambda: "wrong", limits=Limits()).check()
        assert not wrong.passed
        [failed] = [step for step in wrong.steps if step.outcome is CheckOutcome.FAILED]
        assert failed.key == "sign_in"
        assert failed.what_to_do
        after = wrong.steps[wrong.steps.index(failed) + 1 :]
        assert {step.outcome for step in after} <= {CheckOutcome.SKIPPED}

    def test_a_wrong_secret_is_an_authentication_error(self, ground: Ground) -> None:
        with pytest.raises(AuthenticationError), ground.adapter(secret=lambda: "wrong", limits=Limits()):
            pass

    def test_the_secret_is_in_no_repr_and_no_error(self, ground: Ground) -> None:
        canary = "canary-9f1c"
        adapter = ground.adapter(secret=lambda: canary, limits=Limits())
        report = adapter.check()
        with pytest.raises(AuthenticationError) as caught:
            adapter.open()
        shown = (
            repr(adapter)
            + repr(adapter.options)
            + repr(report)
            + repr(caught.value)
            + str(vars(caught.value))
        )
        assert canary not in shown
        with self.made(ground) as opened:
            assert ground.secret not in repr(opened) + repr(vars(opened))

    def test_the_connection_says_how_it_is_protected(self, adapter: Receiver) -> None:
        assert adapter.facts.tls_version in {"TLSv1.2", "TLSv1.3"}
        assert adapter.facts.cipher
        assert adapter.facts.server

    def test_closing_twice_is_no_error(self, ground: Ground) -> None:
        adapter = self.made(ground)
        adapter.open()
        adapter.close()
        adapter.close()

    def test_a_form_can_be_built_from_the_options(self, adapter: Receiver) -> None:
        described = fields(type(adapter).Options)
        assert described
        assert all(field.metadata.get("label") for field in described)
        with pytest.raises(AttributeError):
            setattr(adapter.options, described[0].name, "changed")

    def test_the_provider_imports_no_django(self, adapter: Receiver) -> None:
        module = inspect.getmodule(type(adapter))
        assert module is not None
        program = f"import sys, {module.__name__}; sys.exit('django' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
