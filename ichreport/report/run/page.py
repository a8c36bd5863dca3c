"""The page of one run: its question, its scores, and how to run it again."""

import math
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

import yaml

from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.params.rows.read import beside_its_file
from ichreport.params.yaml import project_path
from ichreport.report.comparison import page as comparison_page
from ichreport.report.html.blocks import Cell, Fact, Facts, Marked, Table
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import duration, in_words, interval, number
from ichreport.report.run import combination, parameters
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, ScoredRun, Variant

_NEVER_COMPARED: Final = {"name", "question", "hindsight", "poster_row", "baseline"}
_CAPTIONS: Final = Captions.beside(__file__)


def content(run: RunRecord, profile: Profile, results: Results, story: str) -> str:
    """The content of a run's page.

    Args:
        run: The run.
        profile: The report's profile.
        results: All runs of the report.
        story: Its executed notebook as HTML; empty if that was kept elsewhere.
    """
    scored = results.all_scored.get(run.name)
    if scored is None:
        return _without_figures(run, profile, results)
    question = run.experiment.question
    parts = [
        f'<p class="lead">{escape(question)}</p>' if question else "",
        *(f'<p class="note">{escape(said)}</p>' for said in results.hindsight_of(scored)),
        _by_hand(results.variants.get(run.name)),
        _facts(scored),
        *_combination(run, with_tables=not story),
        "<h2>What sets it apart</h2>",
        _beside_neighbours(run, results)._repr_html_(),
        _to_comparison(run, results),
        story or _notebook_elsewhere(),
        "<h2>Where it comes from</h2>",
        _provenance(run, profile, results)._repr_html_(),
        "<h2>Run it again</h2>",
        _copyable(papermill_command(run.parameters, profile, results.expected.get(run.name))),
    ]
    return "\n".join(parts)


def about(run: RunRecord, results: Results) -> str:
    """A run in a sentence."""
    scored, variant = results.all_scored.get(run.name), results.variants.get(run.name)
    if scored is None:
        return f"{run.status}: {run.reason}"
    learned, question = scored.learned, _as_variant(variant) or run.experiment.question
    seen = "" if scored.unseen_patients else ", on patients who are in train too"
    return (
        f"{question} AUC any {number(learned.auc_any)}, log loss {number(learned.score)} "
        f"(constant {number(learned.floor)}){seen}."
    ).strip()


def _without_figures(run: RunRecord, profile: Profile, results: Results) -> str:
    log = f'<h2>The end of its log</h2><pre tabindex="0">{escape(run.log)}</pre>' if run.log else ""
    opening = {"failed": "This experiment failed", "missing": "This experiment has not run"}
    command = papermill_command({"name": run.name}, profile, results.expected.get(run.name))
    return (
        f'<p class="lead">{opening.get(run.status, run.status)}: {escape(run.reason)}</p>{log}'
        f"<h2>Run it again</h2>{_copyable(command)}"
    )


def _as_variant(variant: Variant | None) -> str:
    """What a run by hand is, in a sentence; empty for a row."""
    if variant is None:
        return ""
    if not variant.row:
        return "A run by hand."
    differs = parameters.what_differs(variant)
    return f"A run by hand, as {variant.row}; what differs (the row's value): {differs}."


def _by_hand(variant: Variant | None) -> str:
    return f'<p class="note">{escape(_as_variant(variant))}</p>' if variant else ""


def _notebook_elsewhere() -> str:
    return f'<p class="note">{escape(_CAPTIONS.fill("notebook_elsewhere"))}</p>'


def _facts(scored: ScoredRun) -> str:
    """The main figures of a run."""
    learned = scored.learned
    area, gain = learned.auc_interval, learned.difference_interval
    of_poster = f"; poster {number(scored.poster_losses.test)}" if scored.poster_losses else ""
    seconds = sum(scored.record["timings"].values())
    unseen = "unseen patients" if scored.unseen_patients else "seen patients, other slices"
    facts = [
        Fact(
            "AUC, any bleeding",
            number(learned.auc_any),
            f"{interval(area.low, area.high)}, {unseen}",
        ),
        Fact(
            "Weighted log loss, test",
            number(learned.score),
            f"constant prevalence {number(learned.floor)}{of_poster}",
        ),
        Fact(
            "Against the constant",
            number(learned.difference),
            f"{interval(gain.low, gain.high)}: {learned.verdict}",
        ),
        _made_of(scored.run_record, duration(seconds)),
    ]
    return Facts(facts)._repr_html_()


