"""One service as a container: its docker volumes, its files, every rule of `container_rules`."""

from collections.abc import Iterable, Mapping, Sequence

import pulumi
import pulumi_docker as docker

from infra.config import Lifecycle, StackSettings
from infra.container_rules import (
    REPLACED_ON,
    carrier_rules,
    container_labels,
    labels,
    ports,
    rules,
    uploads,
)
from infra.container_site import DELIVERED
from infra.ground import Ground
from infra.service import Service, in_starting_order


class ServiceContainer(pulumi.ComponentResource):
    """A service's container; it is there when its healthcheck has passed.

    Its structure comes from `service` alone, the text of its files from the ground's secret
    contents: so a secret that strayed elsewhere would show as its placeholder.
    """

    container: docker.Container

    def __init__(
        self,
        service: Service,
        ground: Ground,
        needs: Iterable["ServiceContainer"],
        parent: pulumi.Resource,
    ) -> None:
        super().__init__(
            "tapehouse:stack:Service", service.name, None, pulumi.ResourceOptions(parent=parent)
        )
        settings = ground.settings
        volumes = self._volumes(service, ground)
        files = self._volume(f"{service.name}-secrets", service, ground, retained=False)
        mounted = docker.ContainerVolumeArgs(container_path=str(DELIVERED), volume_name=files.name)
        carrier = self._carrier(service, ground, mounted)
        self.container = docker.Container(
            service.name,
            docker.ContainerArgs(
                image=ground.images.id_of(service.image),
                volumes=[*volumes, mounted],
                # The carrier is made anew when the files change, and this container with it.
                labels=container_labels(settings, service.name, delivery=carrier.id),
                ports=ports(service, settings),
                networks_advanced=[
                    ground.networks.joined_by(name, service.name)
                    for name in sorted(service.networks)
                ],
                **rules(service, settings),
            ),
            pulumi.ResourceOptions(
                parent=self,
                provider=ground.engine,
                depends_on=[need.container for need in needs],
                hooks=ground.hooks,
                replace_on_changes=REPLACED_ON,
                delete_before_replace=True,
            ),
        )
        self.register_outputs({"name": self.container.name})

    def _carrier(
        self, service: Service, ground: Ground, mounted: docker.ContainerVolumeArgs
    ) -> docker.Container:
        """Writes the service's files into their docker volume, and never runs.

        The provider can only write into a container, and not into one whose root is read-only.
        """
        return docker.Container(
            f"{service.name}-files",
            docker.ContainerArgs(
                image=ground.images.id_of(service.image),
                volumes=[mounted],
                uploads=ground.contents.apply(lambda contents: uploads(contents[service.name])),
                **carrier_rules(service, ground.settings),
            ),
            pulumi.ResourceOptions(
                parent=self,
                provider=ground.engine,
                delete_before_replace=True,
                additional_secret_outputs=["uploads"],
            ),
        )

    def _volumes(self, service: Service, ground: Ground) -> list[docker.ContainerVolumeArgs]:
        """Those of the folders that are kept."""
        retained = ground.settings.lifecycle is Lifecycle.RETAIN
        return [
            docker.ContainerVolumeArgs(
                container_path=str(path),
                volume_name=self._volume(
                    f"{service.name}-{path.name}", service, ground, retained=retained
                ).name,
            )
            for path in sorted(service.folders)
        ]

    def _volume(
        self, name: str, service: Service, ground: Ground, *, retained: bool
    ) -> docker.Volume:
        return docker.Volume(
            name,
            name=f"{ground.settings.prefix}-{name}",
            labels=_volume_labels(ground.settings, service.name),
            opts=pulumi.ResourceOptions(
                parent=self, provider=ground.engine, retain_on_delete=retained
            ),
        )


def _volume_labels(settings: StackSettings, service_name: str) -> list[docker.VolumeLabelArgs]:
    named = labels(settings, service_name)
    return [docker.VolumeLabelArgs(label=name, value=named[name]) for name in sorted(named)]


class Role(pulumi.ComponentResource):
    """A box of the diagram: some of the stack's services, each started after those it needs.

    `roles` says which: by the name under which the config sets a service's memory.
    """

    roles: tuple[str, ...] = ()
    containers: Mapping[str, ServiceContainer]

    def __init__(self, name: str, ground: Ground, needs: Sequence["Role"] = ()) -> None:
        super().__init__(f"tapehouse:stack:{type(self).__name__}", name)
        reachable = {
            service_name: container
            for role in needs
            for service_name, container in role.containers.items()
        }
        everyone = {service.name for service in ground.services}
        made: dict[str, ServiceContainer] = {}
        for service in in_starting_order(self.members(ground.services)):
            awaited = service.needs if service.waits_for is None else service.waits_for
            known = {**reachable, **made}
            # One that is not part of the stack is external: there is nothing to wait for.
            wanted = [known[need] for need in awaited if need in everyone]
            made[service.name] = ServiceContainer(service, ground, wanted, self)
        self.containers = made
        self.register_outputs({"services": sorted(made)})

    @classmethod
    def members(cls, services: Iterable[Service]) -> tuple[Service, ...]:
        """Its services among all of the stack."""
        return tuple(one for one in services if (one.role or one.name) in cls.roles)
