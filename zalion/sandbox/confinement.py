"""What a child gives up before it touches hostile content: network, files, memory, a life of its own."""

import ctypes
import math
import os
import resource
import signal
import socket
import sys

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
OPEN_FILES = 64


def confine(*, memory: int, parent: int) -> dict[str, bool]:
    """Applies what this system offers and says what held: network, memory, files, parent, privileges.

    `memory` is bytes of private writable memory. Ends the process when `parent` is gone already.
    """
    library = ctypes.CDLL(None, use_errno=True)
    held = {
        "network": _leave_network(library),
        "privileges": _prctl(library, PR_SET_NO_NEW_PRIVS, 1),
        "memory": _limit(resource.RLIMIT_DATA, memory),
        "files": _limit(resource.RLIMIT_FSIZE, 0) and _limit(resource.RLIMIT_NOFILE, OPEN_FILES),
        # Asked for after the namespaces: a change of credentials takes the signal away again.
        "parent": _prctl(library, PR_SET_PDEATHSIG, signal.SIGKILL),
    }
    _limit(resource.RLIMIT_CORE, 0)
    if os.getppid() != parent:
        sys.exit(0)
    return held


def allow_cpu_seconds(seconds: int) -> None:
    """From now on: the kernel ends the process with SIGXCPU when it has used `seconds` more."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    spent = math.ceil(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, hard))


def _leave_network(library: ctypes.CDLL) -> bool:
    # With a user namespace no privilege is needed, and root loses its own; where user namespaces are switched
    # off, root may still leave.
    for flags in (CLONE_NEWUSER | CLONE_NEWNET, CLONE_NEWNET):
        if hasattr(library, "unshare") and library.unshare(flags) == 0:
            return [name for _, name in socket.if_nameindex()] in ([], ["lo"])
    return False


def _prctl(library: ctypes.CDLL, option: int, argument: int) -> bool:
    return hasattr(library, "prctl") and library.prctl(option, argument, 0, 0, 0) == 0


def _limit(kind: int, value: int) -> bool:
    try:
        resource.setrlimit(kind, (value, value))
    except (OSError, ValueError):
        return False
    return True
