"""How maps were made, and what has been proved of maps that are made so."""

from collections.abc import Mapping
from typing import Any, Final

from ichreport.report.html.blocks import Sentences
from ichreport.report.html.captions import Captions

_CAPTIONS: Final = Captions.beside(__file__)


def sentences(heatmaps: Mapping[str, Any]) -> Sentences:
    """A sentence for each method by which maps were made.

    Args:
        heatmaps: By label, heat maps with `method`, in the words of `model.maps.cam`.
    """
    methods = sorted({maps.method for maps in heatmaps.values()})
    return Sentences([_what_it_is(method) for method in methods])


def _what_it_is(method: str) -> str:
    match method:
        case "CAM":
            return _CAPTIONS.fill("method_cam")
        case "Grad-CAM":
            return _CAPTIONS.fill("method_grad_cam")
        case "HiResCAM":
            return _CAPTIONS.fill("method_hirescam")
        case "Grad-CAM (element-wise)":
            return _CAPTIONS.fill("method_element_wise")
    raise ValueError(f"method must be one of CAM, Grad-CAM and HiResCAM's kinds, got {method!r}.")
