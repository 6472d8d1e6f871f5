"""Writes a jar set's lock from its coordinates: which jars those are, each with its SHA-256."""

from importlib.metadata import version
from pathlib import Path

from jgo.env import EnvironmentBuilder, EnvironmentSpec, LockFile
from jgo.maven import MavenContext

from infra.jars import SPARK, JarSet

# pyspark's wheel already holds what these jars depend on.
WITHOUT_DEPENDENCIES = (SPARK,)


def lock(jars: JarSet, cache: Path) -> int:
    """Resolve the set and write its lock; returns how many jars. Downloads each to `cache`."""
    spec = EnvironmentSpec.load(jars.spec)
    context = MavenContext(
        repo_cache=cache, remote_repos=dict(jars.repositories) if jars.repositories else None
    )
    wanted = EnvironmentBuilder(context, cache / "environments").spec_to_dependencies(spec)
    if jars not in WITHOUT_DEPENDENCIES:
        inputs, rest = context.resolver.resolve(wanted)
        wanted = [*inputs, *(dep for dep in rest if dep.scope in ("compile", "runtime"))]
    wanted.sort(key=lambda dep: (dep.groupId, dep.artifactId))
    locked = LockFile.from_resolved_dependencies(wanted, environment_name=spec.name)
    locked.jgo_version = version("jgo")
    locked.save(jars.lock)
    return len(locked.dependencies)
