# `make rehearse` plays Altegio's moderation on this machine; `make test` runs every check.
# Both set up all they need first. README.md tells the rest.

PYTHON ?= python3.13
VENVS := build/venvs
UV = .venv/bin/uv
SYNC = $(UV) pip sync --quiet --compile-bytecode --require-hashes
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header --no-annotate pyproject.toml

# What sam build builds for, as uv pip install --python-platform takes it; empty is this machine.
ARTIFACT_PLATFORM ?= aarch64-manylinux_2_28

.PHONY: setup rehearse up test chaos bench deploy-local lint locks clean

setup: .venv/.done $(VENVS)/emulator/.done build/lambda-client/.done

.venv/.done: locks/uv.txt locks/app.txt
	@echo "setting up .venv (about half a minute, once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' \
	    || { echo "Python 3.13 is needed: make PYTHON=/path/to/python3.13 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/uv.txt
	@$(SYNC) --python .venv/bin/python locks/app.txt
	@touch $@

$(VENVS)/%/.done: locks/%.txt .venv/.done
	@echo "setting up $(@D)"
	@.venv/bin/python -m venv --without-pip --clear $(@D)
	@$(SYNC) --python $(@D)/bin/python $<
	@touch $@

# AWS's own runtime client, in a folder by itself: a function sees it and its artifact, nothing else.
build/lambda-client/.done: locks/lambda.txt .venv/.done
	@echo "setting up $(@D)"
	@rm -rf $(@D)
	@$(UV) pip install --quiet --compile-bytecode --require-hashes --python .venv/bin/python --target $(@D) -r $<
	@touch $@

rehearse: setup
	@.venv/bin/python -m local rehearse

up: setup
	@.venv/bin/python -m local up

lint: setup $(VENVS)/sam/.done
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@SAM_CLI_TELEMETRY=0 $(VENVS)/sam/bin/sam validate --lint

# For the tests of the page; a browser that is installed already is taken as it is.
build/chromium/.done: tests/browser/chromium.py .venv/.done
	@.venv/bin/python -m tests.browser.chromium
	@touch $@

test: lint build/chromium/.done
	@.venv/bin/python -m pytest -n auto --dist loadfile

# Random schedules; N of them in memory, CHAOS=--help tells what else.
N ?= 2000
chaos: setup
	@.venv/bin/python -m tests.chaos $(N) $(CHAOS)

# Cold starts, in ratios that another machine repeats; instructions need valgrind. BENCH=--help.
bench: setup
	@.venv/bin/python -m tests.bench $(BENCH)

# The template as it is, by sam build and sam deploy, into the emulator.
deploy-local: setup $(VENVS)/sam/.done
	@.venv/bin/python -m local deploy

# sam build calls build-<function> for each of them; the result is the same for all.
build-%: .venv/.done
	@.venv/bin/python -m local build "$(ARTIFACTS_DIR)" $(if $(ARTIFACT_PLATFORM),--platform $(ARTIFACT_PLATFORM))

locks:
	$(COMPILE) --group dev --output-file locks/app.txt
	$(COMPILE) --constraints locks/app.txt --output-file locks/runtime.txt
	for group in lambda emulator sam uv; do \
	    $(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header \
	        --no-annotate --group pyproject.toml:$$group --output-file locks/$$group.txt; done

clean:
	rm -rf build .aws-sam .venv
