"""Networks, masks, losses, the optimiser and pretrained weights."""
