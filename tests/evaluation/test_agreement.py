"""Kappas are the published ones, and their intervals keep what they promise."""

import math
from itertools import count, cycle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa as reference

from ichreport.data.labels.reader_votes import vote_column
from ichreport.evaluation import agreement
from ichreport.evaluation.agreement import agreement_table, cohen_kappa, fleiss_kappa
from ichreport.evaluation.uncertainty.closed_intervals import rate_interval
from ichreport.labels import LABELS

# Fleiss (1971), Table 1: thirty patients, each diagnosed by six of 43 psychiatrists.
DIAGNOSES = [
    "00060", "03003", "01401", "00006", "03030", "20400", "00402", "20310", "20040", "00006",
    "10050", "11040", "03300", "10050", "02031", "00501", "30012", "51000", "02040", "10203",
    "00006", "01050", "02013", "20040", "10041", "05010", "40002", "02040", "10500", "00006",
]  # fmt: skip


def made_up(*votes, patients=None):
    """A store's studies with votes, (studies, readers), on each label, or the same on all."""
    columns = {
        vote_column(1 + reader, label): own[:, reader]
        for label, own in zip(LABELS, cycle(votes), strict=False)
        for reader in range(own.shape[1])
    }
    names = range(len(votes[0])) if patients is None else patients
    return pd.DataFrame({"patient_id": [f"p{name}" for name in names], **columns})


def draw_votes(seed, studies=200, readers=3, prevalence=0.3, errors=0.1):
    random = np.random.default_rng(seed)
    truth = random.random((studies, 1)) < prevalence
    return (truth ^ (random.random((studies, readers)) < errors)).astype(np.int8)


def test_fleiss_kappa_is_that_of_the_paper():
    counts = np.array([[int(digit) for digit in row] for row in DIAGNOSES])
    assert counts.sum(axis=0).tolist() == [26, 26, 30, 55, 43]
    assert fleiss_kappa(counts) == pytest.approx(0.430, abs=5e-4)


def test_fleiss_kappa_worked_by_hand():
    # Three readers, four studies: pairs agree in 1, 1/3, 1/3 and 1; seven of twelve votes are 1.
    counts = np.array([[0, 3], [1, 2], [1, 2], [3, 0]])
    pairs, chance = (1 + 1 / 3 + 1 / 3 + 1) / 4, (5 / 12) ** 2 + (7 / 12) ** 2
    assert fleiss_kappa(counts) == pytest.approx((pairs - chance) / (1 - chance))
    assert fleiss_kappa(counts) == pytest.approx(11 / 35)


@pytest.mark.parametrize("seed", range(3))
def test_kappas_agree_with_other_libraries(seed):
    votes = draw_votes(seed)
    counts = np.stack([(votes == 0).sum(axis=1), (votes == 1).sum(axis=1)], axis=1)
    assert fleiss_kappa(counts) == pytest.approx(reference(counts), abs=1e-12)
    expected = cohen_kappa_score(votes[:, 0], votes[:, 1])
    assert cohen_kappa(votes[:, 0], votes[:, 1]) == pytest.approx(expected, abs=1e-12)


def test_readers_who_always_agree_have_a_kappa_of_1_and_those_who_never_do_of_minus_1():
    first = np.array([0, 1, 0, 1])
    assert cohen_kappa(first, first) == 1
    assert cohen_kappa(first, 1 - first) == -1
    assert fleiss_kappa([[3, 0], [0, 3]]) == 1


