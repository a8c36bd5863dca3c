"""What stands in place of a table or a figure that needs labels which nobody gave."""

from typing import Final

from ichreport.data.store import Store
from ichreport.report.html.blocks import Sentences
from ichreport.report.html.captions import Captions

_CAPTIONS: Final = Captions.beside(__file__)


def no_labels() -> Sentences:
    """Nothing of a store is labelled."""
    return Sentences([_CAPTIONS.fill("nothing_labelled")])


def no_labels_of_slices(store: Store) -> Sentences:
    """No slice of a store is labelled; its studies may be."""
    if store.studies is None:
        return no_labels()
    return Sentences([_CAPTIONS.fill("no_labels_of_slices")])
