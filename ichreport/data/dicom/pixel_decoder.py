"""Decoding compressed pixels in a separate process.

Decoders of JPEG and its kin are native code: on bad bytes they may crash, hang, or allocate what a
forged size asks for. So they run in a second process with a limit of memory and time. When it dies,
the file is rejected and another process is started.
"""

import importlib
import multiprocessing
import warnings
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ichreport.data.dicom.header import Header
from ichreport.data.dicom.reject import RejectError
from ichreport.data.dicom.transfer_syntaxes import COMPRESSED
from ichreport.processes import limit_memory

_MOST_MEMORY: Final = 2**30
"""Bytes that decoding one slice may take on top of the process itself."""
_CURE: Final = "install ichreport with the extra `compressed`"


class IsolatedDecoder:
    """A decoder process, started when the first compressed file comes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def decode(self, syntax: str, pixels: bytes, header: Header) -> NDArray[Any]:
        """Decode one slice.

        Args:
            syntax: The transfer syntax UID, one of `COMPRESSED`.
            pixels: The fragments as they stand in the file.
            header: What the file says about its pixels.

        Returns:
            Stored values, int16 or uint16.

        Raises:
            RejectError: If they cannot be decoded, within the limits of time and memory.
        """
        name = COMPRESSED[syntax]
        connection = self._started(name)
        try:
            connection.send((syntax, pixels, header))
            if not connection.poll(self._seconds):
                raise RejectError(
                    f"decoding {name} took longer than {self._seconds:g} s", passing=True
                )
            answer = connection.recv()
        except BaseException as error:
            # Whatever ends it, the time limit of a file included: a late answer would be taken for
            # the next file's.
            self._stop()
            if isinstance(error, EOFError | OSError):
                raise RejectError(f"the pixels crash the decoder of {name}") from None
            raise
        if isinstance(answer, str):
            raise RejectError(answer, passing=answer.endswith(_CURE))
        decoded: NDArray[Any] = answer
        return decoded

    def _started(self, name: str) -> Connection:
        if self._connection is None:
            context = multiprocessing.get_context("spawn")
            try:
                self._connection, remote = context.Pipe()
                self._process = context.Process(target=_serve, args=(remote,), daemon=True)
                self._process.start()
                remote.close()
                self._connection.recv()  # it is ready, or has ended
            except BaseException as error:
                self._stop()
                if isinstance(error, EOFError | OSError):
                    raise RejectError(
                        f"the decoder of {name} could not be started; is there enough memory?",
                        passing=True,
                    ) from None
                raise
        return self._connection

    def _stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None and self._process.pid is not None:
            self._process.kill()
            self._process.join()
        self._connection = self._process = None


def _serve(connection: Connection) -> None:
    importlib.import_module("pydicom.pixels")  # before the limit, which is for decoding alone
    limit_memory(_MOST_MEMORY)
    with suppress(EOFError, OSError):
        connection.send(None)
        while True:
            syntax, pixels, header = connection.recv()
            connection.send(_decoded(syntax, pixels, header))


def _decoded(syntax: str, pixels: bytes, header: Header) -> NDArray[Any] | str:
    """Stored values, or the reason why there are none."""
    name = COMPRESSED[syntax]
    decoder: Any = importlib.import_module("pydicom.pixels").get_decoder(syntax)
    if not decoder.is_available:
        return f"{name} needs a decoder that is not installed: {_CURE}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decoded, _ = decoder.as_array(
                pixels,
                raw=True,
                index=0,
                rows=header.rows,
                columns=header.columns,
                samples_per_pixel=1,
                photometric_interpretation="MONOCHROME2",
                pixel_representation=int(header.signed),
                bits_allocated=16,
                bits_stored=header.bits,
                number_of_frames=1,
                pixel_keyword="PixelData",
            )
    except MemoryError:
        return f"decoding {name} needs more than {_MOST_MEMORY // 2**20} MiB"
    except Exception:
        return f"the pixels cannot be decoded as {name}"
    stored = np.asarray(decoded)
    if stored.dtype.itemsize > 2 or stored.dtype.kind not in "iu":
        return f"{name} holds {stored.dtype} values, expected 16 bits"
    return stored.astype(np.int16 if header.signed else np.uint16)
