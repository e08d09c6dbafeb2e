"""Reading files that nobody else may read or replace: no links, right owner, mode 0600 or 0400."""

import errno
import os
import stat

SIZE_LIMIT = 65_536  # bytes; keys and secrets are far smaller


class UnsafeFile(Exception):
    """The file is there and must not be trusted; the message says why, never what is in it."""


def read_private(path: str, *, directory: int | None = None) -> bytes:
    """The content of a regular file; ``directory`` is a descriptor that a relative ``path`` starts from.

    Raises FileNotFoundError, or UnsafeFile when the last step is a link, the file is not a regular one, has
    a second name, belongs to neither this process nor root, may be read or written by others, or is larger
    than 64 KiB. All of it is asked of the open descriptor, so the file cannot be exchanged in between.
    """
    # Without O_NONBLOCK opening a pipe that nobody writes to would wait for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, dir_fd=directory)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnsafeFile("it is a symbolic link") from None
        raise UnsafeFile(f"it cannot be opened ({os.strerror(error.errno or 0)})") from None
    try:
        _check(os.fstat(descriptor))
    except UnsafeFile:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise UnsafeFile("it is larger than 64 KiB")
    return content


def open_private_directory(path: str) -> int:
    """The descriptor of a directory only its owner may write to; raises FileNotFoundError or UnsafeFile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnsafeFile(f"it is no directory of its own ({os.strerror(error.errno or 0)})") from None
    facts = os.fstat(descriptor)
    if facts.st_uid not in (os.geteuid(), 0) or facts.st_mode & 0o022:
        os.close(descriptor)
        raise UnsafeFile("the directory belongs to somebody else or others may write to it (chmod 700)")
    return descriptor


def _check(facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise UnsafeFile("it is not a regular file")
    if facts.st_nlink != 1:
        raise UnsafeFile("it has a second name (a hard link)")
    if facts.st_uid not in (os.geteuid(), 0):
        raise UnsafeFile("it belongs to another user")
    if stat.S_IMODE(facts.st_mode) not in (0o600, 0o400):
        raise UnsafeFile("others may read or write it (chmod 600)")
