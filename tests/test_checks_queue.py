"""The check of MoCo's queue: right answers pass in any style, and each usual mistake is called by its name, also where two are made at once.

The mistakes are written here once more, slot by slot on a list, in code that shares nothing with what the check compares with.
"""

import pytest
import torch

from ssl_lab.checks import check_enqueue

SEEDS = range(20)


def slot_by_slot(queue, pointer, k, *, slot=lambda p, i, B, K: (p + i) % K, key=lambda i, B: i, written=range):
    """The queue, one key at a time; every option is one way to get it wrong."""
    rows, B, K = list(queue), len(k), len(queue)
    for i in written(B):
        place = slot(pointer, i, B, K)
        if place < K:
            rows[place] = k[key(i, B)]
    return torch.stack(rows)


def wrong(**options):
    return lambda queue, pointer, k: slot_by_slot(queue, pointer, k, **options)


ROWS = {
    "from slot 0": ("always written from slot 0", wrong(slot=lambda p, i, B, K: i)),
    "moved up": ("all rows are moved", lambda queue, pointer, k: torch.stack([*queue, *k][len(k) :])),
    "moved down": ("all rows are moved", lambda queue, pointer, k: torch.stack([*k, *queue][: len(queue)])),
    "before the pointer": ("newest keys are overwritten", wrong(slot=lambda p, i, B, K: (p - B + i) % K)),
    "a slot late": ("first key is one slot off", wrong(slot=lambda p, i, B, K: (p + i + 1) % K)),
    "a slot early": ("first key is one slot off", wrong(slot=lambda p, i, B, K: (p + i - 1) % K)),
    "last key first": ("reverse order", wrong(key=lambda i, B: B - 1 - i)),
    "backwards": ("reverse order", wrong(slot=lambda p, i, B, K: (p - i) % K)),
    "first key": ("only one key", wrong(written=lambda B: [0])),
    "last key in the first slot": ("only one key", wrong(slot=lambda p, i, B, K: p)),
    "first key in all slots": ("only one key", wrong(key=lambda i, B: 0)),
    "last key in all slots": ("only one key", wrong(key=lambda i, B: B - 1)),
    "old queue": ("not in the queue", wrong(written=lambda B: [])),
    "longer": ("queue grows", lambda queue, pointer, k: torch.stack([*queue, *k])),
    "longer in front": ("queue grows", lambda queue, pointer, k: torch.stack([*k, *queue])),
    "cut off at the end": ("runs over the end of the queue", wrong(slot=lambda p, i, B, K: p + i)),
    "the last slots": ("runs over the end of the queue", wrong(slot=lambda p, i, B, K: min(p, K - B) + i)),
    "from 0 at the end": ("runs over the end of the queue", wrong(slot=lambda p, i, B, K: p + i if p + B <= K else i)),
    "modulo K - 1": ("runs over the end of the queue", wrong(slot=lambda p, i, B, K: (p + i) % (K - 1))),
    "stops at the end": ("runs over the end of the queue", lambda queue, pointer, k: slice_of(queue, pointer, k)),
}


def slice_of(queue, pointer, k):
    """What everybody writes first; it raises an error at the end of the queue."""
    queue = queue.clone()
    queue[pointer : pointer + len(k)] = k
    return queue


def goes_on(p, B, K):
    return (p + B) % K


POINTERS = {
    "not moved": ("not moved by B", lambda p, B, K: p),
    "moved by 1": ("not moved by B", lambda p, B, K: (p + 1) % K),
    "moved back": ("not moved by B", lambda p, B, K: (p - B) % K),
    "one short": ("pointer is one slot off", lambda p, B, K: (p + B - 1) % K),
    "one far": ("pointer is one slot off", lambda p, B, K: (p + B + 1) % K),
    "modulo K - 1": ("not counted modulo K", lambda p, B, K: (p + B) % (K - 1)),
    "no modulo": ("not counted modulo K", lambda p, B, K: p + B),
    "modulo B": ("not counted modulo K", lambda p, B, K: (p + B) % B),
    "back to 0 at the end": ("starts again at 0", lambda p, B, K: 0 if p + B >= K else p + B),
    "always 0": ("starts again at 0", lambda p, B, K: 0),
}
WORDS = {words for words, _ in [*ROWS.values(), *POINTERS.values()]}


def answer(rows, pointer):
    return lambda queue, p, k: (rows(queue, p, k), pointer(p, len(k), len(queue)))


