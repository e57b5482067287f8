"""Pictures that can be touched, one explorer a file: thin shells over the functions of `plots`."""

from ssl_lab.widgets.bound import BoundExplorer
from ssl_lab.widgets.circle import CircleExplorer
from ssl_lab.widgets.clusters import ClusterExplorer
from ssl_lab.widgets.collapse import CollapseLab
from ssl_lab.widgets.embedding import EmbeddingExplorer
from ssl_lab.widgets.explorer import Explorer
from ssl_lab.widgets.kmeans import KMeansExplorer
from ssl_lab.widgets.momentum import MomentumExplorer
from ssl_lab.widgets.multiview import MultiviewExplorer
from ssl_lab.widgets.patches import PatchExplorer
from ssl_lab.widgets.picture import Picture
from ssl_lab.widgets.pseudo_labels import PseudoLabelExplorer
from ssl_lab.widgets.queue import QueueExplorer
from ssl_lab.widgets.recording import Recording
from ssl_lab.widgets.scene import SceneExplorer
from ssl_lab.widgets.similarity import SimilarityExplorer
from ssl_lab.widgets.training import TrainingView
from ssl_lab.widgets.views import ViewsExplorer

__all__ = [
    "BoundExplorer", "CircleExplorer", "ClusterExplorer", "CollapseLab", "EmbeddingExplorer", "Explorer", "KMeansExplorer", "MomentumExplorer",
    "MultiviewExplorer", "PatchExplorer", "Picture", "PseudoLabelExplorer", "QueueExplorer", "Recording", "SceneExplorer", "SimilarityExplorer",
    "TrainingView", "ViewsExplorer",
]
