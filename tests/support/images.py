"""The stack's images: all as `up` makes them, or one by the builder that every engine has."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.images import build_context
from tests.support.stack import Stack, docker, running

# The real program's images without the rest: whatever stack is made after them finds every step in
# the builder's cache.
_PROGRAM = """\
import pulumi
import pulumi_docker as docker

from catalog.settings import FeedSettings
from infra.engine import Engine
from infra.health import Running
from infra.images import TARGETS
from infra.images_component import Images
from infra.service import Service
from infra.stack_config import read_settings

settings = read_settings(
    pulumi.Config(), pulumi.get_project(), pulumi.get_stack(), FeedSettings.read()
)
services = [Service(target, (), Running(), 0, image=target) for target in TARGETS]
images = Images(settings, services, docker.Provider("engine", host=Engine().address()))
for target in TARGETS:
    pulumi.export(target, images.id_of(target))
"""


_STORE = "FROM scratch\nCOPY minio /usr/bin/silo\n"


def images_to_start_from() -> dict[str, str]:
    """A stack's config for a machine that can pull nothing; empty where the pinned can be had.

    The store's image is then built around the `minio` on the PATH.
    """
    values: dict[str, str] = {}
    if base := os.environ.get("TAPEHOUSE_BASE_IMAGE"):
        values["baseImage"] = base
    if store := os.environ.get("TAPEHOUSE_STORE_IMAGE") or _built_store():
        values["storeImage"] = store
    return values


def _built_store() -> str:
    binary = shutil.which("minio")
    if binary is None:
        return ""
    digest = hashlib.sha256(Path(binary).read_bytes() + _STORE.encode()).hexdigest()[:12]
    name = f"tapehouse-minio-stand-in:{digest}"
    if subprocess.run(
        ["docker", "image", "inspect", name], capture_output=True, check=False
    ).returncode:
        subprocess.run(
            ["docker", "build", "--quiet", "--tag", name, "--file", "-", Path(binary).parent],
            input=_STORE.encode(),
            check=True,
            capture_output=True,
        )
    return name


@contextmanager
def built_images(stack: Stack) -> Iterator[dict[str, str]]:
    """Ids by target, of images that last as long as the block; the stack has nothing else."""
    (stack.project / "infra" / "__main__.py").write_text(_PROGRAM)
    with running(stack):
        shown = stack.pulumi("stack", "output", "--json", "--stack", stack.name).out
        yield json.loads(shown)


def built_classically(config: Mapping[str, str], folder: Path, target: str) -> str:
    """The id of an image as the builder makes it that every engine has.

    `config` is a stack's (baseImage, storeImage).
    """
    arguments = {
        "BASE_IMAGE": config.get("baseImage", ""),
        "STORE_IMAGE": config.get("storeImage", ""),
    }
    context = build_context(target, arguments)
    name = f"tapehouse-test-classic-{target}:{context.tag}"
    build_args = [f"--build-arg={key}={value}" for key, value in context.build_args.items()]
    done = subprocess.run(
        ["docker", "build", *build_args, "--tag", name, context.write(folder / target)],
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{name} cannot be built:\n{done.stdout[-4000:]}")
    return docker("image", "inspect", "--format={{.Id}}", name).strip()
