from ingest.health_file import HealthFile


def test_it_is_there_while_all_is_well_and_only_then(tmp_path):
    path, well = tmp_path / "healthy", [False]
    with HealthFile(path, lambda: well[0]) as health:
        health.update()
        assert not path.exists()
        well[0] = True
        health.update()
        assert path.exists()
        well[0] = False
        health.update()
        assert not path.exists()


def test_it_is_touched_anew_with_every_update(tmp_path):
    path = tmp_path / "healthy"
    with HealthFile(path, lambda: True) as health:
        health.update()
        before = path.stat().st_mtime_ns
        while path.stat().st_mtime_ns == before:
            health.update()


def test_it_outlives_neither_a_start_nor_an_end(tmp_path):
    path = tmp_path / "healthy"
    path.touch()
    with HealthFile(path, lambda: True) as health:
        assert not path.exists()
        health.update()
    assert not path.exists()


def test_without_a_path_nothing_is_done():
    with HealthFile(None, lambda: True) as health:
        health.update()
