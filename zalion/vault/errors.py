"""What the vault refuses, named by what the caller does next."""


class VaultError(Exception):
    """The root of everything the vault refuses."""


class KeyRingError(VaultError):
    """The master keys cannot be read or do not fit: a matter of configuration; ``what_to_do`` says which."""

    def __init__(self, message: str, *, what_to_do: str) -> None:
        super().__init__(f"{message} {what_to_do}")
        self.what_to_do = what_to_do


class KeyUnavailable(VaultError):
    """There is no such key: never made, or destroyed. Stop the work; nothing may be written instead."""


class SealBroken(VaultError):
    """Sealed data does not open: changed, cut, moved, or of another key. Which of these is not told."""

    code = "seal_broken"


class BlobNotStored(VaultError):
    """The storage failed before the content was safe: treat it as not stored and stop writing."""

    code = "not_stored"


class StoreFull(BlobNotStored):
    """So little room is left that nothing new is begun; ``retry_after`` is in seconds."""

    code = "disk_full"
    retry_after = 60.0


class BlobMissing(VaultError):
    """The storage has no such blob."""

    code = "raw_missing"
