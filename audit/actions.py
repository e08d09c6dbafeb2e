"""What can happen: one code per action, and a sentence for people beside it."""

from collections.abc import Mapping

# Signing in, and what people may do
SIGNIN_SUCCEEDED = "signin.succeeded"
SIGNIN_REFUSED = "signin.refused"
SIGNIN_LINK_ISSUED = "signin.link_issued"
SIGNED_OUT = "signin.ended"
TENANT_SWITCHED = "tenant.switched"
ACCESS_REFUSED = "access.refused"
TOKEN_USED = "token.used"  # noqa: S105  (an action's name)
# Configuration, through django-auditlog and the managers' bulk writes
CONFIGURATION_CREATED = "configuration.created"
CONFIGURATION_CHANGED = "configuration.changed"
CONFIGURATION_DELETED = "configuration.deleted"
CONFIGURATION_APPLIED = "configuration.applied"
# Mailboxes
MAILBOX_TESTED = "mailbox.tested"
MAILBOX_SIGN_OFF_ASKED = "mailbox.sign_off_asked"
MAILBOX_APPROVED = "mailbox.approved"
MAILBOX_ACTIVATED = "mailbox.activated"
MAILBOX_PAUSED = "mailbox.paused"
MAILBOX_REOPENED = "mailbox.reopened"
MAILBOX_ATTENTION = "mailbox.needs_attention"
MAILBOX_RECOVERED = "mailbox.recovered"
MAILBOX_POLLED = "mailbox.polled"
MAILBOX_LISTENED = "mailbox.listened"
MAILBOX_SYNC_ASKED = "mailbox.sync_asked"
MAILBOX_RECONCILE_ASKED = "mailbox.reconcile_asked"
MAILBOX_RECONCILED = "mailbox.reconciled"
MAILBOX_HISTORY_ASKED = "mailbox.history_asked"
BLOBS_SWEPT = "blobs.swept"
LEDGER_INCIDENT = "ledger.incident"
INVENTORY_LISTED = "inventory.listed"
FOLDERS_LISTED = "folders.listed"
FOLDER_RESYNCED = "folder.resynced"
FOLDER_REMAPPED = "folder.remapped"
FOLDER_RENAMED = "folder.renamed"
FOLDER_ATTENTION = "folder.needs_attention"
FOLDER_RECOVERED = "folder.recovered"
CONNECTION_CHANGED = "connection.changed"
SCOPE_REFUSED = "scope.refused"
CREDENTIAL_USED = "credential.used"
CREDENTIAL_REFUSED = "credential.refused"
TOKEN_REFRESHED = "token.refreshed"  # noqa: S105
SUBSCRIPTION_CHANGED = "subscription.changed"
NOTIFICATION_RECEIVED = "notification.received"
# Mail
MESSAGES_LISTED = "messages.listed"
MESSAGE_FETCHED = "message.fetched"
MESSAGES_STORED = "messages.stored"
MESSAGES_GONE = "messages.gone"
MESSAGES_LEFT = "messages.left_server"
MESSAGES_IMPORTED = "messages.imported"
MESSAGE_PARSED = "message.parsed"
MESSAGE_QUARANTINED = "message.quarantined"
MESSAGE_RETRIED = "message.retried"
MESSAGES_RETRIED = "messages.retried"
MESSAGE_RELEASED = "message.released"
MESSAGE_READ_AGAIN = "message.read_again"
MESSAGE_VIEWED = "message.viewed"
MESSAGE_DOWNLOADED = "message.downloaded"
MESSAGE_FILED = "message.filed"
MESSAGE_SENT = "message.sent"
MESSAGES_SEARCHED = "messages.searched"
ATTACHMENT_VIEWED = "attachment.viewed"
ATTACHMENT_DOWNLOADED = "attachment.downloaded"
# Documents
DOCUMENTS_EXTRACTED = "documents.extracted"
DOCUMENT_SHOWN_TO_MODEL = "document.shown_to_model"
DOCUMENTS_LISTED = "documents.listed"
DOCUMENT_VIEWED = "document.viewed"
DOCUMENT_PAGE_VIEWED = "document.page_viewed"
DOCUMENT_ASSIGNED = "document.assigned"
DOCUMENT_CORRECTED = "document.corrected"
DOCUMENT_READINGS_COMPARED = "document.readings_compared"
DOCUMENT_READING_TAKEN = "document.reading_taken"
DOCUMENT_APPROVED = "document.approved"
DOCUMENT_REJECTED = "document.rejected"
DOCUMENT_REOPENED = "document.reopened"
DOCUMENT_HANDED_OVER = "document.handed_over"
# What corrections taught
PROFILE_TAUGHT = "profile.taught"
PROFILE_UNDONE = "profile.undone"
PROFILE_VIEWED = "profile.viewed"
PROFILES_LISTED = "profiles.listed"
# Keys, retention, the queue and the trail itself
KEY_ROTATED = "key.rotated"
KEY_DESTROYED = "key.destroyed"
SECRET_STORED = "secret.stored"  # noqa: S105
SECRET_REMOVED = "secret.removed"  # noqa: S105
RETENTION_RUN = "retention.run"
TASK_REFUSED = "task.refused"
TASK_FAILED = "task.failed"
TRAIL_VIEWED = "trail.viewed"
TRAIL_EXPORTED = "trail.exported"
TENANT_CREATED = "tenant.created"

