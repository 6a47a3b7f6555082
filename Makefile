# Each target sets up what it needs first. `make up` and `make test` are the two to know.
.PHONY: setup up demo test check bench
.DEFAULT_GOAL := up
DIR ?= .diwan
DIWAN = .venv/bin/diwan

setup:           ## create .venv and install everything that running needs
	@.ci/setup run

up: setup        ## a demonstration country, served on loopback until Ctrl-C
	@test -e $(DIR)/diwan.toml || $(DIWAN) init $(DIR) --demo
	@exec $(DIWAN) up --dir $(DIR)

demo: setup      ## the main job end to end with real clients, then exit
	@exec $(DIWAN) demo

test:            ## every test, with the foreign programs they need
	@.ci/setup dev
	@.venv/bin/pytest -n 3 --dist loadgroup

check:           ## format, lint, types, imports
	@.ci/setup dev
	@.venv/bin/ruff format --check -q .
	@.venv/bin/ruff check -q .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

bench:           ## side by side with Dovecot and Postfix where they are installed
	@.ci/setup bench
	@.venv/bin/python -m bench
