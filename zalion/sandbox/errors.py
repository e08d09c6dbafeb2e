"""How a call into the pool can fail, named by what happened to the child."""


class SandboxError(Exception):
    """A call brought no result. `code` is a reason code fit for a row; no text of the input is in it."""

    code = "sandbox_error"

    def __str__(self) -> str:
        return self.code


class TimedOut(SandboxError):
    """The call used up its wall time or its CPU seconds; the child was killed."""

    code = "timed_out"


class MemoryExceeded(SandboxError):
    """The call asked for more memory than its limit; the child has ended."""

    code = "memory_exceeded"


class Crashed(SandboxError):
    """The child died or broke the protocol. `status` is its exit status, negative for a signal."""

    code = "crashed"

    def __init__(self, status: int | None = None) -> None:
        super().__init__(status)
        self.status = status


class Refused(SandboxError):
    """The function is not on the list the child was started with. Nothing ran."""

    code = "refused"


class TaskFailed(SandboxError):
    """The function raised: `code` is the exception's own or its class name, `where` is module:line."""

    def __init__(self, code: str, where: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.where = where
