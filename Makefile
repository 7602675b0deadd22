# `make` lists the targets. Each sets up what it needs first; README.md tells the rest.

PYTHON ?= python3.13
VENVS := build/venvs
UV = .venv/bin/uv
SYNC = $(UV) pip sync --quiet --require-hashes
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header --no-annotate pyproject.toml

# What sam build builds for, as uv pip install --python-platform takes it; empty is this machine.
ARTIFACT_PLATFORM ?= aarch64-manylinux_2_28

# Hundreds of processes import the project and its tools: what one has compiled, the next need not.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup rehearse up lint test pictures live chaos drills bench deploy deploy-local locks audit clean

# The first target, so it is what `make` by itself does. A target is listed if it has a `##` comment.
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST)) \
	    | while IFS='	' read -r target what; do printf '%-13s %s\n' "$$target" "$$what"; done

PARTS = .venv $(VENVS)/emulator build/lambda-client build/dependencies
setup: $(PARTS:=/.done) ## install everything, under this folder only

# What each part of the set-up took, since its first line.
BEGUN = @mkdir -p build && touch build/begun
TOOK = @echo "   done in $$(( $$(date +%s) - $$(date -r build/begun +%s) )) s"

.venv/.done: locks/uv.txt locks/app.txt
	@echo "Setting up, once: seconds if uv has the packages already, some minutes if it fetches them."
	@echo "1 .venv, with what runs and tests the project"
	$(BEGUN)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' \
	    || { echo "Python 3.13 is needed: make PYTHON=/path/to/python3.13 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r locks/uv.txt
	@$(SYNC) --python .venv/bin/python locks/app.txt
	@touch $@
	$(TOOK)

WHAT_emulator = which plays tables and queues
WHAT_sam = AWS SAM, for lint and deploy

# Nothing is compiled: most is never loaded, and what is, its first run compiles.
$(VENVS)/%/.done: locks/%.txt .venv/.done
	@echo "$(if $(filter %emulator,$(@D)),2 ,)$(@D), $(WHAT_$*)"
	$(BEGUN)
	@.venv/bin/python -m venv --without-pip --clear $(@D)
	@$(SYNC) --python $(@D)/bin/python $<
	@touch $@
	$(TOOK)

# AWS's own runtime client, in a folder by itself: a function sees it and its artifact, nothing else.
build/lambda-client/.done: locks/lambda.txt .venv/.done
	@echo "3 $(@D), AWS's client that runs the functions"
	$(BEGUN)
	@rm -rf $(@D)
	@$(UV) pip install --quiet --compile-bytecode --require-hashes --python .venv/bin/python --target $(@D) -r $<
	@touch $@
	$(TOOK)

# Most of an artifact: without it, the first stack would seem to start slowly.
build/dependencies/.done: locks/runtime.txt local/build.py local/roots.py .venv/.done
	@echo "4 $(@D), what the functions import"
	$(BEGUN)
	@.venv/bin/python -m local.build
	@touch $@
	$(TOOK)

rehearse: setup ## play Altegio's moderation through the real functions; WITH="NAME=VALUE" sets parameters
	@.venv/bin/python -m local rehearse $(WITH)

up: setup ## run the local stack until Ctrl-C, and print its addresses
	@.venv/bin/python -m local up

# Beside mypy, which takes longest, one process compiles the tests for all that will run them.
COLLECT = { .venv/bin/python -m pytest --collect-only -qq >build/collected 2>&1 || ! cat build/collected; }
lint: setup $(VENVS)/sam/.done ## ruff, zizmor, mypy, sam validate; whether all tests can be read
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/zizmor --offline --quiet .github/workflows
	@.venv/bin/mypy & types=$$!; \
	    SAM_CLI_TELEMETRY=0 $(VENVS)/sam/bin/sam validate --lint && $(COLLECT); \
	    ended=$$?; wait $$types && exit $$ended

# For the tests of the page and the pictures of the report; a browser that is installed already is taken as it is.
build/chromium/.done: local/chromium.py .venv/.done
	@.venv/bin/python -m local.chromium
	@touch $@

