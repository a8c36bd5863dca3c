"""All runs in one picture: ROC curves by sample and split, learning curves by loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ichreport.labels import ANY
from ichreport.params.samples import SAMPLES
from ichreport.report.html.blocks import Drawing, Sentences, lines
from ichreport.report.html.captions import Captions
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.formats import counted, number
from ichreport.report.html.palette import ACCENT, FAINT, SOFT
from ichreport.runs.results import Results, ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)
_PANEL: Final = (3.3, 3.0)
_NOTHING: Final = Sentences(["No run has predictions."])


@mpl.rc_context(STYLE)
def roc_of_all(results: Results) -> Drawing | Sentences:
    """ROC curves of any bleeding on test: a panel a sample and split, a line a run."""
    areas = {name: run.learned.auc_any for name, run in results.scored.items()}
    by_test_set: dict[str, list[ScoredRun]] = {}
    for run in sorted(results.scored.values(), key=lambda run: list(SAMPLES).index(run.sample)):
        title = f"{SAMPLES[run.sample].name} by {run.split_by}"
        by_test_set.setdefault(title, []).append(run)
    if not areas:
        return _NOTHING

    def draw(axes: Axes, run: ScoredRun, *, marked: bool) -> None:
        curve = run.assessment.curve("roc", ANY)
        _line(axes, curve["false_positive_rate"], curve["recall"], marked=marked)

    figures = []
    for title, runs in by_test_set.items():
        defined = [run for run in runs if not np.isnan(areas[run.name])]
        if defined:
            best = max(defined, key=lambda run: float(areas[run.name]))
            figures.append(_panel(f"{title}, {counted(len(defined), 'run')}", defined, best, draw))
            axes = figures[-1].axes[0]
            axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
            axes.set(xlabel="1 − specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.01))
            _annotate(axes, f"{best.name}\n{number(areas[best.name])}", (0.98, 0.05), "right")
    listed = ", ".join(f"{name} {number(area)}" for name, area in areas.items())
    return lines(
        figures,
        caption=_CAPTIONS.fill("roc_of_all"),
        alternative=f"ROC curves of all runs. Areas: {listed}.",
    )


@mpl.rc_context(STYLE)
def learning_of_all(results: Results) -> Drawing | Sentences:
    """Validation loss after each epoch: a panel a kind of loss, a line a run."""
    by_loss: dict[str, list[ScoredRun]] = {}
    trained = [run for run in results.scored.values() if run.run_record.combination is None]
    for run in trained:
        by_loss.setdefault(run.experiment.loss, []).append(run)
    if not results.scored:
        return _NOTHING
    if not by_loss:
        return Sentences(["No run that was trained has predictions."])

    def draw(axes: Axes, run: ScoredRun, *, marked: bool) -> None:
        losses = _validation(run)
        _line(axes, np.arange(1, len(losses) + 1), losses, marked=marked)

    figures = []
    for loss, runs in by_loss.items():
        best = min(runs, key=lambda run: min(_validation(run)))
        figures.append(_panel(f"{loss}, {counted(len(runs), 'run')}", runs, best, draw))
        axes = figures[-1].axes[0]
        axes.set(xlabel="epoch", ylabel="loss on validation")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.margins(y=0.18)
        low = number(min(_validation(best)))
        _annotate(axes, f"{best.name}\nlowest {low}", (0.98, 0.97), "right", top=True)
    listed = ", ".join(f"{run.name} {number(min(_validation(run)))}" for run in trained)
    return lines(
        figures,
        caption=_CAPTIONS.fill("learning_of_all"),
        alternative=f"Learning curves of all runs. Lowest losses on validation: {listed}.",
    )


def _panel(
    title: str, runs: Sequence[ScoredRun], best: ScoredRun, draw: Callable[..., None]
) -> Figure:
    figure = Figure(figsize=_PANEL)
    axes = figure.subplots()
    for run in runs:
        draw(axes, run, marked=run is best)
    axes.set_title(title)
    return figure


def _line(axes: Axes, x: Any, y: Any, *, marked: bool) -> None:
    width, color = (2.2, ACCENT) if marked else (0.9, SOFT)
    axes.plot(x, y, color=color, linewidth=width, zorder=3 if marked else 2)


def _annotate(
    axes: Axes, text: str, at: tuple[float, float], align: str, *, top: bool = False
) -> None:
    axes.text(
        *at, text, transform=axes.transAxes, color=ACCENT, fontsize=7.5, ha=align,
        va="top" if top else "bottom",
    )  # fmt: skip


def _validation(run: ScoredRun) -> Sequence[float]:
    history: Mapping[str, Sequence[float]] = run.record["history"]
    return history["val_loss"]