def _made_of(run: RunRecord, taken: str) -> Fact:
    """How much was trained for a run, or how many others it combines."""
    if run.combination is not None:
        members = run.combination["members"]
        return Fact("Runs combined", f"{len(members)}", f"nothing trained; {taken} in all")
    model = run.record["model"]
    about = f"{model['frozen']:,} not: {parameters.not_trained(run.experiment)}; {taken} in all"
    return Fact("Parameters trained", f"{model['trainable']:,}", about)


def _combination(run: RunRecord, *, with_tables: bool) -> list[str]:
    """What a run combines, with links; nothing of a training.

    Args:
        run: The run.
        with_tables: Whether to say how too, where its notebook does not.
    """
    if run.combination is None:
        return []
    names = [escape(member["name"]) for member in run.combination["members"]]
    *others, last = [f'<a href="{name}.html">{name}</a>' for name in names]
    links = f"{', '.join(others)} and {last}"
    kind = combination.KINDS[run.combination["kind"]]
    tables = [combination.how(run.combination)._repr_html_()] if with_tables else []
    return ["<h2>What it combines</h2>", f"<p>It is {escape(kind)} {links}.</p>", *tables]


def _beside_neighbours(run: RunRecord, results: Results) -> Table:
    """The parameters of a run beside those of the runs before and after it."""
    others = _neighbours(run, results)
    values, *other_values = [parameters.values_of(shown.experiment) for shown in (run, *others)]
    differing = [
        name
        for name in values
        if name not in _NEVER_COMPARED
        and any(other.get(name) != values[name] for other in other_values)
    ]
    rows: list[list[Cell]] = []
    for name in dict.fromkeys((*parameters.DEFINING, *differing)):
        cells = [
            _marked_if(other.get(name) != values.get(name), parameters.told(other, name))
            for other in other_values
        ]
        rows.append([name.replace("_", " "), parameters.told(values, name), *cells])
    return Table(
        _CAPTIONS.fill("neighbours"),
        ["parameter", "this run", *(other.name for other in others)],
        rows,
    )


def _marked_if(differs: bool, text: str) -> Cell:
    return Marked(text, "differs") if differs else text


def _neighbours(run: RunRecord, results: Results) -> list[RunRecord]:
    """The runs before and after it among the rows with predictions; of a run by hand, its row."""
    if run.name in results.variants:
        row = results.scored.get(results.variants[run.name].row)
        return [row.run_record] if row else []
    done = [other for other in results.runs if other.name in results.scored]
    index = [other.name for other in done].index(run.name)
    return [done[i] for i in (index - 1, index + 1) if 0 <= i < len(done)]


def _to_comparison(run: RunRecord, results: Results) -> str:
    names = [run.name, *(other.name for other in _neighbours(run, results))]
    if len(names) < 2:
        return ""
    link = escape(comparison_page.address(names, up="../"))
    return f'<p><a href="{link}">Their curves and scores side by side</a></p>'


def _provenance(run: RunRecord, profile: Profile, results: Results) -> Table:
    """Where a run's figures come from."""
    known = run.record["provenance"]
    tree = {True: ", with changes not committed", False: ", clean tree", None: ""}[known["dirty"]]
    rows: list[Sequence[Cell]] = [
        ["commit", f"{known['commit'] or 'none: not a checkout'}{tree}"],
        ["parameter files", ", ".join(_parameter_files(results.expected.get(run.name), profile))],
        ["parameters", known.get("parameters_sha256", "–")],
        ["store", known["store_hash"]],
        ["predictions", known["predictions_sha256"]],
        ["requirements.lock", known["lock_sha256"] or "none"],
        ["Python", known["python"]],
        ["packages", ", ".join(f"{name} {value}" for name, value in known["packages"].items())],
        ["seed of samples and splits", in_words(run.experiment.seed)],
        *(_of_members(run.combination, results) if run.combination else _of_training(run, results)),
        ["started", known["started"]],
        ["finished", known["finished"]],
        [
            "seconds",
            ", ".join(f"{part} {taken:.1f}" for part, taken in run.record["timings"].items()),
        ],
    ]
    return Table(
        "Provenance: hashes are SHA-256; times are UTC.",
        ["what", "value"],
        rows,
    )