test: lint build/chromium/.done ## every check that CI runs
	@.venv/bin/python -m pytest -n auto --dist loadfile

pictures: build/chromium/.done ## take pictures of each state of the connect page; WITH="NAME=VALUE" sets parameters
	@.venv/bin/python -m pytest -q -n auto --pictures --with "$(WITH)" tests/browser
	@.venv/bin/python -m tests.browser.contact_sheets

# Once it takes some minutes of downloads. That it cannot run here is 77 of the command itself.
live: setup ## let real Asterisk switches call, and judge what came of it; LIVE=--help lists the options
	@.venv/bin/python -m tests.live $(LIVE)

N ?= 2000
chaos: setup ## N random schedules of failures (N=2000); a thousand examples of each property; CHAOS=--help lists the options
	@.venv/bin/python -m tests.chaos $(N) $(CHAOS)
	@$(if $(findstring --help,$(CHAOS)),,.venv/bin/python -m pytest -q -n auto --dist loadfile -m hypothesis --hypothesis-profile=dice)

drills: setup ## plant every incident of the runbook, and see that its alarm, status and the command tell and mend it
	@.venv/bin/python -m tests.drills $(DRILLS)

# Instructions, whose ratios another machine repeats, need valgrind.
bench: setup ## measure cold starts, answers and fairness; BENCH=--help lists the options
	@.venv/bin/python -m tests.bench $(BENCH)

# Before anything is set up. There is no such file, so it is always checked.
named:
	@[ -n "$(ENV)" ] || { echo "Which environment? Type: make deploy ENV=staging" >&2; exit 2; }

# An environment of samconfig.toml, such as staging. PROFILE and REGION are the AWS CLI's.
deploy: named .venv/.done $(VENVS)/sam/.done ## deploy ENV=staging to AWS: asks, shows the change set, asks again; ANSWERS=file.toml
	@.venv/bin/python -m ops deploy $(ENV) $(if $(ANSWERS),--answers "$(ANSWERS)") \
	    $(if $(PROFILE),--profile "$(PROFILE)") $(if $(REGION),--region "$(REGION)") \
	    $(if $(ENDPOINT_URL),--endpoint-url "$(ENDPOINT_URL)")

deploy-local: setup $(VENVS)/sam/.done ## sam build and sam deploy of the template, into an emulator
	@.venv/bin/python -m local deploy

# sam build calls build-<function> for each of them; the result is the same for all.
build-%: .venv/.done
	@.venv/bin/python -m local build "$(ARTIFACTS_DIR)" $(if $(ARTIFACT_PLATFORM),--platform $(ARTIFACT_PLATFORM))

locks: ## pin every dependency anew, with its hash, into locks/; and the tables of currencies and languages
	$(COMPILE) --group dev --output-file locks/app.txt
	$(COMPILE) --constraints locks/app.txt --output-file locks/runtime.txt
	for group in lambda emulator sam uv; do \
	    $(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header \
	        --no-annotate --group pyproject.toml:$$group --output-file locks/$$group.txt; done
	$(SYNC) --python .venv/bin/python locks/app.txt
	.venv/bin/python -m local.currencies
	.venv/bin/python -m local.languages

# pip-audit says the same, 1, of a vulnerability and of an index that it cannot reach; only the first
# is on its standard output.
audit: .venv/.done ## look the pinned dependencies up among known vulnerabilities (needs an index)
	@mkdir -p build; ended=0; for lock in locks/*.txt; do \
	    if found=$$($(UV) tool run --quiet pip-audit --strict --disable-pip --require-hashes \
	        --progress-spinner off --requirement $$lock 2>build/audit.log); \
	    then echo "$$lock: no known vulnerability"; \
	    elif [ -n "$$found" ]; then echo "$$lock: VULNERABLE"; echo "$$found"; ended=1; \
	    else echo "$$lock: NOT AUDITED, as no index of vulnerabilities answered for all of it:"; \
	        tail -n 1 build/audit.log; ended=1; fi; done; exit $$ended

clean: ## remove all that was built or installed
	rm -rf build .aws-sam .venv
