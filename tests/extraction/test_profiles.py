"""A profile taught by correcting three documents of a layout makes the next ten of it right where they were wrong."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from audit.models import AuditEvent
from connectors import parse, senders, sync
from connectors.models import FolderMapping, Mailbox
from extraction import learning, pipeline, profiles, review
from extraction.models import Document, SupplierProfile
from extraction.teaching import differences
from tests.cast import Company, make_mailbox
from tests.contracts.memory import MemoryMailbox
from tests.extraction.odd_papers import LAYOUTS, Odd, polish
from tests.extraction.paper import Paper
from zalion.tenancy.models import Role
from zalion.tenancy.unit import unit

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
DOMAIN = "wisla.example"


def mail(pdf: bytes, *, sender: str = f"sales@{DOMAIN}") -> bytes:
    message = EmailMessage()
    message["From"] = f"Sales <{sender}>"
    message["To"] = "orders@acme.example"
    message["Subject"] = "Confirmation"
    message["Date"] = "Fri, 20 Nov 2026 09:00:00 +0000"
    message.set_content("Please find our confirmation attached.")
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename="paper.pdf")
    return message.as_bytes()


def verdicts(**results: str) -> dict[str, Any]:
    """What senders.assess keeps of a mail whose trusted server came to these results."""
    told = {name: {"result": results.get(name, "none"), "domain": DOMAIN} for name in senders.METHODS}
    return {"server": "mx.acme.example", "signatures": [], **told}


class Desk:
    """A company that takes papers in, corrects and approves them."""

    def __init__(self, company: Company, mailbox: Mailbox, server: MemoryMailbox) -> None:
        self.company, self.mailbox, self.server = company, mailbox, server
        self.taken = 0

    def take_in(self, papers: Sequence[bytes], *, sender: str = f"sales@{DOMAIN}") -> list[Document]:
        """The documents of these papers, in their order, each sent in a mail."""
        with self.company.work():
            before = set(Document.objects.values_list("pk", flat=True))
        for pdf in papers:
            self.taken += 1
            self.server.deliver(mail(pdf, sender=sender), received_at=NOW + timedelta(minutes=self.taken))
        with self.company.work():
            mapping = FolderMapping.objects.get(mailbox=self.mailbox)
            sync.sync_folder(mapping.pk)
            parse.parse_messages(mapping.pk)
            pipeline.run_due()
            found = Document.objects.exclude(pk__in=before).select_related("message")
            return opened(found.order_by("message__received_at"))

    def correct(self, document: Document, truth: dict[str, Any]) -> None:
        """As a person does it: what is wrong, field by field; lines anew where there are more or fewer."""
        with self.company.work(self.company.people[Role.OPERATOR]):
            changes = corrections(document.current, truth)
            if changes:
                document = review.correct(document, changes=changes, version=document.version)
            review.approve(document, version=document.version)
        with self.company.work():
            learning.learn_due()

    def in_force(self) -> list[SupplierProfile]:
        with self.company.work():
            return opened(profiles.in_force())


def opened(rows: Iterable[Any]) -> list[Any]:
    """The rows with what is sealed in them, to be looked at outside the company's work."""
    found = list(rows)
    for row in found:
        for field in row._meta.concrete_fields:
            getattr(row, field.attname)
    return found


