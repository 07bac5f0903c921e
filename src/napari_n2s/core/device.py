"""Choosing the device to compute on, and describing it in words."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from threading import Lock

import torch
import torch.nn.functional as F

from napari_n2s.core import system
from napari_n2s.core.errors import DeviceError

CUDA_REMEDY = "uv pip install --reinstall torch --torch-backend=auto"
"""The command that replaces PyTorch by the build for the computer's GPU and driver."""


def choose_device(name: str = "auto", *, volume: bool = False) -> torch.device:
    """Turn the setting into a device: auto takes CUDA, then Apple's MPS, then the processor.

    Parameters
    ----------
    name : {"auto", "cuda", "mps", "cpu"}
    volume : bool
        Whether networks have three axes of space. Where PyTorch lacks an operator that they need
        on the Apple GPU, the device is the processor.

    Raises
    ------
    DeviceError
        If the device named is not available.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(each for each, found in available.items() if found)
    if not available[name]:
        raise DeviceError(f"{why_not(name)} Choose auto to use what there is.")
    device = torch.device(name)
    if volume and name == "mps" and not _computes_volumes(device):
        return torch.device("cpu")
    return device


@cache
def _computes_volumes(device: torch.device) -> bool:
    """Test whether a device has the operators of three-dimensional networks."""
    try:
        x = torch.zeros(1, 1, 4, 4, 4, device=device)
        for mode in ("constant", "reflect", "replicate"):
            padded = F.pad(x, [1] * 6, mode=mode)
        weight = torch.zeros(1, 1, 3, 3, 3, device=device, requires_grad=True)
        y = F.batch_norm(F.conv3d(padded, weight), None, None, training=True)
        F.interpolate(F.max_pool3d(y, 2), scale_factor=2.0).sum().backward()  # type: ignore[no-untyped-call]
    except RuntimeError:  # of which NotImplementedError is one
        return False
    return True


def why_not(name: str) -> str:
    """Explain why a kind of GPU cannot be used."""
    if name == "mps":
        return "This computer or this PyTorch has no Apple GPU (MPS)."
    if torch.version.cuda is None:
        return (
            f"The PyTorch installed here ({torch.__version__}) is built without CUDA, so an NVIDIA "
            "GPU cannot be used; install a CUDA build of PyTorch."
        )
    return "PyTorch finds no NVIDIA GPU or no working driver for it."


def describe(device: torch.device) -> str:
    """Name a device for messages and reports."""
    if device.type == "cuda":
        return f"NVIDIA GPU ({torch.cuda.get_device_name(device)})"
    if device.type == "mps":
        return "Apple GPU"
    count = system.threads()
    return f"processor ({count} {'core' if count == 1 else 'cores'})"


def short_of_memory(error: Exception) -> bool:
    """Whether an error is an out-of-memory error."""
    words = ("out of memory", "allocate memory", "enough memory", "ALLOC_FAILED")
    return isinstance(error, MemoryError) or any(each in str(error) for each in words)


@contextmanager
def memory_in_words() -> Iterator[None]:
    """Turn out-of-memory errors into one sentence for the user.

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
        with suppress(RuntimeError), torch.cuda.device(device):  # in exclusive use by others
            return torch.cuda.mem_get_info()[0]
    return system.free_memory()


def account(name: str = "auto") -> tuple[str, str | None]:
    """Describe the device that a setting selects, its free memory and, if it is no GPU, why.

    Returns
    -------
    tuple of str and (str or None)
        The sentence, and the command that would make the GPU usable.

    Raises
    ------
    DeviceError
        If the device named is not available.
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
    """Return the GPU memory that PyTorch caches for later allocations."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


class _Working:
    """Number of computations that run side by side in this process."""

    def __init__(self) -> None:
        self.count, self.lock = 0, Lock()

    def add(self, more: int) -> int:
        """Change the number and return it."""
        with self.lock:
            self.count += more
            return self.count


_WORKING = _Working()


@contextmanager
def working_threads(*, steady: bool = False) -> Iterator[None]:
    """Let PyTorch compute on as many threads as there are free cores, then restore their number.

    Computations that run side by side in this process share them.

    Parameters
    ----------
    steady : bool
        Take the same number whatever else goes on, so that results are the same to the bit.
    """
    before, side_by_side = torch.get_num_threads(), _WORKING.add(1)
    free = max(1, system.free_threads() // side_by_side)
    torch.set_num_threads(system.threads() if steady else free)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _WORKING.add(-1)


def fast_arithmetic(device: torch.device) -> AbstractContextManager[None]:
    """Autocast to bfloat16 where the hardware multiplies it: elsewhere it would be slower."""
    if device.type == "cuda":
        # GPUs before compute capability 8.0 emulate it.
        able = bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        able = device.type == "cpu" and _processor_has_bfloat16()
    return torch.autocast(device.type, torch.bfloat16) if able else nullcontext()


@cache
def _processor_has_bfloat16() -> bool:
    # PyTorch has only private functions for this, which may change.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, bool)() for check in checks)


def prefer_layout(x: torch.Tensor) -> torch.Tensor:
    """Store an image with its channels last, the memory format that convolutions prefer."""
    kinds = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.contiguous(memory_format=kinds.get(x.ndim, torch.contiguous_format))
