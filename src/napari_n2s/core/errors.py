"""Errors for users: each message says in one sentence what is wrong and what to do."""


class N2SError(Exception):
    """An error that the user can correct; its text is shown as it is."""


class ImageError(N2SError, ValueError):
    """An image, or its axes, cannot be denoised."""


class MissingPixelsError(ImageError):
    """An image has NaN or infinite pixels, and `nan_policy` is to raise."""


class SettingsError(N2SError, ValueError):
    """A setting is outside its range, or two contradict each other."""


class DenoiserError(N2SError, ValueError):
    """A user's function that is to be calibrated does not behave like a denoiser."""


class DeviceError(N2SError, RuntimeError):
    """A device is not available, or its memory does not suffice."""


class StoppedError(N2SError):
    """The user stopped a job before it had a result."""


class FitWarning(UserWarning):
    """A model is applied to an image unlike its training data; check the result."""


class FileError(N2SError, OSError):
    """A file cannot be read or written."""
