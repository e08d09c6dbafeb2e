"""`make demo` and `make smoke`: the portal with everything it needs on this machine, from one command."""

import argparse
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import django
from django.core.management import CommandError

from zalion.demo.children import ChildDied, Children
from zalion.demo.ground import PROJECT, Ground, GroundError
from zalion.demo.progress import Progress

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    options = _options()
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    ground = Ground(options.folder or PROJECT / "var" / ("smoke" if options.smoke else "demo"))
    progress = Progress()
    try:
        return _run(ground, progress, options)
    except KeyboardInterrupt:
        progress.say("Stopped.")
        return 130 if options.smoke else 0
    except (GroundError, ChildDied, CommandError, TimeoutError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m zalion.demo", description=__doc__)
    parser.add_argument("--reset", action="store_true", help="end the demo that runs, and start anew")
    parser.add_argument(
        "--mail", type=Path, metavar="PATH", help="an .eml file of yours, or a folder of them"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="without a person: start, read, approve, verify, stop"
    )
    parser.add_argument("--folder", type=Path, help="where the demo keeps everything (var/demo, var/smoke)")
    return parser.parse_args()


def _run(ground: Ground, progress: Progress, options: argparse.Namespace) -> int:
    if options.mail is not None and not options.mail.exists():
        raise GroundError(f"There is nothing at {options.mail}.")
    progress.say(f"Zalion: {'smoke run' if options.smoke else 'demo'} in {ground.root}")
    with progress.step("keys, certificate, settings"):
        ground.claim(reset=options.reset or options.smoke)
        # A smoke run takes any ports, so that it never meets a demo or another smoke run.
        ground.choose_ports(**({"web": 0, "mail": 0} if options.smoke else {}))
        ground.make_keys()
        ground.make_certificate()
        environment = ground.environment()
        os.environ.clear()
        # What goes well is told by the steps; a warning still belongs before the person's eyes.
        os.environ.update(environment, ZALION_LOG_LEVEL="WARNING")
        django.setup()
    from zalion.demo import show, smoke, stage  # they need the settings

    with Children(ground.logs, environment=environment, kept_open=ground.children_lock) as children:
        try:
            now = datetime.now(UTC)
            running = stage.set_up(ground, children, progress, own=options.mail, now=now)
            return smoke.run(running) if options.smoke else show.run(running)
        except KeyboardInterrupt:
            progress.say("\nStopping ...")
            raise


if __name__ == "__main__":
    sys.exit(main())
