"""Runs the Pulumi program without Pulumi: what it would register, as plain values."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi.runtime
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor

from infra import images_component, stack
from infra.config import StackSettings
from infra.credentials import ExternalSecrets
from infra.engine import Engine
from infra.images.context import BuildContext

CONTAINER = "docker:index/container:Container"
IMAGE = "docker:index/remoteImage:RemoteImage"
PROVIDER = "pulumi:providers:docker"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"

HOST = "unix:///run/of-the-tests.sock"

# How Pulumi marks a secret on its way to the engine.
_SECRET = "4dabf18193072939515e22adb298388d"


@dataclass(frozen=True, slots=True)
class Registered:
    """One resource: its inputs, secrets opened, and the names of those that were secret.

    `outputs` are what a component registered in the end, None when it did not.
    """

    type: str
    name: str
    inputs: dict[str, Any]
    secret: frozenset[str]
    request: Any = field(repr=False)
    urn: str
    outputs: dict[str, Any] | None


class _Monitor(MockMonitor):
    """Keeps the options of every resource and a component's outputs, which mocks never see."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self.requests: dict[tuple[str, str], Any] = {}
        self.urns: dict[tuple[str, str], str] = {}
        self.outputs: dict[str, dict[str, Any]] = {}

    def RegisterResource(self, request):  # noqa: N802
        self.requests[request.type, request.name] = request
        answer = super().RegisterResource(request)
        self.urns[request.type, request.name] = answer.urn
        return answer

    def RegisterResourceOutputs(self, request):  # noqa: N802
        self.outputs[request.urn] = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)


class _Mocks(pulumi.runtime.Mocks):
    def __init__(self) -> None:
        self.made: list[tuple[str, str, dict[str, Any]]] = []

    def new_resource(self, args):
        self.made.append((args.typ, args.name, args.inputs))
        more = {"imageId": f"sha256:{args.name}"} if args.typ == IMAGE else {}
        return f"{args.name}-id", {**args.inputs, **more}

    def call(self, args):
        return {}


def registered(
    monkeypatch,
    tmp_path,
    settings: StackSettings,
    *,
    secret: str = "s" * 64,
    token: str = "",
    external: ExternalSecrets | None = None,
) -> list[Registered]:
    """All that the program registers for these settings."""
    monkeypatch.setattr(images_component, "_CONTEXTS", tmp_path)
    monkeypatch.setattr(images_component, "build_context", _context)
    mocks = _Mocks()
    monitor = _Monitor(mocks)

    @pulumi.runtime.test
    def program():
        services = stack.structure(settings)
        contents = pulumi.Output.secret(secret).apply(
            lambda text: stack.contents_of(settings, text, external or ExternalSecrets(), token)
        )
        return stack.build(stack.lay_ground(settings, services, contents, Engine(HOST)))

    def run():
        pulumi.runtime.set_mocks(
            mocks, settings.project, settings.stack, preview=False, monitor=monitor
        )
        program()

    _apart(run)
    return [_opened(kind, name, inputs, monitor) for kind, name, inputs in mocks.made]


def _apart(act: Callable[[], None]) -> None:
    """Call it in a thread and a context of its own, and close every event loop made there.

    Pulumi leaves one open in each thread that it uses; another library's, such as the browser's,
    could not run beside one in this thread.
    """
    loops: list[asyncio.AbstractEventLoop] = []

    def own_loop() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    with (
        ThreadPoolExecutor(initializer=own_loop) as helpers,
        ThreadPoolExecutor(1, initializer=own_loop) as thread,
    ):

        def run() -> None:
            asyncio.get_event_loop().set_default_executor(helpers)
            act()

        thread.submit(copy_context().run, run).result()
    for loop in loops:
        loop.close()


def of(made: list[Registered], kind: str) -> dict[str, Registered]:
    """Those of one type, by name."""
    return {one.name: one for one in made if one.type == kind}


def _context(target: str, _arguments) -> BuildContext:
    return BuildContext(target, {"Dockerfile": target.encode()}, {})


def _opened(kind: str, name: str, inputs: dict[str, Any], monitor: _Monitor) -> Registered:
    secret = {key for key, value in inputs.items() if isinstance(value, dict) and _SECRET in value}
    opened = {key: value["value"] if key in secret else value for key, value in inputs.items()}
    request = monitor.requests[kind, name]
    urn = monitor.urns[kind, name]
    outputs = monitor.outputs.get(urn)
    return Registered(kind, name, opened, frozenset(secret), request, urn, outputs)
