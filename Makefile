# The commands of a working day; README.md says when to use which.
PYTHON ?= python

.PHONY: sync check run test lint site

sync:  ## clean the notebooks, bring them and their twins together, export the modules, write README.md
	$(PYTHON) tools/sync.py

check:  ## say what `make sync` would change, change nothing
	$(PYTHON) tools/sync.py --check

run:  ## execute the notebooks and store their outputs; make run NB=02_segmentation for one
	$(PYTHON) tools/sync.py --run $(NB)

test:  ## notebooks as tests, then pytest
	nbdev_test --n_workers 2 --do_print --timing
	$(PYTHON) -m pytest

lint:  ## ruff and mypy; ruff formats notebooks through make sync
	$(PYTHON) tools/lint.py
	$(PYTHON) -m mypy

site:  ## render the site from the stored outputs
	quarto render
