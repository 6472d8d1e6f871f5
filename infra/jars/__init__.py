"""The servers' jars: what is wanted (`jgo.toml`), which exactly (`jgo.lock.toml`), fetching."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.paths import JARS

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class JarSet:
    """The jars of one server. `spec` is written by hand, `lock` by `python -m infra.jars --lock`.

    `repositories` by name, None for the resolver's default one.
    """

    name: str
    spec: Path
    lock: Path
    folder: Path
    repositories: Mapping[str, str] | None = None

    @classmethod
    def of(cls, name: str) -> "JarSet":
        """One of ours."""
        return cls(name, _HERE / name / "jgo.toml", _HERE / name / "jgo.lock.toml", JARS / name)


KAFKA = JarSet.of("kafka")
SPARK = JarSet.of("spark")
CATALOG = JarSet.of("catalog")
# A local run has no use for the reference catalog: its store brings one along.
LOCAL = (KAFKA, SPARK)
ALL = (*LOCAL, CATALOG)
