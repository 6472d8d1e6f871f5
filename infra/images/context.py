"""Build contexts: exactly the files that a target's stages copy, and the hash over them."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.images import packages, stages
from infra.paths import ROOT

# Where a machine's administrator puts the authorities that its network needs (Debian's place).
MACHINE_CERTIFICATES = Path("/usr/local/share/ca-certificates")

_CERTIFICATES = "infra/images/certificates/"
_PACKAGE = "package/"
# What tools and editors leave behind, and what only builds the page's components.
_LITTER = ("__pycache__", "node_modules", ".DS_Store", "*.pyc", "*~", ".*.sw?")
_TAG_LENGTH = 16


@dataclass(frozen=True, slots=True)
class BuildContext:
    """All that one image is built from. Equal contents give equal digests, on every machine.

    `files` maps paths in the context to contents, `Dockerfile` among them, whose last stage is the
    target. `build_args` holds only what that Dockerfile takes.
    """

    target: str
    files: Mapping[str, bytes] = field(repr=False)
    build_args: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 over every path, content and argument."""
        sums = {path: hashlib.sha256(data).hexdigest() for path, data in self.files.items()}
        described = json.dumps([self.target, sums, dict(self.build_args)], sort_keys=True)
        return hashlib.sha256(described.encode()).hexdigest()

    @property
    def tag(self) -> str:
        """The start of the digest, for the image's name."""
        return self.digest[:_TAG_LENGTH]

    def write(self, folder: Path) -> Path:
        """Make the folder hold exactly these files; returns it. What is right stays untouched."""
        wanted = {folder / path: data for path, data in self.files.items()}
        for path in list(folder.rglob("*")):
            if path.is_file() and path not in wanted:
                path.unlink()
        for path, data in wanted.items():
            if path.is_dir():
                shutil.rmtree(path)
            if path.is_file() and path.read_bytes() == data:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for path in wanted:
            path.chmod(0o644)
        _tidy(folder)
        return folder


def _tidy(folder: Path) -> None:
    """Remove empty folders; modes count in an image, so they must not depend on the umask."""
    for child in folder.iterdir():
        if child.is_dir():
            _tidy(child)
    if any(folder.iterdir()):
        folder.chmod(0o755)
    else:
        folder.rmdir()


def build_context(
    target: str,
    arguments: Mapping[str, str] | None = None,
    certificates: Path = MACHINE_CERTIFICATES,
) -> BuildContext:
    """What the image of that target is built from.

    `arguments` replace the Dockerfile's defaults (BASE_IMAGE, STORE_IMAGE); an empty one does not,
    and one that the target does not take is left out. Certificates (`*.crt`) of that folder come
    along with those in `infra/images/certificates`. Raises InstallError without uv, KeyError for an
    unknown target.
    """
    recipe = stages.recipe(target)
    given = {k: v for k, v in (arguments or {}).items() if v and k in recipe.arguments}
    files = {"Dockerfile": recipe.text.encode()}
    for source in recipe.copies:
        files |= _taken(source, certificates)
    return BuildContext(target, files, recipe.arguments | given)


def _taken(source: str, certificates: Path) -> dict[str, bytes]:
    if source.startswith(packages.FOLDER):
        return {source: packages.package_list(source.removeprefix(packages.FOLDER)).encode()}
    if source == _PACKAGE:
        path, text = packages.project_metadata()
        return {source + path: text.encode()}
    files = {str(path.relative_to(ROOT)): path.read_bytes() for path in _files(ROOT / source)}
    if source == _CERTIFICATES:
        own = {source + path.name: path.read_bytes() for path in certificates.rglob("*.crt")}
        files = own | files
    return files


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise FileNotFoundError(f"infra/images/Dockerfile copies {path}, which is not there")
    for child in sorted(path.iterdir()):
        if not any(child.match(pattern) for pattern in _LITTER):
            yield from _files(child)
