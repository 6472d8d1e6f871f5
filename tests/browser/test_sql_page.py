import csv
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Locator, Page, expect

from serving.view import PageName
from tests.support.site import Site, grid_says, said_on, visit

pytestmark = [pytest.mark.browser, pytest.mark.screen]

# As long as the console lets a question run, if nobody ends it.
ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b"


def editor(page: Page) -> Locator:
    return page.get_by_role("combobox", name="SQL")


def ask(page: Page, sql: str) -> None:
    editor(page).fill(sql)
    editor(page).press("Control+Enter")


def test_a_question_is_answered_and_its_limits_are_told(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.SQL)
    expect(page.get_by_text(re.compile(r"reads only; at most 30 s, 100,000 rows"))).to_be_visible()
    ask(page, "SELECT symbol, count(*) AS trades FROM trades WHERE symbol = 'AAPL' GROUP BY 1")
    expect(
        page.get_by_text(re.compile(r"^1 rows in [\d.]+ s, asked at .* UTC of live"))
    ).to_be_visible()
    grid_says(page, "AAPL")


def test_a_question_stands_at_the_moment_of_the_page(page: Page, site: Site) -> None:
    before = site.send("SQLSYM", 1.5)
    site.send("SQLSYM", 2.5)
    visit(page, site.url, PageName.SQL, f"as_of={before}")
    ask(page, "SELECT count(*) || ' trades' AS held FROM trades WHERE symbol = 'SQLSYM'")
    grid_says(page, "1 trades")
    ask(page, "SELECT * FROM lake.market.trades")
    expect(page.get_by_role("alert")).to_contain_text("Name the table plainly")
    page.locator(".banner").get_by_role("button", name="Back to live").click()
    ask(page, "SELECT count(*) || ' trades' AS held FROM trades WHERE symbol = 'SQLSYM'")
    grid_says(page, "2 trades")


def test_an_answer_of_another_moment_is_not_shown(page: Page, site: Site) -> None:
    before = site.send("AAPL", 231.25)
    site.send("ONLYLATER", 3.5)
    visit(page, site.url, PageName.SQL)
    ask(page, "SELECT DISTINCT symbol FROM trades ORDER BY 1")
    grid_says(page, "ONLYLATER")
    page.get_by_role("button", name="● Live").click()
    panel = page.get_by_role("dialog", name="Moment")
    panel.get_by_label("Moment").fill(str(before))
    panel.get_by_role("button", name="Go").click()
    expect(page.get_by_text("The last answer was of another moment.")).to_be_visible()
    assert "ONLYLATER" not in said_on(page)


def test_a_question_can_be_cancelled(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.SQL)
    ask(page, ENDLESS)
    expect(page.get_by_text("Running.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("The query was cancelled.")
    expect(page.get_by_role("button", name="Run")).to_be_enabled()


def test_what_is_wrong_is_told_as_text(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.SQL)
    ask(page, 'SELECT * FROM "<img src=x onerror=alert(1)>"')
    expect(page.get_by_role("alert")).to_contain_text("<img src=x onerror=alert(1)>")
    ask(page, "DROP TABLE trades")
    expect(page.get_by_role("alert")).to_contain_text("read-only")


def test_text_in_an_answer_stays_text_in_the_rows_and_in_the_chart(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.SQL)
    ask(page, "SELECT '<b>bold</b>' AS \"<i>name</i>\", 3 AS n")
    grid_says(page, "<b>bold</b>")
    page.get_by_role("tab", name="Chart").click()
    expect(page.locator(".js-plotly-plot")).to_contain_text("<i>name</i>")
    expect(page.locator(".js-plotly-plot")).to_contain_text("<b>bold</b>")


def test_an_answer_is_exported_as_csv_and_parquet(page: Page, site: Site, tmp_path: Path) -> None:
    visit(page, site.url, PageName.SQL)
    ask(page, "SELECT range AS n, 'x' || range AS text FROM range(3)")
    page.get_by_role("tab", name="Export").click()
    for name, suffix in (("CSV", ".csv"), ("Parquet", ".parquet")):
        with page.expect_download() as download:
            page.get_by_role("button", name=re.compile(f"^{name}, 3 rows")).click()
        download.value.save_as(tmp_path / f"answer{suffix}")
    with (tmp_path / "answer.csv").open() as file:
        assert list(csv.DictReader(file))[2] == {"n": "2", "text": "x2"}
    assert pq.read_table(tmp_path / "answer.parquet").to_pylist()[0] == {"n": 0, "text": "x0"}


def test_tables_columns_and_words_complete(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.SQL)
    editor(page).fill("")
    page.keyboard.type("SEL")
    expect(page.get_by_role("option").first).to_contain_text("SELECT")
    page.keyboard.press("Tab")
    page.keyboard.type(" trades.kafka_o")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.type(" FROM tra")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert editor(page).input_value() == "SELECT trades.kafka_offset FROM trades"
    page.keyboard.type(" ")
    expect(page.get_by_role("listbox", name="Completions")).to_be_hidden()


def test_an_example_and_an_earlier_question_come_into_the_editor(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.SQL)
    ask(page, "SELECT 41 + 1 AS first_one")
    grid_says(page, "42")
    choose(page, "Examples", "The last trade of each symbol")
    expect(editor(page)).to_have_value(re.compile("FROM latest"))
    page.get_by_role("button", name="Run").click()
    grid_says(page, "AAPL")
    choose(page, "Asked before", "SELECT 41 + 1")
    expect(editor(page)).to_have_value("SELECT 41 + 1 AS first_one")


def choose(page: Page, label: str, start: str) -> None:
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option").filter(has_text=start).first.click()


def test_what_was_typed_is_there_after_a_reload(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.SQL)
    editor(page).fill("SELECT 'a draft'")
    page.reload()
    expect(editor(page)).to_have_value("SELECT 'a draft'")
