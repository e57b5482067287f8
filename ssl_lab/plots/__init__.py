"""Arrays in, (Figure, summary) out. A summary is one sentence that says what is seen: alt text, and what a test compares.

Never pyplot: a Figure belongs to the caller alone, so a picture can be drawn on any thread.
"""

from ssl_lab.plots.look import NEGATIVE, POSITIVE, hwc
from ssl_lab.plots.matrix import SHOWN, similarity
from ssl_lab.plots.numbers import MEASURES, compare, curves, efficiency
from ssl_lab.plots.sheets import gallery

__all__ = ["MEASURES", "NEGATIVE", "POSITIVE", "SHOWN", "compare", "curves", "efficiency", "gallery", "hwc", "similarity"]
