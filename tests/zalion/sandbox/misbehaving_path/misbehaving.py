"""Functions for the children of the pool tests: what hostile content makes a parser do."""

import ctypes
import math
import os
import resource
import socket
import subprocess
import sys
import time


def echo(**arguments):
    return arguments


def process_id():
    return os.getpid()


def spin():
    while True:
        pass


def sleep():
    time.sleep(600)


def eat_memory():
    return len([bytearray(16 << 20) for _ in range(1000)])


def allocate(size):
    return len(bytearray(size))


def abort():
    os.abort()


def segfault():
    ctypes.string_at(0)


def leave():
    os._exit(3)


def print_noise():
    print("noise on standard output")
    os.write(1, b"more")
    return "quiet"


def break_protocol():
    for name in os.listdir("/proc/self/fd"):
        try:
            os.write(int(name), b"not a message at all, " * 100)
        except OSError:
            pass


def fail_with_secret():
    raise ValueError("the subject of a mail")


class Named(Exception):
    code = "part_missing"


def fail_with_code():
    raise Named("the subject of a mail")


def not_plain():
    return {1, 2}


def not_a_number():
    return math.nan


def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return True


def write_file(path):
    with open(path, "wb") as file:
        file.write(b"x")


def environment():
    return dict(os.environ)


def modules():
    return sorted(sys.modules)


def start_grandchild():
    return subprocess.Popen(["sleep", "600"]).pid


def memory_limit():
    return resource.getrlimit(resource.RLIMIT_DATA)[0]


def render_pdf(data):
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    image = document[0].render(scale=300 / 72).to_pil()
    return list(image.size)
