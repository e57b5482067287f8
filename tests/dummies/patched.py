"""Mistakes made by other functions in a file of the library."""

import contextlib

import pytest


@contextlib.contextmanager
def patched(file, **names):
    """Other functions in the file, for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setattr(file, name, value)
        yield


class Relabelled:
    """A mistake, before a method that relabels: it meets other functions, `instead`, in `file`."""

    file, instead = None, {}

    def relabel(self, data):
        with patched(self.file, **self.instead):
            return super().relabel(data)
