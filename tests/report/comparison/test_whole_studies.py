"""Any bleeding in whole studies, over made-up runs."""

from ichreport.report.comparison import whole_studies
from tests.report.comparison.made_runs import BASELINE, gathered, run


def test_a_row_without_whole_studies_has_dashes_for_scores():
    torn = run(BASELINE, 2.0, study_slices=1000)
    whole = run("16-bygroup", 2.0, split_by="group")
    rows = {row[0].text: row for row in whole_studies.table(gathered(torn, whole)).rows}
    assert rows[BASELINE][1:] == ["–", "–", "–", "–", "0", "0"]
    assert rows["16-bygroup"][5:] == ["10", "20"]
    said = str(whole_studies.verdict(gathered(torn, whole)))
    assert said.startswith("The best run is 16-bygroup. Does a study bleed anywhere?")
    for figure in rows["16-bygroup"][2:5]:
        assert figure in said
    said = str(whole_studies.verdict(gathered(torn)))
    assert said == "No run that is split by patient has the primary endpoint, so none is the best."
    assert not any("*" in cell for row in rows.values() for cell in row[1:])