def _of_training(run: RunRecord, results: Results) -> list[list[Cell]]:
    """Rows that say by what a run was trained."""
    known = run.record["provenance"]
    return [
        *([name, in_words(value)] for name, value in known["backend"].items()),
        *_of_network(known["network"], results),
        ["seed of training", in_words(run.experiment.seed_of_training)],
        ["training", _training(known)],
    ]


def _of_network(read: Mapping[str, str] | None, results: Results) -> list[list[Cell]]:
    """A row that says whose network gave the features; none of a run that reads no other run's."""
    if read is None:
        return []
    return [_read_of(read["run"], "weights", read["weights_sha256"], "run this anew", results)]


def _of_members(combined: Mapping[str, Any], results: Results) -> list[list[Cell]]:
    """Rows that say what was combined."""
    rows: list[list[Cell]] = [["training", "none: it combines other runs"]]
    return rows + [
        _read_of(
            member["name"], "predictions", member["predictions_sha256"], "combine anew", results
        )
        for member in combined["members"]
    ]


def _read_of(name: str, what: str, known: str, cure: str, results: Results) -> list[Cell]:
    """A row that says what was read of another run, and marks what that run has no more."""
    today = results.all_scored.get(name)
    kept = today and today.record["provenance"][f"{what}_sha256"]
    now = f"has other {what} now, so {cure}" if today else "has no result now"
    cell: Cell = known if kept == known else Marked(f"{known}: {name} {now}", "bad")
    return [f"{what} of {name}", cell]


def _training(known: Mapping[str, Any]) -> str:
    """When a run's network was trained, by what else than the run's notebook, in how many parts."""
    training = known["training"]
    differs = [
        f"{name} {training[name]}" for name in ("commit", "python") if training[name] != known[name]
    ] + [
        f"{name} {version}"
        for name, version in training["packages"].items()
        if known["packages"].get(name) != version
    ]
    by = f", by {', '.join(differs)}" if differs else ""
    resumed = training.get("resumed", 0)
    cut_off = f"; {parameters.was_cut_off(resumed)}" if resumed else ""
    return f"finished {training['finished']}{by}{cut_off}; kept as trainings/{training['folder']}"


def papermill_command(
    parameters: Mapping[str, Any], profile: Profile, expected: Experiment | None
) -> str:
    """The command that runs an experiment again.

    Args:
        parameters: The run's parameters; the command names those that its files do not.
        profile: The report's profile.
        expected: The experiment of its parameter file, where it has one.
    """
    output = f"reports/{profile.profile}/{parameters.get('name', 'mine')}.ipynb"
    told = {**(expected.model_dump() if expected else {}), **parameters}
    words = ["papermill", f"notebooks/{Experiment.from_record(told).notebook}", output]
    for path in _parameter_files(expected, profile):
        words += ["-f", path]
    of_files = expected or Experiment.model_validate(profile.model_dump())
    known: dict[str, Any] = of_files.model_dump()
    beside = beside_its_file(expected) if expected else {}
    known |= dict.fromkeys(beside)
    parameters = {**beside, **parameters}
    for name, value in parameters.items():
        if name not in known or value == known[name] or name == "phantom":
            continue
        if isinstance(value, list | dict):
            line = yaml.safe_dump({name: value}, default_flow_style=True, width=math.inf)
            words += ["-y", line.strip()]
        else:
            # -p guesses a type, which would turn a run's name like 1e3 into a number
            words += ["-r" if isinstance(value, str) else "-p", name, str(value)]
    return shlex.join(words)


def _parameter_files(expected: Experiment | None, profile: Profile) -> list[str]:
    files = [] if expected is None else [_file_of(expected.row, profile)]
    return [f"params/{profile.profile}.yaml", *files]


def _file_of(row: str, profile: Profile) -> str:
    """A row's file as seen from the project's root, also where it is not there any more."""
    named = profile.experiments
    if isinstance(named, str):
        return f"{named}/{row}.yaml"
    path, root = profile.experiment_files.get(row, Path(named[0], f"{row}.yaml")), project_path(".")
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _copyable(text: str) -> str:
    return (
        f'<div class="copyable"><pre tabindex="0"><code>{escape(text)}</code></pre></div>'
        '<p class="note">It writes the run anew; <code>make report</code> then shows it.</p>'
    )
