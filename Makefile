# make run          set everything up and open the window (without a display: track the bundled clip without one)
# make test         set everything up and run style checks, type checks and tests
# make lint         the style and type checks alone
# make clip         draw the bundled clip again
# make screenshots  take the images in docs/images again
# make clean        remove what was set up
#
# ARGS="…" goes to the program (make run) or to pytest (make test); PYTHON=python3.12 chooses the Python for .venv.
# All tests run side by side, a file at a time on each core; what ARGS chooses runs in one process.

PYTHON ?=
export PYTHON
PY := .venv/bin/python
SIDE_BY_SIDE := -n logical --maxprocesses 8 --dist loadfile

.PHONY: run test lint clip screenshots clean prepare prepare-tests

run: prepare
	@$(PY) main.py $(ARGS)

test: lint
	$(PY) -m pytest $(or $(ARGS),$(SIDE_BY_SIDE))

lint: prepare-tests
	$(PY) -m ruff check .
	$(PY) -m mypy

clip: prepare
	$(PY) resources/clip/draw_clip.py

screenshots: prepare
	$(PY) docs/screenshots/make_screenshots.py

# A fraction of a second where nothing is to be done.
prepare:
	@sh resources/setup/prepare.sh

prepare-tests:
	@sh resources/setup/prepare.sh --tests

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
