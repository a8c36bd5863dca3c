"""Which profile of the project makes a store."""

from pathlib import Path

from ichreport.params.profile import Profile
from ichreport.params.yaml import project_path


def profile_of_store(store: Path) -> Profile:
    """The profile in `params/` that makes a store.

    A mistake in another profile is none of this one.

    Raises:
        ValueError: If none does; the message names the mistakes in those that could not be read.
    """
    mistakes = []
    for path in sorted(project_path("params").glob("*.yaml")):
        try:
            profile = Profile.from_files(path)
        except ValueError as mistake:
            mistakes.append(f" {mistake}")
            continue
        if profile.store_folder.resolve() == store.resolve():
            return profile
    raise ValueError(
        f"{store}: no profile in params/ makes this store; name its source.{''.join(mistakes)}"
    )
