"""A training to look at while it runs, and to stop."""

import _thread
import sys
import threading
import time

from IPython.display import display

from ssl_lab import plots
from ssl_lab.errors import require
from ssl_lab.front import Front
from ssl_lab.recipe import Log
from ssl_lab.widgets.controls import Button
from ssl_lab.widgets.picture import Picture

STOP, KEPT = "Stop training", "what was learned is kept"


class TrainingView(Picture):
    """Loss, kNN accuracy, effective rank and std of the embedding against the epoch, the time left, and a Stop button.

        view = TrainingView(recipe.epochs)
        with view:
            for log in train(method, images, recipe):
                view.append(log, knn=knn(method.encoder))

    Entering displays it. Stop, like the kernel's ■ or Ctrl-C, ends the loop, and the cell goes on after it; every other exception passes.
    epochs: how many there will be.   rows: one dictionary an epoch.   said: how far it is, in words.   remark: what the last Log had to say.
    It needs no front end.
    Raises: InputError for less than one epoch.
    """

    def __init__(self, epochs: int):
        require(epochs >= 1, f"epochs={epochs}: a training needs at least one; give the recipe's, TrainingView(recipe.epochs)")
        self.epochs, self.rows, self.said, self.remark = epochs, [], "", ""
        self.start, self.done, self.speed = time.perf_counter(), 0, 0.0  # of this loop: when, how many epochs, images a second
        self.lock, self.inside, self.asked = threading.Lock(), None, False  # inside: the thread whose loop may be stopped, None outside of `with`
        self.button = Button(STOP)
        self.button.disabled = True
        self.panel = Front({"stop": self.button.sent()}, lambda **asked: self.stop())
        self.redraw(self.ahead())

    def append(self, log: Log | None = None, epoch: int | None = None, **values: float) -> None:
        """Add what one epoch brought: a Log of `train`, and perhaps `knn` in [0, 1] (without a Log also `loss`, `rank` and `std`).

        epoch: the Log's, else counted on from the last one; 0 is what was before training. Inside `with`, drawing takes a tenth of the time at most.
        Raises: InputError for a measure that is not drawn, or none at all; KeyboardInterrupt if Stop was pressed and no signal could be had.
        """
        row = self.row(log, epoch, values)
        self.rows = [*(old for old in self.rows if old["epoch"] < row["epoch"]), row]  # what is trained again takes the place of what was
        if log:
            self.done, self.epochs, self.speed, self.remark = self.done + 1, log.epochs, log.images / log.seconds, log.remark
        if self.inside is None or time.perf_counter() - self.drawn > 9 * self.cost:
            self.redraw(self.ahead())
        if self.inside and self.asked:
            raise KeyboardInterrupt

    def row(self, log: Log | None, epoch: int | None, values: dict[str, float]) -> dict:
        """One epoch as `plots.curves` takes it."""
        unknown = [name for name in values if name not in plots.MEASURES]
        require(bool(log or values) and not unknown, f"append takes a Log, {', '.join(plots.MEASURES)}; got {', '.join(unknown) or 'nothing'}")
        logged = log.as_dict() if log else {"epoch": self.epoch + 1}
        known = {name: logged[name] for name in ("epoch", *plots.MEASURES) if name in logged}
        return {**known, **({} if epoch is None else {"epoch": epoch}), **values}

    @property
    def epoch(self) -> int:
        """The last epoch that has ended, 0 before the first."""
        return self.rows[-1]["epoch"] if self.rows else 0

    def __enter__(self) -> "TrainingView":
        self.asked, self.done, self.start = False, 0, time.perf_counter()
        self.button.disabled = False
        self.redraw(self.ahead())
        self.shown = display(self, display_id=True)
        with self.lock:
            self.inside = threading.current_thread()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace) -> bool:
        try:
            self.leave()
        except KeyboardInterrupt:  # Stop was pressed in the last moment, and Python delivers the signal only now
            self.leave()
        stopped = kind is KeyboardInterrupt
        self.close("stopped" if stopped else kind.__name__ if kind else "ended")
        return stopped

    def leave(self) -> None:
        """From here on Stop does nothing; a signal that was on its way arrives in here."""
        with self.lock:
            self.inside = None
        self.button.disabled = True

    def stop(self) -> None:
        """End the loop; outside of it, nothing.

        Front ends that deliver clicks while a cell runs do so on a thread of their own; the others come when the loop is over, and must not stop what
        runs then. interrupt_main is what ■ does: there on Windows too, and unlike a real signal no danger where the kernel ignores signals.
        """
        with self.lock:
            if self.inside is None or self.asked:
                return
            self.asked = self.button.disabled = True
            self.say("stopping …")
        while importing(self.inside):  # the first optimizer imports for seconds, and what is left half imported stays broken
            time.sleep(0.05)
        with self.lock:
            if self.inside is threading.main_thread():  # a loop on another thread sees `asked` in `append`
                _thread.interrupt_main()

    def ahead(self) -> str:
        """How far, how fast, and how long still."""
        if not self.done:
            return f"epoch {self.epoch} of {self.epochs}"
        left = (time.perf_counter() - self.start) / self.done * (self.epochs - self.epoch)
        return f"epoch {self.epoch} of {self.epochs} · {self.speed:,.0f} images/s · about {duration(left)} left"

    def close(self, how: str) -> None:
        """Say what became of it; the still picture, for GitHub and print, is now the last one, and without IPython there is a last sentence."""
        whole = self.epoch >= self.epochs
        said = f"{how} after epoch {self.epoch} of {self.epochs}; {KEPT}"
        self.redraw(f"{self.epochs} epochs in {duration(time.perf_counter() - self.start)}" if whole else said, "" if whole else f"; {said}")
        if self.shown:
            self.shown.update(self)
        else:
            print(self)

    def redraw(self, said: str, addition: str = "") -> None:
        """Draw, and remember what it took."""
        start = time.perf_counter()
        figure, summary = plots.curves(self.rows, self.epochs)
        self.note = f"{self.remark[:1].upper()}{self.remark[1:]}." if self.remark else ""
        self.said = said
        self.put(figure, f"{summary[:-1]}{addition}. {self.note}".rstrip(), **self.told())
        self.drawn = time.perf_counter()
        self.cost = self.drawn - start

    def say(self, said: str) -> None:
        """Say how far it is, and leave the picture as it is."""
        self.said = said
        self.panel.show({**self.panel.frame, **self.told()})

    def told(self) -> dict:
        """What the front end is told beside the picture."""
        news = {"what": "epochs that have ended", "words": self.said, "note": self.note, "done": self.epoch, "most": self.epochs}
        return {"news": news, "values": {"stop": 0}, "disabled": ["stop"] * self.button.disabled, "trouble": "", "serial": ""}


def duration(seconds: float) -> str:
    """Two digits are enough."""
    return f"{seconds:.0f} s" if seconds < 99.5 else f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.0f} h"


def importing(thread: threading.Thread | None) -> bool:
    """Whether another thread is inside an import."""
    other = thread and thread is not threading.current_thread()
    frame = sys._current_frames().get(thread.ident) if other else None
    while frame and frame.f_globals.get("__name__") != "importlib._bootstrap":
        frame = frame.f_back
    return frame is not None
