"""Which profile of the project makes a store, or names it."""

from pathlib import Path

from ichreport.params.external import ExternalDataSet
from ichreport.params.profile import Profile
from ichreport.params.yaml import project_path


def profile_of_store(store: Path) -> Profile:
    """The profile in `params/` that makes a store.

    A mistake in another profile is none of this one.

    Raises:
        ValueError: If none does; the message names the mistakes in those that could not be read.
    """
    profiles, mistakes = _profiles()
    for profile in profiles:
        if profile.store_folder.resolve() == store.resolve():
            return profile
    raise ValueError(
        f"{store}: no profile in params/ makes this store; name its source.{''.join(mistakes)}"
    )


def data_set_of_store(store: Path) -> ExternalDataSet | None:
    """What the first profile in `params/` that names another hospital's store says of it."""
    named = (
        data
        for profile in _profiles()[0]
        for data in profile.external
        if profile.external_store(data.name).resolve() == store.resolve()
    )
    return next(named, None)


def _profiles() -> tuple[list[Profile], list[str]]:
    """The profiles in `params/`, and the mistakes of those that could not be read."""
    profiles, mistakes = [], []
    for path in sorted(project_path("params").glob("*.yaml")):
        try:
            profiles.append(Profile.from_files(path))
        except ValueError as mistake:
            mistakes.append(f" {mistake}")
    return profiles, mistakes
