"""Pages: what stands on them is what was measured, and they are whole, safe and repeatable."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from made_up_results import claim, figures, front, identity, record, results, story
from page_reader import Reader

from stages import _files, _front, _pages, _results, _tables, report
from stages._results import StoryError

VERDICTS = {
    "supported": claim(),
    "contradicted": claim(effect=-0.1, low=-0.12, high=-0.08, verdict="contradicted"),
    "undecided": claim(effect=0.01, low=-0.01, high=0.03, verdict="undecided"),
    "holds": identity("adam_is_better"),
    "fails": identity("adam_is_better", effect=0.5, verdict="fails"),
    "reported": claim(kind="reported", verdict="reported", direction=None, n=5),
}


def written(folder, these=None, words=None):
    """Write a page and return its text."""
    report.write(folder, these or results(), words or story(), None)
    return (folder / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with two figures, as text."""
    return written(tmp_path_factory.mktemp("page"), words=story(figures=figures))


def test_two_reports_of_the_same_results_have_equal_bytes(tmp_path):
    for name in "ab":
        written(tmp_path / name, words=story(figures=figures))

    first, second = (
        {path.name: _files.sha256(path) for path in (tmp_path / name).iterdir()} for name in "ab"
    )
    names = ["curves.png", "curves.svg", "pictures.png", "pictures.svg"]
    assert sorted(first) == sorted(["card.json", "page.html", *names])
    assert first == second


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_claim_shows_the_verdict_of_its_data_as_word_tone_and_shape(tmp_path, verdict):
    words = story(statements={"adam_is_better": "Adam beats SGD."})
    text = Reader(written(tmp_path, results(claims=[VERDICTS[verdict]]), words)).texts
    shown = text["claim-adam_is_better"]

    assert shown.split()[0] == verdict
    assert "Adam beats SGD." in shown


def test_verdicts_that_differ_in_tone_differ_in_shape_too():
    template = _pages.environment().get_template("macros.html").module
    shapes = {_pages.TONES[v]: str(template.icon(v)) for v in VERDICTS}

    assert len(set(shapes.values())) == len(shapes) == 4


def test_a_claim_shows_effect_interval_level_margin_reason_and_repeats(page):
    text = Reader(page).texts["claim-adam_is_better"]

    for part in (
        "+0.123",
        "97.5 % interval",
        "0.100 to 0.146",
        "above 0.02",
        "80 % power from 0.051 on",
        "repeats 10",
    ):
        assert part in text
    assert "Why this margin: twice the standard error" in text
    assert "claim from the notes, lines 219–221" in text


def test_a_claim_without_an_effect_says_why_and_draws_nothing(tmp_path):
    gone = {"effect": None, "low": None, "high": None, "level": None, "n": 0}
    silent = claim(**gone, verdict="undecided", note="no accelerator is present")
    words = story(statements={"adam_is_better": "Adam beats SGD."})
    html = written(tmp_path, results(claims=[silent]), words)

    assert "no accelerator is present" in Reader(html).texts["claim-adam_is_better"]
    assert 'class="forest' not in html


def test_a_page_names_the_data_the_arms_the_machine_and_how_to_repeat_it(page):
    data = page.split('id="data"')[1].split("</section>")[0]

    for part in ("mnist, sample", "3\u202f500", "pypi", "CC BY-SA 3.0"):
        assert part in data
    for part in ("sgd 0.1", "0.812", "0.800 to 0.824", "a processor", "2.14.1", "0.225"):
        assert part in page
    assert "dvc repro report@optimizers" in page
    assert "The notebook ran once." in page


