"""Building the stack's images by the docker command, from the contexts that a stack uses."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.images import TARGETS, build_context


def docker(*arguments: str) -> str:
    """What the docker command prints."""
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True, timeout=600
    ).stdout


def built_images(
    config: Mapping[str, str], folder: Path, targets: Sequence[str] = TARGETS
) -> dict[str, str]:
    """Image names by target, built unless there; `config` as a stack's (baseImage, storeImage)."""
    arguments = {
        "BASE_IMAGE": config.get("baseImage", ""),
        "STORE_IMAGE": config.get("storeImage", ""),
    }
    names: dict[str, str] = {}
    for target in targets:
        context = build_context(target, arguments)
        names[target] = f"tapehouse-test-{target}:{context.tag}"
        build_args = [f"--build-arg={name}={value}" for name, value in context.build_args.items()]
        done = subprocess.run(
            [
                "docker",
                "build",
                *build_args,
                "--tag",
                names[target],
                context.write(folder / target),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1500,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{target} cannot be built:\n{done.stdout[-4000:]}")
    return names
