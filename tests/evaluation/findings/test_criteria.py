"""What decides the findings stands in one file, is held to its date, and fits the poster."""

import datetime
import hashlib
import json
import math
import re

import pytest
import yaml

from ichreport import poster
from ichreport.evaluation.findings import criteria
from ichreport.evaluation.findings.criteria import Criteria, read_criteria

DECLARED = {datetime.date(2026, 11, 29): "faff48f9f7b9"}
"""Every version that was ever declared: a line is added for a new one, and none is changed."""

CONTENT = yaml.safe_load(criteria.FILE.read_text(encoding="utf-8"))


@pytest.fixture
def changed(tmp_path):
    """Reads the file with a change, and that change's digest noted where `dated` is a day."""

    def read(change, dated=None):
        content = json.loads(json.dumps({**CONTENT, "versions": None}))
        change(content)
        del content["versions"]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        versions = dict(CONTENT["versions"]) | ({dated: digest} if dated else {})
        path = tmp_path / f"{digest}-{dated}.yaml"
        path.write_text(yaml.safe_dump({"versions": versions, **content}, sort_keys=False))
        return read_criteria(path)

    return read


def keep(content):
    """Change nothing."""


def raise_limit(content):
    content["findings"][2]["parts"][0]["supported_if"]["below"] = 0.1


def test_the_declared_versions_stay_and_the_last_one_is_what_the_file_says():
    versions = read_criteria().versions
    assert versions == DECLARED
    assert read_criteria().changed == max(DECLARED)
    assert read_criteria().digest == DECLARED[max(DECLARED)]


def test_a_change_without_a_new_date_is_refused_with_the_cure(changed):
    assert changed(keep).versions == DECLARED
    said = (
        r'changed since 2026-11-29\. Add a line to versions, the day of .* digest: "[0-9a-f]{12}"'
    )
    with pytest.raises(ValueError, match=said):
        changed(raise_limit)


def test_a_dated_change_is_taken_and_earlier_versions_stay(changed):
    tomorrow = datetime.date(2026, 11, 30)
    read = changed(raise_limit, dated=tomorrow)
    assert read.changed == tomorrow
    assert list(read.versions) == [*DECLARED, tomorrow]
    assert read.findings[2].parts[0].supported_if.below == 0.1


def test_versions_out_of_order_are_refused(changed):
    with pytest.raises(ValueError, match="in the order of their days"):
        changed(raise_limit, dated=datetime.date(2026, 11, 28))


def first_part(content):
    return content["findings"][0]["parts"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(alpha=2.0), "alpha must be less than 1, got 2.0"),
        (lambda c: first_part(c).update(measure="loss"), "measure must be 'loss_above_constant'"),
        (lambda c: first_part(c).update(limit=3), "limit is not a known parameter. Known:"),
        (lambda c: first_part(c).update(supported_if={}), "a range has above, below or both."),
        (
            lambda c: first_part(c).update(supported_if={"above": 1, "below": 0}),
            "above 1.0 and below 0.0 hold no value.",
        ),
        (
            lambda c: first_part(c)["criteria"][0].update(rows=[5, 2]),
            "better than constant prevalence: loss_above_constant is of one row, got [5, 2].",
        ),
        (
            lambda c: c["findings"][1]["parts"][0]["criteria"][0].update(rows=[5, 5]),
            "weighted loss: loss_difference is of two rows that differ, got [5, 5].",
        ),
        (
            lambda c: c["findings"][4]["parts"][0]["criteria"][0].update(label="any"),
            "epidural weaker than any: area_below_any compares a label with any itself.",
        ),
        (lambda c: first_part(c)["criteria"][0].update(rows=[15]), "rows.0 must be less than"),
        (
            lambda c: first_part(c)["criteria"][0].update(label="any"),
            "better than constant prevalence: label must be none, got 'any'.",
        ),
        (
            lambda c: c["findings"][3]["parts"][0]["criteria"][0].update(label="stroke"),
            "any bleeding: label must be a label of epidural, ",
        ),
    ],
)
def test_a_mistake_in_the_file_is_refused_by_name(changed, change, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        changed(change)


def test_what_the_file_says_of_the_poster_is_what_the_poster_prints():
    areas = {
        label: point.auc
        for (label, split), point in poster.operating_points().items()
        if split == "test"
    }
    claims = [finding.claim for finding in read_criteria().findings]
    assert claims[3] == f"The test AUC for any bleeding is {areas['any']:.3f}."
    [*_, failing] = read_criteria().findings[4].parts
    assert min(areas, key=areas.get) == "epidural"
    assert f"{areas['epidural']:.3f}" in failing.why
    assert failing.supported_if.below == pytest.approx(areas["epidural"] - 0.10, abs=5e-4)
    assert {tuple(one.rows) for one in failing.criteria} == {(poster.BEST_ROW,)}


def test_support_and_contradiction_of_a_part_meet_or_overlap():
    for finding in read_criteria().findings:
        for part in finding.parts:
            low = -math.inf if part.supported_if.above is None else part.supported_if.above
            high = math.inf if part.supported_if.below is None else part.supported_if.below
            against = [(one.above, one.below) for one in part.contradicted_if]
            assert all(above is None or above <= high for above, _ in against)
            assert all(below is None or below >= low for _, below in against)


def test_every_alternative_is_compared_with_a_row_of_its_own_kind():
    wins, nothing = (
        {one.name: tuple(one.rows) for part in finding.parts for one in part.criteria}
        for finding in read_criteria().findings[1:3]
    )
    assert set(wins) - set(nothing) == {"weighted loss"}
    assert nothing.items() < wins.items()
    assert {simple for simple, _ in wins.values()} == {2, 5, 10, 13}
    assert isinstance(read_criteria(), Criteria)


def test_several_changes_in_a_day_are_a_list_of_which_the_last_counts(changed, tmp_path):
    day = max(DECLARED)
    with pytest.raises(ValueError, match="where the day has a line, make it a list") as refused:
        changed(raise_limit)
    digest = re.search(r'"([0-9a-f]{12})"', str(refused.value)).group(1)
    content = json.loads(json.dumps({**CONTENT, "versions": None}))
    raise_limit(content)
    content["versions"] = {day: [DECLARED[day], digest]}
    path = tmp_path / "twice.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    read = read_criteria(path)
    assert (read.changed, read.digest) == (day, digest)
    assert read.earlier == [(day, DECLARED[day])]
    assert read_criteria().earlier == []
    content["versions"] = {day: [digest, DECLARED[day]]}
    path = tmp_path / "turned.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(ValueError, match="what decides the findings has changed"):
        read_criteria(path)
