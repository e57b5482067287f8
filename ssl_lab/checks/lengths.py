"""Hints about the lengths of rows, which most exercises of the course divide by."""

AXIS = "the wrong axis is normalised: every row has its own length, so take the norm along dim=1"
WHOLE = "one length is used for the whole matrix: norm() without dim gives one number, and every row needs its own length (dim=1)"
SQUARED = "the rows are divided by their squared lengths: a length is the square root of the sum of squares"
ENTRIES = "the entries are divided by their sum: a length is the square root of the sum of squares"
COLUMNS = "cosine_similarity runs along dim=0, so it compares columns: the rows are the images, and dim=1 compares rows"
