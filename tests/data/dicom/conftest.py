"""Small files, read."""

import pytest

from ichreport.data.dicom.reject import RejectError
from tests.data.dicom.reading import slice_from_bytes


@pytest.fixture(name="made")
def made_(dicom_bytes, no_decode):
    """Make a file and read it."""

    def make(*arguments, **words):
        return slice_from_bytes(memoryview(dicom_bytes(*arguments, **words)), decode=no_decode)

    return make


@pytest.fixture(name="reason")
def reason_(made):
    """Make a bad file and tell why it was refused."""

    def make(*arguments, **words):
        with pytest.raises(RejectError) as refused:
            made(*arguments, **words)
        return str(refused.value)

    return make
