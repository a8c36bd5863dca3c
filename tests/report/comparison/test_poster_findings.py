"""The poster's findings over made-up runs."""

import datetime
from dataclasses import replace

import pytest

import ichreport
from ichreport.evaluation.findings.criteria import FILE, read_criteria
from ichreport.report.comparison import poster_findings
from tests.report.comparison.made_runs import BASELINE, MadeUpRun, gathered, run

CHANGED = read_criteria().changed
OF_DAYS = ("All ", "The run ", "Trained before", "Trained on that day", "When they were")
"""How sentences begin that say when runs were made."""


def finished(day):
    """The time of a run, so many days after the criteria were last changed."""
    return f"{CHANGED + datetime.timedelta(days=day)}T12:00:00+00:00"


def made(scored, day, **provenance):
    """A run as if it had been made on that day."""
    of_day = {"synthetic": False, "finished": finished(day), **provenance}
    record = {**scored.record, "provenance": of_day}
    return MadeUpRun(replace(scored.run_record, record=record))


@pytest.fixture(scope="module")
def on_all():
    """Runs of rows 13 and 14, whose records name no day, and one of no row."""
    rows = {"13-all": 13, "14-adjacent": 14, "15-own": None}
    return {name: run(name, 2.0, sample="fullid", poster_row=row) for name, row in rows.items()}


def table_of(results):
    return poster_findings.table(poster_findings.judge(results))


def test_the_verdict_counts_the_findings_by_what_the_runs_say(results, on_all):
    for of in (results, gathered(*on_all.values())):
        judged = poster_findings.judge(of)
        verdicts = [row.cells[1].text for row in poster_findings.table(judged).lines if row.kind]
        words = {"supported": "support", "contradicted": "contradict", "undecided": "leave open"}
        said = str(poster_findings.verdict(judged))
        assert said.startswith(f"Of the poster's {len(verdicts)} findings these runs ")
        for verdict, verb in words.items():
            count = verdicts.count(verdict)
            assert (f"{verb} {count}" in said) == (verb in said) == (count > 0)


def test_on_synthetic_heads_findings_are_said_to_check_the_software_alone():
    told = (
        "They are of synthetic heads, so that checks the software and says nothing of the poster."
    )
    real = run("13-all", 2.0, sample="fullid", poster_row=13)
    assert told not in str(poster_findings.verdict(poster_findings.judge(gathered(real))))
    heads = run("13-all", 2.0, sample="fullid", poster_row=13, provenance={"synthetic": True})
    assert str(poster_findings.verdict(poster_findings.judge(gathered(heads)))).endswith(told)


def parts_of(results):
    """The rows of the table that are parts, by finding and name."""
    claims, parts = 0, {}
    for row in table_of(results).lines:
        claims += row.kind == "marked"
        if row.cells[5]:
            parts[claims, row.cells[0]] = row.cells
    return parts


def test_every_finding_has_a_verdict_and_says_which_rows_it_lacks(results):
    table = table_of(results)
    claims = [row.cells for row in table.lines if row.kind == "marked"]
    assert [row[0].split(".")[0] for row in claims] == ["1", "2", "3", "4", "5"]
    assert {row[1].text for row in claims} <= {"supported", "contradicted", "undecided"}
    # of the poster's rows, 5, 6 and 7 have run
    assert table.lines[-1].cells[0] == "no run of row 13"
    parts = [row.cells for row in table.lines if row.cells[5]]
    assert {row[1].text for row in parts if row[2] == "–"} == {"undecided"}
    assert {row[6] for row in parts if row[2] == "–"} == {"–"}
    assert any(row[2].startswith(("−", "0.")) for row in parts)


def test_what_each_part_needs_stands_beside_it(results):
    parts = parts_of(results)
    assert parts[1, "better than constant prevalence"][3:5] == ["below 0", "above 0"]
    assert parts[4, "any bleeding"][3:5] == ["0.913 to 0.953", "below 0.913 or above 0.953"]
    assert parts[5, "epidural fails"][3:5] == ["below 0.800", "above 0.800"]
    assert parts[3, "LSTM"][3] == "–"
    seeds = (BASELINE, f"{BASELINE}--seed-2")
    base = sum(results.scored[name].test_loss for name in seeds) / 2
    assert parts[3, "focal loss"][3] == f"below {0.05 * base:.3f}"


def test_a_row_rests_on_its_twin_and_the_table_says_so(results):
    parts = parts_of(results)
    alone = parts[1, "better than constant prevalence"]
    assert alone[6] == "row 5's twin, whose test patients are not in train"
    twin = results.scored["16-bygroup"].learned
    assert alone[2].startswith(f"{twin.difference:.3f}".replace("-", "−"))
    focal = parts[2, "focal loss"]
    assert focal[6] == "row 5 and row 6, whose test patients are in train"


def test_both_rows_rest_on_their_twins_where_both_have_one():
    results = gathered(
        run(BASELINE, 1.5, poster_row=5),
        run("06-focal", 4.0, poster_row=6, loss="focal", baseline=BASELINE),
        run("16-bygroup", 1.0, split_by="group"),
        run("16c-bygroup", 3.0, split_by="group", loss="focal", baseline="16-bygroup"),
    )
    focal = parts_of(results)[2, "focal loss"]
    assert focal[6] == "row 5's twin and row 6's twin, whose test patients are not in train"
    twins = [results.scored[name].test_loss for name in ("16-bygroup", "16c-bygroup")]
    assert focal[2].startswith(f"{twins[0] - twins[1]:.3f}")


