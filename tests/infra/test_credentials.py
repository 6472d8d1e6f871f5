import pytest

from catalog.errors import SettingsError
from infra.credentials import Credentials


def test_they_are_generated_once_and_then_stay(tmp_path):
    path = tmp_path / "credentials.json"
    first = Credentials.ensure(path)
    assert Credentials.ensure(path) == first


def test_the_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "credentials.json"
    Credentials.ensure(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_homes_share_no_secret():
    one, other = Credentials.generate(), Credentials.generate()
    assert not set(one.secrets()) & set(other.secrets())
    assert len(set(one.secrets())) == len(one.secrets())
    assert all(len(secret) >= 20 for secret in one.secrets())


def test_no_secret_shows_in_a_repr():
    credentials = Credentials.generate()
    assert not [secret for secret in credentials.secrets() if secret in repr(credentials)]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"store_access_key": "hunter2"', '{"x": 1}'])
def test_a_damaged_file_is_refused_without_being_quoted(tmp_path, text):
    path = tmp_path / "credentials.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="is damaged") as caught:
        Credentials.ensure(path)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_cluster_id_is_one_that_kafka_takes():
    ids = {Credentials.generate().kafka_cluster_id for _ in range(100)}
    assert len(ids) == 100
    assert all(len(id_) == 22 and not id_.startswith("-") for id_ in ids)