def corrections(read: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {
        name: value for name, value in truth.items() if name != "lines" and read[name] != value
    }
    lines, wanted = read["lines"], truth["lines"]
    for index, line in enumerate(wanted[: len(lines)]):
        changes |= {
            f"lines.{index}.{name}": value for name, value in line.items() if lines[index][name] != value
        }
    changes |= {f"lines.{index}": None for index in range(len(wanted), len(lines))}
    if len(wanted) > len(lines):
        changes["lines.+"] = wanted[len(lines) :]
    return changes


def wrong(read: dict[str, Any], truth: dict[str, Any]) -> set[str]:
    """What differs from the truth, as far as the truth speaks."""
    whole = {**read, **truth, "lines": [{**dict.fromkeys(line), **line} for line in truth["lines"]]}
    found = set(differences(read, whole))
    said = {f"lines.{index}.{name}" for index, line in enumerate(truth["lines"]) for name in line}
    extra = {f"lines.{index}" for index in range(len(truth["lines"]), len(read["lines"]))}
    return {path for path in found if path in truth or path in said or path.rpartition(".")[0] in extra}


@pytest.fixture
def desk(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> Desk:
    return Desk(acme, mailbox, server)


@pytest.mark.parametrize("make", LAYOUTS.values(), ids=LAYOUTS)
def test_three_corrected_documents_make_the_next_ten_right(desk: Desk, make: Callable[[int], Odd]) -> None:
    odd = [make(number) for number in range(13)]
    untaught = desk.take_in([paper.pdf for paper in odd[:3]])
    for document, paper in zip(untaught, odd[:3], strict=True):
        assert wrong(document.machine, paper.truth)
        desk.correct(document, paper.truth)
    for document, paper in zip(desk.take_in([paper.pdf for paper in odd[3:]]), odd[3:], strict=True):
        assert wrong(document.machine, paper.truth) == set()
        assert document.profile_id is not None
        assert not [item for item in document.machine["findings"] if item["code"].startswith("profile")]
        assert not [item for item in document.machine["findings"] if item["code"] == "value_not_grounded"]


def test_undoing_brings_the_old_reading_back(desk: Desk) -> None:
    first, second, third = (polish(number) for number in range(3))
    (document,) = desk.take_in([first.pdf])
    desk.correct(document, first.truth)
    (taught,) = desk.in_force()
    (read,) = desk.take_in([second.pdf])
    assert (read.profile_id, read.number) == (taught.pk, second.truth["number"])
    with desk.company.work(desk.company.rui):
        assert profiles.undo(taught.layout, version=1) is None
        with pytest.raises(profiles.NotInForce):
            profiles.undo(taught.layout, version=1)
        event = AuditEvent.objects.get(action="profile.undone")
        assert (event.object_id, event.facts["version"]) == (str(taught.pk), 1)
    assert desk.in_force() == []
    (after,) = desk.take_in([third.pdf])
    assert after.profile_id is None
    assert wrong(after.machine, third.truth)


def test_a_later_correction_makes_a_version_and_undoing_it_leaves_the_one_before(desk: Desk) -> None:
    papers = [polish(number) for number in range(4)]
    (document,) = desk.take_in([papers[0].pdf])
    desk.correct(document, papers[0].truth)
    (document,) = desk.take_in([papers[1].pdf])
    changed = {**papers[1].truth, "number": papers[1].truth["order_reference"]}
    desk.correct(document, changed)
    (second,) = desk.in_force()
    assert (second.version, second.document_id) == (2, document.pk)
    (document,) = desk.take_in([papers[2].pdf])
    assert document.machine["number"] == papers[2].truth["order_reference"]
    with desk.company.work():
        before = profiles.undo(second.layout, version=2)
        assert before is not None
        assert before.version == 1
    (document,) = desk.take_in([papers[3].pdf])
    assert document.machine["number"] == papers[3].truth["number"]


def test_another_layout_of_the_same_sender_is_read_as_before(desk: Desk) -> None:
    odd, plain = polish(0), Paper().pdf()
    (before,) = desk.take_in([plain], sender="sales@elsewhere.example")
    (document,) = desk.take_in([odd.pdf])
    desk.correct(document, odd.truth)
    other = Paper(facts=(*Paper().facts, ("Seite:", "1"))).pdf()
    (after,) = desk.take_in([other])
    assert after.profile_id is None
    same = {name: value for name, value in before.machine.items() if name != "evidence"}
    assert {name: value for name, value in after.machine.items() if name != "evidence"} == same


def test_another_sender_with_the_same_paper_is_not_read_with_the_profile(desk: Desk) -> None:
    odd, next_ = polish(0), polish(1)
    (document,) = desk.take_in([odd.pdf])
    desk.correct(document, odd.truth)
    (stranger,) = desk.take_in([next_.pdf], sender="sales@impostor.example")
    assert stranger.profile_id is None
    assert wrong(stranger.machine, next_.truth)


def test_a_profile_is_nobody_elses(desk: Desk, borealis: Company) -> None:
    odd, next_ = polish(0), polish(1)
    (document,) = desk.take_in([odd.pdf])
    desk.correct(document, odd.truth)
    there = MemoryMailbox()
    theirs = Desk(borealis, make_mailbox(borealis, there), there)
    (document,) = theirs.take_in([next_.pdf])
    assert document.profile_id is None
    assert theirs.in_force() == []


def test_a_mail_that_failed_its_senders_authentication_gets_no_profile_and_teaches_none(desk: Desk) -> None:
    odd, next_ = polish(0), polish(1)
    (document,) = desk.take_in([odd.pdf])
    with desk.company.work(), unit():
        document.message.authentication = verdicts(dkim="fail")
        document.message.save(update_fields=["authentication"])
    desk.correct(document, odd.truth)
    assert desk.in_force() == []
    with desk.company.work(), unit():
        document.message.authentication = verdicts()
        document.message.save(update_fields=["authentication"])
        Document.objects.update(lesson_due_at=NOW)
    with desk.company.work():
        learning.learn_due()
        assert desk.in_force()
        message = document.message
        # The mailbox may accept such mail without a flag: what its servers found counts.
        message.flags, message.authentication = [], verdicts(spf="fail", dmarc="fail")
        source = pipeline.Source("2", "paper.pdf", "application/pdf", next_.pdf)
        (read,) = pipeline.read(source, pipeline.context_of(message)).documents
        assert "profile" not in read
        assert profiles.WITHHELD in read["findings"]
        # A forwarded mail fails SPF and passes DMARC by its signature.
        message.flags, message.authentication = ["spf_fail"], verdicts(spf="fail", dmarc="pass")
        (read,) = pipeline.read(source, pipeline.context_of(message)).documents
        assert read["number"] == next_.truth["number"]
        # Nobody we trust vouched for it, somebody else says that he did.
        message.flags, message.authentication = ["verdict_foreign"], verdicts()
        (read,) = pipeline.read(source, pipeline.context_of(message)).documents
        assert profiles.WITHHELD in read["findings"]


def test_approving_without_a_correction_teaches_nothing(desk: Desk) -> None:
    (document,) = desk.take_in([Paper().pdf()])
    with desk.company.work(desk.company.rui):
        review.approve(document, version=document.version)
        assert Document.objects.get(pk=document.pk).lesson_due_at is None
    assert desk.in_force() == []


def test_a_lesson_survives_the_worker_that_was_to_learn_it(desk: Desk) -> None:
    """Due on the document's row, so that the sweep rings again; learned once, however often it rings."""
    odd = polish(0)
    (document,) = desk.take_in([odd.pdf])
    with desk.company.work(desk.company.rui):
        review.correct(document, changes=corrections(document.current, odd.truth), version=document.version)
        review.approve(document, version=document.version)
        fresh = Document.objects.get(pk=document.pk)
        assert fresh.lesson_due_at is not None
        learning.learn_due()
        learning.learn_due()
        assert Document.objects.get(pk=document.pk).lesson_due_at is None
        assert SupplierProfile.objects.count() == 1
        assert AuditEvent.objects.filter(action="profile.taught").count() == 1


def test_two_documents_do_not_teach_one_layout_at_once(desk: Desk) -> None:
    odd = polish(0)
    (document,) = desk.take_in([odd.pdf])
    desk.correct(document, odd.truth)
    (base,) = desk.in_force()
    with desk.company.work():
        assert profiles.keep(document, taught=base.taught, base=base) is not None
        assert profiles.keep(document, taught=base.taught, base=base) is None
        assert [row.version for row in profiles.versions(base.layout)] == [2, 1]


def test_what_was_learned_is_sealed(desk: Desk) -> None:
    odd = polish(0)
    (document,) = desk.take_in([odd.pdf])
    desk.correct(document, odd.truth)
    (row,) = desk.in_force()
    columns = {
        field.name for field in SupplierProfile._meta.concrete_fields if getattr(field, "sealed", False)
    }
    assert columns == {"domain", "seller_name", "taught"}
    assert row.domain == DOMAIN
