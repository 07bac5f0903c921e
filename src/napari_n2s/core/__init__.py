"""What everything else stands on: errors, settings, the device, memory, and generators."""
