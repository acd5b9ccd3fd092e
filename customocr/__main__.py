"""`python -m customocr` is the command `customocr`."""

import sys


def main() -> int:  # exit code
    "Run the command; Ctrl-C ends it in one line and with 130 from the first import on."
    import signal

    told: list[int] = []

    def stop(*_):
        told.append(1)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)
    try:
        from customocr.cli import main as run

        return run()
    except BaseException:  # an import that was interrupted can fail with any error
        if not told:
            raise
        print("customocr: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":  # a process that is spawned imports this module too
    sys.exit(main())
