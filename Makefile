# Borne: every verb sets up what it needs by itself; a second call starts at once.
# Set-up speaks on stderr, so that `make demo JSON=1` prints one line of JSON and nothing else.

MAKEFLAGS += --no-print-directory
PYTHON   ?= $(shell python3.11 -c 'print("python3.11")' 2>/dev/null || echo python3)
SCENARIO ?= timed
FOR      ?=
JSON     ?=
CLAIM    ?=
AT       ?=
COUNTRY  ?=
CONTACT  ?=
RESOLVER ?=

export NUMBA_CACHE_DIR ?= $(CURDIR)/.cache/numba

BOOTSTRAP = $(PYTHON) deploy/setup/bootstrap.py
RUN       = .venv/bin/python -m

.PHONY: help demo run test lint soak bench atlas clean
.SILENT:

help:
	echo 'make demo    the whole chain at work on the internet in a box'
	echo '             SCENARIO=timed|inside|trombone  FOR=seconds  JSON=1'
	echo 'make run     agent and collector on this host, with the catalogue of cloud zones'
	echo '             AT=LAT,LON,KM  COUNTRY=FR  CONTACT=who  RESOLVER=address  FOR=seconds  JSON=1'
	echo 'make test    everything that CI runs: lint, fast tests, slow tests, coverage'
	echo 'make soak    the faults of the tests, twenty times as often: hours'
	echo 'make lint    ruff, mypy and the import contracts alone'
	echo 'make bench   the benchmarks, into benchmarks/results.json; CLAIM=one of them'
	echo 'make atlas   fetch and compile the tables of addresses (the other verbs do so themselves)'
	echo 'make clean   remove the Python environment, caches and build results'

demo:
	$(BOOTSTRAP) demo
	exec $(RUN) deploy.lab.demo --scenario '$(SCENARIO)' $(if $(FOR),--for '$(FOR)') $(if $(JSON),--json)

run:
	$(BOOTSTRAP) run
	exec $(RUN) deploy.run $(if $(AT),--at '$(AT)') $(if $(COUNTRY),--country '$(COUNTRY)') \
	    $(if $(CONTACT),--contact '$(CONTACT)') $(if $(RESOLVER),--resolver '$(RESOLVER)') \
	    $(if $(FOR),--for '$(FOR)') $(if $(JSON),--json)

test:
	$(BOOTSTRAP) test
	exec $(RUN) deploy.setup.check all

lint:
	$(BOOTSTRAP) lint
	exec $(RUN) deploy.setup.check lint

soak:
	$(BOOTSTRAP) test
	exec $(RUN) deploy.setup.check soak

bench:
	$(BOOTSTRAP) bench
	exec $(RUN) benchmarks.run $(CLAIM)

atlas:
	$(BOOTSTRAP) atlas

clean:
	rm -rf .venv .cache .demo .hypothesis .import_linter_cache .pytest_cache build dist *.egg-info
	rm -f collector/tables/*.atlas
	find agent benchmarks collector deploy tests -name __pycache__ -type d -prune -exec rm -rf {} +
