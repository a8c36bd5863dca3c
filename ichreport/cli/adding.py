"""How a module of commands adds them to the parser."""

import argparse
from typing import Final, Protocol

PROFILE_HELP: Final = "parameter file of the profile: params/demo.yaml"


class AddCommand(Protocol):
    """Adds a command to the parser."""

    def __call__(self, name: str, run: object, text: str) -> argparse.ArgumentParser:
        """Add it.

        Args:
            name: What it is called.
            run: A function of the parsed options that gives the exit status.
            text: What it does, in a sentence.
        """
