"""The stack's images: ours, each built anew when and only when what goes into it has changed."""

import os
from collections.abc import Iterable, Mapping

import pulumi
import pulumi_docker as docker

from infra.config import StackSettings
from infra.container_rules import labels
from infra.hooks import naming_hooks
from infra.images.context import build_context
from infra.images.stages import TARGETS
from infra.paths import ROOT
from infra.service import Service

# Where the provider runs: it takes a relative path, which is the same in every checkout.
_PROGRAM = ROOT / "infra"
_CONTEXTS = ROOT / ".stack" / "contexts"


class Images(pulumi.ComponentResource):
    """One for each image that some service runs on."""

    _made: Mapping[str, docker.RemoteImage]

    def __init__(
        self, settings: StackSettings, services: Iterable[Service], engine: docker.Provider
    ) -> None:
        super().__init__("tapehouse:stack:Images", "images")
        users: dict[str, list[str]] = {}
        for service in services:
            users.setdefault(service.image, []).append(service.name)
        wanted = set(users)
        self._hooks = naming_hooks({_logical_name(image): users[image] for image in wanted})
        made: dict[str, docker.RemoteImage] = {}
        for target in [one for one in TARGETS if one in wanted]:
            # One after another: they share stages, and the builder would make those twice.
            before = list(made.values())[-1:]
            made[target] = self._ours(target, settings, engine, before)
        for image in sorted(wanted - set(TARGETS)):
            made[image] = self._theirs(image, engine)
        self._made = made
        self.register_outputs({"images": [image.name for image in made.values()]})

    def id_of(self, image: str) -> pulumi.Output[str]:
        """The engine's own name for the content: unlike a tag, it cannot mean another tomorrow."""
        return self._made[image].image_id

    def _ours(
        self,
        target: str,
        settings: StackSettings,
        engine: docker.Provider,
        before: list[docker.RemoteImage],
    ) -> docker.RemoteImage:
        context = build_context(
            target, {"BASE_IMAGE": settings.base_image, "STORE_IMAGE": settings.store_image}
        )
        folder = _CONTEXTS / settings.prefix / target
        folder.mkdir(parents=True, exist_ok=True)
        return docker.RemoteImage(
            target,
            name=f"{settings.prefix}-{target}:{context.tag}",
            build=docker.RemoteImageBuildArgs(
                context=os.path.relpath(context.write(folder), _PROGRAM),
                build_args=dict(context.build_args),
                labels=labels(settings),
            ),
            triggers={"content": context.digest},
            opts=pulumi.ResourceOptions(
                parent=self, provider=engine, depends_on=before, hooks=self._hooks
            ),
        )

    def _theirs(self, image: str, engine: docker.Provider) -> docker.RemoteImage:
        return docker.RemoteImage(
            _logical_name(image),
            name=image,
            opts=pulumi.ResourceOptions(parent=self, provider=engine, hooks=self._hooks),
        )


def _logical_name(image: str) -> str:
    """What Pulumi shows; of ours, the target."""
    return image.partition("@")[0].rpartition("/")[2].replace(":", "-")
