# make run    the shop on this machine, with a WeChat that answers      make demo   a day in its life, over HTTP
# make test   all tests                                                 make check  lint, types, layers, contract, package
# make package STAGE=dev [ARCH=arm64]    template and zip for AWS, checked, in packaged/
# make secret, rotate, doctor STAGE=prod    the stage's secret, its keys one by one, and what is missing in the account
# make deploy, rollback, releases STAGE=prod    a release in checked phases, the way back, what went live
# make restore STAGE=prod AT=2026-11-22T10:00:00+08:00    tables of that time, beside those in use
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DRAWING := $(VENV)/.installed-bench
LOCK := uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock"
CODE := app.py chalicelib functions deploy
STAGE ?= dev

.PHONY: help run demo test coverage faults model check package deploy rollback releases restore rehearse wechat-check secret rotate doctor contract bench bench-reconcile bench-coldstart cost lock reset clean

help:
	@sed -n '1,6p' Makefile | cut -c3-

$(STAMP): requirements-dev.txt
	@sh tools/environment.sh $(VENV)
	@touch $(STAMP)

run: $(STAMP)
	@$(BIN)/python -m sandbox.local

demo: $(STAMP)
	@$(BIN)/python -m sandbox.demo

test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 $(ARGS)

coverage: $(STAMP)
	@$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered $(ARGS)

faults: $(STAMP)
	@$(BIN)/python -m tests.faults

model: $(STAMP)
	@JISHI_MODEL_SEED=$${JISHI_MODEL_SEED:-0} JISHI_MODEL_RUNS=$${JISHI_MODEL_RUNS:-500} JISHI_MODEL_STEPS=$${JISHI_MODEL_STEPS:-50} \
		$(BIN)/python -m pytest -q -s tests/model

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	$(BIN)/mypy --strict $(CODE)
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_contract.py tests/test_requirements.py tests/test_package.py

package: $(STAMP)
	@$(BIN)/python -m deploy.package --stage $(STAGE) $(if $(ARCH),--arch $(ARCH)) --lint

deploy: $(STAMP)
	@$(BIN)/python -m deploy.release deploy --stage $(STAGE) --accept "$(ACCEPT)" --despite "$(DESPITE)" $(if $(YES),--yes)

rollback: $(STAMP)
	@$(BIN)/python -m deploy.release rollback --stage $(STAGE) --accept "$(ACCEPT)" $(if $(N),--to $(N))

releases: $(STAMP)
	@$(BIN)/python -m deploy.release releases --stage $(STAGE)

restore: $(STAMP)
	@$(BIN)/python -m deploy.restore --stage $(STAGE) $(if $(AT),--at $(AT)) $(if $(PREFIX),--prefix $(PREFIX)) $(if $(DISCARD),--discard)

rehearse: $(STAMP)
	@$(BIN)/python -m deploy.rehearse

wechat-check: $(STAMP)
	@$(BIN)/python -m tools.wechat_check

secret: $(STAMP)
	@$(BIN)/python -m deploy.secret $(STAGE) $(if $(FILE),--file $(FILE)) $(if $(REPLACE),--replace $(REPLACE)) \
		$(if $(NEW_KEYS),--new-keys)

rotate: $(STAMP)
	@$(BIN)/python -m deploy.secret $(STAGE) --rotate "$(KEY)" $(if $(FILE),--file $(FILE)) \
		$(if $(RETIRE),--retire $(RETIRE)) $(if $(YES),--yes)

doctor: $(STAMP)
	@$(BIN)/python -m deploy.doctor $(STAGE) $(if $(WECHAT),--wechat)

contract: $(STAMP)
	@$(BIN)/python -m tools.contract

$(DRAWING): $(STAMP) requirements-bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $(DRAWING)

bench: $(DRAWING)
	@$(BIN)/python -m bench $(PARTS)

bench-reconcile: $(STAMP)
	@$(BIN)/python -m bench.reconcile

bench-coldstart: $(STAMP)
	@$(BIN)/python -m bench.coldstart

cost: $(STAMP)
	@$(BIN)/python -m bench.cost

lock:
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) requirements-bench.in -o requirements-bench.txt

reset:
	@sh tools/reset.sh "$${JISHI_LOCAL:-.local}"

clean: reset
	@rm -rf $(VENV) packaged .chalice/deployments .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
