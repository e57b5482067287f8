"""Arrays in, (Figure, summary) out. A summary is one sentence that says what is seen: alt text, and what a test compares.

Never pyplot: a Figure belongs to the caller alone, so a picture can be drawn on any thread.
"""

from ssl_lab.plots.accuracy import compare, efficiency
from ssl_lab.plots.bound import bound
from ssl_lab.plots.circle import circle, unit
from ssl_lab.plots.clusters.epochs import clusterings
from ssl_lab.plots.clusters.steps import kmeans_steps
from ssl_lab.plots.collapse import Ablation, Course, collapse
from ssl_lab.plots.contrastive.margins import SHOWN
from ssl_lab.plots.contrastive.pairs import similarity
from ssl_lab.plots.contrastive.queries import query_matrix
from ssl_lab.plots.curves import MEASURES, curves
from ssl_lab.plots.embedding import Colouring, embedding
from ssl_lab.plots.factors import factors
from ssl_lab.plots.gallery import gallery
from ssl_lab.plots.look import NEGATIVE, POSITIVE, hwc
from ssl_lab.plots.multiview.picture import multiview
from ssl_lab.plots.patches.picture import patches
from ssl_lab.plots.pipelines.draw import pipeline
from ssl_lab.plots.pipelines.flows import FLOWS
from ssl_lab.plots.pseudo_labels.picture import pseudo_labelling
from ssl_lab.plots.queue.ages import momentum
from ssl_lab.plots.queue.slots import queue
from ssl_lab.plots.scene import scene
from ssl_lab.plots.views import views

__all__ = [
    "FLOWS", "MEASURES", "NEGATIVE", "POSITIVE", "SHOWN", "Ablation", "Colouring", "Course", "bound", "circle", "clusterings", "collapse", "compare",
    "curves", "efficiency", "embedding", "factors", "gallery", "hwc", "kmeans_steps", "momentum", "multiview", "patches", "pipeline",
    "pseudo_labelling", "query_matrix", "queue", "scene", "similarity", "unit", "views",
]
