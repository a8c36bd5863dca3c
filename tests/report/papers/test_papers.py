"""The papers say what the record says, all that is asked, and what is not done."""

import re

import mistune
import nbformat
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ichreport.files import read_json, read_sealed_json, write_sealed_json
from ichreport.labels import LABELS
from ichreport.params.endpoint import Endpoint
from ichreport.params.profile import Profile
from ichreport.report import site
from ichreport.report.html.formats import with_named_interval
from ichreport.report.html.sanitise import clean
from ichreport.report.papers import pages, templates
from ichreport.report.papers.documents import Document, Point, Section, markdown
from ichreport.report.papers.facts import gather
from ichreport.report.papers.tables import Figures
from ichreport.runs import record
from tests.report.external import made_evaluations
from tests.report.made_up import write_executed

TRIPOD = [
    *("1", "2", "3a", "3b", "3c", "4", "5a", "5b", "6a", "6b", "6c", "7", "8a", "8b", "8c"),
    *("9a", "9b", "9c", "10", "11", "12a", "12b", "12c", "12d", "12e", "12f", "12g", "13", "14"),
    *("15", "16", "17", "18a", "18b", "18c", "18d", "18e", "18f", "19", "20a", "20b", "20c"),
    *("21", "22", "23a", "23b", "24", "25", "26", "27a", "27b", "27c"),
]
ALWAYS_KNOWN = (
    "runs_done",
    "runs_expected",
    "endpoint",
    "replicates",
    "source_words",
    "poster",
    "poster_limits",
)
SUMS = ("weighted_log_loss_sum", "challenge_log_loss")
PLANTED = "<script>x()</script> **b** [a](javascript:x) a_b_c `c` | &amp; ~~s~~ #h $y$ {q} \\ *i*"


def papers(report):
    """The three papers by name, as Markdown."""
    return {made.stem: made.markdown() for made in documents(report)}


def documents(report):
    return pages.make(report.folder, report.profile, report.results())


def rows_of(text, heading):
    """The rows of the Markdown table under a heading, by their first cell."""
    part = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in lines]
    return {row[0]: row[1:] for row in cells[2:]}


def items_of(text):
    """Every item of a checklist: status and what is said, by number."""
    rows = re.findall(r"^\| (\d+[a-g]?) \| (.*) \|$", text, flags=re.MULTILINE)
    return {number: rest.split(" | ")[1:] for number, rest in rows}


def recorded_rows(report, table):
    """The rows of a table that the run's record keeps."""
    columns = read_json(report.folder / "runs" / "mine" / "record.json")["assessment"][table]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def shown_with_interval(row):
    return f"{row['value']:.3f} ({row['low']:.3f}–{row['high']:.3f})"


def ask_for_cq500(report):
    """Let the profile, then of real slices, name a data set of another hospital."""
    asked = {"external": [{"name": "cq500", "source": "there"}], "cam_run": "mine"}
    external = Profile.parse({"profile": "tiny", **asked}, where="x").external
    report.profile = report.profile.model_copy(update={"phantom": None, "external": external})


def test_every_score_in_the_card_is_the_record_s(report):
    text = papers(report)["model-card"]
    rows, recorded = rows_of(text, "Quantitative analyses"), recorded_rows(report, "scores")
    by_name = {(row["score"], row["label"]): row for row in recorded if row["split"] == "test"}
    for label in LABELS:
        area, loss = by_name["auc", label], by_name["log_loss", label]
        assert rows[label] == [
            str(area["positives"]),
            str(area["slices"]),
            shown_with_interval(area),
            shown_with_interval(loss),
            f"{loss['floor']:.3f}",
        ]
    weighted, mean = (by_name[name, "all"] for name in SUMS)
    assert rows["weighted sum"][3] == shown_with_interval(weighted)
    assert rows["challenge's mean"][3] == shown_with_interval(mean)


def test_every_rate_in_the_card_is_the_record_s(report):
    text = papers(report)["model-card"]
    rows = rows_of(text, "At the frozen thresholds")
    recorded = {
        (row["label"], row["rate"]): row
        for row in recorded_rows(report, "rates")
        if (row["rule"], row["split"]) == ("recall-85", "test")
    }
    for label in LABELS:
        positives, prevalence, threshold, *rates = rows[label]
        counts = recorded[label, "precision"]
        assert positives == str(counts["positives"])
        assert prevalence == f"{100 * counts['positives'] / counts['slices']:.1f}"
        assert threshold == f"{recorded[label, 'recall']['threshold']:.4f}"
        names = ("precision", "recall", "specificity", "accuracy", "npv")
        assert rates == [shown_with_interval(recorded[label, name]) for name in names]


