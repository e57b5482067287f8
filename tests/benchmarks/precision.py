"""From which tau on float32 is enough: errors of NT-Xent and InfoNCE in float32.   python tests/benchmarks/precision.py

Value / gradient, as a share of max(1, loss), the largest of 20 seeds (3 where B > 16) and of random, clustered, collapsed and identical rows.
The goal for the value is 1e-6, and `losses.SHARP` the lowest tau that keeps it, but for one or two queries whose rows have collapsed (1.3e-6).
"""

import torch
from torch.nn.functional import normalize

from ssl_lab import losses

TAUS = (0.1, 0.07, 0.05, 0.03, 0.02, 0.01)
SPREADS = {"random": None, "clustered": 0.1, "collapsed": 1e-3, "identical": 0.0}
NT_XENT = ((2, 2), (2, 16), (2, 128), (3, 16), (12, 16), (64, 64), (256, 64), (512, 128))  # B, d
INFO_NCE = ((1, 8, 1), (1, 64, 7), (2, 16, 4), (5, 8, 7), (16, 8, 90), (64, 64, 1024), (256, 64, 4096), (16, 64, 65536))  # B, d, K


def rows(n: int, d: int, spread: float | None, seed: int) -> torch.Tensor:
    """Unit rows: anywhere, or within `spread` of one of a few centres (four of them where they are clusters)."""
    draw = torch.Generator().manual_seed(seed)
    noise = normalize(torch.randn(n, d, generator=draw))
    if spread is None:
        return noise
    centres = normalize(torch.randn(4 if spread == SPREADS["clustered"] else 1, d, generator=draw))
    return normalize(centres[torch.randint(len(centres), (n,), generator=draw)] + spread * noise)


def value_and_gradients(loss, parts, tau: float):
    parts = [part.clone().requires_grad_() for part in parts]
    value = loss(*parts, tau=tau)
    return value.item(), torch.autograd.grad(value, parts)


def worst(loss, sizes: list[int], d: int, tau: float) -> str:
    """The largest errors of value and gradient at these numbers of rows."""
    value_error = gradient_error = 0.0
    for spread in SPREADS.values():
        for seed in range(20 if sizes[0] <= 16 and sum(sizes) < 1000 else 3):
            parts = rows(sum(sizes), d, spread, seed).split(sizes)
            value, gradients = value_and_gradients(loss, parts, tau)
            right, right_gradients = value_and_gradients(loss, [part.double() for part in parts], tau)
            value_error = max(value_error, abs(value - right) / max(1, right))
            gaps = [(a - b).abs().max().item() for a, b in zip(gradients, right_gradients)]
            gradient_error = max(gradient_error, max(gaps) / max(1, right))
    return f"{value_error:.1e}/{gradient_error:.1e}"


if __name__ == "__main__":
    losses.SHARP = 0.0
    print(f"{'':26}" + "".join(f"{f'tau {tau}':17}" for tau in TAUS))
    for B, d in NT_XENT:
        print(f"NT-Xent {f'{B=} {d=}':18}" + "".join(f"{worst(losses.nt_xent, [B, B], d, tau):17}" for tau in TAUS), flush=True)
    for B, d, K in INFO_NCE:
        print(f"InfoNCE {f'{B=} {d=} {K=}':18}" + "".join(f"{worst(losses.info_nce, [B, B, K], d, tau):17}" for tau in TAUS), flush=True)
