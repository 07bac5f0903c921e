"""All that touches the viewer's layers."""
