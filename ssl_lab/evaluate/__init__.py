"""Measures of a representation, most of them one number. None of them changes the network."""

from ssl_lab.evaluate.efficient import Efficient, efficient, from_scratch
from ssl_lab.evaluate.factors import factor_table
from ssl_lab.evaluate.finetune import finetune, finetuned
from ssl_lab.evaluate.knn import knn_accuracy
from ssl_lab.evaluate.leak import leak
from ssl_lab.evaluate.linear import Probe, linear_probe
from ssl_lab.evaluate.mlp import mlp_probe
from ssl_lab.evaluate.near import most_confused, nearest, typical
from ssl_lab.evaluate.project import Umap, pca
from ssl_lab.evaluate.shortcut import colour_match
from ssl_lab.features import features
from ssl_lab.geometry import alignment, effective_rank, uniformity

__all__ = [
    "Efficient", "Probe", "Umap", "alignment", "colour_match", "effective_rank", "efficient", "factor_table", "features", "finetune", "finetuned",
    "from_scratch", "knn_accuracy", "leak", "linear_probe", "mlp_probe", "most_confused", "nearest", "pca", "typical", "uniformity",
]
