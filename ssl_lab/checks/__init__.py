"""Exercise checkers: check_<exercise>(fn) says whether fn is right, and if not, which of the usual mistakes it makes."""

from ssl_lab.checks.alignment import check_alignment
from ssl_lab.checks.answer import Kind
from ssl_lab.checks.balance import check_balance
from ssl_lab.checks.begin_round import check_begin_round
from ssl_lab.checks.byol import check_byol_loss
from ssl_lab.checks.causal import check_causal
from ssl_lab.checks.check import Check, Result
from ssl_lab.checks.colours import check_mean_colour_match
from ssl_lab.checks.cpc_nce import check_cpc_nce
from ssl_lab.checks.cross_view_nce import check_cross_view_nce
from ssl_lab.checks.ema import check_ema
from ssl_lab.checks.filter import check_filter
from ssl_lab.checks.four_directions import check_four_directions
from ssl_lab.checks.full_graph import check_full_graph
from ssl_lab.checks.info_nce import check_info_nce
from ssl_lab.checks.kmeans_step import check_kmeans_step
from ssl_lab.checks.momentum import check_target_momentum
from ssl_lab.checks.mutual_information_bound import check_mutual_information_bound
from ssl_lab.checks.nmi import check_nmi
from ssl_lab.checks.nt_xent import check_nt_xent, check_nt_xent_loop
from ssl_lab.checks.patches import check_patches
from ssl_lab.checks.queue import check_enqueue
from ssl_lab.checks.regression import check_byol_regression
from ssl_lab.checks.repair import check_repair
from ssl_lab.checks.soft_cross_entropy import check_soft_cross_entropy
from ssl_lab.checks.spread import check_embedding_std
from ssl_lab.checks.start import check_cosine, check_nearest_accuracy
from ssl_lab.checks.uniform_sampling import check_uniform_sampling
from ssl_lab.checks.whitened_rows import check_whitened_rows

EXERCISES = {  # notebook → its exercises, in order
    "00_start": ("cosine", "nearest_accuracy"),
    "01_noisy_student": ("soft_cross_entropy", "filter", "balance"),
    "02_deepcluster": ("kmeans_step", "repair", "whitened_rows", "nmi", "uniform_sampling", "begin_round"),
    "03_simclr": ("mean_colour_match", "alignment", "nt_xent_loop", "nt_xent"),
    "04_moco": ("info_nce", "ema", "enqueue"),
    "05_cmc": ("cross_view_nce", "mutual_information_bound", "full_graph"),
    "06_cpc": ("patches", "causal", "cpc_nce", "four_directions"),
    "07_byol": ("byol_regression", "byol_loss", "target_momentum", "embedding_std"),
}

__all__ = [
    "EXERCISES",
    "Check",
    "Kind",
    "Result",
    "check_alignment",
    "check_balance",
    "check_begin_round",
    "check_byol_loss",
    "check_byol_regression",
    "check_causal",
    "check_cosine",
    "check_cpc_nce",
    "check_cross_view_nce",
    "check_ema",
    "check_embedding_std",
    "check_enqueue",
    "check_filter",
    "check_four_directions",
    "check_full_graph",
    "check_info_nce",
    "check_kmeans_step",
    "check_mean_colour_match",
    "check_mutual_information_bound",
    "check_nearest_accuracy",
    "check_nmi",
    "check_nt_xent",
    "check_nt_xent_loop",
    "check_patches",
    "check_repair",
    "check_soft_cross_entropy",
    "check_target_momentum",
    "check_uniform_sampling",
    "check_whitened_rows",
]
