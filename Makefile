# The two commands of a newcomer, and a few more. "make" alone lists them.
# What may be given on make's command line, as in "make rename MACHINE=old TO=new". A variable of such a name that the
# shell exports means something else and counts for nothing.
STACK =
SUITE =
VENV = .venv$(addprefix -,$(filter-out $(DEFAULT_STACK),$(STACK)))
PYTHON =
MACHINE =
FROM =
TO =
AS =
SKIP =
KEY =
BEFORE =
FLEET = config/fleet.yaml
PARTITION =
PROFILE = profiles/slurm
CONDA =
CONTROLLER = .venv-controller
NEW =
# What is installed where no STACK is named, and all that can be named here: those that are pinned beside the workflow.
DEFAULT_STACK = tf-2.19
HOST_STACKS = $(sort $(patsubst envs/%.linux-64.host.txt,%,$(wildcard envs/*.linux-64.host.txt)))
ifneq ($(filter $(HOST_STACKS),$(firstword $(value STACK))),$(value STACK))
$(error STACK names no stack that make can install; expected one of $(HOST_STACKS))
endif
SUITES = fashion-mnist $(patsubst config/suites/%.yaml,%,$(wildcard config/suites/*.yaml))
ifneq ($(filter $(SUITES) $(SUITES:%=invented-%),$(firstword $(value SUITE))),$(value SUITE))
$(error SUITE names no suite; expected one of $(SUITES))
endif
# With a stack or a suite that is named, that one is measured, whatever was before.
CHOSEN = $(if $(STACK),'stacks=[$(STACK)]') $(if $(SUITE),suite=$(SUITE))
REFERENCES = config/references$(addprefix -,$(filter-out fashion-mnist,$(SUITE))).yaml
# PYTHON, or the first of these that is Python 3.11 or 3.12, or python3, for which the installer finds another one.
SOME_PYTHON = $(or $(PYTHON),$(shell for p in python3.12 python3.11 python3; do \
	$$p -I -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && break; \
	done),python3)
PY = $(VENV)/bin/python
# Whatever a shell exports, programs of ours start from one environment.
RUN = $(PY) -I workflow/scripts/start_program.py
SNAKEMAKE = $(RUN) -m snakemake --cores 1
PINS = $(wildcard envs/$(or $(STACK),$(DEFAULT_STACK)).*.host.txt)
# What is given reaches the scripts as it is, by the environment of the recipes: whatever a name holds, neither make nor
# the shell takes it for a command.
unexport FROM AS SKIP KEY MACHINE TO BEFORE FLEET PARTITION PROFILE CONDA NEW
export GIVEN_FROM := $(value FROM)
export GIVEN_AS := $(value AS)
export GIVEN_SKIP := $(value SKIP)
export GIVEN_KEY := $(value KEY)
export GIVEN_MACHINE := $(value MACHINE)
export GIVEN_TO := $(value TO)
export GIVEN_BEFORE := $(value BEFORE)
export GIVEN_FLEET := $(value FLEET)
export GIVEN_PARTITION := $(value PARTITION)
export GIVEN_NEW := $(value NEW)
export GIVEN_PROFILE := $(value PROFILE)

.PHONY: help demo doctor run benchmark again fleet nodes references report open merge pack rename registry unlock bench fuzz lint check \
	test format lock check-locks
help:
	@echo "Measure and report"
	@echo "  make demo           show the finished page of the shipped records in half a minute; train nothing"
	@echo "  make doctor         check in a minute whether measurements on this machine will count"
	@echo "  make run            time the whole grid, one epoch each (minutes), and draw the report"
	@echo "  make benchmark      the article's experiment: 5 epochs, 3 repeats (hours on a slow machine)"
	@echo "  make again run"
	@echo "                      the same once more, weeks later: what was measured is kept as an earlier session (NEW=1)"
	@echo "  make run STACK=torch-2.11"
	@echo "                      the same with another stack, in an environment of its own: $(HOST_STACKS)"
	@echo "  make run SUITE=cifar-10"
	@echo "                      other models on other data: $(SUITES)"
	@echo "  make fleet          time the machines of config/fleet.yaml, by SLURM or ssh, and draw one report (CONDA=1)"
	@echo "  make nodes PARTITION=cpu"
	@echo "                      list the nodes of a partition as a fleet, to be reviewed (TO=config/new.yaml)"
	@echo "  make report         draw the report from the records that are there; train nothing"
	@echo "  make open           open the page in the browser"
	@echo "  make unlock         let the next command run after a crash or a power cut"
	@echo "  make references     measure the convergence references on this machine's CPU (an hour or two)"
	@echo
	@echo "Compare machines"
	@echo "  make pack           pack this machine's results into one signed archive to send (MACHINE=name)"
	@echo "  make merge FROM=\"PATH ...\""
	@echo "                      bring results of other machines in: folders, .zip or .tar.gz (AS=name, SKIP=1, KEY=new)"
	@echo "  make rename MACHINE=old TO=new"
	@echo "                      give a machine another name"
	@echo "  make registry FROM=FOLDER"
	@echo "                      check a folder of many people's archives, and draw its page (BEFORE=folder)"
	@echo
	@echo "Work on trainmark"
	@echo "  make check          lint, types, and the quick unit tests"
	@echo "  make test           all checks and tests"
	@echo "  make format         fix what lint can fix"
	@echo "  make bench          measure what the workflow costs, against a plain script"
	@echo "  make fuzz           give the programs bad input (FUZZ=\"--files 200000\")"
	@echo "  make lock           write the pinned environments anew from envs/inputs"
	@echo "  make check-locks    check whether make lock is needed"

# In a folder of its own: what the user has measured and drawn stays as it is.
demo: $(VENV)/installed
	@$(RUN) workflow/scripts/show_demo.py --records results/example/*.tar.gz -- results/demo

run: $(VENV)/installed
	@$(SNAKEMAKE) --configfile config/quick.yaml $(if $(strip $(CHOSEN)),--config $(CHOSEN))

benchmark: $(VENV)/installed
	@$(SNAKEMAKE) $(if $(strip $(CHOSEN)),--config $(CHOSEN))

# Before run, benchmark or fleet, in one command. Given again within a day it does nothing, so that what was interrupted
# goes on; with NEW=1 it begins another session all the same.
AGAIN = $(if $(and $(filter fleet,$(MAKECMDGOALS)),$(wildcard $(CONTROLLER)/installed)),$(CONTROLLER),$(VENV))
again: $(AGAIN)/installed
	@$(AGAIN)/bin/python -I workflow/scripts/start_program.py workflow/scripts/begin_session.py \
		$${GIVEN_MACHINE:+"--machine=$$GIVEN_MACHINE"} $${GIVEN_NEW:+--new} \
		$(if $(filter fleet,$(MAKECMDGOALS)),"--fleet=$$GIVEN_FLEET")

# The nodes of a cluster, by SLURM, from where it takes jobs, and machines by ssh. Without CONDA=1 nodes train in .venv, and
# what draws the report has an environment of its own: the plugin for SLURM and a stack want different numpys. Where no
# partition is named, there is nothing for SLURM.
BY_SLURM = grep -qs '^[^\#]*partition' -- "$$GIVEN_FLEET"
fleet:
	@if $(BY_SLURM); then $(MAKE) --no-print-directory $(CONTROLLER)/installed $(if $(CONDA),,$(VENV)/installed); \
		else $(MAKE) --no-print-directory $(VENV)/installed; fi
	@if $(BY_SLURM); then python=$(CONTROLLER)/bin/python; else python=$(PY); fi; \
		"$$python" -I workflow/scripts/start_program.py workflow/scripts/measure_fleet.py --profile="$$GIVEN_PROFILE" \
		$(if $(CONDA),--use-conda) -- "$$GIVEN_FLEET"

# Nothing is submitted, and no file is replaced.
nodes: $(CONTROLLER)/installed
	$(if $(GIVEN_PARTITION),,$(error PARTITION is missing: make nodes PARTITION=NAME))
	@$(CONTROLLER)/bin/python -I workflow/scripts/start_program.py workflow/scripts/list_nodes.py \
		$${GIVEN_TO:+"--to=$$GIVEN_TO"} -- "$$GIVEN_PARTITION"

# What healthy runs reach on this machine's CPU. Takes an hour or two; interrupted, it goes on. MACHINE= where the
# configuration names the machine.
references: $(VENV)/installed
	@$(SNAKEMAKE) measure --config 'devices=[cpu]' 'stacks=[$(or $(STACK),$(DEFAULT_STACK))]' repeats=8 \
		$(if $(SUITE),suite=$(SUITE)) $${GIVEN_MACHINE:+"machine=$$GIVEN_MACHINE"} && \
		$(RUN) workflow/scripts/write_references.py $(addprefix --suite=,$(SUITE)) \
		$${GIVEN_MACHINE:+"--machine=$$GIVEN_MACHINE"} --stack $(or $(STACK),$(DEFAULT_STACK)) $(REFERENCES)

doctor: $(VENV)/installed
	@$(SNAKEMAKE) doctor $(if $(strip $(CHOSEN)),--config $(CHOSEN))

report: $(VENV)/installed
	@$(SNAKEMAKE) report $(if $(SUITE),--config suite=$(SUITE))

open: $(VENV)/installed
	@$(RUN) workflow/scripts/open_page.py results/report/index.html

unlock: $(VENV)/installed
	@$(SNAKEMAKE) --unlock

# Of several FROM=, make keeps the last alone; the others are in its command line. $$PPID is make's process.
merge: $(VENV)/installed
	$(if $(GIVEN_FROM),,$(error FROM is missing: make merge FROM=PATH))
	@$(RUN) workflow/scripts/merge_results.py $${GIVEN_AS:+"--as=$$GIVEN_AS"} $${GIVEN_SKIP:+--skip-bad} \
		$${GIVEN_KEY:+"--accept-key=$$GIVEN_KEY"} "--from=$$GIVEN_FROM" --make $$PPID

pack: $(VENV)/installed
	@$(RUN) workflow/scripts/pack_results.py $${GIVEN_MACHINE:+"--machine=$$GIVEN_MACHINE"}

rename: $(VENV)/installed
	$(if $(and $(GIVEN_MACHINE),$(GIVEN_TO)),,$(error MACHINE or TO is missing: make rename MACHINE=old TO=new))
	@$(RUN) workflow/scripts/rename_machine.py -- "$$GIVEN_MACHINE" "$$GIVEN_TO"

# A folder with archives/ in it: docs/registry.md.
registry: $(VENV)/installed
	$(if $(GIVEN_FROM),,$(error FROM is missing: make registry FROM=FOLDER))
	@$(RUN) workflow/scripts/build_registry.py $${GIVEN_BEFORE:+"--before=$$GIVEN_BEFORE"} \
		--summary results/registry.md --page results/registry -- "$$GIVEN_FROM"

# The benchmark of the report makes up its records as the tests do, and so needs what they need.
bench: $(VENV)/installed-tests
	@$(RUN) tests/benchmark/run_all.py

# What strangers may send, as long as one likes: FUZZ="--files 200000".
fuzz: $(VENV)/installed-tests
	@$(RUN) tests/fuzz/fuzz.py $(FUZZ)

lint: $(VENV)/installed-tests
	$(RUN) -m ruff check . && $(RUN) -m ruff format --check .
	$(RUN) -m snakefmt --check Snakefile workflow/rules
	$(RUN) -m mypy
	$(SNAKEMAKE) --lint

check: lint
	$(RUN) -m pytest -n 2 --dist loadgroup -m "not slow" tests/unit

test: lint
	$(RUN) -m pytest -n 5 --dist loadgroup --no-loadscope-reorder

format: $(VENV)/installed-tests
	$(RUN) -m ruff check --fix . ; $(RUN) -m ruff format . ; $(RUN) -m snakefmt Snakefile workflow/rules

# uv comes with what the tests need. Delete a file first to renew all that it pins.
lock: $(VENV)/installed-tests
	@PATH="$$PWD/$(VENV)/bin:$$PATH" $(RUN) envs/write_locks.py

check-locks: $(VENV)/installed-tests
	@PATH="$$PWD/$(VENV)/bin:$$PATH" $(RUN) envs/write_locks.py --check

# The installer makes an environment anew whose Python is gone, or that was moved here with the folder.
ifneq ($(wildcard $(VENV)/installed),)
ifneq ($(shell $(PY) -I envs/create_venv.py --check $(addprefix --stack=,$(STACK)) $(VENV) 2>/dev/null),sound)
$(VENV)/installed: FORCE
endif
endif

ifneq ($(and $(filter nodes $(CONTROLLER)/installed,$(MAKECMDGOALS)),$(wildcard $(CONTROLLER)/installed)),)
ifneq ($(shell $(CONTROLLER)/bin/python -I envs/create_venv.py --check $(CONTROLLER) 2>/dev/null),sound)
$(CONTROLLER)/installed: FORCE
endif
endif

# A folder that was left half-installed has no mark and is completed.
$(VENV)/installed: $(PINS) envs/create_venv.py
	@$(INSTALL)
	@touch $@

$(VENV)/installed-tests: $(VENV)/installed envs/tests.txt
	@$(INSTALL) envs/tests.txt
	@touch $@

$(CONTROLLER)/installed: envs/controller.txt envs/create_venv.py
	@$(FIND_PYTHON) "$$python" -I envs/create_venv.py --controller $(if $(PYTHON),--no-other-python) $(CONTROLLER)
	@touch $@

FIND_PYTHON = python="$(SOME_PYTHON)"; command -v "$$python" >/dev/null || \
	{ echo "trainmark: Python 3 is needed to begin with, and there is no $$python" >&2; exit 1; };
INSTALL = $(FIND_PYTHON) "$$python" -I envs/create_venv.py $(addprefix --stack=,$(STACK)) $(if $(PYTHON),--no-other-python) $(VENV)

.PHONY: FORCE
# Targets that are given together, as in "make unlock run", wait for each other whatever MAKEFLAGS say.
.NOTPARALLEL:
