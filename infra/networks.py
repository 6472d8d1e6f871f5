"""The docker networks of a stack: who shares none with a service cannot reach it."""

from collections.abc import Iterable, Mapping

import pulumi
import pulumi_docker as docker

from infra.config import StackSettings
from infra.container_rules import labels
from infra.service import NETWORKS


class Networks(pulumi.ComponentResource):
    """One for each name that some service asks for; internal ones have no way out."""

    by_name: Mapping[str, docker.Network]

    def __init__(
        self, settings: StackSettings, names: Iterable[str], engine: docker.Provider
    ) -> None:
        super().__init__("tapehouse:stack:Networks", "networks")
        options = pulumi.ResourceOptions(parent=self, provider=engine, delete_before_replace=True)
        self.by_name = {
            name: docker.Network(
                name,
                name=f"{settings.prefix}-{name}",
                driver="bridge",
                internal=NETWORKS[name],
                labels=[
                    docker.NetworkLabelArgs(label=label, value=value)
                    for label, value in labels(settings).items()
                ],
                opts=options,
            )
            for name in sorted(set(names))
        }
        self.register_outputs({"names": sorted(self.by_name)})

    def joined_by(self, name: str, alias: str) -> docker.ContainerNetworksAdvancedArgs:
        """Membership of a container that others there find under the alias."""
        return docker.ContainerNetworksAdvancedArgs(name=self.by_name[name].name, aliases=[alias])
