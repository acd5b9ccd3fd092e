#!/usr/bin/env python3
"""Check what people write with ruff: notebooks, modules written by hand, tests, tools.

A generated module is the code of its notebook, which is checked there; nbdev's own lines between
the cells are not our style.

    python tools/lint.py [--fix]    exit code 1 where ruff complains; --fix mends what it can in
                                    files that are not notebooks
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sync


def by_hand() -> list[str]:  # paths from the project's root
    "Python files that no notebook makes."
    generated = sync.modules_of(sync.ROOT)
    folders = [sync.MODULES, "benchmarks", "tests", "tools"]
    files = [file for folder in folders for file in sorted((sync.ROOT / folder).rglob("*.py"))]
    files += sorted(sync.ROOT.glob("*.py"))
    paths = [file.relative_to(sync.ROOT).as_posix() for file in files]
    return [path for path in paths if path not in generated and path != sync.INDEX]


def main() -> int:  # exit code
    "Lint, then format."
    python, notebooks = by_hand(), [f"nbs/{name}.ipynb" for name in sync.names(sync.ROOT)]
    commands = [["check", *python, *notebooks], ["format", "--check", *python]]
    if "--fix" in sys.argv:
        commands = [["check", "--fix", *python], ["format", *python], *commands]
    runs = [
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--force-exclude"], cwd=sync.ROOT, check=False
        )
        for command in commands
    ]
    return max(run.returncode for run in runs[-2:])


if __name__ == "__main__":
    sys.exit(main())
