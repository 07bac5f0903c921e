"""``python -m napari_n2s`` is ``napari-n2s``."""

import sys

from napari_n2s.cli.start import main

sys.exit(main())
