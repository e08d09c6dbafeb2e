"""One folder per format; pure functions of bytes."""
