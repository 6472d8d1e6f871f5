"""What all components of a stack stand on: the engine, its networks, the images, the secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from infra.config import StackSettings
from infra.images_component import Images
from infra.networks import Networks
from infra.service import Service

# What stands in each container's files: service name -> path -> text.
Contents = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Ground:
    """Made once in `infra/stack.py` and handed to every component.

    `services` describe the structure and hold placeholders; `contents` is the secret part, `hooks`
    are bound to every container.
    """

    settings: StackSettings
    services: Sequence[Service]
    engine: docker.Provider
    networks: Networks
    images: Images
    contents: pulumi.Output[Contents]
    hooks: pulumi.ResourceHookBinding
