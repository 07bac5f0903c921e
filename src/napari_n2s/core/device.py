"""Where to compute, and that in words."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache

import torch

from napari_n2s.core import system
from napari_n2s.core.errors import DeviceError

CUDA_REMEDY = "uv pip install --reinstall torch --torch-backend=auto"
"""Replaces PyTorch by the build that fits the computer's GPU and driver."""


def choose_device(name: str = "auto") -> torch.device:
    """Turn a setting into a device: auto takes CUDA, then Apple's MPS, then the processor.

    Raises
    ------
    DeviceError
        If the device named is not to be had.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(each for each, found in there.items() if found)
    if not there[name]:
        raise DeviceError(f"{why_not(name)} Choose auto to use what there is.")
    return torch.device(name)


def why_not(name: str) -> str:
    """Say why a kind of GPU cannot be used."""
    if name == "mps":
        return "This computer or this PyTorch has no Apple GPU (MPS)."
    if torch.version.cuda is None:
        return (
            f"The PyTorch installed here ({torch.__version__}) is built without CUDA, so an NVIDIA "
            "GPU cannot be used; install a CUDA build of PyTorch."
        )
    return "PyTorch finds no NVIDIA GPU or no working driver for it."


def describe(device: torch.device) -> str:
    """Name a device as a person would."""
    if device.type == "cuda":
        return f"NVIDIA GPU ({torch.cuda.get_device_name(device)})"
    if device.type == "mps":
        return "Apple GPU"
    count = system.threads()
    return f"processor ({count} {'core' if count == 1 else 'cores'})"


def short_of_memory(error: Exception) -> bool:
    """Whether an error says that there was not enough memory."""
    words = ("out of memory", "allocate memory", "enough memory", "ALLOC_FAILED")
    return isinstance(error, MemoryError) or any(each in str(error) for each in words)


@contextmanager
def memory_in_words() -> Iterator[None]:
    """Say in a sentence that memory ran short.

    Raises
    ------
    DeviceError
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if short_of_memory(error):
            raise DeviceError(
                "There is not enough memory; close other programs, or denoise a part of the image."
            ) from error
        raise


def free_memory(device: torch.device) -> int:
    """Measure the bytes that are free where a device computes."""
    if device.type == "cuda":
        with suppress(RuntimeError), torch.cuda.device(device):  # when others have it to themselves
            return torch.cuda.mem_get_info()[0]
    return system.free_memory()


def account(name: str = "auto") -> tuple[str, str | None]:
    """Say what a setting has computed on, its free memory and, if that is slow unasked, why.

    Returns
    -------
    tuple of str and (str or None)
        The sentence, and the command that would help.

    Raises
    ------
    DeviceError
        If the device named is not to be had.
    """
    device = choose_device(name)
    free = free_memory(device)
    words, remedy = f"Computes on the {describe(device)}, {free / 1e9:.0f} GB free", None
    if name == "cpu" or device.type != "cpu":
        return f"{words}.", None
    if shutil.which("nvidia-smi") and torch.version.cuda is None:
        words += ": there is an NVIDIA GPU, but this PyTorch is built without CUDA"
        remedy = CUDA_REMEDY
    else:
        words += ": PyTorch finds no GPU that it can use"
    return f"{words}.", remedy


def give_back_memory() -> None:
    """Give back the memory of a GPU that PyTorch keeps for what may come."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


@contextmanager
def working_threads() -> Iterator[None]:
    """Compute on as many cores as `threads` says, and put back what was set before."""
    before = torch.get_num_threads()
    torch.set_num_threads(system.threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fast_arithmetic(device: torch.device) -> AbstractContextManager[None]:
    """Compute in bfloat16 what can spare the digits, where that is faster.

    On a processor that is where it multiplies bfloat16 by itself: elsewhere it is slower.
    """
    if device.type == "cuda":
        # Older ones emulate it.
        able = bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        able = device.type == "cpu" and _processor_has_bfloat16()
    return torch.autocast(device.type, torch.bfloat16) if able else nullcontext()


@cache
def _processor_has_bfloat16() -> bool:
    # PyTorch tells only under private names, which it may change.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, bool)() for check in checks)


def prefer_layout(x: torch.Tensor) -> torch.Tensor:
    """Lay an image out in memory as convolutions like it best, channels last."""
    kinds = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.contiguous(memory_format=kinds.get(x.ndim, torch.contiguous_format))
