"""Reads openTRANS 1.0 and 2.1 business documents."""
