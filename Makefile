# The commands of a working day; README.md says when to use which.
PYTHON ?= python
PYTHONS ?= python3.11 python3.12 python3.13

.PHONY: sync check run test lint site wheel

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

wheel:  ## build and check what is uploaded, and read a page with it in an empty environment of each PYTHONS
	rm -rf dist && $(PYTHON) -m build -q && $(PYTHON) -m twine check --strict dist/*
	unset PYTHONPATH; for python in $(PYTHONS); do \
	  place=$$(mktemp -d) && $$python -m venv $$place && $$place/bin/pip install -q dist/*.whl && \
	  (cd $$place && bin/python -c "from customocr import samples; print(samples.page('hello'))" > page && \
	  bin/customocr read "$$(cat page)" | grep "HELLO WORLD") && \
	  echo "$$($$python --version): installed, reads" && rm -rf $$place || exit 1; \
	done
