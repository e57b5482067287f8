"""Mistakes are told in one sentence, as a ValueError that the command line can recognise."""

import pytest

from ssl_lab.errors import InputError, one_of, require


def test_a_condition_that_holds_says_nothing():
    require(True, "never read")
    one_of("b", ("a", "b"), "letter")


def test_a_sentence_arrives_as_it_was_written():
    with pytest.raises(InputError, match=r"^batch=1: two are needed$"):
        require(False, "batch=1: two are needed")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match=r"^letter 'c' is unknown; there are: a, b$"):
        one_of("c", ("a", "b"), "letter")
