# Two commands: `make demo` shows what this is, `make test` runs every check.

PYTHON ?= python3
BIN := .venv/bin
REPORT := report.html

.PHONY: demo test verify bench docs clean

demo: .venv/installed
	@$(BIN)/separatrix demo -o $(REPORT) || test $$? -eq 10
	@echo
	@echo "The report is at $(CURDIR)/$(REPORT): open it in a browser."

test: .venv/tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --cov --cov-report=term

# heavy comparisons with theory and with other programs; a script that returns 2 lacks what it reads
verify: .venv/tested
	@skipped=; failed=; for script in verification/*.py; do echo "== $$script"; $(BIN)/python $$script; \
	  case $$? in 0) ;; 2) skipped="$$skipped $$script";; *) failed="$$failed $$script";; esac; done; \
	test -z "$$skipped" || echo "skipped, since what they read or drive is not here:$$skipped"; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

# timings
bench: .venv/tested
	$(BIN)/pytest benchmarks -p no:xdist --benchmark-only

# the page of the command line is written from the commands
docs: .venv/tested
	$(BIN)/python -c 'from separatrix.cli import main; from separatrix.cli.manual import manual; print(manual(main), end="")' > docs/reference/cli.md
	$(BIN)/mkdocs build --strict

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[app]'
	@touch $@

.venv/tested: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dask,learn,mysql,test]'
	@touch $@

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis report.html
