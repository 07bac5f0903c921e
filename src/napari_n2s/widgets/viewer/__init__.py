"""Access to the viewer: its layers, what they hold, their placement, and what is in view."""
