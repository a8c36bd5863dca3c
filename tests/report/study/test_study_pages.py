"""What the pages of new studies say, and what they never show."""

import math
import re
from dataclasses import replace

import pytest

from ichreport.evaluation.operating.thresholds import RULES
from ichreport.findings import study_findings
from ichreport.findings.study_findings import NOTICE
from ichreport.labels import ANY
from ichreport.params.new_studies import NewStudies, Rule
from ichreport.report.study import list_page, list_tables, site, study_figures, study_page
from ichreport.report.study.words import (
    meaning,
    of_hundred,
    prevalence_in_words,
    rule_in_words,
    verdict,
)
from tests.report.study.conftest import UNSHOWN, new_study


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def written(found, folder, findings, heat=()):
    page = study_page.page(
        findings, found.run, found.store, heat, rule="recall-85", prevalence=0.02,
        path="index.html",
    )  # fmt: skip
    site.write_single(folder, page)
    return (folder / "index.html").read_text(encoding="utf-8")


def test_a_page_says_what_is_called_by_which_threshold_and_what_that_means(found, tmp_path):
    findings = found.findings("study-0001", 0.99)
    said = findings.labels["subdural"]
    assert findings.labels[ANY].is_called
    assert said.is_calibrated
    text = text_of(written(found, tmp_path, findings, found.heat))
    assert "Bleeding is called: probability" in text
    row = text[text.index("% of validation") :]
    row = row[row.index("subdural") :][:60]
    assert f"{said.probability:.3f}" in row
    assert f"{said.threshold:.3f}" in row
    assert f"{said.at_prevalence * 100:.0f} " in row
    assert "where 2 in 100 of all studies do" in text


def test_every_page_says_that_it_is_research_and_shows_no_identifier(found, tmp_path):
    findings = [
        found.findings("study-0001", 0.99, warnings=("Thick.",), left_out={"a scout": 2}),
        study_findings.refused("study-0002", new_study(found.rows[:0], refusals=("No head.",))),
    ]
    names = set(found.store.slices.iloc[found.rows][["sop_instance_uid"]].to_numpy().ravel())
    for one in findings:
        html = written(found, tmp_path, one, found.heat if one.labels else ())
        assert NOTICE in html
        assert UNSHOWN not in html
        assert "onerror" not in html
        assert not [name for name in names if name in html]


def test_of_a_refused_study_no_probability_is_shown(found, tmp_path):
    refusals = ("With contrast: vessels are as bright as blood, and the run knows none.",)
    study = new_study(found.rows[:0], refusals=refusals, left_out={"no head": 12})
    text = text_of(written(found, tmp_path, study_findings.refused("study-0003", study)))
    assert "Nothing is said of this study." in text
    assert refusals[0] in text
    assert "probability" not in text
    assert "no head 12" in text


@pytest.mark.parametrize(
    ("warnings", "said", "unsaid"),
    [
        ((), "taken as those that the run has learned from", "Thick"),
        (("Thick.",), "Thick.", "taken as those that the run has learned from"),
    ],
)
def test_doubts_are_what_was_found_of_the_series(found, warnings, said, unsaid):
    text = repr(
        study_figures.doubts(found.findings("study-0001", 0.5, warnings=warnings), found.run)
    )
    assert said in text
    assert unsaid not in text


def test_the_verdict_names_kinds_only_where_they_are_called(found):
    low = found.findings("study-0001", 1e-6)
    assert verdict(low).startswith("No bleeding is called: probability 0.00.")
    assert "Called all the same" not in verdict(low)
    high = found.findings("study-0001", 1 - 1e-6)
    kinds = [label for label in high.called if label != ANY]
    assert kinds
    assert all(label in verdict(high) for label in kinds)


def test_a_probability_is_said_in_studies_where_it_is_calibrated(found, tmp_path):
    findings = found.findings("study-0001", 0.99)
    said = findings.labels["subdural"]
    share = f"{said.at_prevalence * 100:.0f}"
    assert f"about {share} bleed, where 2 in 100 studies bleed." in meaning(said, 0.02)
    assert "about 1 bleeds, where" in meaning(replace(said, at_prevalence=0.01), 0.02)
    assert "fewer than 1 bleed," in meaning(replace(said, at_prevalence=0.001), 0.02)
    assert meaning(replace(said, at_prevalence=math.nan), 0.02) == ""
    calibrated = replace(findings, labels={**findings.labels, ANY: said})
    assert meaning(said, 0.02).strip() in text_of(written(found, tmp_path, calibrated, found.heat))


