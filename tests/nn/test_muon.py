"""The optimiser Muon: equal step lengths in all directions of a kernel."""

import subprocess
import sys

import pytest
import torch

from napari_n2s.nn.muon import Muon


def test_a_first_step_has_equal_singular_values_and_leaves_the_rest_to_adam():
    generator = torch.Generator().manual_seed(0)
    kernel = torch.nn.Parameter(torch.zeros(8, 6, 3, 3))
    last, bias = (torch.nn.Parameter(torch.zeros(*shape)) for shape in ((6, 8, 1, 1), (8,)))
    optimiser = Muon([kernel, last, bias], [last])
    optimiser.zero_grad()
    for each in (kernel, last, bias):
        each.grad = torch.randn(each.shape, generator=generator)
    optimiser.step(0.01)
    lengths = torch.linalg.svdvals(kernel.detach().view(8, -1))
    assert lengths.numpy() == pytest.approx(0.01, rel=0.02)
    for each in (last, bias):
        assert each.detach().abs().numpy() == pytest.approx(0.005, rel=1e-3)


def test_kernels_decay_and_biases_do_not():
    kernel, bias = (torch.nn.Parameter(torch.ones(*shape)) for shape in ((8, 6, 3, 3), (8,)))
    optimiser = Muon([kernel, bias], [])
    for each in (kernel, bias):
        each.grad = torch.zeros_like(each)
    optimiser.step(0.01, decay=0.5)
    assert kernel.detach().numpy() == pytest.approx(0.995)
    assert bias.detach().numpy() == pytest.approx(1)


def test_training_does_not_wait_for_a_compiler_that_it_never_uses():
    script = """
        import sys
        import numpy as np
        from napari_n2s import denoise
        denoise(np.random.default_rng(0).poisson(9, (32, 32)), steps=2, device="cpu")
        print("torch._dynamo" in sys.modules)
    """
    lines = "\n".join(line.strip() for line in script.splitlines())
    ran = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
