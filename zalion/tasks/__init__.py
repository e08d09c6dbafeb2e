"""Background work: @task, @due and enqueue over django-q2, and the context a task runs in."""

from zalion.tasks.brokers import OrmBroker, RedisBroker
from zalion.tasks.packages import stranger_refused
from zalion.tasks.queueing import enqueue
from zalion.tasks.registry import Bell, due, task
from zalion.tasks.runner import run
from zalion.tasks.tick import tick

__all__ = ["Bell", "OrmBroker", "RedisBroker", "due", "enqueue", "run", "stranger_refused", "task", "tick"]
