"""How maps were made, and what has been proved of maps that are made so."""

from collections.abc import Mapping
from typing import Any, Final

from ichreport.report.html.blocks import Sentences
from ichreport.report.html.captions import Captions

_CAPTIONS: Final = Captions.beside(__file__)
_METHODS: Final = {
    "CAM": _CAPTIONS.fill("method_cam"),
    "Grad-CAM": _CAPTIONS.fill("method_grad_cam"),
    "HiResCAM": _CAPTIONS.fill("method_hirescam"),
    "Grad-CAM (element-wise)": _CAPTIONS.fill("method_element_wise"),
}
"""By method, what it is."""


def sentences(heatmaps: Mapping[str, Any]) -> Sentences:
    """A sentence for each method by which maps were made.

    Args:
        heatmaps: By label, heat maps with `method`, in the words of `model.maps.cam`.
    """
    methods = sorted({maps.method for maps in heatmaps.values()})
    return Sentences([_METHODS[method] for method in methods])
