from datetime import UTC, datetime

from infra.jobs.signing import sign

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


def signed(**changed: object) -> dict[str, str]:
    values = {
        "method": "GET",
        "url": "http://store:9000/buckets",
        "body": b"",
        "service": "s3tables",
        "access_key": "AKIDEXAMPLE",
        "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "now": NOW,
    }
    return sign(**(values | changed))


def test_the_secret_key_itself_is_not_sent():
    assert "wJalr" not in str(signed())


def test_every_part_of_a_request_counts():
    found = {
        signed(**changed)["Authorization"]
        for changed in (
            {},
            {"method": "PUT"},
            {"url": "http://store:9000/buckets/x"},
            {"url": "http://other:9000/buckets"},
            {"body": b"x"},
            {"service": "s3"},
            {"secret_key": "another"},
            {"now": NOW.replace(day=31)},
        )
    }
    assert len(found) == 8


def test_the_scope_names_day_region_and_service():
    credential = "Credential=AKIDEXAMPLE/20150830/us-east-1/s3tables/aws4_request"
    assert credential in signed()["Authorization"]
