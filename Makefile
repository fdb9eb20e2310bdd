# make run      set everything up and open the window (without a display: track the bundled clip headless)
# make test     set everything up and run style checks, type checks and tests
# make clip     draw the bundled clip again        make screenshots   take the pictures in docs/images again
# make clean    remove what was set up

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
TEST_STAMP := $(VENV)/.ready-test

.PHONY: run test lint clip screenshots clean libraries

run: $(STAMP)
	@$(BIN)/python main.py $(ARGS)

test: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(ARGS)

lint: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

clip: $(STAMP)
	$(BIN)/python resources/clip/draw_clip.py

screenshots: $(STAMP)
	$(BIN)/python docs/screenshots/make_screenshots.py

# A stamp is made last, so that an interrupted installation is taken up again by the next make.
$(STAMP): setup.cfg requirements.txt resources/setup/prepare.sh resources/setup/system_libraries.py
	@PYTHON="$(PYTHON)" sh resources/setup/prepare.sh run
	@touch $(STAMP)

$(TEST_STAMP): $(STAMP) requirements-dev.txt
	@PYTHON="$(PYTHON)" sh resources/setup/prepare.sh test
	@touch $(TEST_STAMP)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
