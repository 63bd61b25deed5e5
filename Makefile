# Two commands: `make tour` shows the kit at work, `make test` proves it. `make help` lists the rest.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
           --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help tour test test-long lab lock notebooks readme format wheel site pictures data clean

help: ## List these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

tour: $(VENV)/run.stamp ## Run every notebook, check it cell by cell, score the retrieval, write build/tour/index.html
	@$(BIN)/kit tour $(ARGS)

test: $(VENV)/test.stamp ## Lint, the repository's rules, unit tests, then nbval over the notebooks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/kit notebooks lint
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long" $(or $(ARGS),--cov --cov-report=)
	PYTHONPATH=$(CURDIR)/tests/offline $(BIN)/python -m pytest --nbval notebooks --nbval-sanitize-with notebooks/sanitize.cfg \
	  --nbval-current-env --nbval-cell-timeout 300 -n 2 --dist loadfile

test-long: $(VENV)/test.stamp $(VENV)/site.stamp ## What `make test` leaves out: each notebook alone with the wheel, and other tests that take minutes
	$(BIN)/python -m pytest -m long $(ARGS)

lab: $(VENV)/run.stamp ## Open JupyterLab on the welcome notebook
	JUPYTER_CONFIG_PATH=$(CURDIR)/.jupyter $(BIN)/jupyter lab $(ARGS)

notebooks: $(VENV)/run.stamp ## Run the notebooks and store their outputs (review the diff before you commit it)
	$(BIN)/kit notebooks update $(ARGS)

readme: $(VENV)/test.stamp ## Write the README's tables of notebooks and commands
	$(BIN)/python -m tests.readme

format: $(VENV)/test.stamp ## Format the code and the notebooks' cells
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/test.stamp ## Resolve the dependencies of pyproject.toml again; ARGS=--upgrade takes newer releases
	$(COMPILE) $(ARGS) --extra all --extra build pyproject.toml -o requirements.lock
	$(COMPILE) $(ARGS) --extra all --extra build --extra test -c requirements.lock pyproject.toml -o requirements-test.lock
	$(COMPILE) $(ARGS) --extra all --extra build --extra site -c requirements-test.lock pyproject.toml -o requirements-site.lock
	$(COMPILE) $(ARGS) requirements-server.in -o requirements-server.lock

wheel: $(VENV)/run.stamp ## Build the wheel, whole: notebooks, golden questions, ledgers and the server's lock travel in it
	$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir build/wheel
	@ls build/wheel/*.whl

site: $(VENV)/site.stamp ## Build build/site/html: the notebooks, the last reports and the reference as pages
	@$(BIN)/python -m website.sources build/site/source
	$(BIN)/python -m sphinx -W --keep-going -q -c website build/site/source build/site/html
	@echo "$(CURDIR)/build/site/html/index.html"

pictures: $(VENV)/test.stamp ## Take the README's pictures of JupyterLab and of the last tour's report, in a browser
	$(BIN)/python -m tests.browser.pictures

data: ## List the files of data/ with their sha256
	cd data && git ls-files --cached --others --exclude-standard . | grep -vE '^(README.md|SHA256SUMS)$$' | LC_ALL=C sort | xargs sha256sum > SHA256SUMS

clean: ## Remove .venv and build
	rm -rf $(VENV) build

# The browser tests want a Chromium: Debian's, where apt and root are at hand. Without one they are skipped, and say so.
define CHROMIUM
command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
  echo "No Chromium could be installed: the browser tests will be skipped."
endef

# An environment is stale when the lock or pyproject.toml is newer than its stamp.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Wanted: Python 3.11, 3.12 or 3.13. Found: $$($(PYTHON) --version 2>&1). Say which: make PYTHON=python3.11 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: $(VENV)/bin/python requirements.lock pyproject.toml
	$(PIP) install --no-compile --require-hashes --no-deps -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements-test.lock
	$(PIP) install --no-compile --require-hashes --no-deps -r requirements-test.lock
	@$(CHROMIUM)
	@touch $@

$(VENV)/site.stamp: $(VENV)/run.stamp requirements-site.lock
	$(PIP) install --no-compile --require-hashes --no-deps -r requirements-site.lock
	@touch $@
