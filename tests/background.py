"""Works off the queue in the test's own process: the real broker, its gate, the real runner; no cluster."""

import pydoc

from django_q.brokers import get_broker

from zalion.tasks import packages


def run_waiting(limit: int = 1000) -> int:
    """Run what waits, and what that enqueues, until the queue is empty; how many tasks ran."""
    broker = get_broker()
    done = 0
    while broker.queue_size():
        for acknowledgement, payload in broker.dequeue() or ():
            package = packages.open_package(payload)
            pydoc.locate(package["func"])(*package["args"], **package["kwargs"])
            if acknowledgement is not None:
                broker.acknowledge(acknowledgement)
            done += 1
            assert done <= limit, "the tasks keep each other going"
    return done
