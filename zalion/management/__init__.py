"""Doors for the command line."""