def test_the_areas_are_scikit_learn_s_and_stand_in_all_three_papers(report):
    table = report.results().best.predictions
    test = table[table["split"] == "test"]
    area = f"{roc_auc_score(test['truth_any'], test['probability_any']):.3f}"
    made = papers(report)
    assert rows_of(made["model-card"], "Quantitative analyses")["any"][2].startswith(f"{area} (")
    for stem, number in (("claim-2024", "37"), ("tripod-ai", "23a")):
        assert f"any bleeding {area} (" in items_of(made[stem])[number][1]


@pytest.mark.parametrize("label", ["any", "epidural"])
def test_the_primary_endpoint_stands_in_all_three_papers_with_its_interval(report, label):
    endpoint = Endpoint(label=label)
    report.profile = report.profile.model_copy(update={"primary": endpoint})
    results = report.results()
    figure = with_named_interval(results.primary_of(results.best))
    assert "95 % interval" in figure
    told = f"he primary endpoint, the AUC of {label} bleeding in whole studies, is {figure} on test"
    made = papers(report)
    assert told in items_of(made["claim-2024"])["37"][1]
    assert told in items_of(made["tripod-ai"])["23a"][1]
    assert told in made["model-card"]
    for stem, number in (("claim-2024", "28"), ("tripod-ai", "12e")):
        primary = f"Primary: AUC of {label} bleeding in whole studies."
        assert items_of(made[stem])[number][1].startswith(primary)
    assert set(rows_of(made["model-card"], "Whole studies")) == {"any", label}
    both = "any and epidural bleeding" if label == "epidural" else "any bleeding"
    assert f"Test: {both} in a whole study." in made["model-card"]


def test_a_training_that_was_found_is_of_its_own_day_and_version(report):
    report.write_run(trained_by={"packages": {"ichreport": "0.0.1"}})
    card = papers(report)["model-card"]
    assert "Trained until 2026-11-23 with ichreport 0.0.1;" in card


@pytest.mark.parametrize(
    ("challenge", "status", "told", "untold"),
    [
        (True, "Not done", "The challenge's files name no scanner", "the store has thickness"),
        (False, "Reported", "the store has thickness, kernel, contrast medium", "challenge"),
    ],
)
def test_what_the_store_knows_of_acquisition_is_told(report, challenge, status, told, untold):
    report.profile = report.profile.model_copy(update={"phantom": None})
    report.write_run(synthetic=False)
    report.write_manifest(synthetic=False, challenge=challenge)
    item = items_of(papers(report)["claim-2024"])["13"]
    assert item[0] == status
    assert told in item[1]
    assert untold not in item[1]


def test_one_patient_is_no_patients(report):
    counts = {"slices": 1, "patients": 1, "studies": 1, "series": 1, "rejects": 1, "files": 1}
    report.write_manifest(counts={**counts, "set_aside": 1})
    made = {stem: items_of(text) for stem, text in papers(report).items()}
    assert made["claim-2024"]["7"][1].endswith(": 1 patient, 1 study, 1 slice.")
    assert made["claim-2024"]["35"][1].startswith("1 patient, 1 study and 1 slice read,")
    assert made["tripod-ai"]["20a"][1].startswith("1 patient, 1 study, 1 slice read,")
    for stem, number in (("claim-2024", "8"), ("tripod-ai", "6b")):
        assert "Of 1 file, set aside" in made[stem][number][1]
    report.write_manifest()
    assert "90 patients, 91 studies, 900 slices" in papers(report)["claim-2024"]
    assert "1 of 1 run here." in papers(report)["tripod-ai"]


