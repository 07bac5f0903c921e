"""Images of any layout: their axes, types, guides, parts and samples."""
