"""The pool: whatever a child does, the caller gets a result or a named error, and the next call works."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from zalion import sandbox
from zalion.sandbox import Crashed, Limits, MemoryExceeded, Pool, Refused, TaskFailed, TimedOut
from zalion.sandbox.functions import FUNCTIONS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
ENVIRONMENT = {"PYTHONPATH": str(HERE / "misbehaving_path")}
MISBEHAVIOUR = frozenset(
    f"misbehaving:{name}"
    for name in re.findall(
        r"^def (\w+)", (HERE / "misbehaving_path" / "misbehaving.py").read_text(), re.MULTILINE
    )
)


def make_pool(size=1, **limits):
    return Pool(size, Limits(**limits), ENVIRONMENT, functions=MISBEHAVIOUR)


@pytest.fixture(scope="module")
def shared_pool():
    with make_pool(size=2, cpu_seconds=1, wall_seconds=30.0) as pool:
        yield pool


@pytest.fixture
def call(shared_pool):
    def run(name, timeout=None, **arguments):
        return shared_pool.call(f"misbehaving:{name}", arguments, timeout=timeout)

    return run


def gone(pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_plain_data_and_bytes_cross_the_socket_unchanged(call):
    data = {
        "text": "Grüße \x00 \U0001f4c4",
        "bytes": b"\x00\xff" * 100_000,
        "list": [1, -2.5, None, True, b"", {"deep": [b"x"]}],
        "big": 2**70,
    }
    assert call("echo", data=data) == {"data": data}


def test_a_function_that_is_not_on_the_list_is_refused_by_the_pool(call):
    for name in ("misbehaving:os.system", "os:system", "misbehaving", ""):
        with pytest.raises(Refused):
            sandbox.run(name)
    assert FUNCTIONS.isdisjoint({"os:system", "builtins:eval"})


def test_a_function_that_is_not_on_the_list_is_refused_by_the_child_too(shared_pool):
    child = shared_pool._take()
    try:
        with pytest.raises(Refused):
            child.call("os:getpid", {}, 10)
        assert child.call("misbehaving:process_id", {}, 10) == child.pid
    finally:
        shared_pool._give_back(child)


@pytest.mark.parametrize("name", ["abort", "segfault", "leave"])
def test_a_child_that_dies_is_a_crash_and_is_replaced(call, name):
    with pytest.raises(Crashed):
        call(name)
    assert call("echo", a=1) == {"a": 1}


def test_a_child_killed_from_outside_is_a_crash_with_its_signal_and_is_replaced():
    with make_pool() as pool:
        first = pool.call("misbehaving:process_id", {})
        threading.Timer(0.3, os.kill, (first, signal.SIGKILL)).start()
        with pytest.raises(Crashed) as caught:
            pool.call("misbehaving:sleep", {})
        assert caught.value.status == -signal.SIGKILL
        assert pool.call("misbehaving:process_id", {}) != first
        assert pool.pids().isdisjoint({first})


def test_a_child_killed_between_calls_is_a_crash_and_is_replaced():
    with make_pool() as pool:
        first = pool.call("misbehaving:process_id", {})
        os.kill(first, signal.SIGKILL)
        assert gone(first)
        with pytest.raises(Crashed):
            pool.call("misbehaving:process_id", {})
        assert pool.call("misbehaving:process_id", {}) != first


def test_an_endless_loop_ends_at_its_cpu_seconds(call):
    started = time.monotonic()
    with pytest.raises(TimedOut):
        call("spin")
    assert time.monotonic() - started < 20
    assert call("echo", a=1) == {"a": 1}


def test_a_hanging_call_ends_at_its_wall_time(call):
    with pytest.raises(TimedOut):
        call("sleep", timeout=0.2)
    assert call("echo", a=1) == {"a": 1}


def test_a_memory_bomb_ends_at_its_limit(call):
    with pytest.raises(MemoryExceeded):
        call("eat_memory")
    assert call("echo", a=1) == {"a": 1}


def test_memory_below_the_limit_can_be_used_again_and_again(call):
    assert [call("allocate", size=300 << 20) for _ in range(3)] == [300 << 20] * 3
    assert call("memory_limit") == 512 << 20


def test_noise_on_standard_output_does_not_reach_the_protocol(call):
    assert call("print_noise") == "quiet"


def test_an_answer_that_is_no_message_is_a_crash(call):
    with pytest.raises(Crashed):
        call("break_protocol")
    assert call("echo", a=1) == {"a": 1}


def test_a_failure_is_a_code_and_a_place_but_never_the_text(call):
    with pytest.raises(TaskFailed) as caught:
        call("fail_with_secret")
    assert caught.value.code == "ValueError"
    assert caught.value.where.startswith("misbehaving:")
    assert "subject" not in repr(caught.value) + str(caught.value)
    with pytest.raises(TaskFailed, match="part_missing"):
        call("fail_with_code")


@pytest.mark.parametrize("name", ["not_plain", "not_a_number"])
def test_a_result_that_is_not_plain_data_fails_and_the_child_lives_on(call, name):
    with pytest.raises(TaskFailed, match="not_plain"):
        call(name)
    assert call("echo", a=1) == {"a": 1}


def test_an_argument_that_is_not_plain_data_is_the_callers_mistake(call):
    with pytest.raises(TypeError):
        call("echo", a=object())
    assert call("echo", a=1) == {"a": 1}


def test_after_two_hundred_items_a_child_is_replaced():
    with make_pool() as pool:
        pids = [pool.call("misbehaving:process_id", {}) for _ in range(250)]
    assert len(set(pids[:200])) == 1
    assert len(set(pids[200:])) == 1
    assert pids[0] != pids[-1]


def test_the_successor_of_a_child_is_up_before_it_is_needed():
    with make_pool() as pool:
        for _ in range(199):
            pool.call("misbehaving:process_id", {})
        started = pool.pids()
        assert len(started) == 2
        first, second = (pool.call("misbehaving:process_id", {}) for _ in range(2))
        assert {first, second} == started
        assert pool.pids() == {second}


def test_many_threads_share_a_small_pool(shared_pool):
    results = {}

    def work(number):
        results[number] = shared_pool.call("misbehaving:echo", {"n": number, "b": bytes([number]) * 70_000})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: {"n": number, "b": bytes([number]) * 70_000} for number in range(40)}
    assert len(shared_pool.pids()) <= 2


def test_a_child_outlives_the_thread_that_needed_it_first():
    with make_pool() as pool:
        pids = []
        for _ in range(3):
            thread = threading.Thread(target=lambda: pids.append(pool.call("misbehaving:process_id", {})))
            thread.start()
            thread.join()
            time.sleep(0.1)
    assert len(set(pids)) == 1


def test_a_child_has_no_network(call, shared_pool):
    if "network" in shared_pool.capability().missing:
        pytest.skip("this system offers no network namespaces")
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(TaskFailed):
        call("connect", port=server.getsockname()[1])


def test_a_child_cannot_write_files(call, tmp_path):
    with pytest.raises(TaskFailed):
        call("write_file", path=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists() or (tmp_path / "out").stat().st_size == 0


def test_nothing_of_the_parents_environment_reaches_a_child(monkeypatch):
    monkeypatch.setenv("ZALION_MASTER_KEYS", "k1:secret")
    with make_pool() as pool:
        assert set(pool.call("misbehaving:environment", {})) <= {
            "PATH",
            "LANG",
            "LC_CTYPE",
            "OMP_THREAD_LIMIT",
            "PYTHONPATH",
        }


def test_the_capability_says_full_or_names_what_is_missing(shared_pool):
    capability = shared_pool.capability()
    assert capability.level == ("reduced" if capability.missing else "full")
    assert set(capability.missing) <= {"network", "privileges", "memory", "files", "parent"}


def test_what_a_child_started_dies_with_it():
    pool = make_pool()
    grandchild = pool.call("misbehaving:start_grandchild", {})
    pool.close()
    assert gone(grandchild)


def test_a_closed_pool_leaves_no_process_and_takes_no_call():
    pool = make_pool(size=2)
    pid = pool.call("misbehaving:process_id", {})
    pool.close()
    assert gone(pid)
    with pytest.raises((RuntimeError, Crashed)):
        pool.call("misbehaving:process_id", {})


def test_children_die_with_their_parent_even_when_it_is_killed():
    script = textwrap.dedent(
        """
        import sys, threading, time
        from zalion.sandbox import Pool
        functions = frozenset({"misbehaving:process_id", "misbehaving:sleep"})
        pool = Pool(1, environment={"PYTHONPATH": sys.argv[1]}, functions=functions)
        print(pool.call("misbehaving:process_id", {}), flush=True)
        pool.call("misbehaving:sleep", {})
        """
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, ENVIRONMENT["PYTHONPATH"]], stdout=subprocess.PIPE, cwd=ROOT
    )
    with parent:
        child = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.kill()
        parent.wait()
    assert gone(child)


def test_the_default_pool_is_not_shared_with_a_forked_process():
    script = textwrap.dedent(
        """
        import os
        from zalion import sandbox
        before = sandbox._default()
        before.capability()
        child = os.fork()
        if not child:
            ok = sandbox._default() is not before and sandbox.capability().level in ("full", "reduced")
            sandbox._close()
            os._exit(0 if ok else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert before.capability().level in ("full", "reduced")
        """
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, timeout=60)


def test_pdf_pages_render_within_the_memory_limit(call):
    from reportlab.pdfgen import canvas

    buffer = io.BytesIO()
    page = canvas.Canvas(buffer)
    page.drawString(100, 700, "AB-4711")
    page.save()
    assert call("render_pdf", data=buffer.getvalue())[0] > 2000
