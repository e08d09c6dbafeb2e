"""Mailboxes: connect, follow, store what arrives, send what leaves."""
