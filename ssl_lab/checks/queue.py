"""The third exercise of notebook 04: the queue of keys as a ring, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check


def enqueue(queue: Float[Tensor, "K d"], pointer: int, k: Float[Tensor, "B d"]) -> tuple[Float[Tensor, "K d"], int]:
    """The queue after a batch, and the slot of its oldest key: the B keys take the slots from the pointer on, and after the last one the first."""
    slots = (pointer + torch.arange(len(k))) % len(queue)
    return queue.index_copy(0, slots, k), (pointer + len(k)) % len(queue)


def rings(seed: int) -> Iterator[tuple[Tensor, int, Tensor]]:
    """Queues, pointers and batches that do not divide them: over the end, in the middle, from slot 0, up to the end; the first always the same."""
    for number, (K, pointer, B) in enumerate([(7, 5, 3), (8, 2, 3), (5, 0, 2), (8, 5, 3), (7, 6, 4)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        yield torch.randn(K, 2, generator=draw), pointer, torch.randn(B, 2, generator=draw)


def put(queue: Tensor, slots: Tensor, k: Tensor) -> Tensor:
    """The queue with the rows of k in these slots, which are counted around the end."""
    return queue.index_copy(0, slots % len(queue), k)


def slots_of(k: Tensor) -> Tensor:
    return torch.arange(len(k))


def pointed(rows: Callable, pointer: Callable[[int, int, int], int]) -> Callable:
    """A queue and a pointer, each by a function of its own.   pointer: of (pointer, B, K)."""
    return lambda queue, p, k: (rows(queue, p, k), pointer(p, len(k), len(queue)))


def right_rows(queue, pointer, k):
    return enqueue(queue, pointer, k)[0]


WRONG_POINTERS = {
    "the pointer is not moved by B, the number of new keys: it must end at the key that is then the oldest": (
        lambda p, B, K: p,
        lambda p, B, K: (p + 1) % K,
        lambda p, B, K: (p - B) % K,
    ),
    "the pointer is one slot off: it must end one slot after the last new key": (lambda p, B, K: (p + B - 1) % K, lambda p, B, K: (p + B + 1) % K),
    "the pointer is not counted modulo K, the number of slots: after slot K − 1 comes slot 0": (
        lambda p, B, K: p + B,
        lambda p, B, K: (p + B) % B,
        lambda p, B, K: (p + B) % (K - 1),
    ),
    "the pointer starts again at 0: it must end one slot after the last new key, also beyond the end of the queue": (
        lambda p, B, K: p + B if p + B < K else 0,
        lambda p, B, K: 0,
    ),
}
POINTERS = (lambda p, B, K: (p + B) % K, *(pointer for wrong in WRONG_POINTERS.values() for pointer in wrong))


def with_any_pointer(*wrong: Callable) -> tuple[Callable, ...]:
    """Wrong queues, whatever is wrong with the pointer beside."""
    return tuple(pointed(rows, pointer) for rows in wrong for pointer in POINTERS)


def cut(queue, pointer, k):
    return put(queue, torch.arange(pointer, min(pointer + len(k), len(queue))), k[: len(queue) - pointer])


def to_the_last(queue, pointer, k):
    return put(queue, min(pointer, len(queue) - len(k)) + slots_of(k), k)


def anew(queue, pointer, k):
    return put(queue, (pointer if pointer + len(k) <= len(queue) else 0) + slots_of(k), k)


def too_short(queue, pointer, k):
    return put(queue, (pointer + slots_of(k)) % (len(queue) - 1), k)


def by_slice(queue, pointer, k):
    return torch.cat([queue[:pointer], k.expand_as(queue[pointer : pointer + len(k)]), queue[pointer + len(k) :]])


ENQUEUE = {
    "the keys are always written from slot 0 on: start at the pointer, where the oldest keys are": with_any_pointer(
        lambda queue, pointer, k: put(queue, slots_of(k), k),
    ),
    "all rows are moved: in a ring only the pointer moves, and only the slots of the B oldest keys are written": with_any_pointer(
        lambda queue, pointer, k: torch.cat([queue[len(k) :], k]),
        lambda queue, pointer, k: torch.cat([k, queue[: -len(k)]]),
    ),
    "the newest keys are overwritten, those before the pointer: the oldest keys start at the pointer": with_any_pointer(
        lambda queue, pointer, k: put(queue, pointer - len(k) + slots_of(k), k),
    ),
    "the first key is one slot off: it belongs in the slot of the pointer": with_any_pointer(
        lambda queue, pointer, k: put(queue, pointer + 1 + slots_of(k), k),
        lambda queue, pointer, k: put(queue, pointer - 1 + slots_of(k), k),
    ),
    "the keys are in reverse order: key i belongs in slot pointer + i": with_any_pointer(
        lambda queue, pointer, k: right_rows(queue, pointer, k.flip(0)),
        lambda queue, pointer, k: put(queue, pointer - slots_of(k), k),
    ),
    "only one key is written: key i of the batch belongs in slot pointer + i, for all B keys": with_any_pointer(
        lambda queue, pointer, k: right_rows(queue, pointer, k[:1]),
        lambda queue, pointer, k: right_rows(queue, pointer, k[-1:]),
        lambda queue, pointer, k: right_rows(queue, pointer, k[:1].expand_as(k)),
        lambda queue, pointer, k: right_rows(queue, pointer, k[-1:].expand_as(k)),
    ),
    "the new keys are not in the queue that is returned: it is the old queue": with_any_pointer(lambda queue, pointer, k: queue * 1),
    "the queue grows: it keeps K rows, and the new keys replace the oldest": with_any_pointer(
        lambda queue, pointer, k: torch.cat([queue, k]),
        lambda queue, pointer, k: torch.cat([k, queue]),
    ),
    **{hint: tuple(pointed(right_rows, pointer) for pointer in wrong) for hint, wrong in WRONG_POINTERS.items()},
    "the batch runs over the end of the queue, and there the keys go wrong: after slot K − 1 comes slot 0, so count the slots modulo K": (
        with_any_pointer(cut, to_the_last, anew, too_short, by_slice)  # the last stops there, which explains any other fault there, too
    ),
}

check_enqueue = Check("enqueue", enqueue, rings, ENQUEUE, Kind.PAIR, "the new pointer")
