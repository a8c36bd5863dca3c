"""The format of a store, apart from what reads it, so that it costs no import of pandas."""

from typing import Final

STORE_FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
"""What a store says about itself; written last."""
