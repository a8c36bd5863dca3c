"""Each method is explained where maps were made by it, and nowhere else."""

from types import SimpleNamespace
from typing import get_args

import pytest

from ichreport.model.maps.cam import Method
from ichreport.report.maps import methods

SAID = {
    "CAM": "CAM is exact",
    "Grad-CAM": "Grad-CAM weighs each map of the last convolution by its mean gradient",
    "HiResCAM": "adds up to the logit less its bias",
    "Grad-CAM (element-wise)": "here more follows, so that none holds",
}


def test_every_method_has_its_words():
    assert set(SAID) == set(get_args(Method))


@pytest.mark.parametrize("method", SAID)
def test_a_method_is_explained_and_no_other_is(method):
    maps = dict.fromkeys(["any", "subdural"], SimpleNamespace(method=method))
    [said] = methods.sentences(maps).sentences
    assert [name for name, words in SAID.items() if words in said] == [method]


def test_without_maps_nothing_is_explained():
    assert methods.sentences({}).sentences == []
