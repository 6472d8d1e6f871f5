"""The commands that run an instance and tell how it is: demo, run, status, doctor."""

import time
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.errors import ServiceError, SettingsError
from catalog.settings import FeedSettings
from infra import doctor as checks
from infra import instance
from infra import stack_doctor as stack_checks
from infra.cli_options import (
    DEFAULT_HOME,
    SPEED_HELP,
    HomeOption,
    StackOption,
    open_home,
    parse_speed,
    reach_of,
)
from infra.flow import Flow
from infra.home import Home
from infra.output import print_json, print_rows, say
from infra.plan import FeedKind, Plan, parse_feed
from infra.ports import any_free_port
from infra.reach import Reach

_WAIT_SECONDS = 170.0
_APPEAR_SECONDS = 30.0
# In a stack each look enters a container.
_POLL_SECONDS = 1.0

PortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of the dashboard; 0: a free one.")
]
TriggerOption = Annotated[
    float | None,
    typer.Option(
        min=1, max=60, help="Seconds between commits to the table (2).", metavar="SECONDS"
    ),
]
RateOption = Annotated[
    float | None,
    typer.Option(min=0.01, help="The simulator's trades a second (25).", metavar="TRADES"),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(epilog="Example: tapehouse demo --port 8600")(demo)
    app.command(
        epilog="Examples: tapehouse run --feed simulator --rate 200;"
        " tapehouse run --feed day.frames.jsonl.zst --no-dashboard"
    )(run)
    app.command(epilog="Examples: tapehouse status --wait; tapehouse --stack dev status --json")(
        status
    )
    app.command(
        epilog="Examples: tapehouse doctor --home /data/tapehouse; tapehouse --stack dev doctor"
    )(doctor)


def demo(
    home: HomeOption = DEFAULT_HOME,
    port: PortOption = 8501,
    trigger: TriggerOption = None,
    rate: RateOption = None,
) -> None:
    """Start everything on this machine and show live trades in the browser.

    Trades come from Finnhub when FINNHUB_API_TOKEN is set, else from the simulator.
    """
    run(home=home, feed=None, no_dashboard=False, port=port, trigger=trigger, rate=rate)


def run(
    home: HomeOption = DEFAULT_HOME,
    feed: Annotated[
        str | None,
        typer.Option(help="simulator, finnhub, none, or a recording's file.", metavar="FEED"),
    ] = None,
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="Serve no page.")] = False,
    port: PortOption = 8501,
    trigger: TriggerOption = None,
    rate: RateOption = None,
    speed: Annotated[str, typer.Option(help=SPEED_HELP)] = "1",
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild", help="Make the stream's checkpoint anew; it goes on where the table ends."
        ),
    ] = False,
) -> None:
    """Start Kafka, the store, the streaming job, the feed and the dashboard; Ctrl-C stops them.

    What was stored stays in the home; the next run goes on from it.
    """
    kind, recording = parse_feed(feed)
    if rate is not None and kind is not FeedKind.SIMULATOR:
        raise SettingsError("--rate is the simulator's: it goes with --feed simulator alone.")
    opened = open_home(home)
    say(f"Tapehouse in {opened.path}, feed: {_describe_feed(kind, recording)}")
    page = None if no_dashboard else port or any_free_port()
    request = uuid.uuid4().hex if rebuild else None
    plan = Plan(kind, recording, rate, trigger, page, parse_speed(speed), request)
    instance.run(opened, plan, say)


def status(
    home: HomeOption = DEFAULT_HOME,
    stack: StackOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until all runs and, with a feed, trades flow.")
    ] = False,
) -> None:
    """Tell how the instance is: its services, the stream, the tables.

    Exit code 4 when a service has failed or the stream does not answer.
    """
    if wait:
        _wait_until_flowing(home, stack)
    report = _report(reach_of(home, stack))
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    services_well = all(service["well"] for service in report["services"].values())
    if not services_well or report["stream"] is None:
        raise typer.Exit(ServiceError.exit_code)


def doctor(home: HomeOption = DEFAULT_HOME, stack: StackOption = None) -> None:
    """Check this machine and this installation, or a stack; say how to mend what is amiss.

    Exit code 1 when a check fails.
    """
    findings = stack_checks.examine(stack) if stack else checks.examine(Home(home))
    print_rows(
        ("check", "", "found", "what to do"),
        [(f.check, f.mark, f.found, f.mend or "") for f in findings],
    )
    if any(finding.failed for finding in findings):
        raise typer.Exit(1)


def _describe_feed(kind: FeedKind, recording: Path | None) -> str:
    if kind is FeedKind.FINNHUB:
        return f"Finnhub ({len(FeedSettings.read().symbols)} symbols)"
    if kind is FeedKind.RECORDING:
        return f"the recording {recording}"
    if kind is FeedKind.NONE:
        return "none (use `tapehouse replay`)"
    return (
        "the simulator. With FINNHUB_API_TOKEN in .env, the same command reads the real feed"
        if not FeedSettings.read().token.get_secret_value()
        else "the simulator"
    )


def _report(reach: Reach) -> dict[str, Any]:
    report = reach.describe()
    try:
        report["stream"] = reach.keeper_status()
    except ServiceError:
        report["stream"] = None
    return report


def _print_report(report: dict[str, Any]) -> None:
    print_rows(
        ("service", "state", "detail"),
        [(name, s["state"], s["detail"]) for name, s in report["services"].items()],
    )
    say("")
    keeper = report["stream"]
    if keeper is None:
        say("The streaming job does not answer (yet); its log says why.")
        return
    print_rows(
        ("topic", "topic partition", "stored", "latest", "behind"),
        [
            (topic, place, o.get("stored", 0), o.get("latest", 0), _behind(o))
            for topic, places in keeper["offsets"].items()
            for place, o in sorted(places.items())
        ],
    )
    say("")
    print_rows(
        ("table", "snapshots", "snapshot id", "files"),
        [
            (name, t.get("snapshots"), t.get("snapshot_id"), t.get("files"))
            for name, t in keeper["tables"].items()
        ],
    )
    if keeper["query"].get("stretched"):
        say(f"\nThe stream commits less often than every {keeper['query']['stretched']}.")
    if report["dashboard"]:
        say(f"\nDashboard: {report['dashboard']}")


def _behind(offsets: dict[str, int]) -> int:
    return max(0, offsets.get("latest", 0) - offsets.get("stored", 0))


def _wait_until_flowing(home: Path, stack: str | None) -> None:
    """Until every service is ready and, with a feed, stored offsets move. Raises ServiceError."""
    begun = time.monotonic()
    flow: Flow | None = None
    reason = "it has not started"
    while (waited := time.monotonic() - begun) < _WAIT_SECONDS:
        try:
            reach = reach_of(home, stack)
            flow = flow or Flow(reach.topic)
            flow.note(reach.keeper_status())
            if flow.grew or (flow.runs and not reach.has_feed):
                return
            reason = "no new trade has reached the table"
        except ServiceError as error:
            reason = str(error)
            if "Nothing runs" in reason and waited > _APPEAR_SECONDS:
                raise
        time.sleep(_POLL_SECONDS)
    raise ServiceError(f"Waited {_WAIT_SECONDS:.0f} s in vain: {reason}")
