"""A calibrated probability at another prevalence is what Bayes' rule says."""

import numpy as np
import pytest

from ichreport.evaluation.calibration.prevalence import at_prevalence


def test_it_is_the_posterior_of_a_test_with_known_rates():
    recall, false_alarms = 0.9, 0.2
    for known in (0.05, 0.4):
        positive = recall * known / (recall * known + false_alarms * (1 - known))
        for wanted in (0.02, 0.5):
            expected = recall * wanted / (recall * wanted + false_alarms * (1 - wanted))
            found = at_prevalence(positive, known=known, wanted=wanted)
            assert float(found) == pytest.approx(expected, abs=1e-9)


def test_the_same_prevalence_changes_nothing():
    p = np.linspace(0.01, 0.99, 20)
    np.testing.assert_allclose(at_prevalence(p, known=0.3, wanted=0.3), p, atol=1e-12)


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, float("nan")])
def test_a_prevalence_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="prevalence must be in"):
        at_prevalence(0.5, known=wrong, wanted=0.2)
    with pytest.raises(ValueError, match="prevalence must be in"):
        at_prevalence(0.5, known=0.2, wanted=wrong)
