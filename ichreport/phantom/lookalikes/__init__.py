"""Bright things that are no bleed, each drawn as often as a reader meets it."""

from ichreport.phantom.lookalikes.lookalike import Lookalike, Patch
from ichreport.phantom.lookalikes.occurrence import draw

__all__ = ["Lookalike", "Patch", "draw"]
