"""Writes a jar set's lock from its coordinates: which jars those are, each with its SHA-256."""

from importlib.metadata import version
from pathlib import Path

from jgo.env import EnvironmentBuilder, EnvironmentSpec, LockFile
from jgo.maven import MavenContext

from infra.jars import lock_path, spec_path

# pyspark's wheel already holds what these jars depend on.
WITHOUT_DEPENDENCIES = frozenset({"spark"})


def lock(name: str, cache: Path) -> int:
    """Resolve the set and write its lock; returns how many jars. Downloads each to `cache`."""
    spec = EnvironmentSpec.load(spec_path(name))
    context = MavenContext(repo_cache=cache)
    wanted = EnvironmentBuilder(context, cache / "environments").spec_to_dependencies(spec)
    if name not in WITHOUT_DEPENDENCIES:
        inputs, rest = context.resolver.resolve(wanted)
        wanted = [*inputs, *(dep for dep in rest if dep.scope in ("compile", "runtime"))]
    wanted.sort(key=lambda dep: (dep.groupId, dep.artifactId))
    locked = LockFile.from_resolved_dependencies(wanted, environment_name=spec.name)
    locked.jgo_version = version("jgo")
    locked.save(lock_path(name))
    return len(locked.dependencies)
