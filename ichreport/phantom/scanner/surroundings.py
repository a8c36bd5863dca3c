"""What lies around the head."""

import numpy as np

from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.scanner.scan import Scan
from ichreport.phantom.shapes import Array

_AIR = -1000.0


def head_rest(scan: Scan, head: Head) -> Array:
    """The head rest in every slice: a thin curved shell under the occiput, with foam on it (HU)."""
    grid = scan.grid
    occiput = 90 + head.skull + head.scalp
    low = occiput * head.scale[1] + scan.offset[1] + 2
    x, y = grid.across[None, :], grid.down[:, None] - np.float32(low - 119)
    radius = np.sqrt(np.square(x) + np.square(y)) - np.float32(119)
    shell = np.clip(2 - np.abs(radius), 0, 1) * (y > 60)
    foam = np.clip(5 - np.abs(radius + 7), 0, 1) * (y > 64)
    hu = np.full(radius.shape, _AIR, np.float32) + 60 * foam
    return grid.pixels((hu + shell * (150 - hu)).astype(np.float32))
