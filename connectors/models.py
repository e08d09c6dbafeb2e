"""Mailboxes, what Zalion may touch in them, how far it has read, and the ledger of every message."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.models import RetentionPolicy
from connectors import errors
from zalion.tenancy.models import User
from zalion.tenancy.scoping import TenantModel
from zalion.vault.fields import SealedJsonField, SealedTextField


class MailboxState(models.TextChoices):
    DRAFT = "draft", "Draft"
    CONFIGURED = "configured", "Configured"
    TESTED = "tested", "Tested"
    AWAITING_SIGN_OFF = "awaiting_sign_off", "Awaiting sign-off"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"


class SenderPolicy(models.TextChoices):
    """What becomes of mail whose sender failed SPF, DKIM or DMARC; the verdicts are kept in any case."""

    ACCEPT = "accept", "Take it in like any other"
    FLAG = "flag", "Take it in, flagged"
    QUARANTINE = "quarantine", "Hold it back until somebody releases it"


class Mailbox(TenantModel):
    """One mailbox of the customer: where it is, what may be taken in from it, and how it fares."""

    name = models.CharField(max_length=200)
    address = models.EmailField(help_text="The address that suppliers write to.")
    provider = models.CharField(max_length=30)
    options = models.JSONField(default=dict, help_text="The provider's Options, never a secret.")
    state = models.CharField(max_length=20, choices=MailboxState.choices, default=MailboxState.DRAFT)
    polling_minutes = models.PositiveIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    push = models.BooleanField(
        default=False,
        help_text="Whether the server is listened to between two polls, where it tells of new mail.",
    )
    retention = models.ForeignKey(RetentionPolicy, on_delete=models.PROTECT, null=True, related_name="+")
    taken_from = models.DateTimeField(
        null=True, blank=True, help_text="Older mail is taken in as historical and triggers no work."
    )
    trusted_authserv_ids = models.JSONField(
        default=list, blank=True, help_text="Servers whose Authentication-Results are believed (RFC 8601)."
    )
    failed_senders = models.CharField(max_length=10, choices=SenderPolicy.choices, default=SenderPolicy.FLAG)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # How it fares. The back-off is shared by every worker: nobody connects before it is over.
    checked_at = models.DateTimeField(null=True, editable=False)
    check_report = models.JSONField(null=True, editable=False)
    connection_facts = models.JSONField(null=True, editable=False)
    back_off_until = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    refusals = models.PositiveIntegerField(default=0, editable=False)
    error_code = models.CharField(max_length=60, blank=True, editable=False)
    error_at = models.DateTimeField(null=True, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ("name",)
        verbose_name_plural = "mailboxes"
        constraints = (
            models.UniqueConstraint(fields=("tenant", "name"), name="mailbox_name_once_per_tenant"),
            models.CheckConstraint(
                condition=Q(polling_minutes__gte=1, polling_minutes__lte=1440),
                name="mailbox_polling_1_to_1440",
            ),
            models.CheckConstraint(condition=Q(state__in=MailboxState.values), name="mailbox_state_known"),
            models.CheckConstraint(
                condition=Q(failed_senders__in=SenderPolicy.values), name="mailbox_sender_policy_known"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Credential(TenantModel):
    """How a mailbox signs in: a reference into a secret store, never the secret."""

    mailbox = models.OneToOneField(Mailbox, on_delete=models.CASCADE, related_name="credential")
    reference = models.CharField(max_length=200, help_text="file:NAME or env:ZALION_SECRET_NAME")
    expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.reference


class MappingKind(models.TextChoices):
    FOLDER = "folder", "Folder of the mailbox"
    UPLOAD = "upload", "Upload and import"


class FolderMapping(TenantModel):
    """A folder whose mail is taken in. Kind ``upload`` has no folder: its mail comes by hand."""

    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="mappings")
    kind = models.CharField(max_length=10, choices=MappingKind.choices, default=MappingKind.FOLDER)
    folder = models.CharField(max_length=500, help_text="The provider's id of the folder.")
    name = models.CharField(max_length=500)
    retention = models.ForeignKey(
        RetentionPolicy, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    filter = models.JSONField(
        default=dict, help_text="What connectors.rules.Filter keeps; empty lets all pass."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("mailbox", "kind", "folder"), name="folder_mapped_once"),
        )

    def __str__(self) -> str:
        return self.name


class Operation(models.TextChoices):
    READ = "read", "Read"
    MODIFY = "modify", "Modify"
    SEND = "send", "Send"


class AccessScope(TenantModel):
    """What the customer granted: an operation on one folder, or on the mailbox where ``folder`` is empty."""

    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="scopes")
    folder = models.CharField(max_length=500, blank=True)
    operation = models.CharField(max_length=10, choices=Operation.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ("operation", "folder")
        constraints = (
            models.UniqueConstraint(fields=("mailbox", "folder", "operation"), name="scope_granted_once"),
        )

    def __str__(self) -> str:
        return f"{self.get_operation_display()} {self.folder or 'mailbox'}"


class ApprovalKind(models.TextChoices):
    IT = "it", "IT"
    COMPLIANCE = "compliance", "Compliance"


class Approval(TenantModel):
    """One of the two signatures; it holds for the configuration whose hash it carries, and no other."""

    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="approvals")
    kind = models.CharField(max_length=12, choices=ApprovalKind.choices)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    configuration = models.CharField(max_length=64, help_text="SHA-256 of what was approved.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    withdrawn_at = models.DateTimeField(
        null=True, editable=False, help_text="When something else was configured: it does not come back."
    )

    class Meta(TenantModel.Meta):
        ordering = ("created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("mailbox", "kind", "configuration"),
                condition=Q(withdrawn_at=None),
                name="approval_once_per_kind",
            ),
            # Two signatures of one configuration come from two people.
            models.UniqueConstraint(
                fields=("mailbox", "user", "configuration"),
                condition=Q(withdrawn_at=None),
                name="approval_by_two_people",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.user}"


class SyncState(TenantModel):
    """How far a folder has been read. Claimed by compare-and-swap on the fence; only the holder writes."""

    mapping = models.OneToOneField(FolderMapping, on_delete=models.CASCADE, related_name="sync")
    cursor = models.TextField(blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    last_started_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    # A first sync shows how far it is: messages taken in of messages there.
    seen = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True)
    resync_at = models.DateTimeField(
        null=True, help_text="Since when the folder is read from its start again; empty once it was."
    )
    resets = models.PositiveSmallIntegerField(
        default=0, help_text="How often its ids were given anew, each within a day of the one before."
    )
    reset_at = models.DateTimeField(null=True)
    renamed_to = models.CharField(
        max_length=500, blank=True, help_text="The provider's id by now, where that is not what was signed."
    )
    renamed_name = models.CharField(max_length=500, blank=True, help_text="The same for people.")
    empty_polls = models.PositiveIntegerField(default=0)
    polls_reported_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = (models.Index(fields=("next_attempt_at",), name="sync_due"),)

    def __str__(self) -> str:
        return f"sync of {self.mapping_id}"

    @property
    def advice(self) -> str:
        """What to do about the folder's error."""
        return errors.advice(self.error_code)


