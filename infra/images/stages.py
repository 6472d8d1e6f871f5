"""Reads the Dockerfile: which stages a target needs, what those copy, which arguments they take.

The classic builder builds every stage above the target, needed or not, so each target gets a
Dockerfile of its own with no other stages in it. Comments are left out: a word in one is no reason
for a new image.
"""

import re
from dataclasses import dataclass
from pathlib import Path

DOCKERFILE = Path(__file__).with_name("Dockerfile")

# In the order in which they are best built: what later ones stand on comes first.
TARGETS = (
    "proxy",
    "store",
    "seaweedfs",
    "kafka",
    "catalog",
    "ingest",
    "setup",
    "console",
    "serving",
    "spark",
    "streaming",
)

_FROM = re.compile(r"FROM (\S+) AS (\S+)")
_ARGUMENT = re.compile(r"ARG (\w+)=(\S+)")
_REFERENCE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Stage:
    """One `FROM` and what follows it, an instruction to a line as it is written."""

    name: str
    base: str
    instructions: tuple[str, ...]

    @property
    def copies(self) -> tuple[str, ...]:
        """Paths that it takes from the build context."""
        taken = [words for words in self._copying() if not words[1].startswith("--from=")]
        return tuple(source for words in taken for source in words[1:-1])

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Names of its base and of all it copies from; they may be images, too."""
        sources = [words[1] for words in self._copying() if words[1].startswith("--from=")]
        return (self.base, *(source.removeprefix("--from=") for source in sources))

    def _copying(self) -> list[list[str]]:
        return [line.split() for line in self.instructions if line.startswith("COPY ")]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one target needs of the Dockerfile. `arguments` maps each name to its default."""

    arguments: dict[str, str]
    stages: tuple[Stage, ...]

    @property
    def text(self) -> str:
        """A Dockerfile of its own, whose last stage is the target."""
        lines = [f"ARG {name}={value}" for name, value in self.arguments.items()]
        lines += [line for stage in self.stages for line in stage.instructions]
        return "\n".join(lines) + "\n"

    @property
    def copies(self) -> tuple[str, ...]:
        """All that its stages take from the build context, each once, sorted."""
        return tuple(sorted({path for stage in self.stages for path in stage.copies}))


def recipe(target: str, dockerfile: str | None = None) -> Recipe:
    """What the target needs of the Dockerfile (ours unless given). Raises KeyError if unknown."""
    arguments, stages = _parse(DOCKERFILE.read_text() if dockerfile is None else dockerfile)
    needed: set[str] = set()
    open_ends = [stages[target]]
    while open_ends:
        stage = open_ends.pop()
        needed.add(stage.name)
        open_ends += [
            stages[name] for name in stage.stands_on if name in stages and name not in needed
        ]
    kept = tuple(stage for name, stage in stages.items() if name in needed)
    used = {name for stage in kept for name in _REFERENCE.findall(stage.base)}
    return Recipe({name: value for name, value in arguments.items() if name in used}, kept)


def _parse(dockerfile: str) -> tuple[dict[str, str], dict[str, Stage]]:
    lines = [line for line in dockerfile.splitlines() if line and not line.startswith("#")]
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    for instruction in "\n".join(lines).replace("\\\n", "\\\0").split("\n"):
        text = instruction.replace("\0", "\n")
        if start := _FROM.fullmatch(text):
            stages[start[2]] = Stage(start[2], start[1], (text,))
        elif stages:
            name, stage = stages.popitem()
            stages[name] = Stage(name, stage.base, (*stage.instructions, text))
        elif argument := _ARGUMENT.fullmatch(text):
            arguments[argument[1]] = argument[2]
    return arguments, stages