@pytest.mark.parametrize(
    ("trainable_layers", "network", "initial", "step", "augmented"),
    [
        (0, "a frozen DenseNet121", "The frozen backbone's weights are", "0.002", False),
        (9, "DenseNet121, the last 9 of its convolutions trained", "start from", "0.0003", True),
        ("all", "DenseNet121, all of its convolutions trained", "start from", "0.0003", True),
    ],
)
def test_what_of_a_backbone_was_trained_stands_in_the_checklist(
    report, trainable_layers, network, initial, step, augmented
):
    rate = {"fine_tuning_rate": 3e-4} if trainable_layers else {}
    report.write_run(network="densenet121", trainable_layers=trainable_layers, **rate)
    claim = papers(report)["claim-2024"]
    assert f"{network}, global average pooling" in claim
    assert initial in claim
    assert f"Adam with a step of {step}," in claim
    assert ("slices are flipped" in claim) == augmented


def test_epochs_of_the_head_alone_stand_in_the_checklists(report):
    report.write_run(network="densenet121", trainable_layers=9, head_epochs=6, learning_rate=0.004)
    told = "first the head alone for 6 epochs with a step of 0.004, then at most"
    for paper in ("claim-2024", "tripod-ai"):
        assert told in papers(report)[paper]


@pytest.mark.parametrize(
    ("changes", "ran"),
    [
        ({"epochs": 9}, "fewer after 3 without gain; it stopped by itself after epoch 3."),
        ({"epochs": 3, "patience": 1}, "; it stopped by itself after epoch 3."),
        ({"epochs": 3}, "; all 3 epochs ran, and it had not stopped by itself."),
        ({"epochs": 3, "schedule": "cosine"}, "is kept; all 3 epochs ran."),
    ],
)
def test_a_training_stopped_by_itself_only_where_its_history_says_so(report, changes, ran):
    report.write_run(**changes)
    made = papers(report)
    for stem, number in (("claim-2024", "25"), ("tripod-ai", "12c")):
        assert ran in items_of(made[stem])[number][1]


def test_what_the_network_sees_and_how_it_predicts_stand_in_the_checklist(report):
    tripod = items_of(papers(report)["tripod-ai"])
    assert tripod["9a"][1].startswith("The pixels of a slice alone (HU clipped")
    assert tripod["12g"][1].startswith("The network's logits through the logistic function; six")
    report.write_run(input="adjacent", test_time=["flip"])
    tripod = items_of(papers(report)["tripod-ai"])
    assert tripod["9a"][1].startswith("The pixels of a slice and of the 2 slices next to it in")
    assert "a slice and its mirror image" in tripod["12g"][1]
    assert "once a slice" not in tripod["12g"][1]


def test_no_sample_is_said_to_be_all_slices_that_is_not(report):
    for sample in ("sampb", "fullid"):
        report.write_run(sample=sample)
        made = {stem: items_of(text) for stem, text in papers(report).items()}
        assert ("all slices" in made["claim-2024"]["10"][1]) == (sample == "fullid")
        assert "all slices" not in made["claim-2024"]["21"][1]
        assert "all slices" not in made["tripod-ai"]["10"][1]


def test_splits_are_counted_from_the_predictions(report):
    rows = rows_of(papers(report)["model-card"], "Training data")
    table = report.results().best.predictions
    for split in ("train", "validation", "test"):
        own = table[table["split"] == split]
        counts = [len(own), own["group"].nunique(), *(own[f"truth_{n}"].sum() for n in LABELS)]
        assert [int(cell) for cell in rows[split]] == counts


def test_the_spread_over_seeds_stands_in_checklist_and_card(report):
    assert items_of(papers(report)["claim-2024"])["30"][0] == "Not done"
    report.write_run(name="mine--seed-2", training_seed=2)
    made = papers(report)
    table = report.results().best.predictions  # the same for both seeds
    test = table[table["split"] == "test"]
    area = f"{roc_auc_score(test['truth_any'], test['probability_any']):.3f}"
    said = f"Over 2 training seeds of this row, area for any bleeding {area} (standard deviation 0"
    assert said in items_of(made["claim-2024"])["30"][1]
    assert said in made["model-card"]


def without_whole_studies(report):
    """Let the run's record be of a test without a whole study, for an endpoint of slices."""
    path = report.folder / "runs" / "mine" / "record.json"
    recorded = read_sealed_json(path)
    studies = recorded["assessment"]["studies"]
    studies["studies"] = [0] * len(studies["studies"])
    write_sealed_json(path, recorded)
    endpoint = Endpoint(level="slice")
    report.profile = report.profile.model_copy(update={"primary": endpoint})


