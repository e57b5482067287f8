"""MoCo's queue: what stands in its slots, and how its keys grow old."""
