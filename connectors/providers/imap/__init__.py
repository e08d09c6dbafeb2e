"""IMAP4rev1 (RFC 3501) over TLS: reading a mailbox without changing it."""
