import json
from datetime import UTC, datetime

import pytest

from catalog.errors import CheckpointError
from streaming.checkpoint import (
    Checkpoint,
    Mark,
    Rivals,
    Written,
    judge,
    read_checkpoint,
    rebuild,
    was_rebuilt_for,
)
from streaming.source import EARLIEST

TOPIC = "stock-ticks"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def checkpoint(planned, committed, query_id="q", starting=None):
    """A checkpoint whose epoch n ends at offset 10 * (n + 1) of both topic partitions."""
    return Checkpoint(query_id, {n: {0: ends(n), 1: ends(n)} for n in planned}, committed, starting)


def ends(epoch):
    return 10 * (epoch + 1)


def written(epoch, query_id="q", *, older=()):
    """A table whose newest stream snapshot is `epoch`, all of whose offsets are there."""
    last = ends(epoch) - 1
    return Written((Mark(query_id, epoch), *older), {0: last, 1: last})


def refusal(checkpoint, written):
    with pytest.raises(CheckpointError, match="--rebuild") as refused:
        judge(checkpoint, written)
    return str(refused.value).split("checkpoint is ")[1].split(":")[0]


def test_an_empty_table_and_no_checkpoint_start_afresh():
    assert judge(Checkpoint(), Written()) == "fresh"


def test_a_missing_checkpoint_beside_a_filled_table_is_refused():
    assert refusal(Checkpoint(), written(3)) == "missing"


def test_a_missing_checkpoint_is_refused_even_when_only_rows_are_left():
    assert refusal(Checkpoint(), Written((), {0: 5})) == "missing"


def test_a_checkpoint_that_ends_with_the_table_goes_on():
    assert judge(checkpoint(range(4), 3), written(3)) == "resumed"


def test_a_planned_epoch_that_is_not_in_the_table_yet_is_run_again():
    assert judge(checkpoint(range(5), 3), written(3)) == "resumed"


def test_an_epoch_in_the_table_without_its_commit_file_is_left_to_the_sink_to_skip():
    assert "not yet committed" in judge(checkpoint(range(4), 2), written(3))


def test_a_lone_first_epoch_without_its_commit_file_is_left_to_the_sink_to_skip():
    assert "not yet committed" in judge(checkpoint([0], None), written(0))


def test_a_first_epoch_that_never_reached_the_table_is_run_again():
    assert judge(checkpoint([0], None), Written()) == "first epoch"


def test_an_older_copy_is_refused():
    assert refusal(checkpoint(range(4), 3), written(9)) == "stale"


def test_an_offset_log_that_lost_its_newest_file_is_refused():
    assert refusal(checkpoint(range(4), 3), written(4)) == "truncated"


def test_commits_without_their_planned_epochs_are_refused():
    assert refusal(checkpoint(range(4), 5), written(5)) == "truncated"


def test_a_query_id_without_planned_epochs_beside_its_own_snapshots_is_refused():
    assert refusal(checkpoint([], None), written(0)) == "truncated"


def test_a_table_rolled_back_is_refused():
    assert refusal(checkpoint(range(9), 8), written(5)) == "ahead"


def test_a_table_rolled_back_by_one_committed_epoch_is_refused():
    assert refusal(checkpoint(range(9), 8), written(7)) == "ahead"


def test_a_table_rolled_back_by_two_planned_epochs_is_refused():
    assert refusal(checkpoint(range(9), None), written(6)) == "ahead"


def test_a_table_made_anew_is_refused():
    assert refusal(checkpoint(range(9), 8), Written()) == "ahead"


def test_a_checkpoint_of_a_query_that_another_has_replaced_is_refused():
    table = written(2, "newer", older=[Mark("q", 8)])
    assert refusal(checkpoint(range(9), 8), table) == "stale"


def test_planned_batches_without_a_query_id_are_corrupt():
    assert refusal(checkpoint(range(4), 3, query_id=None), written(3)) == "corrupt"


def test_offsets_in_the_table_that_its_epoch_did_not_plan_are_refused():
    table = Written((Mark("q", 3),), {0: 39, 1: 40})
    assert refusal(checkpoint(range(4), 3), table) == "stale"


def test_trailing_offsets_missing_from_the_table_may_be_undecodable_messages():
    table = Written((Mark("q", 3),), {0: 30, 1: 39})
    assert judge(checkpoint(range(4), 3), table) == "resumed"


def test_a_rebuilt_checkpoint_starts_after_the_table():
    rebuilt = Checkpoint(starting={0: 40, 1: 40})
    assert judge(rebuilt, written(3)) == "rebuilt"


def test_a_rebuilt_checkpoint_that_never_committed_starts_again():
    once_run = checkpoint([], None, "new", starting={0: 40, 1: 40})
    assert judge(once_run, written(3, "old")) == "first epoch"
    planned = Checkpoint("new", {0: {0: 44, 1: 45}}, None, {0: 40, 1: 40})
    assert judge(planned, written(3, "old")) == "first epoch"


def test_a_rebuilt_checkpoint_is_refused_once_the_table_has_gone_past_it():
    assert refusal(Checkpoint(starting={0: 40, 1: 30}), written(3)) == "stale"


def test_a_topic_partition_that_a_rebuilt_checkpoint_reads_from_its_beginning_must_be_new():
    assert judge(Checkpoint(starting={0: 40, 1: EARLIEST}), Written((), {0: 39})) == "rebuilt"
    assert refusal(Checkpoint(starting={0: 40, 1: EARLIEST}), Written((), {0: 39, 1: 0})) == "stale"


