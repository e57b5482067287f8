"""Runs that are recorded in the package, and that one command records again: a method as it is, and the same with one switch turned.

    STUDIES[name] → begin → Method, Recipe → record (train, watch, evaluate) → recorded/NAME.json, NAME.safetensors → recorded(name)

`ssl-lab study NAME` does it. A study costs half a minute to ten minutes of one thread.
"""

from ssl_lab.studies.record import FOLDER, Record, figures, label_efficiency, record, recorded
from ssl_lab.studies.study import BYOLS, MOMENTA, STUDIES, Study, begin

__all__ = ["BYOLS", "FOLDER", "MOMENTA", "STUDIES", "Record", "Study", "begin", "figures", "label_efficiency", "record", "recorded"]
