"""What `pulumi up` says at its end: where the page is, what is active, what to do next."""

from collections.abc import Sequence

from infra.config import Lifecycle, StackSettings, StoreKind
from infra.engine import STACK_LABEL
from infra.service import Service
from infra.stack_checks import memory_mb

_CATALOGS = {
    StoreKind.MINIO: "Iceberg's reference server, behind a proxy that asks for a token",
    StoreKind.SEAWEEDFS: "SeaweedFS's own",
}
_DATA = {
    Lifecycle.EPHEMERAL: "ephemeral: `pulumi destroy` deletes the data with everything else",
    Lifecycle.RETAIN: "retain: `pulumi destroy` leaves the docker volumes, the next `up` goes on"
    " with them; to delete them after it: docker volume rm"
    f" $(docker volume ls -q --filter label={STACK_LABEL}={{stack}})",
}

_COMMANDS = {
    True: (
        'make config STACK={stack} ARGS="set tickers AAPL,MSFT" && make up STACK={stack}',
        "make down STACK={stack}",
    ),
    False: (
        "pulumi config set tickers AAPL,MSFT --stack {stack} && pulumi up --stack {stack}",
        "pulumi destroy --stack {stack}",
    ),
}


def outputs(
    settings: StackSettings, services: Sequence[Service], *, by_make: bool
) -> dict[str, object]:
    """The stack's outputs; none is a secret.

    `by_make`: the state is where `make` looks for it too, not where `pulumi login` was told.
    """
    consoles = {
        service.name: f"http://127.0.0.1:{port}"
        for service in services
        if service.name != "dashboard"
        for port in service.publishes.values()
    }
    return {
        "dashboard": f"http://{_host(settings)}:{settings.dashboard_port}",
        **({"consoles": consoles} if consoles else {}),
        "feed": _feed(settings),
        "broker": settings.external_broker.server
        if settings.external_broker
        else f"Kafka, {_count(settings.brokers, 'node')}",
        "store": settings.external_store.endpoint
        if settings.external_store
        else settings.store.value,
        "catalog": settings.external_catalog.uri
        if settings.external_catalog
        else _CATALOGS[settings.store],
        "compute": settings.external_spark or f"Spark, {_count(settings.workers, 'worker')}",
        "data": _DATA[settings.lifecycle].format(stack=settings.stack),
        "memory": f"{memory_mb(services)} MB at most, all services together",
        "next": [
            f"tapehouse --stack {settings.stack} status",
            f"tapehouse --stack {settings.stack} sql 'SELECT count(*) FROM trades'",
            *(command.format(stack=settings.stack) for command in _COMMANDS[by_make]),
        ],
    }


def _host(settings: StackSettings) -> str:
    anywhere = {"0.0.0.0": "localhost", "::": "localhost"}  # noqa: S104 (told apart, not bound)
    return anywhere.get(settings.dashboard_address, settings.dashboard_address)


def _feed(settings: StackSettings) -> str:
    symbols = ", ".join(settings.tickers)
    if settings.has_token:
        return f"Finnhub: {symbols}"
    return (
        f"simulator, since no Finnhub token is set (FINNHUB_API_TOKEN in .env, or `pulumi config"
        f" set --secret token`): {symbols}"
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
