"""Pictures that can be touched, one explorer a file: thin shells of core ipywidgets over the functions of `plots`."""

from ssl_lab.widgets.explorer import Explorer
from ssl_lab.widgets.live import LiveCurve
from ssl_lab.widgets.picture import Picture
from ssl_lab.widgets.similarity import SimilarityExplorer

__all__ = ["Explorer", "LiveCurve", "Picture", "SimilarityExplorer"]
