"""What is known of a report's best run, as texts by name; what is not known is not there.

The templates of the papers name these facts. Nothing here is assumed: each comes from the run's
record, the profile, the store's manifest, or the measured maps.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ichreport import poster
from ichreport.data.overlap.leakage import NEIGHBOURS
from ichreport.data.store_format import read_manifest
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.evaluation.uncertainty.bootstrap import REPLICATES
from ichreport.evaluation.uncertainty.training_seeds import across_seeds
from ichreport.labels import ANY
from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.params.samples import SAMPLES
from ichreport.report.external import elsewhere
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import (
    all_of,
    counted,
    listed,
    number,
    with_interval,
    with_named_interval,
)
from ichreport.report.papers import training_words
from ichreport.report.papers.tables import Figures
from ichreport.report.run.parameters import not_trained
from ichreport.report.run.verdicts import stopped_by_itself
from ichreport.runs import map_record
from ichreport.runs.results import Results, ScoredRun
from ichreport.splits import SPLITS

_CAPTIONS: Final = Captions.beside(__file__)

Facts = Mapping[str, str]


def gather(folder: Path, profile: Profile, results: Results, figures: Figures | None) -> Facts:
    """Everything that is known.

    Args:
        folder: `reports/<profile>`.
        profile: The report's profile.
        results: All runs of the report.
        figures: What the best run's record says; None without such a run.
    """
    facts = {
        "runs_done": str(len(results.scored)),
        "runs_expected": counted(len(results.runs), "run"),
        "endpoint": results.primary.in_words,
        "replicates": f"{REPLICATES:,}",
        "poster": poster.CITATION,
        "poster_limits": poster.LIMITS,
    }
    best = results.best
    if of_synthetic_heads(profile, results):
        facts["synthetic"] = "yes"
    manifest = _manifest(profile, best)
    facts |= _of_store(manifest)
    if best is not None and figures is not None:
        facts |= _of_run(best, results) | _of_splits(best) | figures.facts()
        facts["whole_studies"] = "yes" if _has_whole_studies(best) else ""
        facts["seeds_words"] = _seeds(results.by_row[best.row])
        places = elsewhere.read(profile, folder)
        facts["elsewhere_words"] = elsewhere.verdicts_of(places, best.name)
        facts["elsewhere_problems"] = elsewhere.problems_of(places, best.name)
    facts |= _of_maps(folder, profile, results)
    facts["source_words"] = _source(facts)
    return {name: text for name, text in facts.items() if text}


def of_synthetic_heads(profile: Profile, results: Results) -> bool:
    """Whether a report is of synthetic heads, as the store says that its rows were read from.

    Without a row that has figures the store at hand says it, and without one the profile.
    """
    if results.scored:
        return results.synthetic
    try:
        return bool(read_manifest(profile.store_folder)["synthetic"])
    except (OSError, ValueError):
        return profile.phantom is not None


def _manifest(profile: Profile, best: ScoredRun | None) -> Mapping[str, Any]:
    """The manifest of the store that the run was made from; empty if it is not at hand."""
    try:
        manifest: Mapping[str, Any] = read_manifest(profile.store_folder)
    except (OSError, ValueError):
        return {}
    known = best.record["provenance"]["store_hash"] if best else manifest["store_hash"]
    return manifest if manifest["store_hash"] == known else {}


def _of_store(manifest: Mapping[str, Any]) -> dict[str, str]:
    if not manifest:
        return {}
    counts = manifest["counts"]
    rules = [f"{rule}: {count:,}" for rule, count in manifest["rules"].items()]
    return {
        "patients": counted(counts["patients"], "patient"),
        "studies": counted(counts["studies"], "study", "studies"),
        "slices": counted(counts["slices"], "slice"),
        "files": counted(counts["files"], "file"),
        **{name: f"{counts[name]:,}" for name in ("rejects", "set_aside")},
        "rules": "; ".join(rules) or "none was needed",
        "image_size": str(manifest["recipe"]["image_size"]),
        "pseudonymised": "yes" if manifest["recipe"].get("pseudonymised") else "",
        "challenge": "yes" if manifest["challenge"] and not manifest["synthetic"] else "",
    }


def _seeds(runs: Sequence[ScoredRun]) -> str:
    """How a row's scores on test spread over its training seeds; nothing for a single one."""
    if len(runs) < 2:
        return ""
    spread = across_seeds([run.assessment.scores for run in runs])
    rows = spread[spread["split"] == "test"].to_dict("records")
    by_score = {(row["score"], row["label"]): row for row in rows}
    area, loss = by_score["auc", ANY], by_score["weighted_log_loss_sum", ALL_LABELS]
    return _CAPTIONS.fill(
        "seeds",
        runs=len(runs),
        area=number(area["mean"]),
        area_deviation=number(area["standard_deviation"]),
        loss=number(loss["mean"]),
        loss_deviation=number(loss["standard_deviation"]),
    )


