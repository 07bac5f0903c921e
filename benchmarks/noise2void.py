"""What ours is compared with, part three: Noise2Void, by its authors' package CAREamics.

Imported only where that package is installed. Takes a case and a budget in seconds, is given the
noisy image alone, and returns a function that denoises an image of that kind.
"""

from __future__ import annotations

import logging
import time
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from careamics import CAREamist
from careamics.config import create_advanced_n2v_config
from lightning.pytorch import Callback, Trainer

from cases import Case, Denoiser, Image

logging.disable(logging.WARNING)  # theirs; ours says nothing that way


class Until(Callback):
    """Stop when no time is left for a step and a prediction, of 512 x 512 about as long as one."""

    def __init__(self, end: float) -> None:
        self.end = end
        self.last = time.monotonic()

    def on_train_batch_start(self, *_: Any) -> None:
        """Note the time."""
        self.last = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Look at the schedule."""
        now = time.monotonic()
        if now + 2 * (now - self.last) > self.end:
            trainer.should_stop = True


def careamics(case: Case, seconds: float) -> Denoiser:
    """Train Noise2Void as the package does by itself, until the budget ends.

    Its U-Net of 32 features and two levels, Adam at 0.001, batches of 16 patches of 64 x 64, as in
    its examples with small images. The weights are those of the last step: unless told, it predicts
    with those of the last tenth epoch.
    """
    until, folder = Until(time.monotonic() + seconds), TemporaryDirectory()
    settings = create_advanced_n2v_config(
        "benchmark",
        "array",
        "YX",
        patch_size=[64, 64],
        batch_size=16,
        num_epochs=-1,
        trainer_params={"enable_model_summary": False},
        seed=1,
    )
    model = CAREamist(settings, work_dir=folder.name, callbacks=[until], enable_progress_bar=False)
    with redirect_stderr(StringIO()):
        model.train(train_data=case.noisy)
    print(f"Noise2Void: {model.trainer.global_step} steps, {model.trainer.current_epoch} epochs")
    model.trainer.save_checkpoint(Path(folder.name) / "last.ckpt")

    def run(image: Image) -> Image:
        tile = (256, 256) if any(side % 4 for side in image.shape) else None
        with redirect_stderr(StringIO()):
            images, _ = model.predict(
                image, tile_size=tile, checkpoint=Path(folder.name) / "last.ckpt"
            )
        return np.squeeze(images[0]).astype(np.float32)

    return run
