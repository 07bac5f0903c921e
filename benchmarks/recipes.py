"""What ours is compared with, part two: the recipes of other single-image networks.

Each takes a case and a budget in seconds, is given the noisy image alone, and returns a function
that denoises an image of that kind.
"""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cases import Case, Denoiser, Image
from napari_n2s.nn.masks import GridPartition, fill, masked_loss
from napari_n2s.nn.networks import DnCNN


def noise2self_recipe(case: Case, seconds: float) -> Denoiser:
    """Train as the single-shot notebook of Noise2Self does, for its 500 steps or the budget.

    DnCNN of 8 layers, whole image, Adam at 0.01, masks 0 to 14 of a 4 x 4 grid in turn; every ten
    steps mask 15 is scored and the best network kept; one pass at the end.
    """
    torch.manual_seed(0)
    network, x = DnCNN(layers=8), _tensor(case.noisy, case)
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    masks = list(GridPartition(4).masks(tuple(x.shape[2:]), torch.Generator()))
    held = masks.pop()
    best, kept, end = float("inf"), network.state_dict(), time.monotonic() + seconds
    for step in range(500):
        mask = masks[step % len(masks)]
        network.train()
        loss = masked_loss(network(fill(x, mask, "neighbours")), x, mask)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        late = time.monotonic() > end
        if step % 10 == 0 or late:
            network.eval()
            with torch.no_grad():
                score = float(masked_loss(network(fill(x, held, "neighbours")), x, held))
            if score < best:
                best = score
                kept = {name: w.clone() for name, w in network.state_dict().items()}
        if late:
            break
    network.load_state_dict(kept)
    return _run(network.eval(), case, turns=False)


def chequerboard_pairs(case: Case, seconds: float) -> Denoiser:
    """Learn one half of a chequerboard from the other (Lequyer et al., Noise2Fast, 2022).

    The pixels of either colour, pushed together along a row or along a column, make two pictures of
    one thing with independent noise. Seven layers of 48 features, random crops, a cosine learning
    rate over the budget, flips and turns averaged at the end: stronger than as published.
    """
    torch.manual_seed(0)
    x = _tensor(case.noisy, case)[0, 0]
    x = x[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2]
    rows = x.view(-1, x.shape[1] // 2, 2)
    swapped = rows.clone()
    swapped[1::2] = rows[1::2].flip(-1)
    columns = x.T.contiguous().view(-1, x.shape[0] // 2, 2)
    turned = columns.clone()
    turned[1::2] = columns[1::2].flip(-1)
    halves = [swapped.movedim(-1, 0), turned.movedim(-1, 0).transpose(1, 2)]
    layers: list[nn.Module] = [nn.Conv2d(1, 48, 3, padding=1), nn.ReLU()]
    for _ in range(5):
        layers += [nn.Conv2d(48, 48, 3, padding=1), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Conv2d(48, 1, 3, padding=1))
    network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    rng, begin = np.random.default_rng(0), time.monotonic()
    while (done := (time.monotonic() - begin) / seconds) < 1:
        optimiser.param_groups[0]["lr"] = 1e-3 * (1 + np.cos(np.pi * done))
        crops = []
        for _ in range(4):
            pair = halves[rng.integers(2)]
            side = min(64, *pair.shape[1:])
            a, b = (rng.integers(size - side + 1) for size in pair.shape[1:])
            crop = pair[:, a : a + side, b : b + side]
            crop = crop.flip(0) if rng.integers(2) else crop
            crop = torch.rot90(crop, int(rng.integers(4)), (1, 2))
            crops.append(crop.flip(2) if rng.integers(2) else crop)
        batch = torch.stack(crops)
        loss = F.mse_loss(network(batch[:, :1]), batch[:, 1:])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return _run(network, case, turns=True)


def zero_shot_pairs(case: Case, seconds: float) -> Denoiser:
    """Learn from two diagonal downsamplings (Mansour & Heckel, Zero-Shot Noise2Noise, 2023).

    Two 3 x 3 layers of 48 features and a 1 x 1 layer predict the noise; symmetric residual loss and
    consistency between down-sampling and denoising; Adam at 0.001, halved every 1000 of its 3000
    steps, or until the budget ends.
    """
    torch.manual_seed(0)
    x = _tensor(case.noisy, case)
    x = x[..., : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
    kernels = torch.tensor([[[[0, 0.5], [0.5, 0]]], [[[0.5, 0], [0, 0.5]]]])
    network = nn.Sequential(
        nn.Conv2d(1, 48, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(48, 48, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(48, 1, 1),
    )
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1000, 0.5)
    end = time.monotonic() + seconds
    for _ in range(3000):
        down = F.conv2d(x, kernels, stride=2)
        one, two = down[:, :1], down[:, 1:]
        clean_one, clean_two = one - network(one), two - network(two)
        clean_down = F.conv2d(x - network(x), kernels, stride=2)
        residual = F.mse_loss(clean_one, two) + F.mse_loss(clean_two, one)
        consistency = F.mse_loss(clean_one, clean_down[:, :1]) + F.mse_loss(
            clean_two, clean_down[:, 1:]
        )
        optimiser.zero_grad()
        (0.5 * residual + 0.5 * consistency).backward()
        optimiser.step()
        schedule.step()
        if time.monotonic() > end:
            break

    class Residual(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image - network(image)

    return _run(Residual(), case, turns=False)


def _tensor(image: Image, case: Case) -> Tensor:
    return torch.from_numpy((image - case.noisy.mean()) / case.noisy.std())[None, None]


def _run(network: nn.Module, case: Case, turns: bool) -> Denoiser:
    def run(image: Image) -> Image:
        x = _tensor(image, case)
        with torch.no_grad():
            ways = list(product(range(4), (False, True))) if turns else [(0, False)]
            total = torch.zeros_like(x)
            for k, flip in ways:
                way = torch.rot90(x.flip(3) if flip else x, k, (2, 3))
                back = torch.rot90(network(way), -k, (2, 3))
                total += back.flip(3) if flip else back
        return (total / len(ways))[0, 0].numpy() * case.noisy.std() + case.noisy.mean()

    return run
