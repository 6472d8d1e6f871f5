import pytest

from catalog.errors import SettingsError
from infra.credentials import Credentials, ExternalSecrets, StackCredentials, hkdf


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


def test_keys_are_derived_as_rfc_5869_says():
    # Its third test case: SHA-256, no salt, no info.
    derived = hkdf(bytes.fromhex("0b" * 22), b"", 42).hex()
    assert derived.startswith("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")


def test_a_stacks_secret_gives_the_same_credentials_each_time_and_another_gives_others():
    one, other = StackCredentials.derive("one"), StackCredentials.derive("other")
    assert one == StackCredentials.derive("one")
    assert not set(one.secrets()) & set(other.secrets())


def test_every_purpose_has_a_secret_of_its_own():
    found = StackCredentials.derive("one").secrets()
    assert len(set(found)) == len(found) >= 15
    assert all(len(secret) >= 22 for secret in found)


def test_a_derived_cluster_id_never_looks_like_an_option():
    ids = [StackCredentials.derive(str(number)).kafka_cluster_id for number in range(300)]
    assert not [text for text in ids if text.startswith("-") or len(text) != 22]


def test_placeholders_are_recognizable_and_distinct():
    found = StackCredentials.placeholders().secrets()
    assert all(text.startswith("placeholder-") for text in found)
    assert len(set(found)) == len(found)


def test_nothing_of_a_stacks_credentials_shows_in_a_repr():
    external = ExternalSecrets(broker_password="canary")
    credentials = StackCredentials.derive("one", external)
    assert not [secret for secret in credentials.secrets() if secret in repr(credentials)]
