"""Which block of a network the maps come from: the candidates, and the one that was chosen."""

from typing import Final

from ichreport.evaluation.maps.layer_choice import Candidate, LayerChoice
from ichreport.report.html.blocks import Column, Marked, Row, Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import counted, listed, number, with_interval

_CAPTIONS: Final = Captions.beside(__file__)
_NOTHING: Final = Sentences(["There are no layers to compare."])


def table(choice: LayerChoice) -> Table | Sentences:
    """Each candidate's pointing on validation, where one was chosen."""
    if choice.layer is None:
        return _NOTHING
    rows = [
        Row(
            [
                _block(candidate),
                Marked("chosen", "good") if candidate.layer == choice.layer else "",
                str(candidate.side),
                with_interval(vars(candidate.pointing)),
            ]
        )
        for candidate in choice.candidates
    ]
    columns: list[Column | str] = ["maps of", ""]
    columns += numbers("pixels a side", "pointing game, validation")
    return Table(_CAPTIONS.fill("layers", slices=_chosen(choice).pointing.maps), columns, rows)


def sentences(choice: LayerChoice) -> Sentences:
    """Which block was chosen, how often it pointed, and how sure that is; or why none was."""
    if not choice.candidates:
        return Sentences([_CAPTIONS.fill("layers_fixed")])
    if choice.layer is None:
        candidates = listed(map(_block, choice.candidates))
        return Sentences([_CAPTIONS.fill("layers_no_masks", layers=candidates)])
    chosen = _chosen(choice)
    pointing = chosen.pointing
    share, slices = number(pointing.value), counted(pointing.maps, "validation slice")
    return Sentences(
        [
            _CAPTIONS.fill("layers_chosen", layer=_block(chosen), share=share, slices=slices),
            *_ties_in_words(choice),
            *_close_ones_in_words(choice),
        ]
    )


def _ties_in_words(choice: LayerChoice) -> list[str]:
    best = _chosen(choice).pointing.value
    if best == 0:
        return [_CAPTIONS.fill("layers_none_points")]
    tied = [candidate for candidate in choice.candidates if candidate.pointing.value == best]
    if len(tied) < 2:
        return []
    return [_CAPTIONS.fill("layers_tied", layers=listed(map(_block, tied)))]


def _close_ones_in_words(choice: LayerChoice) -> list[str]:
    """Blocks that pointed less often, but by no more than one of the two intervals spans."""
    best = _chosen(choice).pointing
    close = [
        candidate
        for candidate in choice.candidates
        if candidate.pointing.value < best.value
        and (best.low <= candidate.pointing.value or best.value <= candidate.pointing.high)
    ]
    return [_CAPTIONS.fill("layers_close", layers=listed(map(_block, close)))] if close else []


def _chosen(choice: LayerChoice) -> Candidate:
    return next(one for one in choice.candidates if one.layer == choice.layer)


def _block(candidate: Candidate) -> str:
    """A block by its number, which its ReLU is named after."""
    return candidate.layer.replace("relu", "block ")
