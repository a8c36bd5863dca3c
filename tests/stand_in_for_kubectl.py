"""Stands for kubectl and a cluster: runs what a Job's container would run, on this machine.

It knows the calls of profiles/kubernetes, refuses others, and keeps a folder for each Job under
JOBS: its manifest, the process that runs it, whether somebody asked for it, and the exit status.
Where PODS_WAIT is set, a pod runs nothing, and lasts longer than a test.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

JOBS = Path(os.environ["JOBS"])


def create():
    manifest = json.load(sys.stdin)
    assert (manifest["apiVersion"], manifest["kind"]) == ("batch/v1", "Job")
    prefix = manifest["metadata"]["generateName"]
    folder = JOBS / f"{prefix}{len(list(JOBS.iterdir())):05d}"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    script = 'status=0; "$@" || status=$?; echo $status > "$0"'
    command = ["sleep", "600"] if "PODS_WAIT" in os.environ else container["command"]
    with (folder / "log.txt").open("w") as log:
        pod = subprocess.Popen(
            ["bash", "-c", script, folder / "status", *command],
            cwd=container["workingDir"],
            env={one["name"]: one["value"] for one in container["env"]},
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    (folder / "pid").write_text(str(pod.pid))
    sys.stdout.write(f"job.batch/{folder.name}\n")


def get(name, output):
    folder = JOBS / name.removeprefix("job.batch/")
    if not folder.exists() or (folder / "deleted").exists():
        return
    if output == "name":
        sys.stdout.write(f"job.batch/{folder.name}\n")
        return
    assert output == 'jsonpath={.status.conditions[?(@.status=="True")].type}'
    (folder / "asked").touch()
    if (folder / "status").exists():
        succeeded = (folder / "status").read_text().strip() == "0"
        sys.stdout.write("SuccessCriteriaMet Complete" if succeeded else "FailureTarget Failed")


def delete(names):
    for name in names:
        folder = JOBS / name.removeprefix("job.batch/")
        os.killpg(int((folder / "pid").read_text()), signal.SIGTERM)
        (folder / "deleted").touch()


match sys.argv[1:]:
    case ["create", "-f", "-", "-o", "name"]:
        create()
    case ["get", name, "-o", output, "--ignore-not-found"]:
        get(name, output)
    case ["delete", *names, "--wait=false", "--ignore-not-found"]:
        delete(names)
    case other:
        sys.exit(f"the stand-in does not know kubectl {' '.join(other)}")
