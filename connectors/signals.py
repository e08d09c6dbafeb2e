"""What ingest announces; later stages listen and ingest does not know who."""

from django.dispatch import Signal

# Sent inside the unit that finished the parse, with ``messages``: rows now `stored` whose content is known.
message_stored = Signal()
