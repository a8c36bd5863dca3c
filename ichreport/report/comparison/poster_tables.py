"""The poster's tables with our figures beside them, and what the numbers say."""

import math
from typing import Any, Final

from ichreport import poster
from ichreport.evaluation.assessment import POSTER_RULE
from ichreport.evaluation.constant_prevalence import learned_together
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.labels import ANY, SUBTYPES
from ichreport.params.endpoint import AREA_OF_SLICES
from ichreport.params.experiment import SEED_MARK, Experiment
from ichreport.params.samples import SAMPLES, Sample, SplitBy
from ichreport.report.comparison import training_seeds, verdicts
from ichreport.report.html.blocks import Cell, Link, Marked, Row, Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import (
    counted,
    interval,
    number,
    percent,
    starred,
    with_interval,
    with_named_interval,
)
from ichreport.report.html.formats import listed as listed_names
from ichreport.report.run import score_tables
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, ScoredRun
from ichreport.splits import SPLITS, Split

_CAPTIONS: Final = Captions.beside(__file__)
_POSTER_SPLITS: Final[tuple[Split, ...]] = ("train", "test")


def losses(results: Results) -> Table:
    """Our losses beside the poster's, and the floor of each sample below."""
    rows = []
    for run in (run for run in results.runs if SEED_MARK not in run.name):
        scored = results.scored.get(run.name)
        mark = " †" if scored and verdicts.had_no_epochs_left(scored) else ""
        link = Link(f"experiments/{run.name}.html", f"{run.name}{mark}")
        spread = _over_seeds(run.name, results)
        if scored is None:
            cells = _without_losses(run, results.expected.get(run.name), results)
            rows.append(Row([link, *cells, *spread], "quiet"))
        else:
            cells = _with_losses(scored, results)
            rows.append(Row([link, *cells, *spread], "marked" if scored is results.best else ""))
    poster_columns = ["train", "test", *_unless_synthetic("test − poster", results)]
    synthetic = _CAPTIONS.fill("losses_synthetic") if results.synthetic else ""
    over_seeds = [f"{score}, mean ± SD" for score in training_seeds.scores(results)]
    several = _over_seeds("", results)
    said = _CAPTIONS.fill("losses_over_seeds") if several else _CAPTIONS.fill("losses_of_one_seed")
    return Table(
        _CAPTIONS.fill(
            "losses",
            verdicts=verdicts.explanation(),
            synthetic=synthetic,
            spread=said,
            best=_bold_row(results),
        ),
        [
            "experiment",
            *numbers(*SPLITS, group="log loss here"),
            *numbers(*poster_columns, group="the poster's"),
            *numbers("AUC, any bleeding, test", *_of_primary(results.primary.in_words, results)),
            "against the constant",
            *numbers(*over_seeds[: len(several)], group="over training seeds, test"),
        ],
        [*rows, *_floors(results)],
        sortable=True,
    )


def _bold_row(results: Results) -> str:
    """What the bold row is; nothing where there is none."""
    if results.best is None:
        return ""
    if len(results.candidates) == 1:
        return _CAPTIONS.fill("losses_only_candidate")
    return _CAPTIONS.fill("losses_best")


def _over_seeds(name: str, results: Results) -> list[str]:
    """The cells of a row's spread over seeds; none where each row has one seed."""
    if all(len(runs) < 2 for runs in results.by_row.values()):
        return []
    return training_seeds.mean_and_spread(results.by_row.get(name, []), results)


def _of_primary(cell: str, results: Results) -> list[str]:
    """The cell of the primary endpoint, where it is another figure than the column beside it."""
    return [] if results.primary == AREA_OF_SLICES else [cell]


