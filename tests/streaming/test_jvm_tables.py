import pytest
from py4j.protocol import Py4JError

from streaming.jvm_tables import first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("plain"), "plain"),
        (ValueError(), "ValueError()"),
        (
            Py4JError("An error occurred while calling o1.execute.\n: java.Boom: why\n\tat x\n"),
            "java.Boom: why",
        ),
    ],
)
def test_an_act_s_error_is_told_in_one_line(error, line):
    assert first_line(error) == line
