"""`make up`, `down` and `config`: the Pulumi command with a state, passphrase and secret of ours.

Everything is kept in `.stack/`, readable by its owner alone: Pulumi's state in files, and the
passphrase that seals the secrets in it. Whoever sets PULUMI_BACKEND_URL or PULUMI_CONFIG_PASSPHRASE
(or the file's name) keeps their own. Standard library only, besides our own files.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from catalog.errors import InstallError, TapehouseError
from infra.files import write_private
from infra.paths import ROOT

FOLDER = ROOT / ".stack"
# On every stage of infra/images/Dockerfile.
IMAGE_LABEL = "dev.tapehouse.image"
_PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: Pulumi's own, or that of what is missing."""
    parser = argparse.ArgumentParser(prog="provision", description=__doc__)
    parser.add_argument("verb", choices=("up", "down", "config"))
    parser.add_argument("--stack", default="dev", help="its name (dev)")
    options, others = parser.parse_known_args(arguments)
    try:
        pulumi = Pulumi(find_pulumi(), options.stack, environment(os.environ, FOLDER))
        verbs = {"up": pulumi.up, "down": pulumi.down, "config": pulumi.config}
        return verbs[options.verb](others)
    except TapehouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def find_pulumi() -> str:
    """The command's path. Raises InstallError when it is not there, or Docker's is not."""
    for command, what in (("docker", "Docker"), ("pulumi", "the Pulumi command")):
        if shutil.which(command) is None:
            raise InstallError(
                f"There is no `{command}` on the PATH, and the stack needs {what}. Install it, or"
                " use `make demo`, which needs neither Docker nor Pulumi."
            )
    return str(shutil.which("pulumi"))


def environment(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The variables for Pulumi: those given, and ours for what they leave open."""
    variables = {"PULUMI_SKIP_UPDATE_CHECK": "true", **given}
    if "PULUMI_BACKEND_URL" not in given:
        (folder / "state").mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        variables["PULUMI_BACKEND_URL"] = (folder / "state").as_uri()
    if not any(name in given for name in _PASSPHRASES):
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(_ensure_passphrase(folder))
    return variables


def _ensure_passphrase(folder: Path) -> Path:
    path = folder / "passphrase"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, secrets.token_urlsafe(32))
    return path


def remove_stages() -> int:
    """Remove what Docker's classic builder leaves nameless of our images' stages."""
    command = ("docker", "image", "prune", "--force", "--filter", f"label={IMAGE_LABEL}")
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return done.returncode


class Pulumi:
    """The command, for one stack."""

    def __init__(self, command: str, stack: str, variables: Mapping[str, str]) -> None:
        self._command = command
        self._stack = stack
        self._variables = dict(variables)

    def up(self, others: Sequence[str]) -> int:
        """Make the stack and its secret if they are not there, then everything in it."""
        if code := self._ensure_stack():
            return code
        if self._run("config", "get", "secret", "--stack", self._stack, quiet=True):
            # Given on the standard input: a process list shows every argument.
            code = self._run(
                *("config", "set", "--secret", "secret", "--stack", self._stack),
                given=secrets.token_hex(32),
            )
            if code:
                return code
        return self._run("up", "--yes", "--skip-preview", "--stack", self._stack, *others)

    def down(self, others: Sequence[str]) -> int:
        """Take everything away; the stack's config and its secret stay for the next time."""
        code = self._run("destroy", "--yes", "--skip-preview", "--stack", self._stack, *others)
        return code or remove_stages()

    def config(self, others: Sequence[str]) -> int:
        """What `pulumi config` does, such as `set workers 2`; before the first `up`, too."""
        return self._ensure_stack() or self._run("config", *others, "--stack", self._stack)

    def _ensure_stack(self) -> int:
        select = ("stack", "select", "--create", self._stack)
        return self._run(*select, quiet=True) and self._run(*select)

    def _run(self, *arguments: str, given: str | None = None, quiet: bool = False) -> int:
        hidden = subprocess.DEVNULL if quiet else None
        return subprocess.run(
            [self._command, *arguments],
            cwd=ROOT,
            env=self._variables,
            input=given,
            text=True,
            stdout=hidden,
            stderr=hidden,
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