def test_whole_studies_are_evaluated_by_area_and_rates_and_only_where_there_are_some(report):
    made = papers(report)
    assert "The six labels, one by one; slices and whole studies." in made["model-card"]
    said = items_of(made["claim-2024"])["28"][1]
    assert said.endswith("calibration error; of whole studies, area and rates alone.")
    assert "and to fit temperatures, and the pooling of studies: " in made["model-card"]
    without_whole_studies(report)
    made = papers(report)
    assert "The six labels, one by one; slices." in made["model-card"]
    assert items_of(made["claim-2024"])["28"][1].endswith("Brier score and calibration error.")
    assert "and to fit temperatures: " in made["model-card"]


def test_an_endpoint_that_was_named_after_the_run_is_told_in_all_papers(report):
    told = "When this run was made, the profile named another endpoint."
    assert not any(told in text for text in papers(report).values())
    report.profile = report.profile.model_copy(update={"primary": Endpoint(level="slice")})
    assert all(told in text for text in papers(report).values())


def test_no_item_number_is_missing(report):
    made = papers(report)
    assert list(items_of(made["claim-2024"])) == [str(number) for number in range(1, 45)]
    assert list(items_of(made["tripod-ai"])) == TRIPOD


def test_the_count_of_reported_items_is_right(report):
    for stem in templates.CHECKLISTS:
        text = papers(report)[stem]
        said = [status for status, _ in items_of(text).values()]
        reported, apart, missing = map(said.count, ("Reported", "Not applicable", "Not done"))
        assert reported + apart + missing == len(said)
        assert min(reported, apart, missing) > 0
        assert "of 1 items" not in text
        assert (
            f"{reported} of {len(said)} items are reported, {apart} not applicable, "
            f"{missing} not done, each with its reason."
        ) in text.split("\n## ")[0]


def test_what_cannot_be_reported_of_synthetic_heads_does_not_count_as_reported(report):
    made = papers(report)
    for stem, numbers in (
        ("claim-2024", ("5", "11", "16", "18", "27", "34")),
        ("tripod-ai", ("5b", "6a", "6c", "8b", "8c", "9c", "17")),
    ):
        items = items_of(made[stem])
        apart = [number for number, (status, _) in items.items() if status == "Not applicable"]
        assert apart == list(numbers)


def test_ethics_dates_and_setting_apply_to_patients(report):
    report.profile = report.profile.model_copy(update={"phantom": None})
    report.write_run(synthetic=False)
    report.write_manifest(synthetic=False)
    tripod = items_of(papers(report)["tripod-ai"])
    assert {tripod[number][0] for number in ("5b", "6a", "17")} == {"Not done"}
    assert items_of(papers(report)["claim-2024"])["34"] == [
        "Not applicable",
        "This is no clinical trial.",
    ]


def test_every_fact_that_a_template_names_is_known_somewhere(report):
    figures = Figures(report.results().best, report.profile.primary)
    report.write_run(name="mine--seed-2", training_seed=2)
    report.write_run(synthetic=False)
    report.write_manifest(synthetic=False, recipe={"image_size": 96, "pseudonymised": True})
    mine = record.read_run(report.folder / "runs" / "mine").record["provenance"]
    made_evaluations.write(report.folder / "runs" / "mine", mine["predictions_sha256"])
    ask_for_cq500(report)
    known = set(gather(report.folder, report.profile, report.results(), figures))
    known.add("combination_words")  # of a row that trains nothing: test_combined_runs
    for stem in (*templates.CHECKLISTS, templates.CARD):
        template = templates.read_template(stem)
        lines = template.get("items") or [
            line for part in template["sections"] for line in part.get("lines", ())
        ]
        for line in lines:
            for given in line.get("answers", ()):
                assert {*given.get("when", ()), *templates.named(given["says"])} <= known, line


