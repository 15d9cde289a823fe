# SPDX-License-Identifier: Apache-2.0
# make demo    a real model, from file to a verdict on an emulated Cortex-M4
# make test    everything a change must pass
# make nightly the long sweeps too
# make format  lay out Python and C as the checks want it

VENV := .venv
PYTHON := $(VENV)/bin/python
RUN_PACKAGES := gcc:gcc,libc6-dev arm-none-eabi-gcc:gcc-arm-none-eabi,libnewlib-arm-none-eabi \
	qemu-system-arm:qemu-system-arm
TEST_PACKAGES := clang:clang,libclang-rt-14-dev clang-format:clang-format
PAGE_PACKAGES := chromium:chromium,fonts-dejavu-core

.PHONY: demo test nightly lint format clean

demo: $(VENV)/installed
	@scripts/system-packages.sh $(RUN_PACKAGES)
	@$(PYTHON) examples/digits/demo.py

test: lint
	@scripts/system-packages.sh $(RUN_PACKAGES) $(TEST_PACKAGES) $(PAGE_PACKAGES)
	TINYGEN_MODELS=20 $(PYTHON) -m pytest -n 2 -m "not nightly"

nightly: lint
	@scripts/system-packages.sh $(RUN_PACKAGES) $(TEST_PACKAGES) $(PAGE_PACKAGES)
	$(PYTHON) -m pytest -n 2

lint: $(VENV)/installed-test
	@scripts/system-packages.sh $(TEST_PACKAGES)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	git ls-files 'firmware/*.c' 'firmware/*.h' | xargs clang-format --dry-run --Werror

format: $(VENV)/installed-test
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	git ls-files 'firmware/*.c' 'firmware/*.h' | xargs clang-format -i

$(VENV)/installed: pyproject.toml
	@scripts/system-packages.sh
	@test -x $(PYTHON) || python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[test,quantize]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
