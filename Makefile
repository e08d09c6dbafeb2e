# The two commands: `make demo` runs the portal on embedded defaults, `make test` passes all tests.
# Both set up what they need first. `make help` lists the rest.

PYTHON := .venv/bin/python
# Tests, demo and workers start processes all the time; each would compile the project, and pytest its tests, anew.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup system demo demo-link smoke test check format lock peers bench bench-extraction soak run

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1	/p' $(MAKEFILE_LIST)

.venv/installed: requirements.lock
	@echo "Setting up the virtual environment (once; a minute or two) ..."
	@test -x $(PYTHON) || python3 -m venv .venv || { rm -rf .venv; python3 tests/system.py --venv && python3 -m venv .venv; }
	@$(PYTHON) -m pip install --quiet --require-hashes -r requirements.lock
	@touch $@

setup: .venv/installed

system:  ## install the Debian packages the tests use, or say which are missing
	@python3 tests/system.py

demo: setup  ## run the portal with a mailbox of supplier mails (RESET=1 starts anew, MAIL=PATH adds your own)
	@$(PYTHON) -m zalion.demo $(if $(RESET),--reset) $(if $(MAIL),--mail "$(MAIL)")

demo-link: setup  ## a new sign-in link for one of the demo's cast (USER=ada)
	@ZALION_ENV_FILE=var/demo/zalion.env ZALION_LOG_LEVEL=WARNING $(PYTHON) manage.py signin_link $(USER)

smoke: setup  ## the demo without a person: waits, reads, approves, verifies, stops
	@$(PYTHON) -m zalion.demo --smoke

test: setup system  ## every test on SQLite, then what concerns databases on PostgreSQL and Redis
	$(PYTHON) -m pytest -n 2 -m "not soak"
	$(PYTHON) -m tests.servers.databases $(PYTHON) -m pytest -n 2 -m "database and not soak"

check: setup  ## lint, types, import contracts, migrations, deployment checks
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy zalion connectors extraction audit
	.venv/bin/lint-imports --no-logo
	DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) manage.py makemigrations --check --dry-run
	DJANGO_SETTINGS_MODULE=tests.settings ZALION_PLAIN_HTTP=0 $(PYTHON) manage.py check --deploy --fail-level WARNING

format: setup  ## put the code into shape
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

lock: setup  ## work out the lock files anew from pyproject.toml
	$(PYTHON) -m pip install --quiet uv
	$(PYTHON) -m uv pip compile pyproject.toml --extra demo --extra test --extra check --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
		--no-header --upgrade --quiet --output-file requirements.lock
	$(PYTHON) -m uv pip compile --group peers --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --upgrade --quiet \
		--output-file bench/peers.lock

.venv-peers/installed: bench/peers.lock
	@echo "Setting up the virtual environment of the readers we measure beside (once) ..."
	@rm -rf .venv-peers && python3 -m venv .venv-peers && \
		.venv-peers/bin/python -m pip install --quiet --require-hashes -r bench/peers.lock && touch $@ || \
		{ rm -rf .venv-peers; echo "They could not be installed; published figures stand beside ours instead."; }

peers: .venv-peers/installed

bench: setup peers  ## print the figures the README quotes
	@for bench in bench/*.py; do echo "== $$bench"; $(PYTHON) $$bench || exit 1; done

bench-extraction: setup peers  ## how well and how fast documents are read (KINDS="synthetic order-x" for these only)
	@$(PYTHON) bench/extraction.py $(KINDS)

soak: setup system  ## the long fault and load runs
	$(PYTHON) -m pytest -m hypothesis --hypothesis-profile=default
	$(PYTHON) -m pytest -m soak

run: setup  ## web and worker with production settings from the environment (ZALION_ENV_FILE=...)
	$(PYTHON) manage.py migrate --noinput
	$(PYTHON) manage.py collectstatic --noinput --verbosity 0
	@$(PYTHON) manage.py work & worker=$$!; trap 'kill $$worker; wait $$worker' EXIT INT TERM; \
		.venv/bin/gunicorn zalion.wsgi --no-control-socket --bind $${ZALION_BIND:-127.0.0.1:8000} --workers $${ZALION_WEB_WORKERS:-2}
