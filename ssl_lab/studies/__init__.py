"""Trainings that are recorded in the package: methods as they are, and with one switch turned. One command records each of them again.

    STUDIES[name] → begin → Method, Recipe → record (train, watch, evaluate) → recorded/NAME.json, NAME.safetensors → recorded(name)

`ssl-lab study NAME` does all of this, in half a minute to ten minutes of one thread.
"""

from ssl_lab.studies.record import FOLDER, Record, figures, label_efficiency, record, recorded, teachers
from ssl_lab.studies.study import BYOLS, MOMENTA, STUDIES, Study, begin

__all__ = ["BYOLS", "FOLDER", "MOMENTA", "STUDIES", "Record", "Study", "begin", "figures", "label_efficiency", "record", "recorded", "teachers"]
