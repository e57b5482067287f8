"""Half precision where the hardware computes in it, and float16 with a scaled loss where a GPU has nothing better."""

import pytest
import torch

from ssl_lab import precision

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.mark.parametrize("has, dtype, scales", [(True, torch.bfloat16, False), (False, torch.float16, True)])
def test_a_gpu_without_bfloat16_computes_in_float16_and_scales_the_loss(monkeypatch, has, dtype, scales):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has and not including_emulation)
    assert precision.half(CUDA) == dtype
    made, real = [], torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", lambda kind, enabled: made.append((kind, enabled)) or real("cpu", enabled=False))
    precision.scaler(CUDA)
    assert made == [("cuda", scales)]


@pytest.mark.parametrize("has", [True, False])
def test_a_cpu_computes_in_bfloat16_where_it_has_it(monkeypatch, has):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    assert precision.half(CPU) == (torch.bfloat16 if has else None)
    assert not precision.scaler(CPU).is_enabled()
    with precision.autocast(CPU):
        assert (torch.rand(2, 2) @ torch.rand(2, 2)).dtype == (torch.bfloat16 if has else torch.float32)


def test_other_devices_compute_in_float32():
    assert precision.half(torch.device("meta")) is None and precision.half(torch.device("mps")) is None