def _of_run(best: ScoredRun, results: Results) -> dict[str, str]:
    record, experiment = best.record, best.experiment
    known = record["provenance"]
    combined = best.run_record.combination
    made = _of_training(best) if combined is None else _of_combination(combined)
    made_by = known["packages"] | (known["training"] or {}).get("packages", {})
    files = [_weights_file(name, results) for name in _trained(best.name, results)]
    return made | {
        "version": made_by.get("ichreport", "of a version that is not recorded"),
        "choice_words": _choice(results),
        "say_of_test_words": " ".join([_CAPTIONS.fill("no_say"), *results.hindsight_of(best)]),
        "tuning_words": " ".join([_CAPTIONS.fill("no_tuning"), *results.hindsight_of(best)]),
        "validation_words": _on_validation(made["chosen_words"], best, results),
        "primary_words": _primary(best, results),
        "run": best.name,
        "question": experiment.question,
        "image_size": str(experiment.image_size),
        "sample_words": SAMPLES[experiment.sample].words.format_map(dict(experiment)),
        "shares_words": _shares(experiment),
        "seed": str(experiment.seed),
        "model_files": ", ".join(files),
        "code_words": _code(known),
        "finished": f"{best.made_on}" if best.made_on else "a day that is not recorded",
        "predictions_hash": known["predictions_sha256"],
        "python": known["python"],
        "packages": ", ".join(f"{name} {value}" for name, value in known["packages"].items()),
        "seconds": f"{sum(record['timings'].values()):,.0f}",
        "split_unit": "linked patient group (patients with identical slices count as one)"
        if best.unseen_patients
        else "slice",
        "leak_words": _leak(record["leak"]),
    }


def _of_training(best: ScoredRun) -> dict[str, str]:
    """What a run that was trained is, and how it was."""
    record, experiment = best.record, best.experiment
    losses = record["history"]["val_loss"]
    devices = record["provenance"]["backend"].get("devices", [])
    return training_words.of_experiment(experiment) | {
        "epochs_run": str(len(losses)),
        "ran_words": _ran(losses, experiment),
        "best_epoch": str(int(np.argmin(losses)) + 1),
        "trainable": f"{record['model']['trainable']:,}",
        "frozen": f"{record['model']['frozen']:,}",
        "frozen_words": not_trained(experiment),
        "device": ", ".join(devices) or "an unknown device",
    }


def _ran(losses: Sequence[float], experiment: Experiment) -> str:
    """How many epochs ran, and where a training might have stopped by itself, whether it did."""
    if stopped_by_itself(losses, experiment):
        return f"it stopped by itself after epoch {len(losses)}"
    told = f"{all_of(len(losses), 'epoch')} ran"
    might_have = experiment.schedule == "plateau" and len(losses) > 1
    return f"{told}, and it had not stopped by itself" if might_have else told


def _of_combination(combined: Mapping[str, Any]) -> dict[str, str]:
    """What a run that combines others is."""
    names = [member["name"] for member in combined["members"]]
    first, last = ", ".join(names[:-1]), names[-1]
    if combined["kind"] == "ensemble":
        words = _CAPTIONS.fill("ensemble", runs=first, last=last)
    else:
        words = _CAPTIONS.fill(
            "blend", first=first, second=last, weights=_weights(combined["weights"])
        )
    return {
        "combination_words": words,
        "chosen_words": "weights and thresholds" if combined["kind"] == "blend" else "thresholds",
        "network_words": words,
        "input_words": _CAPTIONS.fill("combined_input"),
        "initial_words": _CAPTIONS.fill("combined_start"),
        "imbalance_words": _CAPTIONS.fill("combined_imbalance"),
    }


def _weights(recorded: Sequence[Mapping[str, Any]]) -> str:
    """The weights of a blend: those that validation chose, and those that it could not choose."""
    chosen = [f"{row['label']} {row['weight']:.1f}" for row in recorded if row["chosen"]]
    alike = [row["label"] for row in recorded if not row["chosen"]]
    told = []
    if chosen:
        told.append(_CAPTIONS.fill("blend_chosen", weights=", ".join(chosen)))
    if alike:
        told.append(_CAPTIONS.fill("blend_alike", labels=listed(alike)))
    return "; ".join(told)


def _on_validation(chosen: str, best: ScoredRun, results: Results) -> str:
    """All that validation decides: of a run, and which run of several."""
    run = _CAPTIONS.fill("this_run") if len(results.candidates) > 1 else ""
    pooling = _CAPTIONS.fill("pooling") if _has_whole_studies(best) else ""
    return _CAPTIONS.fill("on_validation", chosen=chosen, run=run, pooling=pooling)


def _has_whole_studies(run: ScoredRun) -> bool:
    """Whether test has whole studies, by which a run is judged too."""
    return bool(run.assessment.studies["studies"].any())


def _primary(best: ScoredRun, results: Results) -> str:
    """The primary endpoint, and whether it was named before the run was made."""
    said = _CAPTIONS.fill(
        "primary",
        endpoint=results.primary.in_words,
        figure=with_named_interval(results.primary_of(best)),
    )
    later = best.name in results.named_later
    return f"{said} {_CAPTIONS.fill('named_later')}" if later else said


