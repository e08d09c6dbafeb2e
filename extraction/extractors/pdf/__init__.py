"""Reads PDF files by their text layer."""
