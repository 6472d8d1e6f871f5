"""The Dockerfile, and what is cut out of it for each target."""

import re

import pytest

from infra.config import StackSettings, StoreKind
from infra.credentials import StackCredentials
from infra.images.stages import DOCKERFILE, TARGETS, recipe
from infra.paths import ROOT
from infra.stack_services import stack_services

GENERATED = ("requirements/", "package/")


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_gets_the_stages_that_it_stands_on_and_itself_last(target):
    stages = recipe(target).stages
    assert stages[-1].name == target
    names = [stage.name for stage in stages]
    for stage in stages[:-1]:
        later = stages[names.index(stage.name) + 1 :]
        assert any(stage.name in other.stands_on for other in later), f"{stage.name} is not needed"


@pytest.mark.parametrize("target", TARGETS)
def test_all_that_is_copied_from_the_context_is_there_or_written_for_it(target):
    for source in recipe(target).copies:
        assert source.startswith(GENERATED) or (ROOT / source).exists()


@pytest.mark.parametrize("target", TARGETS)
def test_every_image_runs_as_one_user_and_holds_launcher_and_probe(target):
    stages = {stage.name: stage for stage in recipe(target).stages}
    assert stages[target].instructions[-1] == "USER 10001:10001"
    held, stage = set(stages[target].copies), stages[target]
    while stage.base in stages:
        stage = stages[stage.base]
        held |= set(stage.copies)
    assert {"infra/images/launch.py", "infra/images/probe.py"} <= held


@pytest.mark.parametrize("target", TARGETS)
def test_every_image_says_what_it_is(target):
    text = "\n".join(recipe(target).stages[-1].instructions)
    assert f"LABEL dev.tapehouse.image={target} " in text
    assert 'org.opencontainers.image.title="' in text
    assert 'org.opencontainers.image.description="' in text


def test_only_the_store_takes_the_store_image():
    takers = [target for target in TARGETS if "STORE_IMAGE" in recipe(target).arguments]
    assert takers == ["store"]
    assert all("BASE_IMAGE" in recipe(target).arguments for target in TARGETS)


def test_images_of_others_are_pinned_by_digest():
    for argument, image in recipe("store").arguments.items():
        assert re.search(r"@sha256:[0-9a-f]{64}$", image), argument


def test_the_classic_builder_can_build_it():
    text = DOCKERFILE.read_text()
    for feature in ("--mount", "--chmod", "--link", "<<", "# syntax"):
        assert feature not in text.replace("no --chmod", "")


def test_every_stage_is_part_of_some_image():
    written = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE.read_text(), re.MULTILINE))
    used = {stage.name for target in TARGETS for stage in recipe(target).stages}
    assert written == used


def test_a_comment_changes_nothing():
    text = DOCKERFILE.read_text()
    assert recipe("kafka", f"# Some words.\n{text}").text == recipe("kafka").text


def test_instructions_over_several_lines_stay_as_they_are():
    dockerfile = "ARG A=x\nARG B=y\nFROM ${A} AS one\nRUN a \\\n && b\nFROM one AS two\nRUN c\n"
    assert recipe("two", dockerfile).text == (
        "ARG A=x\nFROM ${A} AS one\nRUN a \\\n && b\nFROM one AS two\nRUN c\n"
    )
    assert recipe("one", dockerfile).text == "ARG A=x\nFROM ${A} AS one\nRUN a \\\n && b\n"


def made_folders(target: str) -> set[str]:
    text = "\n".join(line for stage in recipe(target).stages for line in stage.instructions)
    return {
        folder
        for words in re.findall(r"install -d -o 10001 -g 10001((?: /\S+)+)", text)
        for folder in words.split()
    }


@pytest.mark.parametrize("store", StoreKind)
def test_every_folder_that_a_service_keeps_is_in_its_image_and_its_own(store):
    # An empty docker volume takes owner and mode of the folder that it covers.
    settings = StackSettings(store=store, workers=2, brokers=3)
    for service in stack_services(settings, StackCredentials.placeholders(), token=""):
        if service.image in TARGETS:
            assert {str(folder) for folder in service.folders} <= made_folders(service.image), (
                service.name
            )
