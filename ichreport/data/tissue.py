"""HU by which a pixel of a slice is told from another kind of tissue.

Bounds for measuring whole slices of usual noise. Modules that look for something else, such as a
ring of thin bone (`head_detection`) or all that a skull encloses (`slice_measures`), say their own.
"""

from typing import Final

BONE_HU: Final = 300
"""HU above which a pixel is bone."""
BRAIN_HU: Final = (0, 100)
"""HU between which a pixel of a head counts as brain, against which a bleed stands out."""
