"""The Jupyter kernel `ichreport-gpu`: its installation, and a check that a GPU computes in it.

A kernel is a Python and an environment. This one is the Python that installs it, with the Keras
backend chosen, and GPU memory taken as it is needed instead of all at once, so that a notebook in
JupyterLab leaves room for another.
"""

import sys
from pathlib import Path
from typing import Final, Literal, get_args

import nbformat
from ipykernel import kernelspec
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from ichreport.workflow.execution import private_jupyter

GPU_KERNEL: Final = "ichreport-gpu"
SECONDS_TO_CHECK: Final = 300

Backend = Literal["tensorflow", "jax", "torch"]

_CHECK: Final = "from ichreport.model.devices import gpu_check\n\nprint(gpu_check.check())"


def environment(backend: Backend) -> dict[str, str]:
    """The environment variables of the GPU kernel."""
    return {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


def install(backend: Backend = "tensorflow", prefix: Path | str = sys.prefix) -> Path:
    """Install the GPU kernel for this Python.

    Args:
        backend: What Keras runs on in it.
        prefix: Where to: `share/jupyter/kernels/` of this environment, if not given.

    Returns:
        The kernel's folder.

    Raises:
        ValueError: If there is no such backend.
    """
    if backend not in get_args(Backend):
        raise ValueError(f"backend must be one of {', '.join(get_args(Backend))}, got {backend!r}.")
    folder = kernelspec.install(
        kernel_name=GPU_KERNEL,
        display_name=f"ichreport (GPU, {backend})",
        prefix=str(prefix),
        env=environment(backend),
    )
    return Path(folder)


def environment_of(kernel: str) -> dict[str, str]:
    """The environment variables that a kernel sets, for work that goes on outside of notebooks.

    Raises:
        ValueError: If there is no such kernel.
    """
    try:
        spec = KernelSpecManager().get_kernel_spec(kernel)
    except NoSuchKernel:
        if kernel == GPU_KERNEL:
            cure = " Run `make gpu-kernel`."
        else:
            cure = f" There are {', '.join(sorted(KernelSpecManager().find_kernel_specs()))}."
        raise ValueError(f"kernel: no Jupyter kernel is called {kernel!r}.{cure}") from None
    return dict(spec.env)


def check(kernel: str = GPU_KERNEL) -> str:
    """Let a kernel train a step of each kind of network on its GPU; gives the GPU's name.

    Raises:
        ValueError: If there is no such kernel, or no GPU computes in it; with the reason.
    """
    environment_of(kernel)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(_CHECK)])
    client = NotebookClient(notebook, kernel_name=kernel, timeout=SECONDS_TO_CHECK)
    try:
        with private_jupyter():
            client.execute()
    except CellExecutionError as error:
        raise ValueError(f"kernel {kernel}: {error.evalue}") from None
    except (DeadKernelError, TimeoutError, RuntimeError) as error:
        raise ValueError(f"kernel {kernel} did not answer: {error}") from error
    printed = [
        output.text for output in notebook.cells[0].outputs if output.get("name") == "stdout"
    ]
    return "".join(printed).strip()
