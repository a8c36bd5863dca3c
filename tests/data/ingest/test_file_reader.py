"""Files are read whole, from the disk or out of a zip, or refused with a reason."""

import os

import pytest

from ichreport.data.dicom.reject import RejectError
from ichreport.data.ingest.file_reader import FileReader
from ichreport.data.ingest.sources import SourceFile


@pytest.fixture(name="read")
def read_(tmp_path):
    """Read a file of a folder."""

    def read(name):
        with FileReader(tmp_path) as reader:
            return bytes(reader.read(SourceFile(name, size=0, modified=0)))

    return read


def test_what_is_no_regular_file_is_refused(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    for name, reason in [
        ("pipe", "not a regular file"),
        (".", "not a regular file"),
        ("none", "cannot be opened: No such file"),
    ]:
        with pytest.raises(RejectError, match=reason):
            read(name)


@pytest.mark.parametrize(("size", "reason"), [(2**40, "may have"), (2**27, "no DICOM file, and")])
def test_a_file_that_is_too_large_is_refused_unread(tmp_path, read, size, reason):
    with (tmp_path / "huge.dcm").open("wb") as stream:
        stream.truncate(size)
    with pytest.raises(RejectError, match=reason):
        read("huge.dcm")


def test_a_reader_gives_each_file_whole(tmp_path):
    with FileReader(tmp_path) as reader:
        for size in (10, 2**21, 3, 0):
            content = bytes(128) + b"DICM" + os.urandom(size)
            (tmp_path / "f").write_bytes(content)
            assert bytes(reader.read(SourceFile("f", size=len(content), modified=0))) == content
