"""Reads UBL 2 documents (OASIS, Peppol BIS 3)."""
