"""The audit of published tables: what the documents' own tables show, and cases counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from places import ROOT

from harness.audit.audit import Audit, Finding, audit, to_text
from harness.audit.rules import Options
from harness.cli.main import main
from harness.core.errors import InputError

TABLES = Path(__file__).parent / "tables"


def audit_text(path: Path, text: str, **options: object) -> tuple[Finding, ...]:
    path.write_text(text, encoding="utf-8")
    return audit([path], Options(**options)).findings  # type: ignore[arg-type]


def audit_document(name: str, **options: object) -> Audit:
    return audit([TABLES / name], Options(**options))  # type: ignore[arg-type]


def find_finding(result: Audit, *parts: str) -> Finding:
    """Return the one finding whose row, numbers, rule and remark have all these parts."""
    matching: list[Finding] = []
    for finding in result.findings:
        text = f"{finding.row} {finding.numbers} {finding.rule} {finding.remark}"
        if all(part in text for part in parts):
            matching.append(finding)
    (finding,) = matching
    return finding


def test_s001_means_are_over_six_classes_and_over_one() -> None:
    result = audit_document("s001.md")
    benchmark = find_finding(result, "52.3±1.3", "F1 water")
    assert (benchmark.line, benchmark.row) == (5, "Benchmark")
    # the mean over 5 classes
    assert (benchmark.allowed, benchmark.level) == (("63.62", "63.83"), "impossible")
    assert benchmark.remark == "nearest: with one more class, not listed, at 0, 53.02 to 53.19"
    assert find_finding(result, "45.4±.9", "F1 water").remark.endswith("at 0, 45.96 to 46.12")
    for mean, nearest in (("69.2±.3", "68.42 to 68.59"), ("65.3±.8", "65.63 to 65.78")):
        assert (
            find_finding(result, mean, "the mean over background, mitochondria").remark
            == f"nearest: of mitochondria alone, {nearest}"
        )


def test_s001_accuracy_of_the_second_row_is_not_that_of_its_f1() -> None:
    result = audit_document("s001.md")
    accuracy = find_finding(result, "97.7±.8", "harmonic mean")
    assert (accuracy.row, accuracy.level) == ("SPSS+", "impossible")
    assert float(accuracy.allowed[0]) < 96.5 < float(accuracy.allowed[1]) < 97
    # with an F1 of 98.9 it is consistent: runs that differ
    assert "within one ±" in accuracy.remark
    more = find_finding(result, "share in % that Benchmark leaves to mitochondria")
    assert more.level == "note"
    assert len(result.findings) == 6  # 98.4 is what 99.1 and 81.3 imply, given their rounding


def test_s004_has_two_results_for_one_configuration_one_of_them_below_a_constant() -> None:
    result = audit_document("s004.md", majority=0.524, classes=6)
    assert (
        find_finding(result, "39.8", "10.2").rule == "the same configuration has the same numbers"
    )
    assert (
        find_finding(
            result, "37.3", "('final mIoU, Experiment 2: which loss., line 12', '0.6')"
        ).level
        == "impossible"
    )
    below = find_finding(result, "--majority")
    assert (below.level, below.numbers[0], below.allowed[0]) == (
        "below a constant",
        ("final mIoU", "0.6"),
        "8.73",
    )
    assert len(result.findings) == 3
    assert audit_document("s004.md", separate=True).findings == ()


def test_s002_repeats_differ_and_its_final_table_is_consistent() -> None:
    result = audit_document("s002.md")
    assert {finding.row for finding in result.findings} == {
        "points per class 5, random",
        "points per class 10, random",
        "points per class 20, random",
    }
    assert len(result.findings) == 6
    final = audit_document("s002-final.csv")
    assert final.findings == ()
    # IoU against precision and recall of 5 classes, the mean, and accuracy
    assert final.comparisons == 7


def test_s000_and_s003_are_consistent() -> None:
    assert audit_document("s000.md", majority=0.8652).findings == ()
    assert audit_document("s003.md").findings == ()
    assert (
        audit_document("s003.md").comparisons == 7
    )  # best and final of 5 rows, 2 means over classes


def test_our_own_leaderboards_are_consistent() -> None:
    result = audit(
        sorted([*ROOT.glob("leaderboards/*.csv"), *ROOT.glob("leaderboards/*.md")]), Options()
    )
    assert to_text(result).endswith("nothing impossible")
    assert result.comparisons > 30


@pytest.mark.parametrize(
    ("text", "level", "allowed"),
    [
        # 0.795/1.205 and 0.805/1.195
        ("IoU a,F1 a\n0.80,0.80\n", "impossible", ("0.660", "0.674")),
        ("IoU,F1\n0.80,0.85\n", "note", ("0.732", "0.747")),  # a mean of classes may be above
        ("IoU,F1\n0.70,0.85\n", "impossible", ("0.732", "0.855")),  # but not below
        ("IoU a,precision a\n0.80,0.75\n", "impossible", ("0.000", "0.755")),
        ("F1 a,precision a,recall a\n0.5,0.9,0.9\n", "impossible", ("0.85", "0.95")),
        ("mIoU,IoU a,IoU b,IoU c\n50,10,40,60\n", "note", ("36.2", "37.2")),  # without a
        ("mIoU,IoU a,IoU b,IoU c\n70,10,40,60\n", "impossible", ("36.2", "37.2")),
        ("best mIoU,final mIoU\n50.1,50.3\n", "impossible", ("50.25", "100.00")),
        # tp = tp' = 1/4, fp + fn = 1/2
        ("OA,F1 a,F1 b\n0.90,0.5,0.5\n", "impossible", ("0.450", "0.550")),
        ("OA,F1 a,F1 b,F1 c\n95,70,80,90\n", "impossible", ("69.5", "90.5")),
        (
            "OA,recall a,recall b,share a,share b\n0.50,0.9,0.8,0.7,0.3\n",
            "impossible",
            ("0.740", "1.000"),
        ),
        ("OA,majority\n0.50,0.6\n", "below a constant", ("0.550", "1.000")),
        ("OA,mIoU\n82.0,134.5\n", "impossible", ("0.00", "100.00")),
    ],
)
def test_findings_counted_by_hand(
    tmp_path: Path, text: str, level: str, allowed: tuple[str, str]
) -> None:
    findings = audit_text(tmp_path / "t.csv", text)
    (finding,) = [finding for finding in findings if finding.level == level]
    assert finding.allowed == allowed
    assert finding.line == 2


def test_a_mean_without_a_class_is_explained(tmp_path: Path) -> None:
    (finding,) = audit_text(tmp_path / "t.csv", "mIoU,IoU a,IoU b,IoU unlabeled\n50,40,60,0\n")
    assert (finding.level, finding.remark) == ("note", "it is the mean without unlabeled")
    (finding,) = audit_text(tmp_path / "t.csv", "mIoU,IoU a,IoU b\n60,40,60\n")
    assert finding.remark == "it is the mean of b alone"
    # a third class of 20
    assert audit_text(tmp_path / "t.csv", "mIoU,IoU a,IoU b\n40,40,60\n", classes=3) == ()


def test_numbers_with_spreads_may_bend_a_relation(tmp_path: Path) -> None:
    spread, single = "IoU a,F1 a\n0.69±0.08,0.81±0.07\n", "IoU a,F1 a\n0.69,0.81\n"
    assert audit_text(tmp_path / "t.csv", "IoU a,F1 a\n0.700±0.08,0.810±0.07\n") == ()
    assert len(audit_text(tmp_path / "t.csv", "IoU a,F1 a\n0.700,0.810\n")) == 1
    assert audit_text(tmp_path / "t.csv", "IoU a,F1 a\n0.700,0.810\n", averaged=True) == ()
    assert audit_text(tmp_path / "t.csv", spread) == audit_text(tmp_path / "t.csv", single) == ()
    beside = "IoU a,F1 a,F1 a sd\n0.700,0.810,0.07\n"
    assert audit_text(tmp_path / "t.csv", beside) == ()


def test_ends_of_intervals_are_not_scores(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    assert (
        audit_text(path, "mIoU,miou_low,miou_high,IoU low vegetation,IoU road\n50,-10,120,40,60\n")
        == ()
    )
    (finding,) = audit_text(path, "mIoU,IoU low vegetation,IoU road\n60,40,60\n")
    assert finding.allowed == ("49.5", "50.5")


def test_repetitions_within_their_spread_are_a_note(tmp_path: Path) -> None:
    text = "method,mIoU\nx,50.0 ± 1.0\nx,51.5 ± 1.0\ny,10.0\n"
    (finding,) = audit_text(tmp_path / "t.csv", text)
    assert finding.level == "note"
    (finding,) = audit_text(tmp_path / "t.csv", text.replace("51.5", "53.5"))
    assert finding.level == "impossible"


@pytest.mark.parametrize(
    "text",
    [
        "| model | **IoU** | *F1* |\n|:--|--:|--:|\n| ours† | **80.0**[^1] | $88.9 \\pm 0.1$ |\n",
        "model;IoU (%);F1-score (%)\nours;80,0;88,9\n",
        "\ufeffmodel\tJaccard index\tDice coefficient\nours\t.800\t.889\n",
        "model,Intersection over Union,f1_score\nours,80.0 (0.3),88.9 (0.2)\n",
    ],
)
def test_ways_to_write_a_table(tmp_path: Path, text: str) -> None:
    path = tmp_path / ("t.md" if text.startswith("|") else "t.csv")
    path.write_text(text, encoding="utf-8")
    result = audit([path], Options())
    assert (result.numbers, result.findings) == (2, ())
    assert result.comparisons >= 1
    wrong = text.replace("80.0", "90.0").replace("80,0", "90,0").replace(".800", ".900")
    (finding,) = audit_text(path, wrong)
    assert finding.level == "impossible"


def test_european_decimals_of_three_digits_are_no_thousands(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    # 0.8125 / 1.8125 * 2 = 0.89655
    assert audit_text(path, "model;IoU a (%);F1 a (%)\nours;81,250;89,655\n") == ()
    (finding,) = audit_text(path, "model;IoU a;F1 a\nours;0,812;0,890\n")
    assert finding.allowed == ("0.8010", "0.8026")  # 0.8895 / 1.1105 and 0.8905 / 1.1095


def test_cells_that_cannot_be_read_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.md"
    path.write_text(
        "| m | IoU a | F1 a | mIoU |\n|--|--|--|--|\n| x | 60.0 (+25.0) | 75.0 | 1/2 |\n| y | 60/70"
        " | 75.0 | – |\n"
    )
    assert main(["audit", str(path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["numbers"], result["comparisons"]) == (
        3,
        1,
    )  # the leading score of x, and its F1
    unread: list[tuple[int, str]] = []
    for remark in result["remarks"]:
        if remark["kind"] == "not read":
            unread.append((remark["line"], remark["text"]))
    assert unread == [(3, "mIoU: 1/2"), (4, "IoU a: 60/70")]
    assert main(["audit", str(path)]) == 0
    assert f"{path}:4: not read: IoU a: 60/70\n" in capsys.readouterr().out


def test_columns_that_share_a_name_are_left_out_and_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("m,IoU a,iou_a,OA\nx,50,60,70\n")
    assert main(["audit", str(path)]) == 0
    assert (
        f"{path}:1: left out: column 2 ('IoU a') and column 3 ('iou_a') name the same score"
        in capsys.readouterr().out
    )
    path.write_text("m,mIoU,mIoU\nx,50,60\n")
    assert main(["audit", str(path)]) == 2
    error = capsys.readouterr().err
    assert "column 2 ('mIoU') and column 3 ('mIoU') name the same score" in error
    assert "no score is left to check" in error


def assumed_scales(path: Path, text: str) -> list[str]:
    path.write_text(text)
    result = audit([path], Options())
    assert result.findings == ()
    return [remark.text for remark in result.remarks if remark.kind == "assumed"]


def test_each_measure_has_a_scale_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    assert assumed_scales(path, "mIoU (%),OA (%)\n52.3,81.0\n") == []
    assert assumed_scales(path, "mIoU,OA\n52.3,81.0\n") == ["numbers without a % sign are percent"]
    mixed = [
        "OA without a % sign are percent",
        "mIoU, IoU a, IoU b without a % sign are fractions of 1",
    ]
    assert assumed_scales(path, "mIoU,IoU a,IoU b,OA\n.50,.40,.60,68.9\n") == mixed
    # Classes that nobody finds, in percent: the mean tells.
    assert assumed_scales(
        path, "mIoU,IoU a,IoU b,IoU c\n30.25,0.50,0.25,90.00\n20.25,0.50,0.25,60.00\n"
    ) == ["numbers without a % sign are percent"]
    # A single low score with one digit after the point.
    assert assumed_scales(path, "mIoU,OA\n0.6,82.6\n") == ["numbers without a % sign are percent"]


def test_an_impossible_score_does_not_change_the_scale(tmp_path: Path) -> None:
    for text in ("IoU a,IoU b\n0.95,1.05\n0.97,0.99\n", "IoU a,IoU b\n0.952,95.0\n0.971,0.990\n"):
        (finding,) = audit_text(tmp_path / "t.csv", text)
        assert finding.rule == "a score is a share"


def test_tables_of_classes_and_tables_titled_with_a_score(tmp_path: Path) -> None:
    rows = (
        "method,class,pixels,IoU\nx,a,10,40\nx,b,20,60\nx,mean,30,55\n"
        "y,a,10,70\ny,b,20,80\ny,mean,30,75\n"
    )
    (finding,) = audit_text(tmp_path / "t.csv", rows)
    assert (finding.row, finding.line, finding.numbers[0]) == ("x", 4, ("IoU mean", "55"))
    titled = (
        "Table 3: F1 of each class (%).\n\n| method | a | b | mean F1 |\n|---|---|---|---|\n| x |"
        " 40 | 60 | 55 |\n"
    )
    (finding,) = audit_text(tmp_path / "t.md", titled)
    assert finding.allowed == ("49.5", "50.5")
    assert audit_text(tmp_path / "t.md", titled.replace("F1 of each class", "Results")) == ()
    assert (
        len(
            audit_text(
                tmp_path / "t.md", titled.replace("F1 of each class", "Results"), per_class="f1"
            )
        )
        == 1
    )


def test_a_table_of_names_alone_is_not_compared_with_another(tmp_path: Path) -> None:
    one = "| method | mIoU |\n|---|---|\n| full | 50 |\n"
    assert audit_text(tmp_path / "t.md", f"{one}\nPotsdam\n\n{one.replace('50', '70')}") == ()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.md", "No table here.\n", "has no table"),
        ("empty.csv", "", "has no table"),
        ("long.csv", "a,mIoU\nx,1,2\n", "long.csv:2: has 3 cells under 2 headings"),
        (
            "other.csv",
            "method,time\nx,3\n",
            "no column of numbers names a score; its columns: method, time",
        ),
        ("quote.csv", 'mIoU,b\n"1,2\n', "is not CSV"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        audit_text(tmp_path / name, text)


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(TABLES / "s003.md")]) == 0
    assert main(["audit", str(TABLES / "s004.md"), "--majority", "52.4", "--classes", "6"]) == 1
    assert "allowed: 8.73 to 100.00" in capsys.readouterr().out
    assert main(["audit", str(TABLES / "s001.md"), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["findings"]) == 6
    assert main(["audit", str(tmp_path / "no.md")]) == 2
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    assert main(["audit", str(tmp_path / "binary.csv")]) == 2
    assert main(["audit", str(TABLES / "s003.md"), "--majority", "0"]) == 2
    assert main(["audit", str(TABLES / "s003.md"), "--classes", "1"]) == 2
    assert "Traceback" not in capsys.readouterr().err