def test_a_test_elsewhere_stands_in_all_papers_and_none_is_not_claimed(report):
    report.write_run(synthetic=False)
    alone = {stem: items_of(text) for stem, text in papers(report).items()}
    assert "tested internally." in alone["claim-2024"]["6"][1]
    assert "it would take external testing" in alone["claim-2024"]["41"][1]
    assert alone["tripod-ai"]["16"][1].startswith("None by design")
    assert alone["tripod-ai"]["23b"][0] == "Not done"
    assert "test on data from other hospitals" in alone["tripod-ai"]["27c"][1]
    claim = items_of(papers(report)["claim-2024"])
    assert claim["33"] == ["Not done", "This run was not applied to data from another source."]
    assert "not tested on external data" in claim["40"][1]
    known = record.read_run(report.folder / "runs" / "mine").record
    made_evaluations.write(
        report.folder / "runs" / "mine", known["provenance"]["predictions_sha256"]
    )
    of_all = papers(report)
    claim = items_of(of_all["claim-2024"])
    assert claim["33"][0] == "Reported"
    for text in of_all.values():
        assert "ine falls on island" in text  # a sentence's first word is capitalised
        assert "all data are of one source" not in text
        assert "not tested on external data" not in text
    tripod = items_of(of_all["tripod-ai"])
    assert "this run externally" in claim["6"][1]
    assert "external testing" not in claim["41"][1]
    assert tripod["16"][1].startswith("Within the source none by design")
    assert tripod["23b"][0] == "Reported"
    assert tripod["27c"][1] == "To have readers judge the misses."


def test_an_evaluation_that_is_asked_for_and_not_there_is_no_test_elsewhere(report):
    ask_for_cq500(report)
    report.write_run(synthetic=False)
    missing = "ine has not been evaluated on cq500: see the log of its job."
    made = papers(report)
    claim, tripod = (items_of(made[stem]) for stem in ("claim-2024", "tripod-ai"))
    assert claim["33"] == ["Not done", f"M{missing}"]
    assert f"**In other hospitals.** Not done: m{missing}" in made["model-card"]
    assert "Not tested; all data are of one source." in made["model-card"]
    for item in (claim["40"], tripod["26"]):
        assert "not tested on external data" in item[1]
    known = record.read_run(report.folder / "runs" / "mine").record["provenance"]
    made_evaluations.write(report.folder / "runs" / "mine", known["predictions_sha256"])
    made = papers(report)
    assert items_of(made["claim-2024"])["33"][0] == "Reported"
    card = made["model-card"]
    assert f"with bleeding; inside 60 studies, 30). m{missing}" in card
    assert "Tested on the data from elsewhere that are named above, and on no others." in card


def test_every_paper_cites_the_poster_by_author_and_title(report):
    title = "Application of Computer Vision in Intracranial Hemorrhage"
    for text in papers(report).values():
        assert "Amit Bhatia" in text
        assert title in text
    assert "not known here" in papers(report)["model-card"]


def test_with_hardly_anything_known_every_item_says_why_it_is_not_done():
    facts = dict.fromkeys(ALWAYS_KNOWN, "1")
    for stem, total in (("claim-2024", 44), ("tripod-ai", 52)):
        items = items_of(templates.checklist(stem, facts).markdown())
        missing = [said for status, said in items.values() if status == "Not done"]
        assert len(items) == total
        assert len(missing) > 20
        assert all(said[0].isupper() and said.endswith(".") for said in missing)
    assert templates.card(facts, None).markdown().count("Not done: ") > 15


def test_no_slot_of_a_template_is_left_open(report):
    for text in papers(report).values():
        assert "{" not in text
    said = items_of(papers(report)["tripod-ai"])["23b"]
    assert said[0] == "Not done"
    assert said[1].endswith("where they are known, stand on the page of mine.")
    (report.folder / "runs" / "mine" / "record.json").unlink()
    for text in papers(report).values():
        assert "{" not in text
    said = items_of(papers(report)["tripod-ai"])["23b"][1]
    assert said == "No run that is split by patient has the primary endpoint."


def test_a_figure_that_a_run_lacks_is_not_said_to_be_for_want_of_a_run(report):
    item = {"answers": [{"says": "{auc_any}"}], "of_run": True}
    assert templates.answer(item, {"run": "mine"}).text == templates.UNDEFINED
    assert templates.answer(item, {}).text == templates.WITHOUT_RUN
    assert templates.answer(item | {"not_done": "never."}, {"run": "mine"}).text == "never."