def _choice(results: Results) -> str:
    """How the run was chosen, and whether others are as good on validation."""
    endpoint = results.primary.in_words
    if len(results.candidates) == 1:
        return _CAPTIONS.fill("only_choice", endpoint=endpoint)
    runs = len(results.candidates)
    if len(results.tied_for_best) == 1:
        return _CAPTIONS.fill("choice", endpoint=endpoint, runs=runs)
    names = listed(run.name for run in results.tied_for_best)
    return _CAPTIONS.fill("first_of_tied", endpoint=endpoint, runs=runs, names=names)


def _trained(name: str, results: Results) -> list[str]:
    """The trained runs that a run is made of: itself, and those that it reads or combines."""
    run = results.all_scored.get(name)
    if run is None:
        return [name]
    members = run.experiment.members
    read = [run.experiment.features_from] if run.experiment.features_from else []
    found = [one for other in (*members, *read) for one in _trained(other, results)]
    return list(dict.fromkeys(found if members else [name, *found]))


def _weights_file(name: str, results: Results) -> str:
    """Where the weights of a trained run lie, and whether they are a head's alone."""
    run = results.all_scored.get(name)
    head_alone = run is not None and not run.experiment.trains_on_slices
    return f"runs/{name}/model.weights.h5{' (the head alone)' if head_alone else ''}"


def _shares(experiment: Experiment) -> str:
    """The shares of the splits."""
    if experiment.fold is None:
        return _CAPTIONS.fill("shares")
    return _CAPTIONS.fill("shares_of_fold", fold=experiment.fold)


def _code(known: Mapping[str, Any]) -> str:
    """The commit of a run's code, and whether that is all of it; nothing without one.

    A training that was found may be of an earlier commit.
    """
    if not known["commit"]:
        return ""
    also = {
        True: " with changes not committed, so that the commit does not fully identify the code",
        False: "",
        None: " (whether anything was changed since is not known)",
    }
    by = (known["training"] or {}).get("commit")
    trained = f"; trained by commit {by}" if by not in (None, known["commit"]) else ""
    return f"commit {known['commit']}{also[known['dirty']]}{trained}"


_KINDS: Final = {
    "patients": ("patient",),
    "groups": ("linked patient group",),
    "studies": ("study", "studies"),
    "series": ("series", "series"),
    "identical pixels": ("identical picture",),
}
"""What one is called, and several, of each kind of `leakage.leak_audit`."""


def _leak(audit: Any) -> str:
    """How many patients stand on both sides of train and test."""
    rows = [row for row in audit if {row["first"], row["second"]} == {"train", "test"}]
    shared = {row["kind"]: row["shared"] for row in rows}
    pairs = shared.pop(NEIGHBOURS, None)
    counts = ", ".join(counted(count, *_KINDS[kind]) for kind, count in shared.items())
    said = [f"In both train and test: {counts}."] if counts else []
    if pairs is not None:
        said.append(f"Pairs of neighbouring slices with one in train and one in test: {pairs:,}.")
    return " ".join(said)


def _of_splits(best: ScoredRun) -> dict[str, str]:
    counts = {split: best.assessment.split(split) for split in SPLITS}
    sample = best.record["sample"]
    facts = {
        "sample_slices": counted(sample["slices"], "slice"),
        "sample_groups": counted(sample["groups"], "linked patient group"),
    }
    for split in SPLITS:
        facts[f"{split}_slices"] = counted(counts[split]["slices"], "slice")
        facts[f"{split}_groups"] = counted(counts[split]["groups"], "linked patient group")
        facts[f"{split}_positives"] = f"{counts[split][ANY]:,}"
    return facts


def _of_maps(folder: Path, profile: Profile, results: Results) -> dict[str, str]:
    run = next((run for run in results.runs if run.name == profile.cam_run), None)
    try:
        measured = map_record.read(folder, run) if run else None
    except ValueError:  # `ichreport.runs.damage` names it
        measured = None
    if measured is None:
        return {}
    random, shuffled = measured["random_layers"], measured["permuted_labels"]
    last = list(random["stages"].values())[-1]
    checks = _CAPTIONS.fill(
        "map_checks",
        random=with_interval(last),
        permuted=with_interval(shuffled["correlation"]),
        random_excess=with_interval(random["excess"]),
        permuted_excess=with_interval(shuffled["excess"]),
    )
    facts = {"cam_run": measured["run"], "cam_method": measured["method"], "cam_checks": checks}
    rows = {
        (row["method"], row["measure"]): row for row in measured["measures"] if row["label"] == ANY
    }
    if rows:
        pointing, centre, edge = (
            rows[method, "pointing"] for method in ("map", "center", "skull_edge")
        )
        facts["cam_words"] = _CAPTIONS.fill(
            "map_pointing",
            maps=with_interval(pointing),
            centre=with_interval(centre),
            edge=with_interval(edge),
            checks=checks,
        )
    return facts


def _source(facts: Mapping[str, str]) -> str:
    if facts.get("synthetic"):
        return "Synthetic heads, made by a program."
    if facts.get("challenge"):
        return "The RSNA 2019 Brain CT Hemorrhage Challenge's labelled slices."
    return "The slices that the profile names."
