# Two commands matter: `make book` builds the course, `make test` checks it. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
# nbgrader finds its own helpers (alembic) on the path.
NBGRADER := PATH="$(CURDIR)/$(BIN):$$PATH" nbgrader
# Threads that wait should sleep: on a busy machine spinning makes small networks thirty times slower.
export OMP_WAIT_POLICY = PASSIVE
# Python compiles a file once, not in every process.
unexport PYTHONDONTWRITEBYTECODE
# What needs neither a sandbox nor a course.
QUICK := $(addprefix tests/,gan_lib questions $(addprefix autograder/,bank test_checks.py plugins/test_pages.py \
	$(addprefix engine/test_,names.py notebooks.py protocol.py restoration.py)))
# Some of what the whole of the tests does is to wait: for deadlines, for processes that end, for a browser.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(2 * (os.cpu_count() or 1))")
.DEFAULT_GOAL := help
.PHONY: help book pdf test check test-all notebooks assignments grade lint clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

book: notebooks ## build the book: environment, executed notebooks, site
	$(BIN)/jupyter-book build book --all -W --keep-going
	@echo; echo "The book: $(CURDIR)/book/_build/html/index.html"

pdf: book ## the book as one PDF: book/_build/pdf/book.pdf
	.ci/system chromium
	$(BIN)/python book/pdf.py

test: .venv/ready ## lint, notebooks, book with warnings as errors, browser checks, grading round trip, unit tests
	.ci/system chromium
	.ci/system bubblewrap
	.ci/system postgresql
	$(BIN)/pip install --disable-pip-version-check -q -e '.[postgresql]'
	$(MAKE) lint
	$(MAKE) book
	$(BIN)/pytest -n $(WORKERS)

check: .venv/ready ## lint and the tests that need neither sandbox nor course (MORE=… goes to pytest)
	$(MAKE) lint
	$(BIN)/pytest -n auto -m "not slow" $(QUICK) $(MORE)

test-all: .venv/ready ## everything, hours: all attacks and solutions, load, other orders and processors (ROWS=…)
	.ci/system chromium
	.ci/system bubblewrap
	.ci/system postgresql
	$(BIN)/pip install --disable-pip-version-check -q -e '.[postgresql]'
	$(BIN)/python tests/everything.py $(ROWS)

notebooks: .venv/ready ## run every notebook whose inputs changed (PROFILE=gpu for the large parameters)
	$(BIN)/python notebooks/run.py --profile $(or $(PROFILE),cpu)

assignments: .venv/ready ## make the students' copy of an assignment (SET=ps1_minimax)
	cd autograder && $(NBGRADER) generate_assignment $(or $(SET),ps1_minimax) --force

grade: .venv/ready ## grade what lies in autograder/course/submitted (SET=ps1_minimax)
	.ci/system bubblewrap
	cd autograder && $(NBGRADER) autograde $(or $(SET),ps1_minimax)
	cd autograder && $(NBGRADER) generate_feedback $(or $(SET),ps1_minimax)

lint: .venv/ready ## style of the code, and question cells that differ from the question bank
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ruff format --check --isolated --line-length 78 notebooks --exclude '*.py'
	$(BIN)/python notebooks/sync_setup.py --check
	$(BIN)/python -m autograder.bank.sync --check

clean: ## remove what was built (not the environment, not grades)
	rm -rf book/_build book/notebooks book/claims.json .pytest_cache .ruff_cache .hypothesis

# pip can be interrupted: the mark is set only when everything is in place.
.venv/ready: requirements.txt pyproject.toml
	.ci/system python
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check -q -r requirements.txt
	$(BIN)/pip install --disable-pip-version-check -q --no-deps -e .
	@touch $@
