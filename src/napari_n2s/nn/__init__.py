"""Networks, their masks, losses, optimizer and pretrained weights."""
