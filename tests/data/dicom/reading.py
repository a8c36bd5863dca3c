"""Reading files that hold one slice."""

from ichreport.data.dicom.slice_reader import slices_from_bytes


def slice_from_bytes(content, *, decode):
    """The one slice of a file."""
    [read] = slices_from_bytes(content, decode=decode)
    return read