def test_hostile_text_is_escaped_everywhere(tmp_path):
    bad = '"><script>alert(1)</script>'
    these = results(claims=[claim(arms=bad, metric=bad, reason=bad, note=bad), identity()])
    these = replace(these, arms=these.arms.assign(arm=bad, metric=bad))
    words = story(title=bad, question=bad, lecture=[(bad, bad)], corrected=[bad], data=bad)
    words = replace(words, statements={"adam_is_better": bad, "loss_scale": bad})
    html = written(tmp_path, these, words)
    cards = {"optimizers": _files.read_json(tmp_path / "card.json")}
    index = _front.front(bad, ["optimizers"], cards, {"optimizers": these.metrics})

    for text in (html, index):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert Reader(text).wrong == Reader(text).open == []


def test_backticks_become_code_after_escaping():
    assert _pages.prose("`a < b` & c") == "<code>a &lt; b</code> &amp; c"


def test_tags_are_balanced_and_every_id_is_there_once(page):
    for html in (page, front("optimizers", "dropout")):
        read = Reader(html)
        inside = [address[1:] for address in read.addresses if address.startswith("#")]
        named = re.findall(r'aria-labelledby="([^"]+)"|url\(#([^)]+)\)', html)

        assert read.wrong == read.open == []
        assert len(read.ids) == len(set(read.ids))
        assert {*inside, *(a or b for a, b in named)} <= set(read.ids)


def test_the_tag_check_sees_a_tag_that_is_never_closed(page):
    assert Reader(page.replace("</section>", "", 1)).wrong


def test_a_page_fetches_nothing_from_elsewhere(page):
    for html in (page, front("optimizers")):
        for address in Reader(html).addresses:
            assert not re.match(r"(?!data:image/png;base64)[a-z]+:|//", address)
        assert not re.search(r"@import|url\((?!#)|\bfetch\(|XMLHttp", html)
        assert "http" not in html


def test_figures_alone_are_well_formed_and_named(tmp_path):
    written(tmp_path, words=story(figures=figures))
    for path in tmp_path.glob("*.svg"):
        root = ElementTree.parse(path).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("aria-label")


def test_a_claim_without_a_sentence_or_a_sentence_without_a_claim_is_refused(tmp_path):
    with pytest.raises(StoryError, match="no sentence for loss_scale"):
        written(tmp_path, words=story(statements={"adam_is_better": "Adam beats SGD."}))
    spare = story().statements | {"spare": "Nobody measured this."}
    with pytest.raises(StoryError, match="speaks of spare, which nothing measures"):
        written(tmp_path, words=story(statements=spare))


def test_a_claim_about_time_reaches_the_page_and_the_card_but_not_the_metrics(tmp_path):
    words = story(
        statements=story().statements | {"faster": "It is faster."},
        timed=lambda results, settings: [claim("faster", verdict="undecided")],
    )
    html = written(tmp_path, words=words)
    told = _files.read_json(tmp_path / "card.json")

    assert "undecided" in Reader(html).texts["claim-faster"]
    assert "faster" in {item["id"] for item in told["claims"]}
    assert "faster" in _front.front("default", ["o"], {"o": told}, {"o": results().metrics})


def test_results_give_one_arm_and_one_curve_by_step():
    these = results()

    assert these.arm("adam 0.1", "accuracy")["mean"] == 0.9357
    assert list(these.curve("adam 0.1", "accuracy")["step"]) == [10, 20, 30]
    with pytest.raises(KeyError, match="0 rows"):
        these.arm("adam 0.2", "accuracy")


def test_an_experiment_without_arms_or_stored_data_has_a_page_too(tmp_path):
    these = results()
    these = replace(these, arms=these.arms[:0], metrics={**these.metrics, "data": {}})
    html = written(tmp_path, these)

    assert "all data are generated from the seed" in html
    assert "Every arm" not in html


