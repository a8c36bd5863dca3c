"""How far readers of the same studies agree, beyond what chance would bring about."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.data.labels.reader_votes import count_readers, votes_on
from ichreport.evaluation.uncertainty.bootstrap import group_sums
from ichreport.evaluation.uncertainty.closed_intervals import rate_interval
from ichreport.evaluation.uncertainty.intervals import Interval, count_groups
from ichreport.evaluation.uncertainty.jackknife import LeftOut, effective_groups
from ichreport.labels import LABELS

ALL_READERS: Final = "all"
"""What the rows of Fleiss' kappa say in place of a pair of readers."""

_Kappa = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""From sums over studies, (..., k), to the agreement and that expected by chance, (...)."""


def fleiss_kappa(counts: ArrayLike) -> float:
    """Fleiss' kappa of readers who each put every study into one of several categories.

    (P - P_e) / (1 - P_e), with P the share of pairs of readers that agree, a mean over studies, and
    P_e the sum of the squared shares of the categories among all votes (Fleiss, Psychological
    Bulletin 76 (1971) 378).

    Args:
        counts: (studies, categories), how many readers choose each; the same sum in each study.

    Returns:
        At most 1; NaN where there is no study, or all votes are for one category.

    Raises:
        ValueError: If the studies have other numbers of readers, or fewer than two.
    """
    counts = np.asarray(counts)
    readers = np.unique(counts.sum(axis=1))
    if len(readers) > 1 or (readers < 2).any():
        raise ValueError(
            f"counts must be of the same two or more readers in each study, got {readers.tolist()}."
        )
    return float(_beyond_chance(*_of_fleiss(_fleiss_terms(counts).sum(axis=0))))


def cohen_kappa(first: ArrayLike, second: ArrayLike) -> float:
    """Cohen's kappa of two readers who each say 0 or 1 of every study.

    (p - p_e) / (1 - p_e), with p the share of studies on which they agree, and p_e the share if
    each said 1 as often as he does, whatever the other says (Cohen, Educational and Psychological
    Measurement 20 (1960) 37).

    Args:
        first: (studies,), 0 or 1.
        second: (studies,), likewise.

    Returns:
        In [-1, 1]; NaN where there is no study, or both say the same of all.
    """
    votes = np.stack([np.asarray(first), np.asarray(second)], axis=1)
    return float(_beyond_chance(*_of_cohen(_cohen_terms(votes).sum(axis=0))))


def agreement_table(studies: pd.DataFrame) -> pd.DataFrame:
    """The readers' agreement on each label: Fleiss' kappa of all, Cohen's of each pair.

    Studies without the votes of all readers on a label are left out for it. Intervals are those of
    the agreement as a rate, beyond the chance observed, for as many independent studies as would
    know kappa as well as leaving out one patient with all studies at a time says.

    Args:
        studies: A store's studies, with readers' votes.

    Returns:
        One row for each label and `readers` (`all`, then `1 and 2`, …): `value`, `low`, `high`,
        `groups`, `agreement` (the share of pairs of votes that agree), `studies`, and
        `positives` (studies that any of these readers calls positive). NaN where all votes are the
        same. No rows where there are fewer than two readers.
    """
    codes = pd.factorize(studies["patient_id"])[0].astype(np.intp)
    readers = range(count_readers(studies))
    table: list[dict[str, Any]] = []
    for label in LABELS:
        votes = votes_on(studies, label)
        known = (votes >= 0).all(axis=1)
        groups: list[tuple[str, list[int]]] = [
            (f"{1 + first} and {1 + second}", [first, second])
            for first, second in combinations(readers, 2)
        ]
        if groups:
            groups.insert(0, (ALL_READERS, list(readers)))
        for name, members in groups:
            row = _row(votes[known][:, members], codes[known], name == ALL_READERS)
            table.append({"label": label, "readers": name, **row})
    columns = ["label", "readers", "value", "low", "high", "groups", "agreement"]
    return pd.DataFrame(table, columns=[*columns, "studies", "positives"])


def _row(votes: NDArray[np.int8], codes: NDArray[np.intp], all_readers: bool) -> dict[str, Any]:
    """Kappa of some readers with its interval, and what it is of."""
    counts = np.stack([(votes == value).sum(axis=1) for value in (0, 1)], axis=1)
    terms = _fleiss_terms(counts) if all_readers else _cohen_terms(votes)
    kappa: _Kappa = _of_fleiss if all_readers else _of_cohen
    by_group = group_sums(terms, codes, int(codes.max(initial=-1)) + 1)
    agreement, chance = (float(part) for part in kappa(terms.sum(axis=0)))
    value = float(_beyond_chance(agreement, chance))
    without = _beyond_chance(*kappa(terms.sum(axis=0) - by_group))
    without[np.isnan(without)] = value
    patients = np.bincount(codes)  # all of whom tell how far readers agree
    left_out = LeftOut(value, without, int((patients > 0).sum()), effective_groups(patients))
    pairs = len(votes) * math.comb(votes.shape[1], 2)  # of votes, all of which count
    ends = _kappa_interval(left_out, units=pairs, agreement=agreement, chance=chance)
    groups = count_groups(codes, *(counts > 0).T)
    ends = replace(ends, groups=groups) if groups > 1 else Interval(math.nan, math.nan, groups)
    least = -1 / (votes.shape[1] - 1)  # kappa of so many readers, who cannot all disagree
    return {
        "value": value,
        **vars(ends.within(least, 1)),
        "agreement": agreement,
        "studies": len(votes),
        "positives": int((counts[:, 1] > 0).sum()),
    }


def _kappa_interval(kappa: LeftOut, *, units: int, agreement: float, chance: float) -> Interval:
    """The interval of a kappa: that of an agreement which is as uncertain, beyond chance."""
    scale = 1 - chance
    rate = replace(kappa, value=agreement, without=agreement - scale * kappa.deviations)
    ends = rate_interval(rate, units=units)
    low, high = ((end - chance) / scale if scale else math.nan for end in (ends.low, ends.high))
    return replace(ends, low=low, high=high)


def _fleiss_terms(counts: NDArray[Any]) -> NDArray[np.float64]:
    """What kappa sums over studies: one, the pairs that agree, and the votes by category."""
    readers = counts.sum(axis=1)
    pairs = (counts * (counts - 1)).sum(axis=1) / (readers * (readers - 1))
    return np.column_stack([np.ones(len(counts)), pairs, counts])


def _of_fleiss(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    studies, pairs, votes = sums[..., 0], sums[..., 1], sums[..., 2:]
    shares = _ratio(votes, votes.sum(axis=-1, keepdims=True))
    chance: NDArray[np.float64] = np.square(shares).sum(axis=-1)
    return _ratio(pairs, studies), chance


def _cohen_terms(votes: NDArray[Any]) -> NDArray[np.float64]:
    """What kappa sums over studies: both say 0, the second alone 1, the first alone 1, both 1."""
    cell: NDArray[np.int64] = 2 * votes[:, 0] + votes[:, 1]
    return np.equal(cell[:, None], np.arange(4)).astype(np.float64)


def _of_cohen(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    total = sums.sum(axis=-1)
    first, second = (_ratio(sums[..., list(ones)].sum(-1), total) for ones in ((2, 3), (1, 3)))
    agreement = _ratio(sums[..., 0] + sums[..., 3], total)
    return agreement, first * second + (1 - first) * (1 - second)


def _beyond_chance(agreement: Any, chance: Any) -> NDArray[np.float64]:
    """(agreement - chance) / (1 - chance); NaN where chance explains everything."""
    return _ratio(np.asarray(agreement - chance), np.asarray(1 - chance))


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """`part` / `whole`; NaN where there is nothing."""
    ratio: NDArray[np.float64] = np.where(whole > 0, part / np.where(whole > 0, whole, 1), math.nan)
    return ratio
