"""Reads the body of a mail: plain text or HTML."""
