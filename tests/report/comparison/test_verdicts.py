"""Every verdict against the constant prevalence has a colour and an explanation."""

from typing import get_args

import pytest

from ichreport.evaluation.constant_prevalence import Verdict
from ichreport.report.comparison import verdicts


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_every_verdict_has_its_colour_and_is_explained(verdict):
    assert verdict in verdicts.KINDS
    assert f'"{verdict}"' in verdicts.explanation()
    assert set(verdicts.KINDS) == set(get_args(Verdict))
