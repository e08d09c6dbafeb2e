"""JSON logs with tenant and correlation id; never a subject, address, body or secret."""

import json
import logging
import logging.config
import re
from datetime import UTC, datetime
from typing import Any

from zalion.tenancy.context import WorkContext, current

# Django logs the path of what it refuses, and a one-time link is a secret in a path.
SIGN_IN = re.compile(r"(/signin/)[^/\s]+")


class JsonFormatter(logging.Formatter):
    """One JSON object a line; exception texts are left out, since they may quote what was being read."""

    def format(self, record: logging.LogRecord) -> str:
        context = current()
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": SIGN_IN.sub(r"\1***", record.getMessage()),
            "tenant": str(context.tenant_id) if isinstance(context, WorkContext) else None,
            "correlation_id": context.correlation_id if context else None,
        }
        if record.exc_info and record.exc_info[0] is not None:
            trace = record.exc_info[2]
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            line["exception"] = record.exc_info[0].__name__
            if trace is not None:
                line["at"] = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
        return json.dumps({key: value for key, value in line.items() if value is not None})


def configure(options: dict[str, Any]) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": JsonFormatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"level": options["level"], "handlers": ["stderr"]},
        }
    )
