"""Changes laid over a document: what they give, and where it stands afterwards."""

from __future__ import annotations

import pytest

from harness.core.errors import InputError
from harness.scenario.overrides import list_changes, override, parse_setting, substitute
from harness.scenario.yaml_document import Document, parse_document

BASE = """\
name: base
model: {name: smp, encoder: resnet18}
seeds: [0, 1]
training:
  epochs: 3
  augment: [flips, rotations]
"""


def laid_over(changes: str) -> Document:
    """Return the base with changes of another file laid over it."""
    return override(parse_document(BASE, "base"), parse_document(changes, "changes"))


def test_mappings_merge_and_keep_the_places_of_what_is_not_changed() -> None:
    document = laid_over("training: {epochs: 5}")
    assert document.value["training"] == {"epochs": 5, "augment": ["flips", "rotations"]}
    assert str(document.place(("training", "epochs"))) == "changes:1:20"
    assert str(document.place(("training", "epochs"), key=True)) == "changes:1:12"
    assert str(document.place(("training", "augment", 1))) == "base:6:20"
    assert str(document.place(("name",))) == "base:1:7"


def test_lists_are_replaced_with_the_places_of_their_items() -> None:
    document = laid_over("training: {augment: [flips]}\nseeds: 4")
    assert document.value["training"] == {"epochs": 3, "augment": ["flips"]}
    assert document.value["seeds"] == 4
    # The second item is no longer there: the list that it was in is the nearest place.
    assert str(document.place(("training", "augment", 1))) == "changes:1:21"
    assert str(document.place(("seeds", 1))) == "changes:2:8"


def test_fields_of_the_same_component_merge() -> None:
    value = laid_over("model: {name: smp, weights: none}").value
    assert value["model"] == {"name": "smp", "encoder": "resnet18", "weights": "none"}


def test_another_component_replaces_all_fields_and_their_places() -> None:
    document = laid_over("model: {name: tiny}")
    assert document.value["model"] == {"name": "tiny"}
    assert str(document.place(("model", "encoder"))) == "changes:1:8"


def test_a_component_given_by_its_name_takes_fields() -> None:
    base = parse_document("model: smp", "base")
    document = override(base, parse_setting("model.encoder=resnet34"))
    assert document.value == {"model": {"name": "smp", "encoder": "resnet34"}}


def test_an_override_leaves_the_base_as_it_was() -> None:
    base = parse_document(BASE, "base")
    places = dict(base.values)
    override(base, parse_setting("training={epochs: 5, augment: []}"))
    assert base.value == parse_document(BASE, "base").value
    assert base.values == places


def test_a_setting_stands_at_its_option() -> None:
    document = parse_setting("training.augment=[flips, rotations]")
    assert document.value == {"training": {"augment": ["flips", "rotations"]}}
    assert str(document.place(("training", "augment", 1))) == (
        "--set training.augment=[flips, rotations]"
    )


@pytest.mark.parametrize("text", ["training.epochs", "=3", "training..epochs=3"])
def test_a_setting_of_another_form(text: str) -> None:
    with pytest.raises(InputError, match=r"write it as field\.field=value"):
        parse_setting(text)


def test_a_setting_without_a_value_is_null() -> None:
    assert parse_setting("published=").value == {"published": None}


def test_changes_are_listed_as_options() -> None:
    changes = {"training": {"epochs": 3, "augment": []}, "seeds": [0, 4], "about": "a, b: c"}
    assert list_changes(changes) == [
        "training.epochs=3",
        "training.augment=[]",
        "seeds=[0, 4]",
        "about='a, b: c'",
    ]


def test_listed_changes_give_the_same_document() -> None:
    changes = {"training": {"epochs": 3, "augment": ["flips"]}, "about": "a, b: c", "seeds": 2}
    document = parse_document("{}", "base")
    for text in list_changes(changes):
        document = override(document, parse_setting(text))
    assert document.value == changes


def test_substitution_reaches_into_lists_and_writes_names_out() -> None:
    method = {"loss": ["dice", {"name": "focal", "weight": 2}]}
    assert substitute(method, ["loss", "0", "weight"], 3) == {
        "loss": [{"name": "dice", "weight": 3}, {"name": "focal", "weight": 2}]
    }
    assert method == {"loss": ["dice", {"name": "focal", "weight": 2}]}


def test_a_substitution_that_leads_nowhere() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        substitute({"loss": ["dice"]}, ["loss", "weight"], 3)
    with pytest.raises(TypeError):
        substitute({"loss": 3}, ["loss", "weight"], 3)
