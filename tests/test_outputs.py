"""Outputs are whole or absent, replace nothing that was read, and Ctrl-C is one line."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from customocr import samples
from customocr.files import write_picture, write_whole

ROOT = Path(__file__).parents[1]


def command(*arguments, **options) -> subprocess.CompletedProcess:
    "The command in a process of its own."
    return subprocess.run(
        [sys.executable, "-m", "customocr", *map(str, arguments)],
        capture_output=True,
        cwd=ROOT,
        timeout=300,
        **options,
    )


def test_an_output_replaces_no_input_no_link_target_and_no_foreign_picture(tmp_path):
    scan = tmp_path / "scan.png"
    scan.write_bytes(samples.page("hello").read_bytes())
    other = tmp_path / "out" / "scan.png"
    other.parent.mkdir()
    other.write_bytes(b"somebody's picture")
    before = scan.read_bytes()
    for place in (["--overlay", tmp_path], ["--overlay", other.parent], ["--out", scan]):
        done = command("read", scan, *place)
        assert done.returncode in (1, 2) and done.stderr.count(b"\n") == 1
    assert scan.read_bytes() == before and other.read_bytes() == b"somebody's picture"
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("kept")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert target.read_text() == "kept" and link.read_bytes() == b"new" and not link.is_symlink()
    mine = tmp_path / "mine.png"
    for _ in range(2):  # our own picture may be written again
        write_picture(mine, before)
    assert (cv2.imread(str(mine)) == cv2.imread(str(scan))).all()


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="this system limits no file's size")
def test_on_a_full_disk_no_file_is_cut_off_and_the_text_is_still_printed(tmp_path):
    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    page = samples.page("hello")
    plain = command("read", page)
    done = command("read", page, "--overlay", tmp_path, preexec_fn=full)
    assert done.returncode == 1 and done.stdout == plain.stdout and plain.stdout.strip()
    assert b"cannot be written" in done.stderr and list(tmp_path.iterdir()) == []


def test_a_name_that_the_terminal_cannot_write_is_read_all_the_same(tmp_path):
    odd = tmp_path / "größe.png"
    odd.write_bytes(samples.page("hello").read_bytes())
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = command("read", odd, odd, env=env)
    assert done.returncode == 0 and done.stdout.count(b"==>") == 2


@pytest.mark.parametrize("late", ["numpy", "customocr.cli"])
def test_ctrl_c_is_one_line_also_while_something_is_imported(late, tmp_path):
    code = f"""
import builtins, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below a job in the background
plain = builtins.__import__
def slow(name, *more, **kw):
    if name == {late!r}:
        os.kill(os.getpid(), signal.SIGINT)
    return plain(name, *more, **kw)
builtins.__import__ = slow
from customocr.__main__ import main
sys.argv = ["customocr", "read", {str(samples.page("hello"))!r}]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, timeout=120)
    assert done.returncode == 130 and done.stderr.count(b"\n") == 1 and b"stopped" in done.stderr
