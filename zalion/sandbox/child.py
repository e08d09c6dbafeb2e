"""The child process: a socket as standard input, one call after the other until it is closed."""

import importlib
import os
import re
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any

from zalion.sandbox import confinement, protocol
from zalion.sandbox.errors import Refused
from zalion.sandbox.functions import SLOW

EXIT_MEMORY = 86
CODE = re.compile(r"[A-Za-z0-9_]{1,64}")


def main() -> None:
    stream = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    try:
        order = protocol.receive(stream)
        held = confinement.confine(memory=order["memory"], parent=order["parent"])
        protocol.send(stream, {"held": held})
        functions = frozenset(order["functions"])
        while True:
            call = protocol.receive(stream)
            slow = call.get("function") in SLOW
            answer = _answer(call, functions, order["slow_cpu_seconds" if slow else "cpu_seconds"])
            try:
                protocol.send(stream, answer)
            except (TypeError, ValueError, RecursionError):
                # Encoding comes before the first byte is sent, so the stream is still in step.
                protocol.send(stream, {"failed": "not_plain", "where": ""})
            # Nothing of one item stays while the next is awaited.
            del call, answer
    except (protocol.ProtocolViolation, OSError):
        # The parent has closed its end: there is nobody left to work for, or to tell.
        return
    except MemoryError:
        os._exit(EXIT_MEMORY)


def _answer(call: dict[str, Any], functions: frozenset[str], cpu_seconds: int) -> dict[str, Any]:
    try:
        function = _load(call["function"], functions)
        confinement.allow_cpu_seconds(cpu_seconds)
        return {"result": function(**call["arguments"])}
    except Refused:
        return {"refused": True}
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - this is the task runner of the child: every failure becomes a code
        code = getattr(error, "code", None)
        named = code if isinstance(code, str) and CODE.fullmatch(code) else type(error).__name__
        return {"failed": named, "where": _where(error.__traceback__)}


def _load(name: str, functions: frozenset[str]) -> Callable[..., Any]:
    if name not in functions:
        raise Refused
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function


def _where(traceback: TracebackType | None) -> str:
    place = ""
    while traceback is not None:
        place = f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


if __name__ == "__main__":
    main()
