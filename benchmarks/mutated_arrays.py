"""Kinds of damaged files other than TIFF: PNG and JPEG, zarr, and unfinished results."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from pathlib import Path
from random import Random

import imageio.v3 as iio
import numpy as np
import zarr

from mutations import INTERESTING, Kind, damage_bytes, damage_words

JSON = (None, True, -1, 0, 1e308, 2**31, 2**40, 2**63, 0.5, "", "0.5", "ä\n", [], {}, [[]], ["y"])
"""Replacements for a value in a JSON file."""
MAX_MUTATIONS = 3
"""Mutations of one folder of zarr."""


def pictures(folder: Path) -> list[Path]:
    """Write PNG, JPEG and GIF files of several modes."""
    rng = np.random.default_rng(0)
    grey, colour = rng.poisson(20, (24, 24)).astype("u1"), rng.poisson(20, (24, 24, 4)).astype("u1")
    images = {
        "grey.png": grey,
        "deep.png": grey.astype("u2") * 100,
        "colour.png": colour[..., :3],
        "alpha.png": colour,
        "both.png": colour[..., :2],
        "grey.jpg": grey,
        "colour.jpg": colour[..., :3],
    }
    for name, image in images.items():
        iio.imwrite(folder / name, image)
    iio.imwrite(folder / "frames.gif", np.stack([grey, grey, grey]))
    return [folder / name for name in (*images, "frames.gif")]


def damage_picture(path: Path, rng: Random) -> None:
    """Damage an image; in a PNG also the content of a chunk, with a correct checksum."""
    if path.suffix == ".png" and rng.random() < 0.6:
        data = bytearray(path.read_bytes())
        starts, at = [], 8
        while at + 12 <= len(data):
            starts.append(at)
            at += 12 + struct.unpack_from(">I", data, at)[0]
        at = rng.choice(starts) if rng.random() < 0.5 else starts[0]
        size = struct.unpack_from(">I", data, at)[0]
        if size:
            where = at + 8 + rng.randrange(size)
            if size >= 13 and at == starts[0] and rng.random() < 0.5:
                number = rng.choice(INTERESTING)
                struct.pack_into(">I", data, at + 8 + 4 * rng.randrange(2), number)
            else:
                data[where] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 127, 255))
            checksum = zlib.crc32(data[at + 4 : at + 8 + size])
            struct.pack_into(">I", data, at + 8 + size, checksum)
        path.write_bytes(data)
    else:
        damage_bytes(path, rng)


def zarrs(folder: Path) -> list[Path]:
    """Write arrays and OME-Zarr in both zarr formats, with several codecs, sharded or not."""
    rng = np.random.default_rng(0)
    stack = rng.poisson(9, (3, 24, 24)).astype("u2")
    axes = [{"name": each, "type": "space", "unit": "micrometer"} for each in "zyx"]
    scale = [{"type": "scale", "scale": [1, 0.1, 0.1]}]
    about = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    omero = {"channels": [{"color": "FFFFFF", "window": {"start": 0, "end": 9}}]}
    written = []
    for form, attributes in (
        (3, {"ome": {"version": "0.5", "multiscales": [about], "omero": omero}}),
        (2, {"multiscales": [{"version": "0.4", **about}], "omero": omero}),
    ):
        path = folder / f"image{form}.ome.zarr"
        group = zarr.create_group(path, zarr_format=form, attributes=attributes)
        group.create_array("0", shape=stack.shape, chunks=(1, 24, 24), dtype="u2")[...] = stack
        path_of_array = folder / f"array{form}.zarr"
        array = zarr.create_array(
            path_of_array, shape=stack.shape, chunks=(1, 24, 24), dtype="f4", zarr_format=form
        )
        array[...] = stack
        written += [path, path_of_array]
    sharded = folder / "shards.zarr"
    options = {"shape": stack.shape, "shards": (3, 24, 24), "chunks": (1, 12, 24), "dtype": "u1"}
    zarr.create_array(sharded, **options)[...] = stack
    gzipped = folder / "gzip.zarr"
    options = {"shape": stack.shape, "chunks": (2, 16, 16), "dtype": ">i4"}
    zarr.create_array(gzipped, **options, compressors=zarr.codecs.GzipCodec())[...] = stack
    return [*written, sharded, gzipped]


def damage_zarr(path: Path, rng: Random) -> None:
    """Change values in the metadata, or damage, remove or replace files."""
    for _ in range(rng.randint(1, MAX_MUTATIONS)):
        files = sorted(each for each in path.rglob("*") if each.is_file())
        if not files:
            return
        metadata = [each for each in files if "zarr.json" in each.name or each.name[:2] == ".z"]
        if rng.random() < 0.65 and metadata:
            damage_json(rng.choice(metadata), rng)
        else:
            damage_file(rng.choice(files), rng)


def damage_json(path: Path, rng: Random) -> None:
    """Replace or remove a value in a JSON file, or damage its text."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return
    if rng.random() < 0.15:
        if rng.random() < 0.3:
            path.write_text('{"a":' * 100_000)
        else:
            damage_words(path, rng)
        return
    places = list(_places(content))
    if not places:
        return
    holder, key = rng.choice(places)
    if rng.random() < 0.15:
        del holder[key]
    elif isinstance(holder[key], list) and rng.random() < 0.3:
        holder[key] = holder[key] * rng.choice((0, 2, 50))
    else:
        holder[key] = rng.choice(JSON)
    path.write_text(json.dumps(content))


