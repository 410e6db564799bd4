"""The dials of LoRA fine-tuning: ranges, defaults, what is fixed or left out, and what is refused. No framework."""

from __future__ import annotations

import subprocess
import sys

import pytest

import trialist as tl
from trialist.llm.presets import lora
from trialist.numerics.keys import Key

NAMES = [
    "lr", "lr_shape", "lr_warmup", "epochs", "batch", "rank", "alpha_ratio", "dropout", "targets", "weight_decay",
]  # fmt: skip


def test_the_default_is_what_practice_begins_with():
    space = tl.Space(lora())
    assert list(space.names) == NAMES
    assert space.baseline() == {
        "lr": 2e-4, "lr_shape": "linear", "lr_warmup": 0.03, "epochs": 3, "batch": 16, "rank": 16, "alpha_ratio": 1.0,
        "dropout": 0.0, "targets": "all-linear", "weight_decay": 0.0,
    }  # fmt: skip


def test_scales_are_those_on_which_the_dials_act():
    dials = lora()
    assert [name for name in ("lr", "rank", "alpha_ratio") if not dials[name].log] == []
    assert [name for name in ("dropout", "weight_decay", "lr_warmup") if dials[name].log] == []
    assert dials["batch"].ordered


def test_every_drawn_configuration_is_one_of_the_space():
    space = tl.Space(lora(shape=["linear", "wsd", "constant"], end=(0.01, 0.5), cooldown=(0.1, 0.5)))
    for i in range(200):
        params = space.draw(Key(0, i))
        assert space.check(params) == params
        assert ("lr_end" in params) == (params["lr_shape"] != "constant")
        assert ("lr_cooldown" in params) == (params["lr_shape"] == "wsd")


def test_a_value_fixes_a_dial_and_none_leaves_it_out():
    dials = lora(rank=8, dropout=None, shape="cosine", warmup=0.1, targets="attention", batch=[32])
    assert list(dials) == ["lr", "epochs", "alpha_ratio", "weight_decay"]
    settings = dials.settings({"lr": 1e-3, "epochs": 2, "mine": 7})
    assert settings == {
        "lr": 1e-3, "epochs": 2, "mine": 7, "rank": 8, "lr_shape": "cosine", "lr_warmup": 0.1, "lr_end": 0.0,
        "targets": "attention", "batch": 32,
    }  # fmt: skip


def test_a_default_outside_a_given_range_is_not_kept():
    space = tl.Space(lora(lr=(1e-3, 1e-2), rank=(32, 64), batch=[32, 64], targets=["attention", "qkv"]))
    baseline = space.baseline()
    assert 1e-3 < baseline["lr"] < 1e-2
    assert 32 < baseline["rank"] < 64
    assert baseline["batch"] in (32, 64)
    assert baseline["targets"] == "attention"


def test_a_dial_of_ones_own_is_taken_as_it_is():
    mine = tl.Int(1, 256, log=True, default=128)
    rate = tl.Float(1e-6, 1e-3, log=True, default=5e-5)
    dials = lora(rank=mine, lr=rate, batch=tl.Categorical([4, 6], default=6))
    assert dials["rank"] == mine
    assert (dials["lr"].low, dials["lr"].high, dials["lr"].default) == (1e-6, 1e-3, 5e-5)
    assert tl.Space(dials).baseline()["batch"] == 6


def test_steps_take_the_place_of_epochs():
    assert "epochs" not in lora(steps=(50, 500))
    assert lora(steps=(50, 500))["steps"].log
    assert lora(steps=120).fixed["steps"] == 120
    with pytest.raises(tl.SpaceError, match="steps: epochs are given too"):
        lora(steps=120, epochs=2)


def test_all_dials_may_hang_on_another_one():
    space = tl.Space({"method": tl.Categorical(["lora", "full"], default="full"), **lora(when={"method": "lora"})})
    assert space.baseline() == {"method": "full"}
    assert set(space.check({**tl.Space(lora()).baseline(), "method": "lora"})) == {"method", *NAMES}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lr": 1e-4}, "lr: 0.0001 is no range of a log scale"),
        ({"lr": tl.Float(0.1, 0.2)}, "lr: .* is no range of a log scale"),
        ({"lr": (0.0, 0.1)}, "lr: low 0.0 cannot start a log scale"),
        ({"rank": (0, 8)}, "rank: "),
        ({"rank": 0}, "rank: 0 is below 1. Begin at 1 or above."),
        ({"rank": (1, 2, 3)}, r"rank: \(1, 2, 3\) is no range"),
        ({"dropout": (0, 1.5)}, "dropout: 1.5 is above 1"),
        ({"dropout": "much"}, "dropout: 'much' is no number"),
        ({"weight_decay": -0.1}, "weight_decay: -0.1 is below 0"),
        ({"alpha_ratio": 0.0}, "alpha_ratio: 0.0 is below"),
        ({"epochs": True}, "epochs: True is no number"),
        ({"batch": [8, 0]}, "batch: 0 is no number of sequences"),
        ({"batch": "all"}, "batch: 'all' is no number of sequences"),
        ({"shape": ["sawtooth"]}, "lr_shape: there is no schedule 'sawtooth'"),
        ({"warmup": (0.0, 0.95)}, "lr_warmup: 0.95 is above 0.9"),
        ({"targets": []}, "targets: "),
    ],
)
def test_what_cannot_be_is_refused_by_the_dials_name(given, said):
    with pytest.raises(tl.SpaceError, match=said):
        lora(**given)


def test_the_dials_need_no_framework():
    code = (
        "import sys, trialist.llm.presets, trialist.llm.trainer\n"
        "print({'torch', 'transformers', 'peft', 'numpy', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_presets_are_there_without_an_import_of_their_own_and_load_no_model_library():
    code = (
        "import sys, trialist.llm\n"
        "assert 'numpy' not in sys.modules and 'pydantic' not in sys.modules\n"
        "dials = trialist.llm.presets.lora()\n"
        "assert 'lr' in dials and {'presets', 'trainer'} <= set(dir(trialist.llm))\n"
        "assert not {'torch', 'transformers', 'peft'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
