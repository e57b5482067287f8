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


def pointed(pointer: Callable[[int, int, int], int]) -> Callable:
    """The right queue with another pointer, made of (pointer, B, K)."""
    return lambda queue, p, k: (right_rows(queue, p, k), pointer(p, len(k), len(queue)))


def right_rows(queue, pointer, k):
    return enqueue(queue, pointer, k)[0]


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


ENQUEUE = {  # those that return the queue alone are made with any pointer
    "the keys are always written from slot 0 on: start at the pointer, where the oldest keys are": (
        lambda queue, pointer, k: put(queue, slots_of(k), k),
    ),
    "all rows are moved: in a ring only the pointer moves, and only the slots of the B oldest keys are written": (
        lambda queue, pointer, k: torch.cat([queue[len(k) :], k]),
        lambda queue, pointer, k: torch.cat([k, queue[: -len(k)]]),
    ),
    "the newest keys are overwritten, those before the pointer: the oldest keys start at the pointer": (
        lambda queue, pointer, k: put(queue, pointer - len(k) + slots_of(k), k),
    ),
    "the first key is one slot off: it belongs in the slot of the pointer": (
        lambda queue, pointer, k: put(queue, pointer + 1 + slots_of(k), k),
        lambda queue, pointer, k: put(queue, pointer - 1 + slots_of(k), k),
    ),
    "the keys are in reverse order: key i belongs in slot pointer + i": (
        lambda queue, pointer, k: right_rows(queue, pointer, k.flip(0)),
        lambda queue, pointer, k: put(queue, pointer - slots_of(k), k),
    ),
    "only one key is written: key i of the batch belongs in slot pointer + i, for all B keys": (
        lambda queue, pointer, k: right_rows(queue, pointer, k[:1]),
        lambda queue, pointer, k: right_rows(queue, pointer, k[-1:]),
        lambda queue, pointer, k: right_rows(queue, pointer, k[:1].expand_as(k)),
        lambda queue, pointer, k: right_rows(queue, pointer, k[-1:].expand_as(k)),
    ),
    "the new keys are not in the queue that is returned: it is the old queue": (lambda queue, pointer, k: queue * 1,),
    "the queue grows: it keeps K rows, and the new keys replace the oldest": (
        lambda queue, pointer, k: torch.cat([queue, k]),
        lambda queue, pointer, k: torch.cat([k, queue]),
    ),
    "the pointer is not moved by B, the number of new keys: it must end at the key that is then the oldest": (
        pointed(lambda p, B, K: p),
        pointed(lambda p, B, K: (p + 1) % K),
        pointed(lambda p, B, K: (p - B) % K),
    ),
    "the pointer is one slot off: it must end one slot after the last new key": (
        pointed(lambda p, B, K: (p + B - 1) % K),
        pointed(lambda p, B, K: (p + B + 1) % K),
    ),
    "the pointer is not counted modulo K, the number of slots: after slot K − 1 comes slot 0": (
        pointed(lambda p, B, K: p + B),
        pointed(lambda p, B, K: (p + B) % B),
        pointed(lambda p, B, K: (p + B) % (K - 1)),
    ),
    "the pointer starts again at 0: it must end one slot after the last new key, also beyond the end of the queue": (
        pointed(lambda p, B, K: p + B if p + B < K else 0),
        pointed(lambda p, B, K: 0),
    ),
    "the batch runs over the end of the queue, and there the keys go wrong: after slot K − 1 comes slot 0, so count the slots modulo K": (
        *(cut, to_the_last, anew, too_short),
        by_slice,  # it stops there, which explains any other fault there, too
    ),
}

check_enqueue = Check("enqueue", enqueue, rings, ENQUEUE, Kind.PAIR, "the new pointer")