def _places(content: object) -> list[tuple]:
    keys = content if isinstance(content, dict) else range(len(content))
    found = []
    for key in list(keys):
        found.append((content, key))
        if isinstance(content[key], dict | list):
            found += _places(content[key])
    return found


def damage_file(path: Path, rng: Random) -> None:
    """Damage, empty or remove a file, or replace it by a folder, a link loop or a zip bomb."""
    how = rng.randrange(7)
    if how < 3:
        damage_bytes(path, rng)
    elif how == 3:
        path.write_bytes(b"")
    elif how == 4:
        path.unlink()
    elif how == 5:
        path.unlink()
        path.mkdir() if rng.random() < 0.5 else path.symlink_to(path)
    else:
        bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
        block = bytes(2**24)
        path.write_bytes(b"".join(bomb.compress(block) for _ in range(64)) + bomb.flush())


def jobs(folder: Path) -> list[Path]:
    """Write partial results next to their sources."""
    found = []
    for number, axes in enumerate(("ZYX", "YX")):
        place = folder / f"job{number}"
        place.mkdir()
        rng = np.random.default_rng(number)
        shape = (20, 24, 24)[-len(axes) :]
        source, chunks = place / "a.zarr", (1, 24, 24)[-len(axes) :]
        array = zarr.create_array(source, shape=shape, chunks=chunks, dtype="u2")
        array[...] = rng.poisson(9, shape)
        run_job(place, source, finish=False)
        found.append(place)
    return found


def resume(place: Path) -> None:
    """Resume a copy of a partial result; its source lies next to the valid one."""
    run_job(place, place.parent.parent / "valid" / place.name / "a.zarr")


def run_job(place: Path, source: Path, finish: bool = True) -> None:
    """Denoise a source into a folder, or stop half-way."""
    from napari_n2s.core.progress import Applying
    from napari_n2s.core.settings import Settings
    from napari_n2s.io import reading
    from napari_n2s.pipeline.resumable import denoising_to

    settings, output = Settings(steps=1, device="cpu", context=0), place / "b.zarr"
    work = denoising_to(output, [source], reading.read_image(source), settings, np.dtype("f4"))
    for state in work:
        if not finish and isinstance(state, Applying) and state.done >= 0.9:
            break
    work.close()
    if finish:
        written = reading.read_image(output).image[...]
        if not np.isfinite(written).all():
            raise AssertionError("the result has pixels that are no numbers")


def damage_job(path: Path, rng: Random) -> None:
    """Damage one of the files of a partial result."""
    part = path / "b.zarr.part"
    files = sorted(each for each in part.rglob("*") if each.is_file())
    record = [each for each in files if each.suffix == ".safetensors"]
    metadata = [each for each in files if each.name == "zarr.json"]
    how = rng.random()
    if how < 0.45:
        _damage_record(record[0], rng)
    elif how < 0.65:
        damage_json(rng.choice(metadata), rng)
    else:
        damage_file(rng.choice(files), rng)
    if rng.random() < 0.03:
        shutil.rmtree(part / "0", ignore_errors=True)


def _damage_record(path: Path, rng: Random) -> None:
    """Damage the header of a model file, its JSON metadata or its weights."""
    if rng.random() < 0.5:
        damage_bytes(path, rng)
        return
    data = path.read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    header, weights = json.loads(data[8 : 8 + size]), data[8 + size :]
    about = json.loads(header["__metadata__"]["napari-n2s"])
    holder, key = rng.choice(_places(header if rng.random() < 0.3 else about))
    if rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = rng.choice(JSON)
    if "__metadata__" in header and isinstance(header["__metadata__"], dict):
        header["__metadata__"]["napari-n2s"] = json.dumps(about)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + weights)


KINDS = {
    "png": Kind(pictures, damage_picture),
    "zarr": Kind(zarrs, damage_zarr),
    "job": Kind(jobs, damage_job, resume),
}