def operating_points_of_best(results: Results) -> Table:
    """The operating points of our run of the poster's best row, beside the poster's."""
    run = results.best_poster_run or results.best
    if run is None:
        return Table("Operating points: no run has predictions.", ["label"], [])
    rates_of = run.assessment.rates
    chosen = rates_of[rates_of["rule"] == POSTER_RULE].to_dict("records")
    rates: dict[Any, Any] = {(row["split"], row["label"], row["rate"]): row for row in chosen}
    rows: list[list[str]] = []
    for label in (ANY, *SUBTYPES):
        for split in _POSTER_SPLITS:
            measures = [
                run.assessment.score("auc", label, split),
                *(rates[split, label, rate] for rate in ("precision", "accuracy", "recall")),
            ]
            figures = [with_interval(measure) for measure in measures]
            poster_figures = map(number, poster.operating_points()[label, split])
            support = f"{measures[-1]['positives']:,}"
            pairs = [text for pair in zip(figures, poster_figures, strict=True) for text in pair]
            slices = run.assessment.split(split)["slices"]
            shares = [measures[-1]["positives"] / slices if slices else math.nan]
            shares.append(poster.label_counts()[label] / poster.SLICES)
            prevalences = [f"{percent(share)} %" for share in shares]
            rows.append([f"{label}, {split}", *pairs, support, *prevalences])
    names = ("AUC", "precision", "accuracy", "recall")
    return Table(
        _CAPTIONS.fill(
            "operating_points",
            run=run.name,
            row=poster.BEST_ROW,
            intervals=score_tables.interval_explanation(),
        ),
        [
            "label and split",
            *(column for name in names for column in numbers("here", "poster", group=name)),
            *numbers("support"),
            *numbers("here", "poster", group="prevalence"),
        ],
        rows,
    )


def sentences(results: Results) -> Sentences:
    """What the numbers say, in sentences that are computed from the runs' records."""
    count = counted(len(results.runs), "run")
    has = "has" if len(results.scored) == 1 else "have"
    listed = [f"{len(results.scored)} of {count} {has} a record."]
    best = results.best
    if best is not None:
        primary = results.primary_of(best)
        listed.append(
            _CAPTIONS.fill(
                "best_run",
                run=best.name,
                endpoint=results.primary.in_words,
                primary=with_named_interval(primary),
                in_slices=_in_slices(best, results),
                slices=counted(best.learned.slices, "slice"),
                groups=counted(best.assessment.split("test")["groups"], "linked group"),
                chosen=_chosen(results),
            )
        )
    listed += _beside_poster(results)
    by_verdict = {
        "learned": "Better than the constant prevalence on test, each by its own interval: ",
        "ranks only": "Rank bleeding, each by its own interval, but with probabilities no better "
        "than the constant: ",
        "ranks at least": "Rank bleeding, each by its own interval; whether their probabilities "
        "beat the constant is undecided: ",
        "not learned": "Learned nothing that test shows: ",
        "undecided": "Not shown to be better or worse than the constant prevalence: ",
    }
    for verdict, opening in by_verdict.items():
        runs = [run for run in results.scored.values() if run.learned.verdict == verdict]
        names = [verdicts.marked_name(run) for run in runs]
        if names:
            seen = "" if all(run.unseen_patients for run in runs) else verdicts.on_seen()
            listed.append(f"{opening}{', '.join(names)}. {seen}".strip())
        if verdict == "learned":
            listed += _perhaps_by_chance([run.name for run in runs], results)
    listed += [
        f"{run.name} has no figures ({run.status}): {run.reason}"
        for run in results.all_runs
        if run.status != "ok"
    ]
    return Sentences(listed)


def _in_slices(run: ScoredRun, results: Results) -> str:
    """A run's area of single slices; nothing where that is the endpoint itself, or undefined."""
    learned = run.learned
    if math.isnan(learned.auc_any):
        return ""
    area = with_interval({"value": learned.auc_any, **vars(learned.auc_interval)})
    return "".join(_of_primary(_CAPTIONS.fill("in_slices", area=area), results))


def _perhaps_by_chance(learned: list[str], results: Results) -> list[str]:
    """Which of the runs that have learned may have done so by chance, as one of many."""
    surely = learned_together({name: run.learned for name, run in results.scored.items()})
    names = [name for name in learned if name not in surely]
    if not names:
        return []
    count = len(results.scored)
    return [_CAPTIONS.fill("learned_together", names=", ".join(names), runs=count)]


