# The two commands of a newcomer, and a few more. "make" alone lists them.
VENV := .venv
# The first of these that is Python 3.11 or 3.12; python3 if none is, which then says what is needed.
PYTHON ?= $(or $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && break; \
	done),python3)
PY := $(VENV)/bin/python
SNAKEMAKE := $(PY) -m snakemake --cores 1
PINS := $(wildcard envs/*.host.txt)
REPORT := results/report/index.html
# Prints where the report is, also after a failed run, and keeps the exit code.
SHOW_REPORT = status=$$?; [ ! -f $(REPORT) ] || echo "Report: $(CURDIR)/$(REPORT)"; exit $$status

.PHONY: help doctor run benchmark references report merge pack rename unlock bench test format lock check-locks
help:
	@echo "make doctor     say in a minute whether what this machine will measure counts"
	@echo "make run        time the whole grid on this machine, one epoch each (minutes), and draw the report"
	@echo "make benchmark  the article's experiment: 5 epochs, 3 repeats (hours on a slow machine)"
	@echo "make report     draw the report from the records that are there; train nothing"
	@echo "make merge FROM=\"PATH ...\"  bring results of other machines in: folders, .zip or .tar.gz (AS=name, SKIP=1)"
	@echo "make pack   this machine's results as one archive to send (MACHINE=name)"
	@echo "make rename MACHINE=old TO=new"
	@echo "make references what healthy runs reach, measured on this machine's CPU (hours)"
	@echo "make unlock     after a crash or a power cut: let the next command go on"
	@echo "make test       all checks and tests"
	@echo "make lock   write the pinned environments anew from envs/inputs; make check-locks says whether that is needed"
	@echo "make bench      what the harness costs, against a plain script"

run: $(VENV)/installed
	@$(SNAKEMAKE) --configfile config/quick.yaml; $(SHOW_REPORT)

benchmark: $(VENV)/installed
	@$(SNAKEMAKE); $(SHOW_REPORT)

# What healthy runs reach on this machine's CPU. Takes an hour or two; interrupted, it goes on. MACHINE= where the
# configuration names the machine.
references: $(VENV)/installed
	@$(SNAKEMAKE) measure --config 'devices=[cpu]' 'stacks=[tf-2.19]' repeats=8 $(if $(MACHINE),machine=$(MACHINE)) \
		&& $(PY) workflow/scripts/write_references.py $(if $(MACHINE),--machine $(MACHINE)) --stack tf-2.19 config/references.yaml

doctor: $(VENV)/installed
	@$(SNAKEMAKE) doctor

report: $(VENV)/installed
	@$(SNAKEMAKE) report; $(SHOW_REPORT)

unlock: $(VENV)/installed
	@$(SNAKEMAKE) --unlock

# AS is make's own name for the assembler unless it is given. Of several FROM=, make itself keeps the last alone; the others are in its command line.
GIVEN = $(patsubst FROM=%,%,$(filter FROM=%,$(shell ps -o args= -p $$PPID 2>/dev/null)))
merge: $(VENV)/installed
	$(if $(FROM),,$(error say from where: make merge FROM=PATH))
	@$(PY) workflow/scripts/merge_results.py $(if $(filter command,$(origin AS)),--as $(AS)) $(if $(SKIP),--skip-bad) $(if $(word 2,$(GIVEN)),$(GIVEN),$(FROM))

pack: $(VENV)/installed
	@$(PY) workflow/scripts/pack_results.py $(if $(MACHINE),--machine $(MACHINE))

rename: $(VENV)/installed
	$(if $(and $(MACHINE),$(TO)),,$(error say which and how: make rename MACHINE=old TO=new))
	@$(PY) workflow/scripts/rename_machine.py $(MACHINE) $(TO)

bench: $(VENV)/installed
	@$(PY) tests/benchmark/measure_report.py && $(PY) tests/benchmark/measure_gate.py && $(PY) tests/benchmark/measure_meters.py && $(PY) tests/benchmark/measure_harness.py

test: $(VENV)/installed-tests
	$(PY) -m ruff check . && $(PY) -m ruff format --check .
	$(VENV)/bin/python -m snakefmt --check Snakefile workflow/rules
	$(SNAKEMAKE) --lint
	$(PY) -m pytest

format: $(VENV)/installed-tests
	$(PY) -m ruff check --fix . ; $(PY) -m ruff format . ; $(PY) -m snakefmt Snakefile workflow/rules

# uv comes with what the tests need. Delete a file first to renew all that it pins.
lock: $(VENV)/installed-tests
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) envs/write_locks.py

check-locks: $(VENV)/installed-tests
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) envs/write_locks.py --check

# A folder that was left half-installed has no mark and is completed.
$(VENV)/installed: $(PINS) envs/create_venv.py
	@$(PYTHON) envs/create_venv.py $(VENV)
	@touch $@

$(VENV)/installed-tests: $(VENV)/installed envs/tests.txt
	@$(PYTHON) envs/create_venv.py $(VENV) envs/tests.txt
	@touch $@
