# SPDX-License-Identifier: Apache-2.0
"""Downloads the pinned upstream release of CMSIS-NN into the user's cache, and checks it.

The host of the release makes its archives on demand and does not promise their bytes. So what is
pinned is the content: a SHA-256 over the path and SHA-256 of every C file of ``Include`` and
``Source`` and of the licence, which are also all that is unpacked.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tinygen.errors import MachineError
from tinygen.kernels.cmsis_nn.tree import RELEASE, CmsisNN, cache_root, load_tree

URL = f"https://github.com/ARM-software/CMSIS-NN/archive/refs/tags/v{RELEASE}.tar.gz"
"""Upstream's archive of the release."""

CONTENT_SHA256 = "0f6e8c536a7de08c1a8fdf70446c1fe95341702a395e1ab686fa40ecdc365afb"
"""``content_digest`` of upstream's tag of the release."""

_MOST_BYTES = 64 << 20
"""Largest archive, and largest sum of unpacked files, that is taken for CMSIS-NN (it has 4 MB)."""

_TIMEOUT_SECONDS = 60.0
_HINT = (
    "Download a CMSIS-NN release by hand, and name its folder with --cmsis-nn PATH or "
    "$CMSIS_NN_ROOT."
)


def content_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over ``sha256  path`` lines, sorted by path."""
    lines = [f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _download(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            archive: bytes = response.read(_MOST_BYTES + 1)
    except (OSError, urllib.error.URLError) as error:
        raise MachineError(f"cannot download {url}: {error}.", _HINT) from error
    if len(archive) > _MOST_BYTES:
        raise MachineError(f"{url} is no CMSIS-NN release: it is larger than expected.", _HINT)
    return archive


def _is_wanted(path: PurePosixPath) -> bool:
    if path.parts == ("LICENSE",):
        return True
    return path.parts[:1] in (("Include",), ("Source",)) and path.suffix in (".c", ".h")


def _unpacked(archive: bytes, url: str) -> dict[str, bytes]:
    """The wanted files by path below the archive's one folder; nothing touches the disk."""
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
                if not member.isfile() or ".." in path.parts or not _is_wanted(path):
                    continue
                total += member.size
                if total > _MOST_BYTES:
                    raise MachineError(f"{url} is no CMSIS-NN release: it unpacks to too much.")
                content = tar.extractfile(member)
                assert content is not None
                files[path.as_posix()] = content.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise MachineError(f"{url} is no archive of a release: {error}.", _HINT) from error
    return files


def fetch(url: str = URL, expected: str = CONTENT_SHA256) -> CmsisNN:
    """Bring the pinned release into the cache, unless it is there already.

    Args:
        url: the archive, gzipped tar with one folder at its top.
        expected: ``content_digest`` of what it must hold.

    Raises:
        MachineError: it cannot be downloaded or stored, or is not what it should be; nothing is
            left behind.
    """
    target = cache_root()
    if target.is_dir():
        return load_tree(target)
    files = _unpacked(_download(url), url)
    actual = content_digest(files)
    if actual != expected:
        raise MachineError(
            f"{url} does not hold CMSIS-NN {RELEASE}: the SHA-256 of its contents is {actual}, not "
            f"{expected}.",
            _HINT,
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as temporary:
            fresh = Path(temporary) / RELEASE
            for path, content in files.items():
                (fresh / path).parent.mkdir(parents=True, exist_ok=True)
                (fresh / path).write_bytes(content)
            fresh.rename(target)
    except OSError as error:
        raise MachineError(f"cannot write {target}: {error.strerror or error}.") from error
    return load_tree(target)