SENTENCES: Mapping[str, str] = {
    SIGNIN_SUCCEEDED: "Signed in.",
    SIGNIN_REFUSED: "Tried to sign in.",
    SIGNIN_LINK_ISSUED: "Made a one-time sign-in link.",
    SIGNED_OUT: "Signed out.",
    TENANT_SWITCHED: "Switched to another company.",
    ACCESS_REFUSED: "Asked for something this role may not have.",
    TOKEN_USED: "Used an API token.",
    CONFIGURATION_CREATED: "Added a setting.",
    CONFIGURATION_CHANGED: "Changed a setting.",
    CONFIGURATION_DELETED: "Deleted a setting.",
    CONFIGURATION_APPLIED: "Applied a configuration file.",
    MAILBOX_TESTED: "Tested the connection to a mailbox.",
    MAILBOX_SIGN_OFF_ASKED: "Asked IT and compliance to sign a mailbox off.",
    MAILBOX_APPROVED: "Approved a mailbox's configuration.",
    MAILBOX_ACTIVATED: "Switched a mailbox on.",
    MAILBOX_PAUSED: "Paused a mailbox.",
    MAILBOX_REOPENED: "Reopened a mailbox's approvals.",
    MAILBOX_ATTENTION: "A mailbox needs attention.",
    MAILBOX_LISTENED: "Kept a connection open to be told of new mail.",
    MAILBOX_RECOVERED: "A mailbox that had failed works again.",
    MAILBOX_POLLED: "Looked into a mailbox and found nothing new.",
    MAILBOX_SYNC_ASKED: "Asked for a mailbox to be read now.",
    MAILBOX_RECONCILE_ASKED: "Asked for a mailbox to be compared with the ledger.",
    MAILBOX_RECONCILED: "Compared the server's inventory with the ledger.",
    MAILBOX_HISTORY_ASKED: "Asked for a mailbox's historical mail to be read for documents.",
    LEDGER_INCIDENT: "Found mail on the server that the ledger did not have, and fetched it.",
    INVENTORY_LISTED: "Listed the ids of all mail in a folder.",
    BLOBS_SWEPT: "Deleted sealed files that were left over from interrupted work.",
    FOLDERS_LISTED: "Listed a mailbox's folder names.",
    FOLDER_RESYNCED: "Began to read a folder again from its start, since the server gave its mail other ids.",
    FOLDER_REMAPPED: "Read a folder again to its end, and gave the mail that was known its new ids.",
    FOLDER_RENAMED: "Followed a folder that was renamed on the server.",
    FOLDER_ATTENTION: "A folder of a mailbox cannot be read; the others go on.",
    FOLDER_RECOVERED: "A folder that could not be read is read again.",
    CONNECTION_CHANGED: "The mail server showed another certificate, or another protection, than before.",
    SCOPE_REFUSED: "Stopped an access outside what the mailbox was granted, before anything was sent.",
    CREDENTIAL_USED: "Used a secret to connect to a mailbox.",
    CREDENTIAL_REFUSED: "The mail server refused a credential.",
    TOKEN_REFRESHED: "Renewed an access token.",
    SUBSCRIPTION_CHANGED: "Changed a push subscription.",
    NOTIFICATION_RECEIVED: "A mail provider announced new mail.",
    MESSAGES_LISTED: "Listed mail of a folder.",
    MESSAGE_FETCHED: "Fetched mail from a mailbox.",
    MESSAGES_STORED: "Stored mail, sealed, in the ledger.",
    MESSAGES_GONE: "Listed mail that had left the folder before it could be fetched.",
    MESSAGES_LEFT: "Found that mail had left the server; the ledger keeps it.",
    MESSAGES_IMPORTED: "Imported mail from files.",
    MESSAGE_PARSED: "Read the structure of a mail.",
    MESSAGE_QUARANTINED: "Put a mail into quarantine.",
    MESSAGE_RETRIED: "Asked for a mail to be tried again.",
    MESSAGES_RETRIED: "Asked for all quarantined mail to be tried again.",
    MESSAGE_RELEASED: "Released a mail whose sender’s authentication failed.",
    MESSAGE_READ_AGAIN: "Asked for a mail to be read for documents again.",
    MESSAGE_VIEWED: "Looked at a mail.",
    MESSAGE_DOWNLOADED: "Downloaded a mail.",
    MESSAGE_FILED: "Changed a mail in the mailbox.",
    MESSAGE_SENT: "Sent a mail.",
    MESSAGES_SEARCHED: "Searched the mail.",
    ATTACHMENT_VIEWED: "Looked at an attachment.",
    ATTACHMENT_DOWNLOADED: "Downloaded an attachment.",
    DOCUMENTS_EXTRACTED: "Extracted documents from a mail.",
    DOCUMENT_SHOWN_TO_MODEL: "Showed the text of a document to a language model.",
    DOCUMENTS_LISTED: "Listed documents.",
    DOCUMENT_VIEWED: "Looked at a document.",
    DOCUMENT_PAGE_VIEWED: "Looked at a page of a document.",
    DOCUMENT_ASSIGNED: "Assigned a document.",
    DOCUMENT_CORRECTED: "Corrected a document.",
    DOCUMENT_READINGS_COMPARED: "Compared two readings of a document.",
    DOCUMENT_READING_TAKEN: "Let a document stand on another reading.",
    DOCUMENT_APPROVED: "Approved a document.",
    DOCUMENT_REJECTED: "Rejected a document.",
    DOCUMENT_REOPENED: "Took a document back into review.",
    DOCUMENT_HANDED_OVER: "Handed a document over to another system.",
    PROFILE_TAUGHT: "Learned from corrections how a supplier's layout is to be read.",
    PROFILE_UNDONE: "Took back what corrections had taught about a supplier's layout.",
    PROFILE_VIEWED: "Looked at what was learned about a supplier's layout.",
    PROFILES_LISTED: "Listed what was learned about suppliers' layouts.",
    KEY_ROTATED: "Changed a key.",
    KEY_DESTROYED: "Destroyed a key: what it sealed cannot be read any more.",
    SECRET_STORED: "Put a secret into the secret store, or another in its place.",
    SECRET_REMOVED: "Took a secret out of the secret store, or from this company.",
    RETENTION_RUN: "Deleted what was due.",
    TASK_REFUSED: "Stopped a background task that is not registered.",
    TASK_FAILED: "A background task failed.",
    TRAIL_VIEWED: "Looked at the trail.",
    TRAIL_EXPORTED: "Exported the trail.",
    TENANT_CREATED: "Created a company.",
}
_OUTCOMES = {"refused": " It was refused.", "failed": " It failed."}


def sentence(code: str, outcome: str = "done") -> str:
    """A sentence for ``code`` that a person reads beside the facts."""
    return SENTENCES.get(code, code) + _OUTCOMES.get(outcome, "")


def choices() -> list[tuple[str, str]]:
    """Codes with their sentences, for a filter."""
    return sorted((code, words.rstrip(".")) for code, words in SENTENCES.items())
