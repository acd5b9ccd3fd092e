#!/usr/bin/env python3
"""Search for inputs that break a target, guided by the coverage of our own code.

    python tests/fuzz/run.py [TARGET ...] [--seconds S] [--seed N] [--found DIR]

Needs atheris (`pip install atheris`). Targets stand in targets.py; without a name all of them are
searched, one after the other, for S processor seconds each (default 10: what CI does). An input
that breaks a target is written to DIR/TARGET and printed, and the exit code is 1: make it small,
put it into tests/fuzz/seeds/TARGET, where the tests try it from then on, and mend the code.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
NAMES = ("image", "pattern", "page", "array", "lexicon", "model", "glyphs", "manifest")
MEMORY = 3_000  # MB of a process, the libraries included
ROUND = 1_500  # MB, from which a new process goes on: atheris keeps something of every input


def search(name: str, seconds: float, seed: int, corpus: Path, found: Path) -> None:
    "Search in this process; libFuzzer ends it."
    import atheris

    with atheris.instrument_imports(include=["customocr"]):
        import targets
    target, until = targets.TARGETS[name], time.process_time() + seconds
    memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MB (Linux: kB)
    for n, data in enumerate(targets.first_inputs(name)):
        (corpus / f"first-{n}").write_bytes(data)
    tried = 0

    def once(data: bytes) -> None:
        nonlocal tried
        if time.process_time() > until or memory() > ROUND:
            print(f"{tried} inputs in {time.process_time():.0f} s", flush=True)
            os._exit(0)
        tried += 1
        target(data)

    options = [f"-seed={seed}", f"-artifact_prefix={found}/", "-timeout=100", "-max_len=20000"]
    options += [f"-rss_limit_mb={MEMORY}", "-verbosity=0", "-use_value_profile=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


def in_rounds(name: str, options: argparse.Namespace) -> str:  # what to print
    "Search in processes of their own, one after the other, with one corpus for all of them."
    tried = spent = 0
    with tempfile.TemporaryDirectory() as corpus:
        while spent < options.seconds:
            line = [sys.executable, __file__, name, "--corpus", corpus, "--found", options.found]
            line += ["--seconds", options.seconds - spent, "--seed", options.seed + tried]
            done = subprocess.run(list(map(str, line)), capture_output=True, text=True)
            said = re.search(r"(\d+) inputs in (\d+) s", done.stdout)
            if done.returncode or not said:
                return f"{name}: broken\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
            tried, spent = tried + int(said[1]), spent + max(1, int(said[2]))
    return f"{name}: {tried} inputs in {spent} s, none broke it"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", choices=[*NAMES, []], metavar="TARGET")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", type=Path, default=Path(".fuzz"))
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)  # of one search
    options = parser.parse_args()
    if options.corpus:
        found = options.found / options.targets[0]
        search(options.targets[0], options.seconds, options.seed, options.corpus, found)
    broken = []
    for name in options.targets or NAMES:
        found = options.found / name
        found.mkdir(parents=True, exist_ok=True)
        said = in_rounds(name, options)
        print(said, flush=True)
        broken += [name] if "broken" in said.splitlines()[0] else []
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
