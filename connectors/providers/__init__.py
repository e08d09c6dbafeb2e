"""One folder per provider; no Django in here."""
