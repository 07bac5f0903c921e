"""A training of a moment, for tests of what comes before and after it."""

from dataclasses import replace

from napari_n2s import Settings, train

QUICK = Settings(steps=1, device="cpu", context=0)


def train_briefly(image, **changes):
    """Train for a moment; give its end, with a model that does not take its time."""
    *_, last = train(image, settings=QUICK, **changes)
    return replace(last, best=replace(last.best, turns=1))
