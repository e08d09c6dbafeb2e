"""Reads UN/EDIFACT order messages, D.93A to D.20B."""
