"""Every picture says what it shows, in words that are true, large enough, and nowhere cut off."""

import threading

import matplotlib as mpl
import numpy as np
import pytest
import torch

from dummies.drawings import every
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.losses import nt_xent


def batch(pairs=6, seed=0, noise=0.3):
    """Embeddings of two views, some pairs well matched and some not, and images to go with them."""
    draw = np.random.default_rng(seed)
    z = draw.normal(size=(pairs, 5))
    return np.concatenate([z, z + noise * draw.normal(size=z.shape)]), draw.integers(0, 255, (2 * pairs, 8, 8, 3), dtype=np.uint8)


def rows(tau, knn=True):
    return [{"epoch": e, "loss": 5 * tau / e, **({"knn": 1 - 0.5 / e} if knn else {}), "rank": 3.0} for e in (1, 2, 3)]


SIMILAR = {"one pair": (1, 0.2, 0), "cold": (16, 0.01, 3), "warm": (16, 0.2, 31), "hot": (16, 10.0, 7), "many pairs": (40, 0.5, 79)}
PICTURES = {
    **{f"similarity, {name}": lambda a=arguments: plots.similarity(*batch(a[0]), a[1], a[2]) for name, arguments in SIMILAR.items()},
    "similarity, cosine": lambda: plots.similarity(*batch(), 0.2, shown="cosine"),
    "similarity, strangers": lambda: plots.similarity(*batch(noise=9), 0.2, 5),
    "curves": lambda: plots.curves(rows(1)),
    "curves, loss alone": lambda: plots.curves(rows(1, knn=False)),
    "curves, one epoch": lambda: plots.curves(rows(1)[:1]),
    "curves, before training": lambda: plots.curves([{"epoch": 0, "knn": 0.14}]),
    "curves, nothing yet": lambda: plots.curves([]),
    "compare": lambda: plots.compare({"raw pixels": 0.2, "network of random weights": 0.14, "SimCLR": 0.97}, "kNN accuracy", chance=0.1),
    "compare, one near chance": lambda: plots.compare({"collapsed": 0.07, "ours": 0.97}, "kNN accuracy", chance=0.1),
    "compare, all right": lambda: plots.compare({"ours": 1.0}, "accuracy"),
    "gallery": lambda: plots.gallery({"picture": batch()[1], "a view of the picture": batch()[1]}, title="two views"),
    "gallery with columns": lambda: plots.gallery({"one": batch(5)[1], "two": batch(5)[1]}, columns=["hourglass"] * 10),
}  # fmt: skip


picture = every(PICTURES)


@pytest.mark.parametrize("judged", ["legible", "one sentence"], indirect=True)
def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


@pytest.mark.parametrize("tau", [0.01, 0.2, 10.0])
def test_similarity_reports_the_loss_that_is_trained(tau):
    z, images = batch(7)
    z1, z2 = torch.from_numpy(z).chunk(2)
    assert f"loss is {nt_xent(z1, z2, tau):.2f};" in plots.similarity(z, images, tau)[1]


def test_similarity_counts_partners_and_rank_as_a_loop_does():
    z, images = batch(9, noise=1.2)
    n, anchor = len(z), 4
    unit = [row / np.linalg.norm(row) for row in z]
    order = [sorted((j for j in range(n) if j != i), key=lambda j, i=i: -(unit[i] @ unit[j])) for i in range(n)]
    found = sum(order[i][0] == (i + n // 2) % n for i in range(n))
    rank = 1 + order[anchor].index((anchor + n // 2) % n)
    assert 0 < found < n
    summary = plots.similarity(z, images, 0.3, anchor)[1]
    assert f"{found} of {n} anchors" in summary
    assert f"rank {rank} of {n - 1}" in summary


def test_compare_names_who_leads(holds):
    figure, summary = plots.compare({"pixels": 0.2, "ours": 0.9}, "accuracy")
    assert figure.axes[0].get_title(loc="left") == "ours leads with 90%"
    assert holds(summary, "accuracy", "pixels 20%", "ours 90%")


def test_long_names_are_compared_on_the_page():
    """Every name, and the title that says the best of them."""
    names = ["one", "classes as frequent as the teacher finds them", "the most probable class as label, with no filter at all and no noise"]
    figure, _ = plots.compare(dict(zip(names, (0.3, 0.9, 0.95))), "accuracy")
    figure.draw_without_rendering()
    axes, page = figure.axes[0], figure.bbox
    for words in (axes.get_yticklabels(), [axes._left_title]):
        for box in (word.get_window_extent() for word in words):
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and box.y1 <= page.y1



SCORES = {"pixels": [0.1, 0.2], "supervised": [0.3, 0.7], "probe": [0.5, 0.8], "fine-tuned": [0.4, 0.85]}


def test_efficiency_names_the_widest_lead_over_the_best_that_labels_alone_do(holds):
    figure, summary = plots.efficiency([10, 1000], SCORES, ours=("probe", "fine-tuned"))
    assert figure.axes[0].get_title(loc="left") == "with 10 labels, the unlabelled images add 20 points"
    assert holds(summary, "10", "1,000 labels", "pixels 10%, 20%", "supervised 30%, 70%", "probe 50%, 80%", "fine-tuned 40%, 85%")


def test_a_small_lead_has_a_decimal_since_its_ends_are_rounded_and_a_curve_of_labels_alone_lies_above():
    figure, _ = plots.efficiency([100, 1000], {"scratch": [0.899, 0.983], "tuned": [0.914, 0.9845]}, ours=("tuned",))
    axes = figure.axes[0]
    assert axes.get_title(loc="left") == "with 100 labels, the unlabelled images add 1.5 points"
    scratch, tuned = axes.lines
    assert scratch.get_zorder() > tuned.get_zorder() and scratch.get_linestyle() == "--"


def test_efficiency_refuses_a_curve_of_another_length():
    with pytest.raises(InputError, match="one point for each of 2"):
        plots.efficiency([10, 1000], {**SCORES, "pixels": [0.1]}, ours=("probe",))


@pytest.mark.parametrize("lengths", [[], [0], [2, 3]])
def test_gallery_refuses_rows_that_are_no_sheet(lengths):
    with pytest.raises(InputError, match="rows of one length"):
        plots.gallery({f"row {n}": np.zeros((n, 8, 8, 3), np.uint8) for n in lengths})


def test_tensors_of_bytes_and_of_floats_show_the_same_pixels():
    x = torch.randint(0, 256, (3, 3, 4, 5), dtype=torch.uint8)
    np.testing.assert_array_equal(plots.hwc(x), x.permute(0, 2, 3, 1).numpy())
    np.testing.assert_array_equal(plots.hwc(x.float() / 255), plots.hwc(x))


def test_drawing_on_several_threads_leaves_matplotlib_as_it_was():
    before = dict(mpl.rcParams)
    threads = [threading.Thread(target=plots.curves, args=(rows(1),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(mpl.rcParams) == before
