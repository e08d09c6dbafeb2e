"""The settings of the queue that would run work twice, for ever, or unseen, do not start."""

import pytest
from django.conf import settings
from django.test import override_settings

from zalion.checks import queue_settings_are_safe, secret_key_is_configured


def test_the_settings_as_shipped_are_safe():
    assert queue_settings_are_safe(None) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"retry": 600}, "retry must be longer than timeout"),
        ({"timeout": 300}, "timeout must be longer"),
        ({"queue_limit": 8}, "retry must outlast"),
        ({"ack_failures": False}, "ack_failures"),
        ({"catch_up": True}, "catch_up"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"save_limit": 250}, "results"),
        ({"broker_class": "django_q.brokers.orm.ORM"}, "broker_class"),
        ({"sync": True}, "sync"),
    ],
)
def test_a_setting_that_makes_the_queue_unsafe_is_named(change, words):
    """Field notes row 36: retry > timeout > longest step, bounded attempts, checked at start."""
    with override_settings(Q_CLUSTER={**settings.Q_CLUSTER, **change}):
        found = queue_settings_are_safe(None)
    assert [error.id for error in found] == ["zalion.E002"]
    assert words in found[0].msg


def test_one_worker_is_enough():
    with override_settings(Q_CLUSTER={**settings.Q_CLUSTER, "workers": 1}):
        assert queue_settings_are_safe(None) == []


def test_a_secret_key_has_to_be_set():
    with override_settings(SECRET_KEY_CONFIGURED=False):
        assert [error.id for error in secret_key_is_configured(None)] == ["zalion.E001"]
