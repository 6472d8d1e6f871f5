import json
import re

from infra.config import StackSettings
from infra.container_site import container_site
from infra.proxy_config import forward_config, proxy_config

SITE = container_site(StackSettings())
TEXT = proxy_config(SITE, "token-that-writes", ("token-that-reads", "token-of-the-console"))


def test_braces_are_balanced_and_nothing_is_left_to_fill_in():
    for text in (TEXT, forward_config(8080, "spark-master:8080")):
        assert text.count("{") == text.count("}")
        assert "{{" not in text


def test_each_token_stands_for_its_client_once():
    clients = dict(re.findall(r'^ +"Bearer (\S+)" "(\w+)";$', TEXT, re.MULTILINE))
    assert clients == {
        "token-that-writes": "writer",
        "token-that-reads": "reader",
        "token-of-the-console": "reader",
    }
    assert all(TEXT.count(token) == 1 for token in clients)


def test_refusals_have_the_form_of_icebergs_errors():
    bodies = re.findall(r"return (\d+) '(.*?)'", TEXT)
    assert {int(status) for status, _ in bodies} == {401, 403, 413, 502, 504}
    for status, body in bodies:
        error = json.loads(body)["error"]
        assert error["code"] == int(status)
        assert error["message"]
        assert error["type"].endswith("Exception")


def test_no_answer_invites_to_repeat_a_write_that_may_have_been_done():
    assert "proxy_next_upstream off;" in TEXT
    assert "503" not in re.sub(r"#.*", "", TEXT)
