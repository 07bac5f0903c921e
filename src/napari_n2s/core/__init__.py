"""The foundation: errors, settings, devices, memory, and generators."""
