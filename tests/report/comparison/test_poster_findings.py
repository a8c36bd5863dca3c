"""The poster's findings over made-up runs."""

from ichreport.report.comparison import poster_findings
from tests.report.comparison.made_runs import BASELINE, gathered, run


def test_every_finding_has_a_verdict_and_says_which_rows_it_lacks(results):
    table = poster_findings.table(results)
    claims = [row.cells for row in table.lines if row.kind == "marked"]
    assert [row[0].split(".")[0] for row in claims] == ["1", "2", "3", "4", "5"]
    assert {row[1].text for row in claims} <= {"supported", "contradicted", "undecided"}
    # of the poster's rows, 5, 6 and 7 have run
    assert table.lines[-1].cells[0] == "no run of row 13"
    parts = [row.cells for row in table.lines if row.cells[5]]
    assert {row[1].text for row in parts if row[2] == "–"} == {"undecided"}
    assert any(row[2].startswith(("−", "0.")) for row in parts)


def test_what_each_part_needs_stands_beside_it(results):
    table = poster_findings.table(results)
    rows = [row.cells for row in table.lines]
    parts = {row[0]: row for row in rows if row[5]}
    assert parts["better than constant prevalence"][3:5] == ["below 0", "above 0"]
    assert parts["any bleeding"][3:5] == ["0.913 to 0.953", "below 0.913 or above 0.953"]
    assert parts["epidural fails"][3:5] == ["below 0.100", "above 0.100"]
    assert parts["LSTM"][3] == "–"
    base = results.scored[BASELINE].test_loss
    gains = [row for row in rows if row[0] == "focal loss"]
    assert gains[1][3] == f"below {0.05 * base:.3f}"


def test_backbones_of_random_weights_leave_the_poster_s_findings_open():
    taught, random = (
        gathered(run(BASELINE, 1.5, poster_row=5, weights=weights))
        for weights in ("imagenet", None)
    )
    taught_said, random_said = (
        [row.cells[0] for row in poster_findings.table(of).lines] for of in (taught, random)
    )
    assert not any("random weights" in said for said in taught_said)
    assert random_said[random_said.index("no run of row 2") + 1] == "random weights in row 5"
    cells = [row.cells[1] for row in poster_findings.table(random).lines]
    verdicts = [cell for cell in cells if cell]
    assert {verdict.text for verdict in verdicts} == {"undecided"}
