"""Tables as data: the lecture's, with the figures that the papers print, and our own, to which every notebook adds a row."""

from ssl_lab.tables import byol, cmc, cpc, deepcluster, moco, noisy_student, simclr
from ssl_lab.tables.random_network import RANDOM_NETWORK
from ssl_lab.tables.results import MEASURES, results
from ssl_lab.tables.table import Table

__all__ = ["MEASURES", "RANDOM_NETWORK", "Table", "byol", "cmc", "cpc", "deepcluster", "moco", "noisy_student", "results", "simclr"]
