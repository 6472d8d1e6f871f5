"""The producer process: reads the feed, sends every trade to Kafka, until told to stop."""

import argparse
import os
import signal
import sys
from threading import Event

from catalog.errors import TapehouseError
from catalog.logs import configure_logging, get_logger
from catalog.settings import BrokerSettings, FeedSettings
from ingest.feed import Feed
from ingest.health_file import HealthFile
from ingest.last_run import last_received_at
from ingest.pipeline import Pipeline
from ingest.producer import TradeProducer
from ingest.settings import IngestSettings, check_feed
from ingest.topics_admin import check_topics, ensure_topics
from ingest.watch import SymbolWatch

log = get_logger("ingest")

_EPILOG = """\
examples:
  python -m ingest                    read the feed set in the environment or .env
  python -m ingest --ensure-topics    make the Kafka topics that are absent, then end
  python -m ingest --replay -         play the recording that is piped in; progress as JSON lines

SIGTERM and Ctrl-C stop it in order: what was received is sent and acknowledged first. Exit code 6
means that Kafka did not acknowledge everything in time, 5 that the feed refused for good.
"""


def main(arguments: list[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ingest",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--ensure-topics", action="store_true", help="make the topics that are absent, then end"
    )
    parser.add_argument(
        "--replay",
        choices=("-",),
        help="play what `tapehouse --stack NAME replay` pipes in, then end",
    )
    options = parser.parse_args(arguments)
    try:
        broker, settings = BrokerSettings.read(), IngestSettings.read()
        if options.replay:
            configure_logging([broker.password.get_secret_value()], "ERROR")
            _replay_piped(broker, _stop_on_signals())
            return 0
        if options.ensure_topics:
            configure_logging([broker.password.get_secret_value()], settings.log_level)
            log.info("topics_ready", created=ensure_topics(broker, settings.broker_wait_seconds))
            return 0
        feed = check_feed(FeedSettings.read())
        secrets = [feed.token.get_secret_value(), broker.password.get_secret_value()]
        configure_logging(secrets, settings.log_level)
        run(feed, broker, settings, _stop_on_signals())
    except TapehouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def run(feed: FeedSettings, broker: BrokerSettings, settings: IngestSettings, stop: Event) -> None:
    """Read and send until `stop` is set. Raises what makes going on pointless."""
    check_topics(broker, settings.broker_wait_seconds)
    since = last_received_at(broker, feed.source)
    log.info("starting", url=feed.url, symbols=len(feed.symbols), source=feed.source)
    with TradeProducer(
        broker, stop=stop, flush_seconds=settings.flush_seconds, delivery_log=settings.delivery_log
    ) as producer:
        source = Feed(feed, stop=stop, last_received_at=since)
        with HealthFile(settings.health_file, lambda: source.is_subscribed) as health:
            Pipeline(
                source,
                producer,
                SymbolWatch(feed.symbols, feed.source, settings.silent_minutes * 60),
                source=feed.source,
                stop=stop,
                on_tick=health.update,
            ).run()


def _replay_piped(broker: BrokerSettings, stop: Event) -> None:
    """The first line out is our process id: who pipes from outside can stop us by that alone."""
    # The venue and all it brings are needed here alone.
    from ingest.piping import Piped  # noqa: PLC0415
    from ingest.replay import replay  # noqa: PLC0415

    _write_out(b"%d\n" % os.getpid())
    piped = Piped.read(sys.stdin.buffer)
    report = replay(
        piped.recorded, piped.speed, broker, lambda so_far: _write_out(so_far.to_json()), stop
    )
    _write_out(report.to_json())


def _write_out(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _stop_on_signals() -> Event:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


if __name__ == "__main__":
    sys.exit(main())
