"""The garbage collector rests while large libraries are imported, and works again afterwards."""

import gc

import pytest

from ichreport.importing import without_garbage_collection


@pytest.fixture(autouse=True)
def _thawed():
    yield
    gc.unfreeze()


def test_nothing_is_collected_within_and_everything_after():
    with without_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_made_within_is_left_alone_for_good():
    before = gc.get_freeze_count()
    with without_garbage_collection():
        made = [[] for _ in range(1000)]
    assert gc.get_freeze_count() >= before + len(made)


def test_an_import_that_fails_does_not_leave_the_collector_off():
    with pytest.raises(ModuleNotFoundError), without_garbage_collection():
        __import__("no_such_library")
    assert gc.isenabled()
