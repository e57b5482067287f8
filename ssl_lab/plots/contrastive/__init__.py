"""The contrastive matrices: every pair of a batch, or every query and key; who finds its partner, and how one anchor shares its softmax."""
