"""TrainingView: what it shows, and that Stop ends the loop, keeps what was learned, and never reaches the next cell."""

import _thread
import signal
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import torch
from jupyter_client.manager import start_new_kernel

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.methods import SimCLR, Supervised
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Log, Recipe
from ssl_lab.train import train
from ssl_lab.widgets import TrainingView, training

pytestmark = pytest.mark.usefixtures("interruptible")


def log(epoch=1, epochs=10, **stats):
    return Log(epoch, epochs, step=4 * epoch, loss=5 / epoch, lr=0.1, seconds=2.0, images=1000, stats=stats)


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is told; a picture takes one second."""
    clock = SimpleNamespace(now=100.0, drawn=[], perf_counter=lambda: clock.now, sleep=time.sleep)
    curves = training.plots.curves

    def slow(rows, epochs):
        clock.now += 1
        clock.drawn.append([row["epoch"] for row in rows])
        return curves(rows, epochs)

    monkeypatch.setattr(training, "time", clock)
    monkeypatch.setattr(training.plots, "curves", slow)
    return clock


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=64).select("x", "labels")


@pytest.fixture
def simclr():
    torch.manual_seed(0)
    return SimCLR(small_resnet(width=4))


def next_cell():
    """What runs after the loop; a late interrupt would end it."""
    return sum(number for number in range(20_000))


# What it shows


def test_every_epoch_of_a_training_is_shown(holds, simclr, images):
    view = TrainingView(3)
    with view:
        for entry in train(simclr, images.unlabelled(), Recipe(epochs=3, batch=32)):
            view.append(entry, knn=0.1 * entry.epoch)
            ranks, stds = ([row[name] for row in view.rows] for name in ("rank", "std"))
    assert [row["epoch"] for row in view.rows] == [1, 2, 3]
    assert view.rows[-1]["loss"] == entry.loss
    assert view.rows[-1]["rank"] == entry.stats["rank"]
    loss, spread = f"{view.rows[0]['loss']:.2f} → {entry.loss:.2f}", f"{stds[0]:.2f} → {stds[-1]:.2f}"
    assert holds(view.summary, "epoch 3", "loss", loss, "kNN", "10% → 30%", "rank", f"{ranks[0]:.3g} → {ranks[-1]:.3g}", "std", spread)
    assert view.panel.frame["summary"] == view.summary
    assert view.said.startswith("3 epochs in ")


def test_a_method_without_a_rank_and_a_loop_without_knn_show_the_loss_alone(holds, images):
    view = TrainingView(2)
    with view:
        for entry in train(Supervised(small_resnet(width=4), classes=10), images, Recipe(epochs=2, batch=32)):
            view.append(entry)
    assert holds(view.summary, "epoch 2", f"loss {view.rows[0]['loss']:.2f} → {entry.loss:.2f}")
    assert "rank" not in view.summary and "kNN" not in view.summary


def test_plain_values_can_be_added_before_training(holds):
    view = TrainingView(10)
    assert view.summary == "No epoch has ended yet."
    view.append(epoch=0, knn=0.14)
    assert holds(view.summary, "epoch 0", "kNN", "14%")
    assert view.said == "epoch 0 of 10"
    with view:
        view.append(log(1), knn=0.5)
    assert [row["epoch"] for row in view.rows] == [0, 1]


def test_plain_values_are_counted_on(holds):
    view = TrainingView(10)
    for loss in (3.0, 2.0):
        view.append(loss=loss, rank=4.0)
    assert [row["epoch"] for row in view.rows] == [1, 2]
    assert holds(view.summary, "epoch 2", "loss 3.00 → 2.00", "rank 4 → 4")


def test_a_training_that_begins_again_takes_the_place_of_the_first():
    view = TrainingView(10)
    view.append(epoch=0, knn=0.1)
    for _ in range(2):
        with view:
            for epoch in (1, 2):
                view.append(log(epoch))
    assert [row["epoch"] for row in view.rows] == [0, 1, 2]


def test_time_left_comes_from_the_time_that_whole_epochs_took(clock):
    view = TrainingView(10)
    with view:
        for epoch in (1, 2):
            clock.now += 30 - 1 * (epoch == 1)  # the first picture took one of the first 30 seconds
            view.append(log(epoch))
            clock.drawn.clear()
        assert view.said == "epoch 2 of 10 · 500 images/s · about 4 min left"  # 60 s for two, eight are left


@pytest.mark.parametrize("seconds, words", [(0.2, "0 s"), (41.3, "41 s"), (99.7, "2 min"), (300, "5 min"), (9000, "2 h")])
def test_durations_are_said_in_two_digits(seconds, words):
    assert training.duration(seconds) == words


def test_epochs_follow_the_log_where_the_training_was_shortened():
    view = TrainingView(32)
    with view:
        view.append(log(2, epochs=2))
    assert view.said.startswith("2 epochs in")
    assert (view.panel.frame["news"]["done"], view.panel.frame["news"]["most"]) == (2, 2)


def test_drawing_takes_a_tenth_of_the_time_and_the_first_and_the_last_epoch_are_drawn(clock):
    start, view = clock.now, TrainingView(300)
    with view:
        for epoch in range(1, 301):
            clock.now += 0.5
            view.append(log(epoch, epochs=300))
    assert clock.drawn[0] == []
    assert clock.drawn[-1][-1] == 300
    assert 14 <= len(clock.drawn) <= 0.1 * (clock.now - start) + 3


def test_slow_epochs_are_all_drawn(clock):
    view = TrainingView(20)
    with view:
        for epoch in range(1, 21):
            clock.now += 10
            view.append(log(epoch))
    assert [rows[-1] for rows in clock.drawn if rows] == [*range(1, 21), 20]


@pytest.mark.parametrize("values, words", [({}, "got nothing"), ({"accuracy": 0.5}, "got accuracy"), ({"loss": 1.0, "lr": 0.1}, "got lr")])
def test_append_says_what_it_draws(values, words):
    with pytest.raises(InputError, match=f"append takes a Log, loss, knn, rank, std, nmi; {words}"):
        TrainingView(3).append(**values)


def test_no_epoch_is_no_training():
    with pytest.raises(InputError, match=r"epochs=0: a training needs at least one; give the recipe's, TrainingView\(recipe.epochs\)"):
        TrainingView(0)


def test_button_has_a_name_and_progress_is_text():
    view = TrainingView(10)
    view.append(log(4))
    assert view.panel.controls["stop"] | {"stops": [], "words": []} == {"kind": "button", "label": "Stop training", "stops": [], "words": []}
    assert view.panel.frame["news"] == {"what": "epochs that have ended", "words": view.said, "note": "", "done": 4, "most": 10}


def test_button_is_offered_only_while_there_is_something_to_stop():
    view = TrainingView(2)
    assert view.button.disabled and view.panel.frame["disabled"] == ["stop"]
    with view:
        assert not view.button.disabled
        assert view.panel.frame["disabled"] == []
    assert view.button.disabled and view.panel.frame["disabled"] == ["stop"]


def test_without_ipython_there_are_a_first_and_a_last_sentence(capsys):
    with TrainingView(2) as view:
        view.append(log(1, epochs=2))
        view.append(log(2, epochs=2))
    assert capsys.readouterr().out == "No epoch has ended yet.\nAfter epoch 2: loss 5.00 → 2.50.\n"


# Stop


def clicking(view, when: threading.Event) -> threading.Thread:
    """A front end that delivers a click on a thread of its own."""

    def click():
        when.wait()
        view.stop()
        view.epoch_of_click = view.epoch

    thread = threading.Thread(target=click)
    thread.start()
    return thread


def test_stop_in_mid_training_ends_the_loop_and_keeps_what_was_learned(simclr, images, monkeypatch):
    view, halfway = TrainingView(10_000), threading.Event()
    before = {name: tensor.clone() for name, tensor in simclr.state_dict().items()}
    monkeypatch.setattr(simclr, "after_step", lambda progress: halfway.set() if progress > 18 / 80_000 else None)
    thread, state = clicking(view, halfway), torch.get_rng_state()
    with view:
        for entry in train(simclr, images.unlabelled(), Recipe(epochs=10_000, batch=8)):
            view.append(entry)
    next_cell()
    thread.join()
    assert 2 <= view.epoch <= view.epoch_of_click + 1
    assert view.said == f"stopped after epoch {view.epoch} of 10000; what was learned is kept"
    assert view.summary.endswith(f"; {view.said}.")
    assert all(tensor.isfinite().all() for tensor in simclr.state_dict().values())
    assert all(not torch.equal(tensor, before[name]) for name, tensor in simclr.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert view.button.disabled


def test_interrupt_inside_of_a_step_is_stop(holds, simclr, images, monkeypatch):
    def interrupt(progress):
        if progress > 0.5:
            raise KeyboardInterrupt

    monkeypatch.setattr(simclr, "after_step", interrupt)
    view, state = TrainingView(4), torch.get_rng_state()
    with view:
        for entry in train(simclr, images.unlabelled(), Recipe(epochs=4, batch=32)):
            view.append(entry)
    assert holds(view.said, "stopped", "epoch 2 of 4", "kept")
    assert torch.equal(torch.get_rng_state(), state)


def test_interrupt_inside_of_the_body_is_stop(holds):
    view = TrainingView(4)
    with view:
        view.append(log(1, epochs=4))
        raise KeyboardInterrupt
    assert holds(view.summary, "epoch 1", "loss 5.00", "stopped", "epoch 1 of 4", "kept")


def test_stop_before_the_first_epoch_ends_says_so(holds):
    view = TrainingView(4)
    with view:
        raise KeyboardInterrupt
    assert holds(view.summary, "No epoch", "stopped", "epoch 0 of 4")


@pytest.mark.parametrize("kind", [ValueError, SystemExit, GeneratorExit])
def test_every_other_exception_passes(holds, kind):
    view = TrainingView(4)
    with pytest.raises(kind, match="of mine"), view:
        raise kind("of mine")
    assert holds(view.said, kind.__name__, "epoch 0 of 4")
    assert view.inside is None


def test_a_loop_that_is_left_early_says_how_far_it_came(holds):
    view = TrainingView(4)
    with view:
        view.append(log(1, epochs=4))
    assert holds(view.said, "ended", "epoch 1 of 4", "kept")


def test_a_click_outside_of_the_loop_does_nothing(monkeypatch):
    monkeypatch.setattr(training, "_thread", SimpleNamespace(interrupt_main=lambda: pytest.fail("interrupted")))
    view = TrainingView(2)
    view.stop()
    with view:
        view.append(log(2, epochs=2))
    view.stop()
    view.append(log(2, epochs=2))
    assert not view.asked


def test_a_view_can_be_used_again_after_stop(holds):
    view = TrainingView(2)
    for _ in range(2):
        with view:
            view.append(log(1, epochs=2))
            view.stop()
            next_cell()
            pytest.fail("not stopped")
        view.append(log(1, epochs=2))  # outside, nobody is stopped by what was asked inside
    with view:
        view.append(log(2, epochs=2))
        view.append(log(2, epochs=2), knn=0.5)
    assert holds(view.summary, "epoch 2", "loss 5.00 → 2.50", "kNN", "50%")


def test_two_clicks_are_one_interrupt(monkeypatch):
    sent = []
    monkeypatch.setattr(training, "_thread", SimpleNamespace(interrupt_main=lambda: sent.append(1)))
    view = TrainingView(2)
    with view:
        view.stop()
        view.stop()
    assert sent == [1]


class LastMoment:
    """The lock of a view, which the loop takes as it ends just after a click has had it."""

    clicked = False

    def __enter__(self):
        if not self.clicked:
            self.clicked = True
            _thread.interrupt_main()

    def __exit__(self, *_):
        pass


def test_a_click_in_the_last_moment_stays_inside():
    view = TrainingView(2)
    with view:
        view.append(log(2, epochs=2))
        view.lock = LastMoment()
    next_cell()
    assert view.lock.clicked
    assert view.inside is None
    assert view.said.startswith("2 epochs in")


@pytest.mark.usefixtures("interruptible")
def test_clicks_at_any_moment_never_reach_what_follows(monkeypatch):
    view, over = TrainingView(5), threading.Event()
    monkeypatch.setattr(view, "redraw", lambda *_: None)

    def click():
        while not over.is_set():
            view.stop()
            time.sleep(0)

    thread, interval = threading.Thread(target=click), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # the threads take turns between any two lines
    thread.start()
    stopped = 0
    try:
        for _ in range(300):
            try:
                with view:
                    for epoch in range(1, 6):
                        view.append(log(epoch, epochs=5))
            except KeyboardInterrupt:  # as it enters or leaves, before Python has called a line of ours
                view.leave()
            stopped += view.asked
            next_cell()
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert stopped


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_where_signals_are_not_heard_the_epoch_is_the_last(holds, handler):
    ordinary = signal.signal(signal.SIGINT, handler)
    view = TrainingView(10)
    try:
        with view:
            for epoch in range(1, 11):
                if epoch == 3:
                    view.stop()
                view.append(log(epoch))
    finally:
        signal.signal(signal.SIGINT, ordinary)
    assert holds(view.said, "stopped", "epoch 3 of 10", "kept")


def test_a_loop_on_another_thread_is_stopped_and_the_main_one_is_not(holds, monkeypatch):
    monkeypatch.setattr(training, "_thread", SimpleNamespace(interrupt_main=lambda: pytest.fail("interrupted")))
    view, begun, clicked = TrainingView(10), threading.Event(), threading.Event()

    def loop():
        with view:
            begun.set()
            clicked.wait()
            for epoch in range(1, 11):
                view.append(log(epoch))

    thread = threading.Thread(target=loop)
    thread.start()
    begun.wait()
    view.stop()
    clicked.set()
    thread.join()
    assert holds(view.said, "stopped", "epoch 1 of 10", "kept")


def test_an_import_is_finished_before_the_loop_is_stopped(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text("import sys, time\nsys.begun.set()\nfor _ in range(30): time.sleep(0.01)\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "begun", threading.Event(), raising=False)
    view = TrainingView(10)
    thread = clicking(view, sys.begun)
    with view:
        import slow_to_import

        for _ in range(10_000):
            time.sleep(0.001)
        pytest.fail("not stopped")
    thread.join()
    assert slow_to_import.whole


def test_a_loop_inside_of_an_import_is_stopped_after_its_epoch(tmp_path, monkeypatch):
    (tmp_path / "script_of_mine.py").write_text("import sys\nsys.loop()\n")
    monkeypatch.syspath_prepend(tmp_path)
    view, begun = TrainingView(10_000), threading.Event()

    def loop():
        with view:
            for epoch in range(1, 10_001):
                view.append(log(epoch, epochs=10_000))
                begun.set()

    monkeypatch.setattr(sys, "loop", loop, raising=False)
    thread = clicking(view, begun)
    import script_of_mine  # noqa: F401

    thread.join()
    assert view.said.startswith("stopped after epoch")


# In a kernel


class Kernel:
    """A real one, spoken to as a front end does."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(startup_timeout=600, kernel_name="python3")

    def send(self, code: str) -> str:
        return self.client.execute(code)

    def hear(self, sent: str) -> list[tuple[str, str]]:
        """(type, text) of all that the code shows, once it has ended; what is printed in one go arrives in pieces and is one text here."""
        heard = []
        while True:
            message = self.client.get_iopub_msg(timeout=600)
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != sent:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                return heard
            if kind in ("stream", "display_data", "update_display_data", "error"):
                text = content.get("text") or content.get("ename") or content["data"]["text/plain"]
                goes_on = kind == "stream" and heard and heard[-1][0] == kind
                heard.append((kind, heard.pop()[1] + text if goes_on else text))

    def run(self, code: str) -> list[tuple[str, str]]:
        return self.hear(self.send(code))

    def subshell(self) -> str:
        self.client.control_channel.send(self.client.session.msg("create_subshell_request"))
        return self.client.get_control_msg(timeout=600)["content"]["subshell_id"]

    def click(self, button: str, subshell: str | None) -> None:
        pressed = {"values": {"stop": 1}, "serial": "a", "settled": True}
        click = {"comm_id": button, "data": {"method": "custom", "content": pressed}}
        message = self.client.session.msg("comm_msg", click)
        message["header"] |= {"subshell_id": subshell} if subshell else {}
        self.client.shell_channel.send(message)


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    code = """
    import time
    from ssl_lab.recipe import Log
    from ssl_lab.widgets import TrainingView
    view = TrainingView(9)
    def loop(seconds):
        with view:
            for epoch in range(1, 10):
                view.append(Log(epoch, 9, epoch, 1.0, 0.1, 1.0, 100))
                print(epoch)
                for _ in range(round(1000 * seconds)):
                    time.sleep(0.001)
    print(view.panel.model_id)
    """
    kernel.button = kernel.run("\n".join(line.removeprefix("    ") for line in code.splitlines()))[-1][1].strip()
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


def test_a_click_that_comes_while_the_cell_runs_stops_it(kernel):
    subshell = kernel.subshell()
    sent = kernel.send("loop(600)\nprint('went on')")
    printed = ""
    while "1" not in printed:  # the first epoch is over
        printed += kernel.client.get_iopub_msg(timeout=600)["content"].get("text", "")
    kernel.click(kernel.button, subshell)
    stopped = "After epoch 1: loss 1.00; stopped after epoch 1 of 9; what was learned is kept."
    assert kernel.hear(sent)[-2:] == [("update_display_data", stopped), ("stream", "went on\n")]


def test_a_click_that_comes_when_the_cell_has_ended_stops_nothing(kernel):
    sent = kernel.send("loop(0.03)")
    kernel.click(kernel.button, None)
    following = kernel.send("for _ in range(100): time.sleep(0.001)\nprint('whole')")
    assert kernel.hear(sent)[-1] == ("update_display_data", "After epoch 9: loss 1.00 → 1.00.")
    assert kernel.hear(following) == [("stream", "whole\n")]
