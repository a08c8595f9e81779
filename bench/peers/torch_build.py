"""What the PyTorch of this Python is built of. As a program: says why it can be no peer, or nothing if it can."""

import ctypes
import pathlib
import re

REFERENCE = "the reference BLAS"
OWN_THREADS = "threads of its own"


class Place(ctypes.Structure):
    """Dl_info of dladdr."""

    _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p), ("name", ctypes.c_char_p), ("at", ctypes.c_void_p)]


def product_library():
    """The file in which PyTorch finds sgemm; others that are loaded may define it too."""
    loaded = {line.split()[-1] for line in pathlib.Path("/proc/self/maps").read_text().splitlines()}
    kernels = next(path for path in loaded if pathlib.Path(path).name.startswith("libtorch_cpu"))
    place = Place()
    ctypes.CDLL(None).dladdr(ctypes.cast(ctypes.CDLL(kernels).sgemm_, ctypes.c_void_p), ctypes.byref(place))
    return place.file.decode()


def products(torch):
    """What computes products, as it describes itself."""
    mkl = re.search(r"Math Kernel Library Version (\S+)", torch.__config__.show())
    if mkl:
        return f"MKL {mkl[1]}"
    file = product_library()
    library = ctypes.CDLL(file)
    if hasattr(library, "openblas_get_config"):
        library.openblas_get_config.restype = library.openblas_get_corename.restype = ctypes.c_char_p
        version = library.openblas_get_config().decode().split()[1]
        threads = ("one thread", OWN_THREADS, "OpenMP")[library.openblas_get_parallel()]
        return f"OpenBLAS {version} for {library.openblas_get_corename().decode()} with {threads}"
    if hasattr(library, "bli_info_get_version_str"):
        return "BLIS"
    name = pathlib.Path(file).name
    return REFERENCE if name.startswith("libblas") else name


def pointwise(torch):
    """The instruction set of PyTorch's own kernels."""
    if hasattr(torch.backends, "cpu"):
        return torch.backends.cpu.get_cpu_capability()
    found = re.search(r"CPU capability usage: (\S+)", torch.__config__.show())  # before PyTorch 2.1
    return found[1] if found else "unknown"


def why_not():
    """Why this Python's PyTorch can be no peer; None if it can."""
    try:
        import numpy  # noqa: F401
        import torch
    except ImportError as error:
        return f"no module {error.name}"
    if torch.version.cuda or getattr(torch.version, "hip", None):
        return f"PyTorch {torch.__version__} is built for GPUs"
    by = products(torch)
    if by == REFERENCE:
        return f"PyTorch computes products by {by}; libopenblas0-openmp has a faster one"
    if by.endswith(OWN_THREADS):
        # They and OpenMP's, in which pointwise kernels run, wait for work on each other's processors.
        return f"PyTorch computes products by {by}; it needs libopenblas0-openmp as libblas.so.3"
    return None


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print(reason)
        raise SystemExit(1)
