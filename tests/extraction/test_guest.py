"""Who is shown to a language model, what is on record before, and that nothing it does or fails to do hurts."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from audit.models import AuditEvent
from connectors import parse, sync
from connectors.models import FolderMapping, Mailbox, Message
from extraction import guest, pipeline
from extraction.models import Document, ExtractionRun
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from tests.extraction.finnish import PAPER, RIGHT
from tests.extraction.paper import Paper
from tests.extraction.test_profiles import NOW, mail
from tests.servers.certificates import Authority
from tests.servers.model import FAULTS, Asked, ModelServer
from zalion import health
from zalion.models import Circuit
from zalion.vault import secrets

KEY = "sk-very-secret-0815"
OPEN = PAPER.pdf()


@pytest.fixture
def model(settings: Any) -> Iterator[ModelServer]:
    """A model on this machine that reads the Finnish confirmation right; Acme agreed to it."""
    with ModelServer(answer=RIGHT) as server:
        settings.MODEL_URL = server.url
        settings.MODEL_NAME = "reader-1"
        settings.MODEL_TENANTS = frozenset({"acme"})
        yield server
    assert not server.wrong


@pytest.fixture
def desk(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> "Desk":
    return Desk(acme, mailbox, server)


class Desk:
    """Takes papers in, each in a mail, as the worker does."""

    def __init__(self, company: Company, mailbox: Mailbox, server: MemoryMailbox) -> None:
        self.company, self.mailbox, self.server = company, mailbox, server
        self.taken = 0

    def take_in(self, *papers: bytes) -> ExtractionRun:
        """The run of the last."""
        for pdf in papers:
            self.taken += 1
            self.server.deliver(mail(pdf), received_at=NOW + timedelta(minutes=self.taken))
        with self.company.work():
            mapping = FolderMapping.objects.get(mailbox=self.mailbox)
            sync.sync_folder(mapping.pk)
            parse.parse_messages(mapping.pk)
            pipeline.run_due()
            return ExtractionRun.objects.order_by("-created_at")[0]

    def again(self) -> ExtractionRun:
        with self.company.work(self.company.rui):
            pipeline.rerun(Message.objects.get())
            pipeline.run_due()
            return ExtractionRun.objects.order_by("-created_at")[0]


def of(run: ExtractionRun) -> dict[str, Any]:
    """What the run tells of the model: it was asked about one source at most."""
    return next((told["model"] for told in run.sources if "model" in told), {})


def document(desk: Desk) -> dict[str, Any]:
    with desk.company.work():
        return dict(Document.objects.get().machine)


def test_what_stayed_open_is_shown_completed_and_left_to_a_person(desk: Desk, model: ModelServer) -> None:
    run = desk.take_in(OPEN)
    made = document(desk)
    assert (made["number"], made["order_reference"], made["gross_total"]) == ("V-2041", "4500077", "18905.32")
    assert "model_read" in {finding["code"] for finding in made["findings"]}
    told = of(run)
    assert told.pop("seconds") >= 0
    assert told == {"name": "reader-1", "outcome": "model_values", "taken": 5}
    assert run.outcome == "documents"
    (asked,) = model.asked
    assert asked.body["model"] == "reader-1"
    assert asked.body["temperature"] == 0
    whole = json.dumps(asked.body, ensure_ascii=False)
    assert "Tilausvahvistus" in asked.text
    assert not [
        word for word in ("wisla.example", "paper.pdf", "Please find", "acme.example") if word in whole
    ]
    assert "authorization" not in asked.headers
    with desk.company.work():
        assert Document.objects.get().number == "V-2041"


def test_the_showing_is_on_record_before_anything_leaves(desk: Desk, model: ModelServer) -> None:
    seen: list[Any] = []
    ours = connections["default"]
    ours.inc_thread_sharing()

    def heard(asked: Asked) -> None:
        with ours.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM audit_auditevent WHERE action = 'document.shown_to_model'")
            seen.append(cursor.fetchone()[0])

    model.heard = heard
    run = desk.take_in(OPEN)
    ours.dec_thread_sharing()
    assert seen == [1]
    with desk.company.work():
        event = AuditEvent.objects.get(action="document.shown_to_model")
        assert event.object_id == str(run.message_id)
        assert event.facts == {
            "run": str(run.pk),
            "path": run.sources[0]["path"],
            "host": "127.0.0.1",
            "model": "reader-1",
            "characters": len(model.asked[0].text),
        }


@pytest.mark.parametrize("tenants", [frozenset(), frozenset({"borealis"}), frozenset({"ACME", "*"})])
def test_a_tenant_that_did_not_agree_is_shown_to_nobody(
    desk: Desk, model: ModelServer, settings: Any, tenants: frozenset[str]
) -> None:
    settings.MODEL_TENANTS = tenants
    run = desk.take_in(OPEN)
    assert model.asked == []
    assert of(run) == {}
    assert document(desk)["number"] is None
    with desk.company.work():
        assert not AuditEvent.objects.filter(action="document.shown_to_model").exists()


def test_what_needs_no_help_is_not_shown(desk: Desk, model: ModelServer) -> None:
    """A confirmation that proves itself, and the letter around it."""
    run = desk.take_in(Paper().pdf())
    assert run.outcome == "documents"
    assert model.asked == []


def test_a_paper_known_from_another_mail_is_not_shown_again(desk: Desk, model: ModelServer) -> None:
    desk.take_in(OPEN)
    assert desk.take_in(OPEN).outcome == "known_document"
    assert len(model.asked) == 1


# What comes of each fault, and whether it is the endpoint's.
FAULTY = {
    "invalid": ("model_not_understood", False),
    "half": ("model_not_understood", False),
    "nested": ("model_not_understood", False),
    "chatty": ("model_not_understood", False),
    "refuses": ("model_refused", False),
    "cut": ("model_cut_short", False),
    "endless": ("answer_too_long", True),
    "huge": ("answer_too_long", True),
    "drip": ("deadline_exceeded", True),
    "hangs up": ("not_http", True),
    "500": ("http_500", True),
    "429": ("http_429", True),
    "redirect": ("http_307", True),
}


def test_whatever_it_answers_the_document_stays_as_it_was_read(desk: Desk, model: ModelServer) -> None:
    assert FAULTY.keys() == FAULTS.keys()
    with override_settings(MODEL_TENANTS=frozenset()):
        run = desk.take_in(OPEN)
    with desk.company.work(), ModelServer() as elsewhere:
        model.elsewhere = f"{elsewhere.url}/chat/completions"
        read = pipeline.read_all(run.message)
        for model.fault, (outcome, fails) in FAULTY.items():
            Circuit.objects.all().delete()
            seconds = 1.5 if model.fault == "drip" else 30
            shown = guest.completed(run, read, ends=time.monotonic() + seconds)
            told = next(found.model for found in shown if found.model)
            assert (model.fault, told["outcome"], told["taken"]) == (model.fault, outcome, 0)
            assert [found.documents for found in shown] == [found.documents for found in read]
            circuit = Circuit.objects.get()
            assert (circuit.failures, circuit.outcome) == ((1, outcome) if fails else (0, "ok"))
            assert (health.language_model().state == "warning") == fails
        assert elsewhere.asked == []
        assert len(model.asked) == len(FAULTY)


def test_a_dead_endpoint_costs_its_time_once_and_is_asked_again_later(desk: Desk, model: ModelServer) -> None:
    model.fault = "500"
    run = desk.take_in(OPEN)
    assert (run.state, run.outcome, of(run)["outcome"]) == ("done", "documents", "http_500")
    assert document(desk)["seller_name"] == "Korpi Jouset Oy"
    assert of(desk.again())["outcome"] == "model_left_alone"
    assert len(model.asked) == 1
    rests = []
    for _ in range(9):
        Circuit.objects.update(open_until=timezone.now())
        before = timezone.now()
        desk.again()
        circuit = Circuit.objects.get()
        assert circuit.open_until is not None
        rests.append(round((circuit.open_until - before).total_seconds() / 30))
    assert rests[:3] == [2, 4, 8]
    assert rests[-1] == 120
    model.fault = ""
    Circuit.objects.update(open_until=timezone.now())
    assert of(desk.again())["outcome"] == "model_values"
    assert (Circuit.objects.get().failures, Circuit.objects.get().open_until) == (0, None)


def test_a_busy_endpoint_says_how_long_it_is_left_alone(desk: Desk, model: ModelServer) -> None:
    model.fault = "429"
    desk.take_in(OPEN)
    until = Circuit.objects.get().open_until
    assert until is not None
    assert timedelta(seconds=100) < until - timezone.now() <= timedelta(seconds=120)


def test_it_is_asked_no_longer_than_a_run_may_take(desk: Desk, model: ModelServer, settings: Any) -> None:
    with override_settings(MODEL_TENANTS=frozenset()):
        run = desk.take_in(OPEN)
    with desk.company.work():
        shown = guest.completed(run, pipeline.read_all(run.message), ends=time.monotonic())
    assert [found.model["outcome"] for found in shown if found.model] == ["out_of_time"]
    assert model.asked == []


def test_over_tls_with_a_key_bound_to_the_host_that_nobody_writes_down(
    desk: Desk,
    settings: Any,
    authority: Authority,
    tmp_path: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    ca = tmp_path / "ca.pem"
    ca.write_text(authority.pem)
    with ModelServer(authority.server_context("localhost"), key=KEY, answer=RIGHT) as model:
        settings.MODEL_URL, settings.MODEL_NAME, settings.MODEL_CA = model.url, "reader-1", str(ca)
        settings.MODEL_SECRET, settings.MODEL_TENANTS = "file:model", frozenset({"acme"})
        elsewhere = secrets.SecretPurpose("*", "openai", "elsewhere.example", model.port, "reader-1")
        secrets.put("model", KEY, elsewhere)
        assert [error.id for error in run_checks()] == ["extraction.E003"]
        assert of(desk.take_in(OPEN))["outcome"] == "secret_unbound"
        assert model.asked == []
        secrets.put("model", KEY, guest.Endpoint.of(model.url).purpose())
        assert run_checks() == []
        run = desk.again()
        assert of(run)["outcome"] == "model_values"
        settings.MODEL_CA = ""
        assert of(desk.again())["outcome"] == "certificate_unknown_authority"
        assert len(model.asked) == 1
    with desk.company.work():
        kept = [str(event.facts) for event in AuditEvent.objects.all()]
        kept += [json.dumps([run.sources, run.readings]) for run in ExtractionRun.objects.all()]
    assert not [text for text in [*kept, caplog.text] if KEY in text]
    assert secrets.names(tenant="acme") != []
    assert "file:model" not in secrets.names(tenant="acme")


def test_an_address_that_is_not_allowed_is_not_reached(desk: Desk, model: ModelServer, settings: Any) -> None:
    with override_settings(ALLOWED_NETWORKS=()):
        run = desk.take_in(OPEN)
    assert of(run)["outcome"] == "address_refused"
    assert model.asked == []


@pytest.mark.parametrize(
    ("changed", "ids"),
    [
        ({}, []),
        ({"MODEL_NAME": "m"}, ["extraction.W001"]),
        ({"MODEL_URL": "https://models.example/v1"}, ["extraction.E002", "extraction.W001"]),
        ({"MODEL_URL": "http://models.example/v1"}, ["extraction.E001"]),
        ({"MODEL_URL": "http://localhost:11434/v1"}, ["extraction.E001"]),
        ({"MODEL_URL": "models.example"}, ["extraction.E001"]),
        ({"MODEL_URL": "https://user:key@models.example/v1"}, ["extraction.E001"]),
        ({"MODEL_URL": "https://models.example:99999/v1"}, ["extraction.E001"]),
        (
            {
                "MODEL_URL": "http://127.0.0.1:11434/v1",
                "MODEL_NAME": "m",
                "MODEL_TENANTS": frozenset({"acme"}),
            },
            [],
        ),
        (
            {
                "MODEL_URL": "https://models.example/v1",
                "MODEL_NAME": "m",
                "MODEL_TENANTS": frozenset({"acme"}),
                "MODEL_SECRET": KEY,
                "MODEL_CA": "nowhere.pem",
            },
            ["extraction.E003", "extraction.E004"],
        ),
    ],
)
def test_what_is_missing_is_said_before_anything_starts(changed: dict[str, Any], ids: list[str]) -> None:
    with override_settings(**changed):
        found = run_checks()
    assert [message.id for message in found] == ids
    assert KEY not in str(found)


def test_health_speaks_of_it_only_where_it_is_set_up(db: None) -> None:
    assert "Language model" not in [finding.name for finding in health.health()]
    with override_settings(MODEL_URL="https://models.example/v1"):
        assert health.health()[-1].detail == "It was not asked yet."
