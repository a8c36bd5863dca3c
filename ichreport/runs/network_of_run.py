"""The plan of a run that reads the features of another run's network, once that one is finished."""

from ichreport.data.store import Store
from ichreport.params.experiment import Experiment
from ichreport.params.rows.relations import problem_of_features
from ichreport.params.training.training_plan import TrainedNetwork, TrainingPlan
from ichreport.runs.record import read_finished


def plan_of(experiment: Experiment, store: Store) -> TrainingPlan:
    """All that a run's training depends on, but for its slices and the code.

    Args:
        experiment: The run.
        store: Where its slices are, and where those of the run of `features_from` were.

    Raises:
        ValueError: If the run of `features_from` is not finished, is damaged, or does not serve it.
    """
    name = experiment.features_from
    if name is None:
        return experiment.plan
    whose = f"{experiment.name} reads the features of"
    run = read_finished(experiment.report_folder / "runs" / name, whose)
    problem = problem_of_features(experiment, run.experiment)
    if not problem and run.record["provenance"]["store_hash"] != store.manifest["store_hash"]:
        problem = (
            f"{name!r} was trained on another store than {store.folder} holds now, so that it may "
            "have seen what this run is tested on; run it again."
        )
    if problem:
        raise ValueError(f"features_from: {problem}")
    sha256 = run.record["provenance"]["weights_sha256"]
    trained = TrainedNetwork(name, run.experiment.plan, str(run.weights), sha256)
    return experiment.plan_on(trained)