class Listening(TenantModel):
    """Who waits at a mailbox's server to be told of new mail: claimed as SyncState is, so one at a time."""

    mailbox = models.OneToOneField(Mailbox, on_delete=models.CASCADE, related_name="listening")
    fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    mapping = models.ForeignKey(FolderMapping, on_delete=models.SET_NULL, null=True, related_name="+")
    since = models.DateTimeField(null=True, help_text="Empty while nobody listens.")
    heard_at = models.DateTimeField(null=True, help_text="When the server last said anything.")
    error_code = models.CharField(max_length=60, blank=True)

    def __str__(self) -> str:
        return f"listening to {self.mailbox_id}"


class Reconciliation(TenantModel):
    """How a folder's inventory on the server compared with the ledger when it was last looked at."""

    mapping = models.OneToOneField(FolderMapping, on_delete=models.CASCADE, related_name="reconciliation")
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    compared_at = models.DateTimeField(null=True)
    on_server = models.PositiveBigIntegerField(default=0)
    accounted = models.PositiveBigIntegerField(default=0, help_text="Of those on the server, in the ledger.")
    left_server = models.PositiveBigIntegerField(default=0, help_text="In the ledger, not on the server now.")
    # The last incident: mail on the server that the ledger did not have, and that was then fetched.
    incident_at = models.DateTimeField(null=True)
    incident_missing = models.PositiveBigIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)

    def __str__(self) -> str:
        return f"reconciliation of {self.mapping_id}"

    @property
    def missing(self) -> int:
        return self.on_server - self.accounted


class Completeness(TenantModel):
    """The completeness line of one folder and month, UTC, as of the last reconciliation."""

    mapping = models.ForeignKey(FolderMapping, on_delete=models.CASCADE, related_name="completeness")
    month = models.DateField(null=True, help_text="Its first day; empty for mail that could not be fetched.")
    on_server = models.PositiveBigIntegerField()
    accounted = models.PositiveBigIntegerField()
    left_server = models.PositiveBigIntegerField()

    class Meta(TenantModel.Meta):
        ordering = ("-month",)
        verbose_name_plural = "completeness"
        constraints = (
            models.UniqueConstraint(fields=("mapping", "month"), name="completeness_once_per_month"),
        )

    def __str__(self) -> str:
        return f"{self.month} of {self.mapping_id}"


