"""Pseudo-labels: what a teacher says of images whose classes it has not seen, which of it passes a threshold, and what a student is given."""
