"""How many threads libraries have in tests: to be imported before any of them is.

Workers share the cores: threads that wait for each other keep those of another from running.
"""

import os

for _threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_threads, "1")