class MessageState(models.TextChoices):
    STORED = "stored", "Stored"
    SKIPPED = "skipped", "Skipped"
    QUARANTINED = "quarantined", "Quarantined"


def default_flags() -> list[str]:
    return []


class Message(TenantModel):
    """A row of the ledger: every message of a mapped folder, whatever became of it."""

    mailbox = models.ForeignKey(Mailbox, on_delete=models.PROTECT, related_name="messages")
    mapping = models.ForeignKey(FolderMapping, on_delete=models.PROTECT, related_name="messages")
    identity = models.CharField(
        max_length=200, help_text="What the transport calls it: UIDVALIDITY:UID, UIDL, id, HMAC of an upload."
    )
    state = models.CharField(max_length=12, choices=MessageState.choices, default=MessageState.STORED)
    reason = models.CharField(max_length=60, blank=True)
    flags = models.JSONField(default=default_flags)
    kind = models.CharField(max_length=30, blank=True, help_text="mail, auto_reply, newsletter, calendar ...")
    received_at = models.DateTimeField(help_text="When the server took it in; the Date header is only shown.")
    taken_in_at = models.DateTimeField(default=timezone.now, editable=False)
    identified_at = models.DateTimeField(
        default=timezone.now,
        editable=False,
        help_text="When the transport first called it so: a resync renames.",
    )
    size = models.PositiveBigIntegerField(help_text="bytes")
    content_hmac = models.CharField(max_length=64, blank=True)
    raw_blob = models.CharField(max_length=200, blank=True)
    copy_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="copies")
    historical = models.BooleanField(default=False)
    left_server_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Since which comparison it is not on the server any more; empty where it is.",
    )
    released = models.BooleanField(
        default=False, help_text="Somebody took it in although its sender's authentication failed."
    )
    correlation_id = models.CharField(
        max_length=64, blank=True, help_text="The story of its arrival in the trail."
    )
    # Filled by the parse, which runs in the child pool after the row is safe.
    subject = SealedTextField(null=True)
    sender_name = SealedTextField(null=True)
    sender_address = SealedTextField(null=True)
    recipients = SealedJsonField(null=True)
    headers = SealedJsonField(null=True, help_text="Date, Reply-To, In-Reply-To, References as written.")
    snippet = SealedTextField(null=True)
    message_id = SealedTextField(null=True)
    authentication = SealedJsonField(null=True, help_text="See connectors.senders.assess.")
    message_id_token = models.CharField(max_length=64, blank=True, db_index=True)
    sender_domain_token = models.CharField(max_length=64, blank=True, db_index=True)
    parsed_at = models.DateTimeField(null=True)
    parse_due_at = models.DateTimeField(null=True, db_index=True)
    parse_attempts = models.PositiveSmallIntegerField(default=0, help_text="Since it was last asked for.")
    retries = models.PositiveSmallIntegerField(default=0, help_text="How often a person asked for it again.")

    class Meta(TenantModel.Meta):
        ordering = ("-received_at", "-taken_in_at")
        constraints = (
            models.UniqueConstraint(fields=("mapping", "identity"), name="message_taken_in_once"),
            models.CheckConstraint(condition=Q(state__in=MessageState.values), name="message_state_known"),
        )
        indexes = (
            models.Index(fields=("tenant", "-received_at"), name="message_by_time"),
            models.Index(fields=("tenant", "state", "-received_at"), name="message_by_state"),
            models.Index(fields=("tenant", "content_hmac"), name="message_by_content"),
            models.Index(
                fields=("tenant", "-received_at"),
                condition=Q(left_server_at__isnull=False),
                name="message_left_server",
            ),
        )

    def __str__(self) -> str:
        return f"message {self.pk}"

    @property
    def sender_domain(self) -> str:
        """In lower case; empty where nobody is named."""
        return (self.sender_address or "").rpartition("@")[2].lower()


class Attachment(TenantModel):
    """A node of a message's attachment tree; its bytes are read out of the sealed raw mail when asked for."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments")
    path = models.CharField(max_length=100, help_text="Position in the tree: 2, 2.1, 2.1.3")
    parent_path = models.CharField(max_length=100, blank=True)
    name = SealedTextField(null=True)
    declared_type = models.CharField(max_length=255, blank=True)
    media_type = models.CharField(
        max_length=100, help_text="What the content is, whatever it was declared as."
    )
    size = models.PositiveBigIntegerField(help_text="bytes, decoded")
    inline = models.BooleanField(default=False)
    flags = models.JSONField(default=default_flags)

    class Meta(TenantModel.Meta):
        ordering = ("path",)
        constraints = (models.UniqueConstraint(fields=("message", "path"), name="attachment_once_per_path"),)

    def __str__(self) -> str:
        return f"attachment {self.path} of {self.message_id}"
