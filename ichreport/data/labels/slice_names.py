"""Names of slices that come without: those of a volume, which is one file for a whole series."""


def slice_name(volume: str, number: int) -> str:
    """The name of a slice of a volume, such as `049:12`.

    Args:
        volume: The volume's name: that of its file without `.nii` or `.nii.gz`.
        number: The slice's number in the order in which the file stores it, from 1.
    """
    return f"{volume}:{number}"