def said(fn):
    """The mistakes that the hints name, over all seeds."""
    results = [check_enqueue(fn, seed=seed) for seed in SEEDS]
    assert not any(results)
    return {tuple(words for words in WORDS if words in result.hint) for result in results}


@pytest.mark.parametrize("words, rows", ROWS.values(), ids=ROWS)
def test_each_usual_mistake_with_the_rows_gets_its_own_hint_on_any_input(words, rows):
    assert said(answer(rows, goes_on)) == {(words,)}


@pytest.mark.parametrize("words, pointer", POINTERS.values(), ids=POINTERS)
def test_each_usual_mistake_with_the_pointer_gets_its_own_hint_on_any_input(words, pointer):
    assert said(answer(slot_by_slot, pointer)) == {(words,)}


@pytest.mark.parametrize("words, rows", ROWS.values(), ids=ROWS)
def test_of_two_mistakes_the_one_with_the_rows_is_named_first(words, rows):
    for _, pointer in POINTERS.values():
        for seed in range(3):
            hint = check_enqueue(answer(rows, pointer), seed=seed).hint
            assert [key for key in WORDS if key in hint] == [words]


def test_every_hint_of_the_check_is_tested():
    assert len(WORDS) == len(check_enqueue.mistakes)


def by_index(queue, pointer, k):
    queue = queue.clone()
    queue[(pointer + torch.arange(len(k))) % len(queue)] = k
    return queue, (pointer + len(k)) % len(queue)


def by_index_copy(queue, pointer, k):
    slots = torch.arange(pointer, pointer + len(k)).remainder(len(queue))
    return queue.clone().index_copy_(0, slots, k), int(slots[-1] + 1) % len(queue)


def by_roll(queue, ptr, keys):
    oldest_first = torch.roll(queue, -ptr, dims=0)
    return torch.roll(torch.cat([keys, oldest_first[len(keys) :]]), ptr, dims=0), torch.tensor((ptr + len(keys)) % len(queue))


def in_two_parts(queue, pointer, k):
    queue, room = queue.detach().clone(), len(queue) - pointer
    queue[pointer : pointer + len(k)] = k[:room]
    queue[: max(0, len(k) - room)] = k[room:]
    pointer += len(k)
    return [queue, pointer - len(queue) if pointer >= len(queue) else pointer]


def without_gradients(queue, pointer, k):
    with torch.no_grad():
        queue = queue * 1
        for row in k:
            queue[pointer] = row
            pointer = (pointer + 1) % len(queue)
    return queue, pointer


@pytest.mark.parametrize("right", [answer(slot_by_slot, goes_on), by_index, by_index_copy, by_roll, in_two_parts, without_gradients])
def test_a_right_queue_passes_in_any_style_on_any_input(passes, right):
    passes(check_enqueue, right)


def test_a_queue_that_is_not_cloned_is_refused_by_that_name():
    def in_place(queue, pointer, k):
        queue[(pointer + torch.arange(len(k))) % len(queue)] = k
        return queue, (pointer + len(k)) % len(queue)

    assert "changes its inputs in place" in check_enqueue(in_place).hint


def test_the_authors_slice_is_first_told_to_clone_and_then_to_go_around():
    """It raises where a batch runs over the end, which is the first case: what it does elsewhere says more."""

    def as_in_the_paper(queue, pointer, k, copy=lambda queue: queue):
        queue = copy(queue)
        queue[pointer : pointer + len(k)] = k
        return queue, (pointer + len(k)) % len(queue)

    assert "in place" in check_enqueue(as_in_the_paper).hint
    assert "runs over the end" in check_enqueue(lambda *given: as_in_the_paper(*given, torch.clone)).hint


def test_the_reference_goes_around_by_hand():
    queue, pointer = torch.zeros(5, 1), 0
    for first in (1.0, 3.0, 5.0):
        queue, pointer = check_enqueue.reference(queue, pointer, torch.tensor([[first], [first + 1]]))
    assert queue[:, 0].tolist() == [6, 2, 3, 4, 5]
    assert pointer == 1


def test_batches_that_are_checked_reach_the_end_and_go_over_it():
    for seed in SEEDS:
        over = [pointer + len(k) - len(queue) for queue, pointer, k in check_enqueue.inputs(seed)]
        assert min(over) < 0 < max(over) and 0 in over
