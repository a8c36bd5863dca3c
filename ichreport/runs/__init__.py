"""What is known of runs, for whoever shows or exports them, and the way to put one to work."""

import importlib
from pathlib import Path
from typing import Any


def load(run: Path | str) -> Any:
    """Load a finished run: `load(run).predict(source)` gives a table.

    See `ichreport.application.loaded_run.load`, which is imported only now: reading runs takes no
    Keras, and predicting does.

    Args:
        run: Its folder, `reports/<profile>/runs/<name>`, or a pack of it.
    """
    return importlib.import_module("ichreport.application.loaded_run").load(run)
