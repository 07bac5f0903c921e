"""What can go wrong for a user: each message says what is wrong and what to do, in a sentence."""


class N2SError(Exception):
    """Anything that the user can put right; its text is meant to be shown as it stands."""


class ImageError(N2SError, ValueError):
    """An image, or its axes, that cannot be denoised."""


class MissingPixelsError(ImageError):
    """An image with pixels that are NaN or infinite, which nobody has said what to do with."""


class SettingsError(N2SError, ValueError):
    """A setting outside its range, or two that contradict each other."""


class DenoiserError(N2SError, ValueError):
    """A function that was given to be calibrated and does not behave as a denoiser."""


class DeviceError(N2SError, RuntimeError):
    """A device that is not there, or whose memory does not suffice."""


class FitWarning(UserWarning):
    """A model is applied to an image that it suits badly; there is a result, to be looked at."""


class FileError(N2SError, OSError):
    """A file that cannot be read or written."""
