"""Unfinished results: a temporary folder beside the result, with all that is needed to resume."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_n2s.core.errors import FileError
from napari_n2s.inference.model import Model
from napari_n2s.inference.model_file import load_model, save_model
from napari_n2s.io.file_image import FileImage
from napari_n2s.io.ome_zarr.writing import ZarrOutput
from napari_n2s.io.output_paths import atomic_path, move_into_place
from napari_n2s.io.temporary_files import name_hash
from napari_n2s.pipeline.reports.report import Report

LONGEST = 250
"""Maximum length of a name in bytes for a suffix to fit: file systems allow 255."""
RECORD = "unfinished.safetensors"
"""Name of the file with the model, its report and the request."""


@dataclass(frozen=True)
class Unfinished:
    """An unfinished zarr folder.

    Attributes
    ----------
    path : Path
        Path of the finished folder.
    """

    path: Path

    @property
    def folder(self) -> Path:
        """Path of the temporary folder."""
        name = self.path.name
        if len(os.fsencode(name)) > LONGEST:
            name = f"{name_hash(name)}.zarr"
        return self.path.with_name(f"{name}.part")

    @property
    def begun(self) -> bool:
        """Whether there is an unfinished result to resume."""
        return (self.folder / RECORD).exists()

    def take_up(self, asked: dict[str, Any]) -> tuple[Model, Report] | None:
        """Load the model of the unfinished result and its report; None if there is none.

        Raises
        ------
        FileError
            If it is damaged, or was begun with another request.
        """
        if not self.begun:
            if self.folder.exists():
                raise FileError(f"{self.folder} is in the way; remove it, or choose another name.")
            return None
        try:
            model, about = load_model(self.folder / RECORD)
        except FileError as error:
            raise self.damaged() from error
        other = [name for name, value in asked.items() if about.get("asked", {}).get(name) != value]
        if other:
            raise FileError(
                f"{self.folder} was begun with other {' and '.join(other)}; repeat that command to "
                "continue, remove the folder to start again, or choose another name."
            )
        try:
            return model, Report.from_dict(about["report"])
        except (KeyError, TypeError, ValueError) as error:
            raise self.damaged() from error

    def damaged(self) -> FileError:
        """Make the error that the folder is damaged."""
        return FileError(
            f"{self.folder} is damaged and cannot be continued; remove it, and repeat the command "
            "to start again."
        )

    def begin(
        self,
        model: Model,
        report: Report,
        asked: dict[str, Any],
        like: FileImage,
        kind: np.dtype[Any],
    ) -> None:
        """Create the temporary folder with an empty result and all that is needed to resume.

        Raises
        ------
        FileError
            If it cannot be written; nothing is left behind then.
        """
        with atomic_path(self.folder) as part:
            ZarrOutput(part, like, kind)
            save_model(part / RECORD, model, report=report.to_dict(), asked=asked)

    def finish(self) -> None:
        """Move the folder to its final path."""
        move_into_place(self.folder, self.path)
        (self.path / RECORD).unlink()
