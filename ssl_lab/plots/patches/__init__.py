"""CPC's patches: what a context sees, which patch it takes for the one that it predicts, and what every prediction of a batch pays."""
