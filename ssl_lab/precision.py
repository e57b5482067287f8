"""In how many bits a step computes: bfloat16 where the hardware has it, float16 with loss scaling on older GPUs, else float32."""

import contextlib

import torch


def half(device: torch.device) -> torch.dtype | None:
    """bfloat16 on CUDA since Ampere and on CPUs with AVX512-BF16 or AMX; float16 on older CUDA devices, such as Colab's T4; else None."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported() else None


def autocast(device: torch.device):
    """A forward pass in half precision, where there is one. Losses leave it again."""
    dtype = half(device)
    return torch.autocast(device.type, dtype) if dtype else contextlib.nullcontext()


def scaler(device: torch.device):
    """Scales the loss so that float16's gradients do not vanish, and leaves out a step whose gradients overflow; else it does nothing."""
    return torch.amp.GradScaler(device.type, enabled=half(device) == torch.float16)