def write_checkpoint(folder, planned=range(3), committed=range(3)):
    """The files as Spark 4.1 writes them."""
    folder.mkdir(parents=True)
    (folder / "metadata").write_text('{"id":"q"}')
    for name, epochs in (("offsets", planned), ("commits", committed)):
        (folder / name).mkdir()
        for epoch in epochs:
            (folder / name / str(epoch)).write_text(entry(name, epoch))
            (folder / name / f".{epoch}.crc").write_bytes(b"crc\0")
    return folder


def entry(name, epoch):
    if name == "commits":
        return 'v1\n{"nextBatchWatermarkMs":0}'
    end = json.dumps({TOPIC: {"0": ends(epoch), "1": ends(epoch)}})
    return f'v1\n{{"batchWatermarkMs":0,"batchTimestampMs":1,"conf":{{}}}}\n{end}'


def test_a_folder_that_is_not_there_reads_as_a_new_checkpoint(tmp_path):
    assert read_checkpoint(tmp_path / "none", TOPIC).is_new


def test_spark_s_files_are_read(tmp_path):
    folder = write_checkpoint(tmp_path / "trades")
    assert read_checkpoint(folder, TOPIC) == checkpoint(range(3), 2)


@pytest.mark.parametrize("name", ["metadata", "offsets/2", "commits/2", "offsets/1"])
@pytest.mark.parametrize("content", ["", "garbage", "v1\n{", "v7\n{}", "[]"])
def test_an_empty_or_garbled_file_is_corrupt(tmp_path, name, content):
    folder = write_checkpoint(tmp_path / "trades")
    (folder / name).write_text(content)
    with pytest.raises(CheckpointError, match=f"corrupt.*{name}"):
        read_checkpoint(folder, TOPIC)


@pytest.mark.parametrize("end", ["", "-", '{"other-topic":{"0":1}}', '{"stock-ticks":{"0":"x"}}'])
def test_a_planned_epoch_without_its_topic_s_offsets_is_corrupt(tmp_path, end):
    folder = write_checkpoint(tmp_path / "trades")
    (folder / "offsets" / "2").write_text(f"v1\n{{}}\n{end}")
    with pytest.raises(CheckpointError, match=r"corrupt.*offsets/2"):
        read_checkpoint(folder, TOPIC)


def test_a_file_of_bytes_that_are_no_text_is_corrupt(tmp_path):
    folder = write_checkpoint(tmp_path / "trades")
    (folder / "offsets" / "2").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(CheckpointError, match="corrupt"):
        read_checkpoint(folder, TOPIC)


def test_a_hole_in_the_planned_epochs_is_corrupt(tmp_path):
    folder = write_checkpoint(tmp_path / "trades", planned=[0, 1, 3])
    with pytest.raises(CheckpointError, match="corrupt"):
        read_checkpoint(folder, TOPIC)


def test_a_rebuild_starts_each_topic_partition_after_the_table_and_keeps_the_old_one(tmp_path):
    folder = write_checkpoint(tmp_path / "trades")
    table = Written((Mark("q", 3),), {0: 39})
    aside = rebuild(folder, table, {0: 0, 1: 7}, NOW)
    rebuilt = read_checkpoint(folder, TOPIC)
    assert rebuilt == Checkpoint(starting={0: 40, 1: 7})
    assert judge(rebuilt, table) == "rebuilt"
    assert read_checkpoint(aside, TOPIC) == checkpoint(range(3), 2)


def test_a_rebuild_cannot_start_before_what_the_topic_still_has(tmp_path):
    rebuild(tmp_path / "trades", Written((), {0: 9}), {0: 500}, NOW)
    assert read_checkpoint(tmp_path / "trades", TOPIC).starting == {0: 500}


def test_a_rebuild_that_was_interrupted_can_be_repeated(tmp_path):
    folder = write_checkpoint(tmp_path / "trades")
    (tmp_path / "trades.new").mkdir()
    (tmp_path / "trades.new" / "starting.json").write_text("{half")
    rebuild(folder, Written((), {0: 9}), {0: 0}, NOW)
    assert read_checkpoint(folder, TOPIC).starting == {0: 10}


def test_a_rebuild_is_known_by_its_request_and_an_unnamed_one_is_not(tmp_path):
    folder = write_checkpoint(tmp_path / "trades")
    assert not was_rebuilt_for(folder, "first")
    rebuild(folder, Written(), {0: 0}, NOW, "first")
    assert was_rebuilt_for(folder, "first")
    assert not was_rebuilt_for(folder, "second")
    rebuild(folder, Written(), {0: 0}, NOW.replace(second=6))
    assert not was_rebuilt_for(folder, "first")
    assert not was_rebuilt_for(folder, "")


def test_a_rebuild_onto_a_topic_without_the_table_s_topic_partitions_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="topic partitions \\[1\\]"):
        rebuild(tmp_path / "trades", Written((), {0: 9, 1: 9}), {0: 0}, NOW)


def test_our_own_commits_are_no_rival_s():
    rivals = Rivals("q", Mark("old", 4))
    for newest in (None, Mark("old", 4), Mark("q", 0), Mark("q", 1)):
        rivals.look(newest)


@pytest.mark.parametrize("newest", [Mark("other", 0), Mark("old", 5)])
def test_another_stream_s_commit_is_a_rival_s(newest):
    with pytest.raises(CheckpointError, match="two writers"):
        Rivals("q", Mark("old", 4)).look(newest)


def test_the_replaced_stream_s_mark_is_a_rival_s_once_we_have_committed():
    rivals = Rivals("q", Mark("old", 4))
    rivals.look(Mark("q", 0))
    with pytest.raises(CheckpointError, match="two writers"):
        rivals.look(Mark("old", 4))
