"""Who did what, to what, when - and how long things are kept."""