def test_where_all_test_slices_bleed_the_papers_have_no_area_but_the_rest(report):
    record_path = report.folder / "runs" / "mine" / "record.json"
    recorded = read_sealed_json(record_path)
    scores = recorded["assessment"]["scores"]
    of_any = [
        index
        for index, kind in enumerate(
            zip(scores["split"], scores["score"], scores["label"], strict=True)
        )
        if kind == ("test", "auc", "any")
    ]
    assert len(of_any) == 1
    for column in ("value", "low", "high"):
        scores[column][of_any[0]] = None
    write_sealed_json(record_path, recorded)
    made = papers(report)
    for stem, number in (("claim-2024", "37"), ("tripod-ai", "23a"), ("tripod-ai", "25")):
        status, said = items_of(made[stem])[number]
        assert status == "Reported"
        assert "any bleeding not defined, since all slices of test are alike in it" in said
    assert "weighted log loss" in made["model-card"].split("**In a sentence.**")[1][:300]


def test_what_the_record_lacks_is_not_done_with_why(report):
    (report.profile.store_folder / "manifest.json").unlink()
    (report.folder / "cam.json").unlink()
    claim = items_of(papers(report)["claim-2024"])
    for number, why in (
        ("8", "The store that was read is not at hand."),
        ("31", "No activation maps were measured."),
        ("44", "A record knows of no funding; whoever hands this in states it."),
    ):
        assert claim[number] == ["Not done", why]
    assert claim["39"] == ["Reported", "The run's page shows what it gets most wrong on test."]
    assert "**Activation maps.** Not done: no activation" in papers(report)["model-card"]


def test_a_store_that_the_run_was_not_made_from_says_nothing(report):
    report.write_manifest(store_hash="cd" * 32)
    assert items_of(papers(report)["claim-2024"])["8"][0] == "Not done"


def test_maps_of_other_predictions_say_nothing(report):
    found = read_sealed_json(report.folder / "cam.json")
    write_sealed_json(report.folder / "cam.json", found | {"predictions_sha256": "0"})
    assert items_of(papers(report)["claim-2024"])["31"][0] == "Not done"


def test_damaged_maps_say_nothing(report):
    path = report.folder / "cam.json"
    path.write_text(path.read_text().replace("0.4321", "0.9321"))
    assert items_of(papers(report)["claim-2024"])["31"][0] == "Not done"


def test_maps_without_truth_are_told_by_their_checks_alone(report):
    report.write_maps(measures=False)
    said = items_of(papers(report)["claim-2024"])["31"][1]
    assert "0.432 (0.400–0.500) when every layer is random" in said
    assert "hottest pixel" not in said


def test_without_any_run_the_papers_are_made_and_say_so(report):
    (report.folder / "runs" / "mine" / "record.json").unlink()
    made = papers(report)
    assert "For a run that is still missing" in made["model-card"]
    assert (
        "Not done: no run that is split by patient has the primary endpoint." in made["model-card"]
    )
    assert list(items_of(made["tripod-ai"])) == TRIPOD
    assert items_of(made["claim-2024"])["37"][0] == "Not done"
    for stem, numbers in (
        ("claim-2024", ("30", "33", "38", "42")),
        ("tripod-ai", ("18f", "24")),
    ):
        for number in numbers:
            said = items_of(made[stem])[number][1]
            assert said == "No run that is split by patient has the primary endpoint."


def test_a_run_without_a_commit_says_so(report, monkeypatch):
    monkeypatch.setattr("ichreport.software.git_state", lambda: {"commit": None, "dirty": None})
    report.write_run()
    assert items_of(papers(report)["claim-2024"])["42"][0] == "Not done"


@pytest.mark.parametrize(
    ("dirty", "said"),
    [
        (False, "commit c0ffee."),
        (True, "with changes not committed, so that the commit does not fully identify the code."),
        (None, "(whether anything was changed since is not known)."),
    ],
)
def test_where_code_is_cited_it_says_whether_the_commit_is_all_of_it(
    report, monkeypatch, dirty, said
):
    state = {"commit": "c0ffee", "dirty": dirty}
    monkeypatch.setattr("ichreport.software.git_state", lambda: state)
    report.write_run()
    made = papers(report)
    version = re.search(r"^\*\*Version.*$", made["model-card"], flags=re.MULTILINE)[0]
    cited = [
        version,
        items_of(made["claim-2024"])["42"][1],
        *(items_of(made["tripod-ai"])[number][1] for number in ("18f", "22")),
    ]
    assert all("commit c0ffee" in text and text.endswith(said) for text in cited)
    assert sum(text.count("c0ffee") for text in made.values()) == len(cited)


