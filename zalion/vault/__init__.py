"""Keys, sealing, sealed blobs, the blind index and references to secrets."""