def test_numbers_are_read_back_as_they_were_written(tmp_path):
    name, these = "optimizers", results()
    _files.write_json(tmp_path / _results.METRICS / f"{name}.json", these.metrics)
    _files.write_csv(tmp_path / _results.ARMS / f"{name}.csv", these.arms)
    _files.write_csv(tmp_path / _results.CURVES / f"{name}.csv", these.curves)
    _files.write_json(tmp_path / _results.EVALUATED / name / "claims.json", these.claims)
    _files.write_table(tmp_path / _results.EVALUATED / name / "trials.parquet", these.trials)
    keys = [f"train/{name}", f"evaluate/{name}", "fetch/mnist", "prepare/mnist"]
    for key in keys:
        _files.write_json(tmp_path / _results.RECORDS / f"{key}.json", record(key))
    read = _results.read(name, ["mnist", "mnist"], tmp_path)

    assert read.claims == these.claims
    assert read.arms.equals(these.arms)
    assert sorted(read.records) == ["evaluate", "fetch/mnist", "prepare/mnist", "train"]


def loaded(code, path=""):
    """Run code in a fresh process; return which heavy packages it brought in."""
    ask = "import sys; print(*({'torch', 'mlflow', 'matplotlib.pyplot'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(path)!r}); {code}; {ask}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_report_and_site_load_neither_torch_nor_mlflow_nor_pyplot():
    assert loaded("import stages.report, stages.site") == []


def test_that_check_sees_an_import_when_there_is_one(tmp_path):
    (tmp_path / "torch.py").touch()

    assert loaded("import torch", tmp_path) == ["torch"]


def test_arms_stand_in_the_order_of_their_numbers():
    arms = ["rate 1e-01", "rate 1e-2", "width 22", "width 4", "plain"]

    assert sorted(arms, key=_tables._natural) == [
        "plain", "rate 1e-2", "rate 1e-01", "width 4", "width 22"
    ]  # fmt: skip


def test_a_headline_is_named_by_the_story_where_it_has_a_better_name():
    found = results()
    key, *others = found.metrics["headline"]

    rows = _tables.headline_rows(found, {key: "test accuracy of the digits"})

    assert [name for name, _ in rows] == [
        "test accuracy of the digits", *(other.replace("_", " ") for other in others)
    ]  # fmt: skip


def test_a_statement_against_the_lecture_says_so():
    assert _pages.source_text("against notes L109") == "of our own, against the notes, line 109"
    assert _pages.source_text("against course") == "of our own, against the course's notebooks"
    assert _pages.spoken_by("against notes L109") == "ours"


def test_a_change_of_our_own_design_has_a_section_of_its_own(tmp_path, page):
    html = written(tmp_path, results(), story(changed=["The margin's reason was first another."]))

    assert "changed" in Reader(html).ids
    assert "first another." in html.partition('id="changed"')[2]
    assert "changed" not in Reader(page).ids


def test_settings_stand_with_what_their_schema_says_of_them(page):
    rows = re.findall(r"<tr.*?</tr>", page.partition("Settings of <code>train")[2], re.S)
    texts = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]

    assert "train.rates 0.1, 0.01 Learning rates; each optimizer has a net at each." in texts
    assert "train.rescue Does plain SGD at a small rate only need more steps?" in texts
    assert "train.rescue.times_the_epochs 10 How many times the epochs of the others." in texts
    assert any(
        text.startswith("datasets.mnist.split train 3500 Rows to train on") for text in texts
    )
    assert any(text.startswith("evaluate.loss_scale.factor 8") for text in texts)
    assert not any(text.startswith("evaluate.claims") for text in texts)


def test_a_page_of_another_profile_says_that_its_words_are_the_default_ones(tmp_path, page):
    other = results()
    other.metrics["profile"] = "smoke"

    assert "profile smoke ." in Reader(written(tmp_path, other)).texts["profile"]
    assert "profile" not in Reader(page).texts


def test_a_claim_over_test_rows_says_over_how_many(tmp_path):
    words = story(statements={"adam_is_better": "Adam beats SGD."})
    html = written(tmp_path, results(claims=[claim(rows=1000)]), words)

    text = Reader(html).texts["claim-adam_is_better"]
    assert "repeats \u00d7 test rows 10 \u00d7 1 000" in text
