"""An Orthanc of its own on loopback, and its DICOMweb (PS3.18) by the standard library alone."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path

import pytest

PLUGINS = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
BOUNDARY = "between-the-files"


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def orthanc(folder):
    """Start one with storage in a folder, and stop it by its process."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if program is None or not PLUGINS.is_file():
        pytest.skip("Orthanc or its plugin for DICOMweb is not installed")
    port = _free_port()
    settings = {
        "Name": "tests",
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "Plugins": [str(PLUGINS)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen([program, folder / "orthanc.json"], stdout=log, stderr=log)
    try:
        yield _awaited(Pacs(f"http://127.0.0.1:{port}/dicom-web"), process, folder)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _awaited(pacs, process, folder):
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            pacs.query("studies")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return pacs
    raise AssertionError((folder / "orthanc.log").read_text())


class Pacs:
    """What DICOMweb asks and sends."""

    def __init__(self, root):
        self.root = root

    def _ask(self, path, accept, body=None, kind=None):
        request = urllib.request.Request(f"{self.root}/{path}", data=body)
        request.add_header("Accept", accept)
        if kind is not None:
            request.add_header("Content-Type", kind)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.headers, answer.read()

    def store(self, paths):
        """STOW-RS: the answer's dataset as JSON."""
        head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(head + path.read_bytes() + b"\r\n" for path in paths)
        body += f"--{BOUNDARY}--\r\n".encode()
        kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        return json.loads(self._ask("studies", "application/dicom+json", body, kind)[1])

    def query(self, path):
        """QIDO-RS."""
        return json.loads(self._ask(path, "application/dicom+json")[1])

    def fetch(self, path):
        """WADO-RS: the bytes of each file."""
        headers, content = self._ask(path, 'multipart/related; type="application/dicom"')
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(head + content, policy=HTTP).get_payload()
        return [part.get_payload(decode=True) for part in parts]

    def rendered(self, path):
        """WADO-RS: an object as a PNG."""
        return self._ask(f"{path}/rendered", "image/png")[1]
