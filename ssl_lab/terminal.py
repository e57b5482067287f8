"""What the command line says beside its results: on stderr, to whoever listens; a training goes on where nobody does."""

import functools
import sys
import time

JOINERS = "\u200c\u200d"  # without a picture of their own, and needed between letters of Persian and parts of emoji


def printable(text: str) -> str:
    """What a terminal or a picture can show: a line break, a control character, half a character in a file's name become their escapes."""
    return "".join(c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode() for c in text)


@functools.cache
def tell_once(text: str) -> None:
    """Say it on stderr, and never again in this process."""
    tell(text)


def tell(text: object, end: str = "\n") -> None:
    """Say it on stderr. A terminal that is gone, or a pipe that nobody reads any more, is no reason to stop."""
    if sys.stderr is None:  # closed from the start
        return
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # a broken pipe, a file that was closed
        sys.stderr = None


class Progress:
    """Says how a training of `epochs` goes: on a terminal one line that grows with the steps, elsewhere one line an epoch."""

    WIDTH, EVERY = 24, 0.2  # of the bar; seconds between two looks at it

    def __init__(self, epochs: int | None = None):
        self.epochs, self.said, self.drawn, self.start = epochs, "", 0.0, time.monotonic()
        self.began: float | None = None

    def __call__(self, event) -> None:
        ended = hasattr(event, "remark")  # a Log; else a Step
        self.said = str(event) if ended else self.said
        if sys.stderr is None or not sys.stderr.isatty():
            if ended:
                tell(event)
            return
        epochs = event.epochs if ended else self.epochs
        done = event.epoch / epochs if ended else (event.epoch - 1 + event.i / event.of) / epochs
        self.began = done if self.began is None else self.began
        if done < 1 and not ended and time.monotonic() - self.drawn < self.EVERY:
            return
        self.drawn = time.monotonic()
        left = (self.drawn - self.start) * (1 - done) / max(done - self.began, 1e-9)
        bar = f"\r{self.bar(done)}  {self.said or f'epoch 1/{epochs}'}   {left:.0f} s left\033[K"
        tell(bar, end="\n" if ended and done == 1 else "")

    def bar(self, done: float) -> str:
        """As long as the work is done, in what the terminal can show."""
        full = round(self.WIDTH * done)
        blocks = "utf" in (getattr(sys.stderr, "encoding", None) or "").lower()
        return ("█" if blocks else "#") * full + ("·" if blocks else "-") * (self.WIDTH - full)
