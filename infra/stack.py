"""The stack as its diagram shows it: what it stands on, its boxes, and who needs whom.

feed -> broker -> compute -> rest catalog -> object store
dashboard -----------------> rest catalog -> object store
dashboard -> console ------> rest catalog -> object store
"""

import os
from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from catalog.errors import SettingsError, TapehouseError
from catalog.settings import FeedSettings
from infra.broker import Broker
from infra.compute import Compute
from infra.config import StackSettings
from infra.console import Console
from infra.container import Role
from infra.credentials import ExternalSecrets, StackCredentials
from infra.dashboard import Dashboard
from infra.delivery import delivered_files
from infra.engine import Engine
from infra.feed import Feed
from infra.ground import Contents, Ground
from infra.hooks import explaining_hooks
from infra.images_component import Images
from infra.networks import Networks
from infra.object_store import ObjectStore
from infra.paths import ROOT
from infra.reach_stack import StackReach
from infra.rest_catalog import RestCatalog
from infra.service import Service
from infra.stack_checks import check_services, check_settings
from infra.stack_config import read_external_secrets, read_settings, read_token
from infra.stack_outputs import outputs
from infra.stack_services import SIMULATOR, stack_services
from infra.verification import verify, verify_flow

_SHORTEST_SECRET = 32


def run() -> None:
    """The whole program: reads the config, checks it, and registers every resource."""
    try:
        _run(pulumi.Config(), FeedSettings.read(_env_file=ROOT / ".env"))
    except TapehouseError as error:
        raise pulumi.RunError(str(error)) from None


def _run(config: pulumi.Config, feed: FeedSettings) -> None:
    settings = read_settings(config, pulumi.get_project(), pulumi.get_stack(), feed)
    check_settings(settings)
    secret = read_secret(config)
    services = structure(settings)
    engine = Engine(pulumi.Config("docker").get("host") or "")
    check_services(services, settings, engine.memory_bytes())
    external, token = read_external_secrets(config), read_token(config, feed)
    contents = secret.apply(lambda text: contents_of(settings, text, external, token))
    ground = lay_ground(settings, services, contents, engine)
    asked = build(ground).apply(lambda _: _verify(engine, settings, services))
    pulumi.export("healthy", asked)
    by_make = "PULUMI_BACKEND_URL" in os.environ
    for name, value in outputs(settings, services, by_make=by_make).items():
        pulumi.export(name, value)


def lay_ground(
    settings: StackSettings,
    services: Sequence[Service],
    contents: pulumi.Output[Contents],
    engine: Engine,
) -> Ground:
    """The engine, its networks and the images: what every box needs."""
    provider = docker.Provider("engine", host=engine.address())
    return Ground(
        settings=settings,
        services=services,
        engine=provider,
        networks=Networks(settings, (name for one in services for name in one.networks), provider),
        images=Images(settings, services, provider),
        contents=contents,
        hooks=explaining_hooks(engine),
    )


def build(ground: Ground) -> pulumi.Output[list[str]]:
    """The boxes of the diagram; the result is there when every container is."""
    broker = Broker("broker", ground)
    store = ObjectStore("object-store", ground)
    catalog = RestCatalog("rest-catalog", ground, needs=(store,))
    compute = Compute("compute", ground, needs=(broker, store, catalog))
    feed = Feed("feed", ground, needs=(broker,))
    console = Console("console", ground, needs=(store, catalog))
    dashboard = Dashboard("dashboard", ground, needs=(store, catalog, console))
    boxes: tuple[Role, ...] = (broker, store, catalog, compute, feed, console, dashboard)
    made = [one.container for box in boxes for one in box.containers.values()]
    if len(made) != len(ground.services):
        raise ValueError("a service belongs to no box of the diagram, or to two")
    return pulumi.Output.all(*(container.id for container in made))


def structure(settings: StackSettings) -> tuple[Service, ...]:
    """The services as far as anyone may see them: where a secret would stand, a placeholder."""
    return stack_services(settings, StackCredentials.placeholders(), "placeholder-feed-token")


def contents_of(
    settings: StackSettings, secret: str, external: ExternalSecrets, token: str
) -> Contents:
    """What each service finds in its files, with the real credentials."""
    credentials = StackCredentials.derive(secret, external)
    real = stack_services(settings, credentials, token)
    return {service.name: delivered_files(service) for service in real}


def read_secret(config: pulumi.Config) -> pulumi.Output[str]:
    """The stack's secret. Raises SettingsError when there is none, or a weak one."""
    command = "openssl rand -hex 32 | pulumi config set --secret secret"
    text = config.get("secret")
    if not text:
        raise SettingsError(
            "The stack has no secret yet, from which all its passwords are derived. `make up` makes"
            f" one; by hand: {command}"
        )
    if len(text) < _SHORTEST_SECRET:
        raise SettingsError(
            f"The stack's secret has {len(text)} characters, and needs {_SHORTEST_SECRET} that"
            f" nobody can guess: {command}"
        )
    return pulumi.Output.secret(text)


def _verify(engine: Engine, settings: StackSettings, services: Sequence[Service]) -> bool:
    if not pulumi.runtime.is_dry_run():
        try:
            verify(engine, settings.prefix, services, settings.patience_seconds)
            _verify_flow(engine, settings, [service.name for service in services])
        except TapehouseError as error:
            raise pulumi.RunError(str(error)) from None
    return True


def _verify_flow(engine: Engine, settings: StackSettings, names: Sequence[str]) -> None:
    # Both ends of the way; without them there is nothing to flow.
    if {"stream", "console", "dashboard"} <= set(names):
        patience = settings.patience_seconds
        reach = StackReach(settings.stack, engine, patience)
        verify_flow(engine, settings.prefix, reach, patience, simulated=SIMULATOR in names)