@pytest.mark.parametrize("votes", [np.zeros((5, 3)), np.ones((5, 3)), np.zeros((0, 3))])
def test_votes_of_one_class_have_no_kappa(votes):
    votes = votes.astype(np.int8)
    counts = np.stack([(votes == 0).sum(axis=1), (votes == 1).sum(axis=1)], axis=1)
    assert math.isnan(fleiss_kappa(counts))
    assert math.isnan(cohen_kappa(votes[:, 0], votes[:, 1]))
    table = agreement_table(made_up(votes))
    assert table[["value", "low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize("counts", [[[3, 0], [1, 1]], [[1, 0], [0, 1]]])
def test_studies_need_the_same_two_or_more_readers(counts):
    with pytest.raises(ValueError, match="the same two or more readers"):
        fleiss_kappa(counts)


def test_the_table_has_all_readers_and_each_pair_of_each_label():
    votes = draw_votes(1)
    table = agreement_table(made_up(votes))
    assert table["label"].unique().tolist() == list(LABELS)
    of_one = table[table["label"] == "any"].set_index("readers")
    assert of_one.index.to_list() == ["all", "1 and 2", "1 and 3", "2 and 3"]
    expected = cohen_kappa_score(votes[:, 0], votes[:, 2])
    assert of_one.loc["1 and 3", "value"] == pytest.approx(expected, abs=1e-12)
    assert of_one.loc["1 and 3", "agreement"] == np.mean(votes[:, 0] == votes[:, 2])
    assert of_one.loc["1 and 3", "positives"] == (votes[:, [0, 2]].max(axis=1)).sum()
    pairs = of_one["agreement"].drop("all")
    assert of_one.loc["all", "agreement"] == pytest.approx(pairs.mean())
    assert (of_one["studies"] == 200).all()
    assert ((of_one["low"] < of_one["value"]) & (of_one["value"] < of_one["high"])).all()


def test_intervals_are_of_the_kappas_without_each_patient(monkeypatch):
    votes, seen = draw_votes(4, studies=40), []

    def noted(left_out, **words):
        seen.append(left_out)
        return rate_interval(left_out, **words)

    monkeypatch.setattr(agreement, "rate_interval", noted)
    patient = np.repeat(np.arange(20), 2)
    all_counts = np.stack([(votes == v).sum(axis=1) for v in (0, 1)], axis=1)
    agreement_table(made_up(votes, patients=patient))
    (fleiss, cohen), disagreed = seen[:2], votes[:, 0] != votes[:, 1]
    assert cohen.value == 1 - disagreed.mean()
    for number in range(20):
        rows = patient != number
        counts = np.stack([(votes[rows] == v).sum(axis=1) for v in (0, 1)], axis=1)
        changes = (
            (fleiss, reference(counts), reference(all_counts)),
            (
                cohen,
                cohen_kappa_score(votes[rows, 0], votes[rows, 1]),
                cohen_kappa_score(votes[:, 0], votes[:, 1]),
            ),
        )
        for left_out, without, value in changes:
            by_chance = (1 - left_out.value) / (1 - value)  # 1 - chance
            moved = (left_out.value - left_out.without[number]) / by_chance
            assert moved == pytest.approx(value - without, abs=1e-12)


def test_studies_of_one_patient_are_drawn_together():
    votes = draw_votes(2, studies=40)
    alone = agreement_table(made_up(votes)).iloc[0]
    twice = agreement_table(
        made_up(np.repeat(votes, 2, axis=0), patients=np.repeat(range(40), 2))
    ).iloc[0]
    columns = ["value", "low", "high"]
    # but for the quantile of as many pairs of votes
    np.testing.assert_allclose(
        twice[columns].astype(float), alone[columns].astype(float), atol=3e-3
    )


def test_studies_without_all_votes_are_left_out():
    votes = draw_votes(3, studies=30)
    missing = votes.copy()
    missing[::3, 1] = -1
    table = agreement_table(made_up(missing))
    kept = agreement_table(made_up(np.delete(votes, np.s_[::3], axis=0)))
    assert (table["studies"] == 20).all()
    pd.testing.assert_series_equal(table["value"], kept["value"])


def test_perfect_agreement_still_has_an_interval():
    votes = np.repeat(np.arange(30)[:, None] < 10, 3, axis=1).astype(np.int8)
    row = agreement_table(made_up(votes)).iloc[0]
    assert (row["value"], row["high"]) == (1, 1)
    assert 0 < row["low"] < 1
    rare = np.repeat(np.arange(30)[:, None] < 1, 3, axis=1).astype(np.int8)
    assert math.isnan(agreement_table(made_up(rare)).iloc[0]["low"])


def test_all_patients_tell_how_far_readers_agree_on_a_rare_bleed():
    """The patients of the rarer class alone counted: the interval was three times as wide."""
    rare = draw_votes(3, studies=490, prevalence=0.03, errors=0.01)
    row = agreement_table(made_up(rare)).iloc[0]
    assert row["high"] - row["low"] < 0.6
    assert row["groups"] < 40


@pytest.mark.parametrize(
    ("errors", "studies", "width"), [(0.1, 80, 0.4), (0.02, 80, 0.3), (0.1, 30, 0.6)]
)
def test_the_interval_covers_the_kappa_of_the_population(errors, studies, width):
    bleeding = 0.3 * (1 - errors) + 0.7 * errors  # of all votes
    chance = bleeding**2 + (1 - bleeding) ** 2
    truth = ((1 - errors) ** 2 + errors**2 - chance) / (1 - chance)
    votes = (draw_votes(seed, studies=studies, errors=errors) for seed in count())
    tables = [agreement_table(made_up(*(next(votes) for _ in LABELS))) for _ in range(17)]
    rows = pd.concat(tables).query("readers == 'all'")[:100]
    covered = rows["low"].le(truth) & rows["high"].ge(truth)
    assert covered.sum() >= 89  # of 100 at 95 %; fewer happens once in 200 times
    assert (rows["high"] - rows["low"]).median() < width


@pytest.mark.parametrize("studies", [100, 1_000])
def test_a_handful_of_disagreements_is_known_about_as_well_as_none(studies):
    lows = []
    for disagreements in range(6):
        votes = np.repeat(np.arange(studies)[:, None] % 2 == 0, 3, axis=1).astype(np.int8)
        votes[:disagreements, 0] ^= 1
        row = agreement_table(made_up(votes)).iloc[0]
        assert row["low"] < row["value"] <= row["high"] <= 1
        lows.append(row["low"])
    assert min(lows) > 1 - 30 / studies
    assert lows[5] < lows[1]


def test_readers_who_never_agree_and_one_patient_with_all_disagreements_have_an_interval():
    never = np.stack([np.arange(20) % 2, 1 - np.arange(20) % 2], axis=1).astype(np.int8)
    row = agreement_table(made_up(never)).iloc[1]
    assert (row["readers"], row["value"], row["low"]) == ("1 and 2", -1, -1)
    assert -1 < row["high"] < 0
    votes = np.repeat(np.arange(40)[:, None] % 2, 2, axis=1).astype(np.int8)
    votes[:10, 0] ^= 1
    row = agreement_table(made_up(votes, patients=np.maximum(np.arange(40) - 9, 0))).iloc[1]
    assert -1 <= row["low"] < row["value"] < row["high"] < 1


def test_no_interval_of_three_readers_goes_below_what_three_can_disagree():
    votes = np.tile([[1, 0, 0], [0, 1, 0], [0, 0, 1]], (2, 1)).astype(np.int8)
    row = agreement_table(made_up(votes)).iloc[0]
    assert (row["readers"], row["value"], row["low"]) == ("all", pytest.approx(-0.5), -0.5)


def test_one_reader_or_none_has_no_agreement():
    assert agreement_table(made_up(draw_votes(0, readers=1))).empty
    assert agreement_table(pd.DataFrame({"patient_id": ["p"]})).empty
