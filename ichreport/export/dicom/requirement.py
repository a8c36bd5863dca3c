"""Whether findings can be written as DICOM here, asked before anything is predicted."""

import importlib.util


def require() -> None:
    """Check that what writes DICOM objects is installed.

    Raises:
        ValueError: If it is not; the message names the cure.
    """
    if importlib.util.find_spec("highdicom") is None:
        raise ValueError(
            "Findings as DICOM need highdicom, which is not installed: "
            'pip install ".[dicom]", or leave out --dicom.'
        )
