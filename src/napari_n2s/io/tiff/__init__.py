"""TIFF and its dialects, with one parser that a damaged file cannot surprise."""