def _chosen(results: Results) -> str:
    """How the best run was chosen, and what that leaves of its score."""
    runs, tied = results.candidates, results.tied_for_best
    if len(runs) < 2:
        return _CAPTIONS.fill("only_candidate")
    samples = {(run.sample, run.experiment.fold) for run in runs}
    slices = ", not all on the same slices" if len(samples) > 1 else ""
    seeds = ""
    if any(len(results.by_row[run.row]) > 1 for run in runs):
        seeds = _CAPTIONS.fill("best_over_seeds")
    first = ""
    if len(tied) > 1:
        first = _CAPTIONS.fill("first_of_tied", names=listed_names(run.name for run in tied))
    said = _CAPTIONS.fill("best_run_chosen", runs=len(runs), slices=slices)
    return " ".join(filter(None, [said, seeds, first]))


def _beside_poster(results: Results) -> list[str]:
    """The area of the poster's best row beside the poster's, unless the heads are synthetic."""
    run = results.best_poster_run
    if run is None or run.synthetic or math.isnan(run.learned.auc_any):
        return []
    area = run.learned.auc_interval
    sentence = _CAPTIONS.fill(
        "best_poster_row",
        row=poster.BEST_ROW,
        run=run.name,
        area=number(run.learned.auc_any),
        interval=interval(area.low, area.high),
        of_poster=number(poster.operating_points()[ANY, "test"].auc),
    )
    return [sentence]


def _with_losses(run: ScoredRun, results: Results) -> list[Cell]:
    poster_losses = run.poster_losses
    area = run.learned.auc_interval
    star = "" if run.unseen_patients else " *"
    difference = run.test_loss - poster_losses.test if poster_losses else None
    return [
        *(
            with_interval(run.assessment.score("weighted_log_loss_sum", ALL_LABELS, split))
            for split in SPLITS
        ),
        *(number(loss) for loss in poster_losses or (None, None)),
        *_unless_synthetic(_signed(difference), results),
        starred(
            with_interval({"value": run.learned.auc_any, "low": area.low, "high": area.high}), star
        ),
        *_of_primary(starred(with_interval(results.primary_of(run)), star), results),
        verdicts.verdict_cell(run),
    ]


def _unless_synthetic(difference: str, results: Results) -> list[str]:
    """The cell of the difference from the poster, which a table of synthetic heads lacks."""
    return [] if results.synthetic else [difference]


def _signed(difference: float | None) -> str:
    positive = difference is not None and difference >= 0
    return f"+{number(difference)}" if positive else number(difference)


def _without_losses(run: RunRecord, expected: Experiment | None, results: Results) -> list[Cell]:
    row = None if expected is None else expected.poster_row
    poster_losses = poster.losses().get(row or 0, (None, None))
    reason = Marked(f"{run.status}: {run.reason}", "bad" if run.status == "failed" else "open")
    difference = _unless_synthetic("–", results)
    of_primary = _of_primary("–", results)
    return ["–", "–", "–", *map(number, poster_losses), *difference, "–", *of_primary, reason]


def _floors(results: Results) -> list[Row]:
    """The scores of constant prevalence, once for each split of each sample."""
    first: dict[tuple[Sample, SplitBy, str], ScoredRun] = {}
    for run in results.scored.values():
        first.setdefault((run.sample, run.split_by, run.experiment.fold or ""), run)
    kinds = sorted(first, key=lambda kind: (list(SAMPLES).index(kind[0]), kind[1] == "group", kind))
    rows = []
    for sample, split_by, fold in kinds:
        assessed = first[sample, split_by, fold].assessment
        is_posters = (sample, split_by, fold) == ("fullid", "group", "")
        floor = number(poster.constant_loss()) if is_posters else "–"
        of_fold = f", fold {fold}" if fold else ""
        cells = [
            f"constant prevalence, {SAMPLES[sample].name} split by {split_by}{of_fold}",
            *(
                number(assessed.score("weighted_log_loss_sum", ALL_LABELS, split)["floor"])
                for split in SPLITS
            ),
            *("–", floor, *_unless_synthetic("–", results)),
            number(assessed.score("auc", ANY)["floor"]),
            *_of_primary("–", results),
            "the floor",
            *_over_seeds("", results),
        ]
        rows.append(Row(cells, "quiet"))
    return rows
