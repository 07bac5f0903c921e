"""The command ``napari-n2s demo``: denoise a simulated micrograph and compare with the truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_n2s.cli.commands import denoise_command
from napari_n2s.cli.console import say
from napari_n2s.core.settings import Settings
from napari_n2s.images.image import open_image


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from napari_n2s.io import output_paths

    settings, folder = denoise_command.settings_from(args), args.folder
    targets = {
        name: folder / f"{name}.{'png' if name == 'before_after' else 'tif'}"
        for name in ("noisy", "denoised", "truth", "before_after")
    }
    with output_paths.output_folder(folder):
        for path in targets.values():
            output_paths.check_output(path, (path.suffix,))
        with output_paths.lock_output(targets["noisy"]):
            _simulate_and_denoise(settings, folder, targets)


def _simulate_and_denoise(settings: Settings, folder: Path, targets: dict[str, Path]) -> None:
    from napari_n2s.io import writing
    from napari_n2s.io.file_image import FileImage
    from napari_n2s.simulation import fluorescence, judging

    sample = fluorescence.picture(seed=settings.seed)
    say("Simulated a fluorescence image of 512 x 512 pixels with filaments and nuclei.")
    clean, report = denoise_command.denoise_with_progress(
        open_image(sample.noisy, sample.axes), settings
    )
    for name, image in (("noisy", sample.noisy), ("denoised", clean), ("truth", sample.truth)):
        writing.write_image(targets[name], image, FileImage(image, sample.axes))
    writing.write_png(targets["before_after"], judging.before_and_after(sample, clean))
    say(f"Wrote {', '.join(path.name for path in targets.values())} to {folder}.")
    say(
        f"Against the truth: noisy {judging.psnr(sample.noisy, sample.truth):.1f} dB, "
        f"best Gaussian blur {judging.best_blur(sample):.1f} dB, "
        f"denoised {judging.psnr(clean, sample.truth):.1f} dB "
        f"({report.seconds:.0f} s on the {report.device})."
    )
    say(report.sentence())