def test_a_training_by_an_earlier_commit_is_said_beside_the_code(report, monkeypatch):
    monkeypatch.setattr("ichreport.software.git_state", lambda: {"commit": "new", "dirty": False})
    report.write_run(trained_by={"commit": "old"})
    assert "commit new; trained by commit old." in papers(report)["model-card"]


def test_synthetic_papers_say_in_their_first_line_that_it_is_no_clinical_model(report):
    for text in papers(report).values():
        assert "no clinical model" in text.splitlines()[0]
    for made in documents(report):
        assert "no clinical model" in made.html().split("</p>")[0]


def test_papers_on_real_slices_tell_the_challenge_from_a_hospital(report):
    report.profile = report.profile.model_copy(update={"phantom": None})
    report.write_run(synthetic=False)
    report.write_manifest(synthetic=False)
    made = papers(report)
    assert "no clinical model" not in "".join(made.values())
    claim = items_of(made["claim-2024"])
    assert "Flanders" in claim["7"][1]
    assert claim["11"][1].endswith("no name, date or free text of a header is.")
    assert claim["15"][1].startswith("It is what the challenge has published;")
    assert "reading" not in claim["40"][1]
    tripod = items_of(made["tripod-ai"])
    assert "where they are known, scanner, size and contrast of the bleed" in tripod["23a"][1]
    assert "which are of other data" not in tripod["25"][1]
    report.write_run(synthetic=False)
    report.write_manifest(synthetic=False, challenge=False)
    made = papers(report)
    own = items_of(made["claim-2024"])
    assert "which are of other data" in items_of(made["tripod-ai"])["25"][1]
    assert own["7"] == [
        "Not done",
        "The profile names a folder and nothing of where its images come from.",
    ]
    assert own["11"][0] == "Not done"
    report.write_run(synthetic=False)
    report.write_manifest(
        synthetic=False, challenge=False, recipe={"image_size": 96, "pseudonymised": True}
    )
    assert "keyed hashes" in items_of(papers(report)["claim-2024"])["11"][1]


def shown(text):
    """Markdown as a reader sees it, by a parser of its own."""
    return mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "math"])(text)


@pytest.mark.parametrize(
    "text", [PLANTED, "1. no list", "- no list", "# no heading", "12) no", "+ x"]
)
def test_markdown_shows_a_text_as_it_is(text):
    html = shown(f"{markdown(text)}\n")
    assert re.findall(r"<(\w+)", html) == ["p"]
    assert (
        html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
        == f"<p>{text}</p>\n"
    )


def test_planted_markup_is_shown_as_text_in_markdown_and_html(report):
    report.write_run(question=PLANTED)
    report.write_maps()
    for made in documents(report):
        html = shown(made.markdown())
        assert not re.search(r"<(script|a|del|code)\b|<(em|strong)>[ib]</", html)
        page = clean(made.html(), where="papers.html").html
        assert "<script" not in page
        assert "x()" in html
        assert "&lt;script&gt;x()&lt;/script&gt; **b** [a](javascript:x)" in page


def test_a_table_cell_with_a_bar_stays_one_cell():
    made = Document("x", "X", "About.", [Section("A", [Point("a|b", "c\n\nd")])], synthetic=False)
    assert "**a\\|b.** c d" in made.markdown()


def test_the_site_has_the_papers_as_files_and_as_a_page(report):
    report.write_manifest(store_hash="cd" * 32)  # made anew since: its slices are not looked up
    write_executed(nbformat.v4.new_notebook(), report.folder / "results.ipynb")
    site.render(report.folder, report.profile)
    page = (report.folder / "papers.html").read_text(encoding="utf-8")
    for stem in ("model-card", "claim-2024", "tripod-ai"):
        assert (report.folder / f"{stem}.md").is_file()
        assert f'href="{stem}.md"' in page
    assert 'href="papers.html"' in (report.folder / "index.html").read_text(encoding="utf-8")


def test_the_papers_read_no_predictions(report, monkeypatch):
    before = papers(report)
    monkeypatch.setattr(pd, "read_parquet", lambda *_: pytest.fail("predictions were read"))
    assert papers(report) == before
