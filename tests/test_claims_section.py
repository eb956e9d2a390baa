"""The README's section of claims: every statement once, between its markers, and never stale."""

import re
import shutil
from pathlib import Path

import pytest
from made_up_results import claim, identity

from stages import _claims, _files, _params, _results
from stages.commands import claims as section

ROOT = Path(__file__).parent.parent
EMPTY = f"# Title\n\n{section.FIRST}\n{section.LAST}\n\nThe end.\n"


def metrics_file(name: str) -> Path:
    return _results.METRICS / f"{name}.json"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with params.yaml, an empty section, and made-up metrics of its experiments."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    section.README.write_text(EMPTY)
    for name, block in _params.load().experiments.items():
        items = {
            id: identity(id) if settings.kind == "identity" else claim(id)
            for id, settings in block.evaluate.claims.items()
        }
        brief = {id: _claims.brief(item) for id, item in items.items()}
        _files.write_json(metrics_file(name), {"claims": brief})


def written() -> str:
    section.main()
    return section.README.read_text(encoding="utf-8")


def test_every_statement_is_a_line_with_verdict_and_effect(project):
    text = written()

    for name in _params.load().experiments:
        for id, statement in _results.story(name).statements.items():
            cell = statement.replace("|", "\\|")
            assert text.count(f"| `{name}` | {cell} |") == 1 or f"`{id}`" in text
    assert (
        "larger rates up to .1, where they collapse. | supported | +0.123 (0.100 to 0.146) |"
        in text
    )
    assert text.startswith("# Title\n") and text.endswith("\n\nThe end.\n")


def test_identities_share_a_line_unless_one_fails(project):
    name = "adaptive_step_ignores_loss_scale"
    assert f"| `optimizers` | Exact: `{name}` | holds |  |" in written()

    facts = _files.read_json(metrics_file("optimizers"))
    facts["claims"][name]["verdict"] = "fails"
    _files.write_json(metrics_file("optimizers"), facts)
    text = written()

    assert f"`{name}`" not in text
    assert re.search(r"\| Multiplying the loss .* \| \*\*fails\*\* \|", text)


def test_a_claim_about_time_has_no_verdict_for_all_machines(project):
    assert re.search(
        r"\| `batch_size` \| .* the `DataLoader` takes .* \| on each machine \|", written()
    )


def test_an_experiment_without_metrics_is_named_and_has_no_lines(project):
    metrics_file("optimizers").unlink()
    text = written()

    assert "No results yet: `optimizers`." in text
    assert "| `optimizers` |" not in text


def test_the_check_passes_after_writing_and_fails_after_a_verdict_changed(project, capsys):
    first = written()
    section.main("--check")
    assert written() == first

    facts = _files.read_json(metrics_file("optimizers"))
    facts["claims"]["best_rates_equalise"]["verdict"] = "contradicted"
    _files.write_json(metrics_file("optimizers"), facts)
    with pytest.raises(section.StaleSection, match="run `make claims`"):
        section.main("--check")
    assert section.README.read_text(encoding="utf-8") == first


def test_another_profile_leaves_the_readme_alone(project, capsys):
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("profile: default", "profile: smoke"))
    section.main()

    assert section.README.read_text() == EMPTY
    assert "not of 'smoke'" in capsys.readouterr().out


def test_a_readme_without_its_markers_is_refused(project):
    section.README.write_text("# Title\n")

    with pytest.raises(section.StaleSection, match="it needs <!-- claims"):
        section.main()
