"""What the logs say, and what they must not."""

import json
import logging
import secrets

import pytest
from django.test import Client

from zalion.logs import JsonFormatter


def test_a_refused_sign_in_link_is_logged_without_its_secret(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    secret = secrets.token_urlsafe(32)
    forgetful = Client(enforce_csrf_checks=True)
    with caplog.at_level(logging.WARNING):
        assert forgetful.post(f"/signin/{secret}/").status_code == 403
        assert Client().post(f"/signin/{secret}/").status_code == 403
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert len(lines) >= 2
    assert all(secret not in line for line in lines)
    assert any("/signin/***/" in json.loads(line)["message"] for line in lines)
