"""The stack's images by the docker command: built from the contexts that a stack uses, or found."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from infra.images import TARGETS, BuildContext, build_context


def docker(*arguments: str) -> str:
    """What the docker command prints."""
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True, timeout=600
    ).stdout


def built_images(
    config: Mapping[str, str], folder: Path, targets: Sequence[str] = TARGETS
) -> dict[str, str]:
    """Image names by target, built unless there; `config` as a stack's (baseImage, storeImage).

    Those that some stack has built from the same content are taken as they are.
    """
    names: dict[str, str] = {}
    for target, context in _contexts(config, targets):
        names[target] = f"tapehouse-test-{target}:{context.tag}"
        of_stacks = f"reference=tapehouse-*-{target}:{context.tag}"
        found = docker("images", "--format={{.ID}}", "--filter", of_stacks).split()
        if found:
            docker("tag", found[0], names[target])
        else:
            _build(context, names[target], folder / target)
    return names


def built_classically(config: Mapping[str, str], folder: Path, target: str) -> str:
    """The id of an image as the builder makes it that every engine has."""
    [(_, context)] = _contexts(config, (target,))
    name = f"tapehouse-test-classic-{target}:{context.tag}"
    _build(context, name, folder / target, DOCKER_BUILDKIT="0")
    return docker("image", "inspect", "--format={{.Id}}", name).strip()


def _contexts(
    config: Mapping[str, str], targets: Sequence[str]
) -> Iterator[tuple[str, BuildContext]]:
    arguments = {
        "BASE_IMAGE": config.get("baseImage", ""),
        "STORE_IMAGE": config.get("storeImage", ""),
    }
    return ((target, build_context(target, arguments)) for target in targets)


def _build(context: BuildContext, name: str, folder: Path, **environment: str) -> None:
    build_args = [f"--build-arg={key}={value}" for key, value in context.build_args.items()]
    done = subprocess.run(
        ["docker", "build", *build_args, "--tag", name, context.write(folder)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{name} cannot be built:\n{done.stdout[-4000:]}")
