"""Files and folders that are there whole or not at all, whenever the process is killed."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp


def write_text(path: Path, text: str) -> None:
    """Replace a file's content in one step; what UTF-8 cannot say becomes a question mark. Raises OSError."""
    write_bytes(path, text.encode(errors="replace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file's content in one step. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it is there. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Replace a folder with one that ``fill`` fills; the new one is whole before the old one goes. Raises OSError."""
    temporary = Path(mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    retired = temporary.with_suffix(".old")
    try:
        fill(temporary)
        temporary.chmod(0o755)
        if path.exists():
            path.rename(retired)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if retired.exists() and not path.exists():
            retired.rename(path)
        raise
    shutil.rmtree(retired, ignore_errors=True)
