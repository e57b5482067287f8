"""What is recorded of Noisy Student's rounds: its teachers on unseen scenes, and the labels that the next student learns from."""

from dataclasses import replace

import pytest
import torch

from ssl_lab import pseudo_labels
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features
from ssl_lab.methods import NoisyStudent
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Log, Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.studies import STUDIES, begin, record, recorded, teachers
from ssl_lab.studies.rounds import KEPT, Rounds
from ssl_lab.train import train
from ssl_lab.widgets import PseudoLabelExplorer

NAME, LIMIT = "noisy-student", 240
NAMES = [name for name in STUDIES if name.startswith(NAME)]


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """A short recording with 60 labels and a threshold that cuts, and the average network of every round."""
    folder, averages = tmp_path_factory.mktemp("trial"), []
    with pytest.MonkeyPatch.context() as patch:
        study = replace(STUDIES[NAME], labels=0.25, recipe={"batch": 32, "lr": 5e-3}, change={"threshold": 0.11, "m": 0.5})
        patch.setitem(STUDIES, NAME, study)
        patch.setattr(Rounds, "epoch", watched(averages, Rounds.epoch))
        for _ in record(NAME, folder, limit=LIMIT, epochs=1):
            pass
    return recorded(NAME, folder), averages, study, folder


def watched(averages, epoch):
    def both(watch, log):
        own = {name: tensor.clone() for name, tensor in watch.method.average.state_dict().items()}
        averages.append(own)
        epoch(watch, log)

    return both


def network(own):
    """An average network again."""
    average = NoisyStudent(small_resnet()).average
    average.load_state_dict(own)
    return average.eval()


def test_every_study_of_noisy_student_is_watched_and_sees_one_label_in_a_hundred():
    assert len(NAMES) == 6
    assert {(STUDIES[name].watch, STUDIES[name].labels) for name in NAMES} == {(Rounds, 0.01)}
    assert [name for name in NAMES if STUDIES[name].weights] == [NAME]


def test_accuracy_is_that_of_the_rounds_average_network_on_unseen_scenes(trial):
    found, averages, *_ = trial
    unseen = load("scenes", split="test", limit=LIMIT)
    assert [row["round"] for row in found.seen] == [1, 2, 3]
    for row, own in zip(found.seen, averages, strict=True):
        with torch.no_grad():
            answers = network(own)(unseen.x / 255).argmax(1)
        assert row["accuracy"] == pytest.approx((answers == unseen.labels).double().mean().item(), abs=1e-4)


def test_the_labels_are_those_that_the_next_student_learned_from(trial):
    """What the method says of them in the next round's log, and image by image."""
    found, averages, study, _ = trial
    images = load("scenes", limit=LIMIT)
    rest = [i for i, label in enumerate(study.lesson(images, 0).labels) if label < 0]
    for number, (row, own) in enumerate(zip(found.seen, averages, strict=True), 1):
        if number < 3:
            logged = found.curve[number + 1]
            assert logged["round"] == number + 1
            assert (row["passed"], row["confidence"]) == pytest.approx((logged["passed"], logged["confidence"]), abs=1e-4)
        p = features(network(own), images.x[rest]).softmax(1)
        drawn = pseudo_labels.filter_and_balance(p, 0.11)
        right = [int(p[i].argmax()) == int(images.labels[rest[i]]) for i in drawn.tolist()]
        assert row["right"] == pytest.approx(sum(right) / len(right), abs=1e-4)
        assert row["passed"] == pytest.approx(len(set(drawn.tolist())) / len(rest), abs=1e-4)
    assert min(row["passed"] for row in found.seen) < 1, "the threshold cuts"


def test_teachers_are_shown_from_a_record_without_a_training(trial):
    found, averages, study, folder = trial
    images, said = teachers(NAME, folder)
    scenes = load("scenes", limit=LIMIT)
    rows = (study.lesson(scenes, 0).labels < 0).nonzero().flatten()[:KEPT]
    assert torch.equal(images.x, scenes.x[rows]) and torch.equal(images.labels, scenes.labels[rows]) and (images.labels >= 0).all()
    assert list(said) == ["round 1", "round 2", "round 3"]
    for p, own in zip(said.values(), averages, strict=True):
        assert p.dtype == torch.float32
        torch.testing.assert_close(p, features(network(own), images).softmax(1), atol=1e-3, rtol=0)
    assert "round 3" in str(PseudoLabelExplorer(images, said, generation=3).controls["generation"].names)


def test_a_study_without_teachers_says_which_have_some(trial):
    with pytest.raises(InputError, match="study of teachers 'simclr' is unknown; there are: noisy-student"):
        teachers("simclr")


def test_what_is_not_recorded_names_the_command(tmp_path):
    with pytest.raises(InputError, match=f"simclr is not recorded in {tmp_path}; record it: ssl-lab study simclr --out {tmp_path}"):
        recorded("simclr", tmp_path)


def test_where_no_image_passes_nothing_is_right_or_wrong():
    method, recipe = begin(NAME)
    torch.nn.init.zeros_(method.average_classifier[1].weight)
    images = load("scenes", limit=40)
    watch = Rounds(method, images, images, recipe, images.label_fraction(0.5))
    for epoch in range(1, recipe.epochs):
        watch.epoch(Log(epoch, 9, epoch, 0.0, 0.0, 0.0, 40, {}))
    assert watch.seen == []
    watch.epoch(Log(recipe.epochs, 9, 9, 0.0, 0.0, 0.0, 40, {}))
    assert watch.seen[0].items() >= {"round": 1, "passed": 0.0, "confidence": None, "right": None}.items()
    watch.end()
    assert watch.tensors["probs"].shape == (1, 20, 10) and watch.tensors["probs"].dtype == torch.float16


def test_watching_changes_no_training(trial):
    found, averages, study, _ = trial
    with RandomStream(0, torch.device("cpu")):
        method = NoisyStudent(small_resnet(), **NoisyStudent.suits["scenes"] | study.change)
    for _ in train(method, load("scenes", limit=LIMIT).label_fraction(0.25), Recipe(**found.recipe), threads=1):
        pass
    assert all(torch.equal(tensor, averages[-1][name]) for name, tensor in method.average.state_dict().items())


def test_the_studies_change_what_their_titles_say():
    x = torch.rand(8, 3, 32, 32)
    method, _ = begin("noisy-student-no-noise")
    torch.testing.assert_close(method.views(x, torch.zeros(8).long())[0], x, atol=1e-5, rtol=0)
    one, other = (method.train().embed(x) for _ in range(2))
    torch.testing.assert_close(one, other)
    assert [begin(f"{NAME}-{name}")[0].labelling for name in ("hard", "no-filter", "no-balance")] == [
        (USUAL[0], USUAL[1], False), (0.0, USUAL[1], True), (USUAL[0], 0, True),
    ]  # fmt: skip
    assert begin("noisy-student-labels-alone")[0].generations == 1


USUAL = begin(NAME)[0].labelling


@pytest.mark.parametrize("rounds, ratio", [(3, 3.0), (2, 7.0), (4, 1.0)])
def test_labels_alone_take_as_many_steps_as_all_rounds(rounds, ratio):
    images, epochs = load("scenes", limit=1_600).label_fraction(0.02), 10
    method = NoisyStudent(small_resnet(width=2), unlabel_ratio=ratio, threshold=0.0, per_class=0)
    alone = method.relabel(images).steps(32)
    method.renew()
    taken = epochs * (alone + (rounds - 1) * method.relabel(images).steps(32))
    assert taken == epochs * rounds * alone
