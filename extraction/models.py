"""Runs of the extractors, the documents they found, and what people decided about them."""

from typing import Any
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone

from connectors.models import Message
from zalion.tenancy.models import User
from zalion.tenancy.scoping import TenantModel
from zalion.vault.fields import EqualityTokenField, SealedJsonField, SealedTextField


class RunState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class ExtractionRun(TenantModel):
    """One reading of one message: the work item with its lease, and afterwards what came of it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    due_at = models.DateTimeField(default=timezone.now, null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Some of it is a picture, found out by a first reading: such runs wait in a line of their own.
    recognises = models.BooleanField(default=False)
    outcome = models.CharField(
        max_length=60, blank=True, help_text="documents, nothing_found or a reason code"
    )
    sources = models.JSONField(default=list, help_text="Per source: path, extractor, version, outcome.")
    unreadable = models.PositiveSmallIntegerField(
        default=0, help_text="Files that may hold a document and could not be read."
    )
    # Each document as this run read it, whether it became a row or was one already, for the comparison of runs.
    readings = SealedJsonField(null=True)
    seconds = models.FloatField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
        )
        indexes = (
            models.Index(fields=("due_at",), name="run_due"),
            models.Index(fields=("created_at",), condition=Q(unreadable__gt=0), name="run_unreadable"),
        )

    def __str__(self) -> str:
        return f"run {self.pk}"


class SupplierProfile(TenantModel):
    """One version of what corrections taught about one layout of a sender. Versions are added, and undone by being
    marked so: the newest that is not undone is in force."""

    # The same for all versions of a layout.
    layout = models.UUIDField(default=uuid4, editable=False)
    version = models.PositiveIntegerField(default=1)
    domain = SealedTextField(help_text="The sender's.")
    domain_token = EqualityTokenField()
    seller_name = SealedTextField(null=True)
    taught = SealedJsonField(help_text="See extraction.layout.taught.profile.")
    # The one that taught it.
    document = models.ForeignKey("Document", on_delete=models.SET_NULL, null=True, related_name="lessons")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    undone_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        ordering = ("-created_at",)
        constraints = (models.UniqueConstraint(fields=("layout", "version"), name="profile_version_once"),)

    def __str__(self) -> str:
        return f"profile {self.layout} version {self.version}"


class DocumentState(models.TextChoices):
    EXTRACTED = "extracted", "Extracted"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    HANDED_OVER = "handed_over", "Handed over"


class Document(TenantModel):
    """A structured document. ``machine`` is what ``run`` read and no person changes; people's work is in Review."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="documents")
    run = models.ForeignKey(ExtractionRun, on_delete=models.PROTECT, related_name="documents")
    state = models.CharField(max_length=12, choices=DocumentState.choices, default=DocumentState.EXTRACTED)
    # Counts every change; who writes names the version read, so that two operators cannot overwrite each other.
    version = models.PositiveIntegerField(default=1)
    doc_type = models.CharField(max_length=30)
    issue_date = models.DateField(null=True)
    confidence = models.FloatField()
    finding_count = models.PositiveIntegerField(default=0)
    source_path = models.CharField(max_length=100, help_text="Attachment path, or body.")
    media_type = models.CharField(max_length=100)
    extractor = models.CharField(max_length=30)
    extractor_version = models.CharField(max_length=20)
    # Content HMAC of the source: the same paper sent twice is one content.
    source_hmac = models.CharField(max_length=64)
    number = SealedTextField(null=True)
    number_token = models.CharField(max_length=64, blank=True, db_index=True)
    order_reference = SealedTextField(null=True)
    order_reference_token = models.CharField(max_length=64, blank=True, db_index=True)
    seller_name = SealedTextField(null=True)
    # What of people's corrections it was read with.
    profile = models.ForeignKey(
        SupplierProfile, on_delete=models.SET_NULL, null=True, related_name="documents"
    )
    # Set when it was approved after corrections: what they teach is to be learned.
    lesson_due_at = models.DateTimeField(null=True, db_index=True)
    machine = SealedJsonField()
    # The canonical document as it stands after every review; equal to ``machine`` before the first.
    current = SealedJsonField()
    assigned_to = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    postponed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        ordering = ("created_at",)
        constraints = (
            models.CheckConstraint(condition=Q(state__in=DocumentState.values), name="document_state_known"),
        )
        indexes = (models.Index(fields=("tenant", "state", "created_at"), name="document_queue"),)

    def __str__(self) -> str:
        return f"document {self.pk}"


class ReviewAction(models.TextChoices):
    CORRECT = "correct", "Corrected"
    APPROVE = "approve", "Approved"
    REJECT = "reject", "Rejected"
    REOPEN = "reopen", "Reopened"
    TAKE_OVER = "take_over", "Took over another reading"


class Review(TenantModel):
    """One act of a person, or of an integrator's token, on a document."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="reviews")
    action = models.CharField(max_length=10, choices=ReviewAction.choices)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=64)
    version = models.PositiveIntegerField(help_text="The version this act made.")
    changes = SealedJsonField(null=True, help_text="field path -> {from, to}")
    reason = SealedTextField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ("version",)
        constraints = (
            models.UniqueConstraint(fields=("document", "version"), name="review_once_per_version"),
        )

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.document_id}"

    @property
    def fields(self) -> dict[str, Any]:
        """What it changed, by path, without what a reading that was taken over is put back from."""
        return {
            path: change for path, change in (self.changes or {}).items() if path != ReviewAction.TAKE_OVER
        }
