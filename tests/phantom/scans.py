"""Scans to look at heads with, as clean as a test needs them."""

import dataclasses

import numpy as np

from ichreport.params.phantom.scanners import SCANNERS
from ichreport.phantom.scanner.scan import Scan
from ichreport.phantom.scanner.surroundings import AIR, Surroundings

SILENT = {"noise": 0.0, "streaks": 0.0, "shading": (0.0, 0.0), "edge": 0.0, "cupping": 0.0}
RIGHT = {"offset": 0.0, "gain": 1.0, "bone": 1.0}
"""The response of a scanner that adds nothing, and that of one that is not off."""

NOTHING = Surroundings("curved", 400.0, 0.0, AIR, AIR, None, ())
"""A rest so far below that no slice shows it."""


def draw_scan(
    seed=0, scanner=SCANNERS[0], *, size=128, slices=10, varied=False, response=None, **changes
):
    """A scan by a scanner, with some of its response and of its other attributes replaced."""
    rng = np.random.default_rng(seed)
    scan = Scan.draw(rng, scanner, rows=size, columns=size, slices=slices, varied=varied)
    if response is not None:
        changes["response"] = dataclasses.replace(scan.response, **response)
    return dataclasses.replace(scan, **changes)
