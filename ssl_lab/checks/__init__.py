"""Exercise checkers, one file a notebook: check_<library function>(fn) says whether fn is right, and if not, which of the usual mistakes it makes."""

from ssl_lab.checks.check import Check, Result
from ssl_lab.checks.simclr import check_nt_xent

__all__ = ["Check", "Result", "check_nt_xent"]
