"""How much a page may cost: one place for all bounds, checked before the cost is paid.

Written by hand, not exported from a notebook: numbers and one clock, without a story.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields

from customocr.errors import CustomOCRError

FIVEFOLD = 5  # times the seconds: the most that sure characters can make of them


@dataclass(frozen=True)
class Limits:
    "Bounds on what is read. Raises `CustomOCRError` for a bound that is no number above 0."

    bytes: int = 256_000_000  # of one file
    pixels: int = 64_000_000  # of one picture, as its header says: A4 at 600 dpi has 35 million
    aspect: float = 100.0  # longer side of a picture over its shorter side
    pages: int = 100_000  # of one file
    components: int = 20_000  # pieces of ink of a page that are looked at; a full A4 page has 4,000
    seconds: float = 2.0  # processor time of a page; what was read until then is the answer
    character_seconds: float = 0.006  # more for each sure character, for dense pages

    def __post_init__(self):
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise CustomOCRError(
                    f"the limit {f.name} is {value!r}: give a number above 0"
                    " (float('inf'): no limit)"
                )

    def clock(self) -> Clock:
        "A clock that starts now."
        return Clock(self.seconds, self.character_seconds)


class Clock:
    "Processor time of this thread: other work on the machine makes no page incomplete."

    def __init__(
        self,
        seconds: float,  # until it is over
        each: float = 0.0,  # seconds more for a sure character
    ):
        self.seconds, self.start = seconds, time.thread_time()
        self.each, self.most = each, FIVEFOLD * seconds
        self.complete = True  # False once something was left out

    def used(self) -> float:  # seconds
        "What was used so far."
        return time.thread_time() - self.start

    def earn(
        self,
        characters: int,  # that are sure
    ) -> None:
        "More time for a page that turns out to be writing, up to five times of what it began with."
        self.seconds = min(self.most, self.seconds + self.each * characters)

    def start_again(self) -> None:
        "What was used so far counts no more, as far as five times the seconds allow."
        self.seconds = min(self.most, self.seconds + self.used())

    def over(
        self,
        share: float = 1.0,  # of the time that may be used for what is next
    ) -> bool:  # True: leave it out
        "Whether the time is used up; then something is left out."
        late = self.used() > share * self.seconds
        self.complete = self.complete and not late
        return late

    def lacks(
        self,
        seconds: float,  # that what is next will take
    ) -> bool:  # True: leave it out
        "Whether less time is left than that; then something is left out."
        late = self.used() + seconds > self.seconds
        self.complete = self.complete and not late
        return late


def limits_of(
    said: list[str],  # such as "pixels=2e7"
) -> Limits:
    "Limits from a command line. Raises `CustomOCRError`."
    names = [f.name for f in fields(Limits)]
    values: dict = {}
    for text in said:
        name, _, value = text.partition("=")
        try:
            if name not in names:
                raise ValueError
            values[name] = float(value)
        except ValueError:
            raise CustomOCRError(
                f"--limit {text}: give NAME=NUMBER, with one of the names {', '.join(names)}"
            ) from None
    return Limits(**values)