def test_a_row_of_unseen_patients_rests_on_itself(on_all):
    results = gathered(on_all["13-all"])
    assert parts_of(results)[4, "any bleeding"][6] == "row 13"


def test_the_criteria_have_a_date_a_version_and_a_file_that_is_there(results):
    first, *_ = poster_findings.declared(results).sentences
    assert f"last changed on {CHANGED} (digest {read_criteria().digest})" in first
    package = FILE.parents[len(FILE.parts) - len(FILE.parts[: FILE.parts.index("evaluation")]) - 1]
    assert package.name == ichreport.__name__
    assert f"stands in {FILE.relative_to(package.parent)}, " in first


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ((1, 3), "All 2 runs that the findings rest on were trained after that day, from "),
        ((-1, 3), "may have been set with their results known: 13-all."),
        ((-1, -9), "may have been set with their results known: 13-all, 14-adjacent."),
        ((0, 3), "the dates do not tell which came first: 13-all."),
    ],
)
def test_when_runs_were_made_is_told_beside_the_day_of_the_criteria(days, said, on_all):
    names = ("13-all", "14-adjacent")
    runs = (made(on_all[name], day) for name, day in zip(names, days, strict=True))
    sentences = poster_findings.declared(gathered(*runs)).sentences
    assert sum(said in sentence for sentence in sentences) == 1
    assert sum(sentence.startswith(OF_DAYS) for sentence in sentences) == 1


def test_the_day_is_that_of_the_training_though_the_run_was_made_again_later(on_all):
    again = made(on_all["13-all"], 5, training={"finished": finished(-5)})
    said = str(poster_findings.declared(gathered(again)))
    assert "set with their results known: 13-all." in said


def test_of_a_row_with_several_seeds_the_days_of_all_trainings_count(on_all):
    first = on_all["13-all"]
    second = run("13-all--seed-2", 2.0, seed=2, sample="fullid", poster_row=13)
    said = str(poster_findings.declared(gathered(made(first, 3), made(second, -2))))
    assert "set with their results known: 13-all--seed-2." in said
    both = str(poster_findings.declared(gathered(made(first, 3), made(second, 3))))
    assert "All 2 runs that the findings rest on were trained after that day" in both


def test_a_run_without_a_day_and_runs_that_decide_nothing_are_told_as_such(on_all):
    of_no_row = made(on_all["15-own"], -5)
    said = str(poster_findings.declared(gathered(of_no_row, on_all["13-all"])))
    assert "When they were trained is not recorded: 13-all." in said
    assert "15-own" not in said
    sentences = poster_findings.declared(gathered(of_no_row)).sentences
    assert not any(sentence.startswith(OF_DAYS) for sentence in sentences)


def test_where_a_row_rests_on_its_twin_the_twin_s_day_counts(results):
    row, twin = (results.scored[name] for name in (BASELINE, "16-bygroup"))
    said = str(poster_findings.declared(gathered(made(row, -5), made(twin, 1))))
    day = CHANGED + datetime.timedelta(days=1)
    # row 5 with 6, 7, 8 or 9 has no second run: its twin alone decides something
    assert f"The run that the findings rest on was trained after that day, on {day}." in said
    assert BASELINE not in said


def test_why_the_ranges_are_such_is_told(results):
    sentences = poster_findings.declared(results).sentences
    [*_, epidural] = sentences
    assert "an area below 0.80" in epidural
    reasons = [part.why for one in read_criteria().findings for part in one.parts if part.why]
    assert list(sentences[-len(reasons) :]) == reasons


def test_earlier_versions_of_the_criteria_are_told_where_there_are_some(on_all, monkeypatch):
    results = gathered(on_all["13-all"])
    assert "Earlier versions" not in str(poster_findings.declared(results))
    later = CHANGED + datetime.timedelta(days=9)
    versions = {**read_criteria().versions, later: "0123456789ab"}
    changed = read_criteria().model_copy(update={"versions": versions})
    monkeypatch.setattr(poster_findings, "read_criteria", lambda: changed)
    said = poster_findings.declared(results).sentences
    assert f"last changed on {later} (digest 0123456789ab)." in said[0]
    assert said[1] == f"Earlier versions: {CHANGED} ({read_criteria().digest})."


def test_a_row_that_ran_by_another_split_than_the_one_beside_it_is_told_apart(results):
    by_slice = run("06-focal", 1.5, poster_row=6, loss="focal", baseline=BASELINE)
    by_group = run(BASELINE, 1.5, poster_row=5, split_by="group")
    parts = [row.cells for row in table_of(gathered(by_slice, by_group)).lines]
    assert ["no run by the split of the row beside it, of row 6", *[""] * 6] in parts
    others = [row.cells[0] for row in table_of(results).lines]
    assert not any(said.startswith("no run by the split") for said in others)


def test_backbones_of_random_weights_leave_the_poster_s_findings_open():
    taught, random = (
        gathered(run(BASELINE, 1.5, poster_row=5, weights=weights))
        for weights in ("imagenet", None)
    )
    taught_said, random_said = (
        [row.cells[0] for row in table_of(of).lines] for of in (taught, random)
    )
    assert not any("random weights" in said for said in taught_said)
    assert random_said[random_said.index("no run of row 2") + 1] == "random weights in row 5"
    cells = [row.cells[1] for row in table_of(random).lines]
    verdicts = [cell for cell in cells if cell]
    assert {verdict.text for verdict in verdicts} == {"undecided"}