def test_a_probability_is_seen_on_its_side_of_the_threshold(found):
    findings = found.findings("study-0001", 0.99)
    near = replace(findings.labels[ANY], probability=0.0004, threshold=0.0003, is_called=True)
    said = verdict(replace(findings, labels={**findings.labels, ANY: near}))
    assert said.startswith("Bleeding is called: probability 0.0004.")
    below = replace(near, probability=0.4998, threshold=0.5004, is_called=False)
    labels = {**findings.labels, ANY: below}
    table = study_figures.labels_table(
        replace(findings, labels=labels), found.run, rule="recall-85", prevalence=0.02
    )
    [row] = [row.cells for row in table.rows if row.cells[0] == "any bleeding"]
    assert row[1:4] == ["0.4998", "0.5004", "not called"]
    far = replace(below, probability=0.25, threshold=0.5)
    table = study_figures.labels_table(
        replace(findings, labels=labels | {ANY: far}), found.run, rule="recall-85", prevalence=0.02
    )
    assert ["any bleeding", "0.250", "0.500"] in [row.cells[:3] for row in table.rows]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.004, "fewer than 1"), (0.005, "fewer than 1"), (0.007, "1"), (0.3, "30"),
        (0.997, "more than 99"), (1.0, "more than 99"), (math.nan, "–"),
    ],
)  # fmt: skip
def test_none_of_a_hundred_and_all_are_never_said(share, words):
    assert of_hundred(share) == words


def test_prevalences_are_written_out():
    assert prevalence_in_words(0.02) == "2 in 100"
    assert prevalence_in_words(1e-7) == "0.00001 in 100"


def test_without_a_threshold_the_list_does_not_say_nothing(found, tmp_path):
    findings = found.findings("study-0001", 0.99)
    unknown = {
        label: replace(said, threshold=math.nan, is_called=None)
        for label, said in findings.labels.items()
    }
    found_table = list_tables.found_table([replace(findings, labels=unknown)], prevalence=0.02)
    assert "no threshold" in found_table._repr_html_()


def test_the_list_has_what_is_called_first_and_what_is_refused_apart(found, tmp_path):
    findings = [
        study_findings.refused("study-0001", new_study(found.rows[:0], refusals=("No head.",))),
        found.findings("study-0002", 1e-6),
        found.findings("study-0003", 0.99),
    ]
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/study-0003.html").write_text("its page")
    site.write_list(tmp_path, findings, found.run, rule="recall-85", prevalence=0.05)
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    text = text_of(html[html.index("<main") :])
    assert text.index("study-0003") < text.index("study-0002") < text.index("study-0001")
    assert "Bleeding is called in 1 of 2 studies that were read." in text
    assert re.findall(r'href="(studies/[^"]+)"', html) == ["studies/study-0003.html"]
    assert "study-0001 No head." in text


def test_where_nothing_was_read_the_list_says_so(found):
    refused = study_findings.refused("study-0001", new_study(found.rows[:0], refusals=("Empty.",)))
    page = list_page.page([refused], found.run, {}, rule="recall-85", prevalence=0.02)
    assert "1 study could not be read; below is why." in text_of(page.content)
    assert "What is found" not in page.content


def test_figures_of_a_refused_study_say_why_there_are_none(found):
    study = new_study(found.rows[:0], refusals=("No head.",))
    refused = study_findings.refused("study-0001", study)
    table = study_figures.labels_table(refused, found.run, rule="youden", prevalence=0.02)
    shown = study_figures.series(refused, found.run, found.store, [], rule="youden")
    assert "No head." in repr(table)
    assert "No head." in repr(shown)
    assert "nothing to trust" in repr(study_figures.doubts(refused, found.run))
    assert repr(study_figures.evidence(refused, found.store, []))


def test_rates_are_those_of_the_rule_that_calls(found):
    tables = {rule.name: study_figures.rates_table(found.run, rule.name) for rule in RULES}
    recorded = found.run.assessment.study_rates.set_index(["rule", "label", "rate"])
    for rule, table in tables.items():
        of_any = next(row for row in table.lines if row.cells[0] == "any bleeding")
        for place, rate in enumerate(("recall", "specificity", "precision", "npv"), start=2):
            value = recorded.loc[(rule, ANY, rate), "value"]
            assert of_any.cells[place].startswith("–" if math.isnan(value) else f"{value:.2f}")
        assert rule_in_words(rule) in repr(table)
    assert recorded.loc[("sensitivity-95", ANY, "recall"), "value"] != pytest.approx(
        recorded.loc[("specificity-90", ANY, "recall"), "value"]
    )


def test_words_of_rules_and_shares():
    assert rule_in_words("recall-85") == "85% recall"
    assert rule_in_words("youden") == "the largest Youden index"
    assert prevalence_in_words(0.005) == "0.5 in 100"
    assert set(Rule.__args__) == {rule.name for rule in RULES}
    assert math.isclose(NewStudies().prevalence, study_findings.PREVALENCE)
