"""The tiny model behind its real server: that its dials matter and interact as the page of tests says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from trialist.errors import ExecutionError
from trialist.testing.fault_proxy import CUT, Faults, faulty
from trialist.testing.tiny_lm import DIRECT, THINK, Recipe, cached, items
from trialist.testing.tiny_server import completion, serving

COUNT = 100
# Four standard errors of a share over 100 items are at most 0.2.
MARGIN = 0.2


def ask(base_url, model, question, prompt, **dials):
    messages = [{"role": "system", "content": prompt}, {"role": "user", "content": question}]
    return completion(base_url, {"model": model, "messages": messages, **dials})


def share_right(served, prompt, **dials):
    """(share of right answers, share cut off by the limit, mean tokens) over the same items for every setting."""
    suite = items(COUNT, seed=1)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda item: ask(served.base_url, served.model, item[0], prompt, **dials), suite))
    choices = [answer["choices"][0] for answer in answers]
    right = sum(c["message"]["content"].split()[-1:] == [a] for c, (_, a) in zip(choices, suite, strict=True))
    cut = sum(choice["finish_reason"] == "length" for choice in choices)
    tokens = sum(answer["usage"]["completion_tokens"] for answer in answers)
    return right / COUNT, cut / COUNT, tokens / COUNT


@pytest.mark.slow
def test_prompt_temperature_top_p_and_limit_matter_and_interact(tiny_server):
    greedy, _, short = share_right(tiny_server, DIRECT, temperature=0, max_tokens=40)
    thought, cut, long = share_right(tiny_server, THINK, temperature=0, max_tokens=40)
    assert thought >= 0.98
    assert cut == 0
    assert 0.8 <= greedy <= 0.96  # the forgotten carry: 9 of 100 additions
    assert long > 4 * short

    hot, _, _ = share_right(tiny_server, DIRECT, temperature=1.3, max_tokens=40)
    assert hot < greedy - MARGIN
    tamed, _, _ = share_right(tiny_server, DIRECT, temperature=1.3, top_p=0.5, max_tokens=40)
    assert tamed > hot + MARGIN  # top_p matters where temperature is high ...
    cool, _, _ = share_right(tiny_server, DIRECT, temperature=0.2, top_p=0.5, max_tokens=40)
    assert abs(cool - greedy) < 0.05  # ... and nowhere else

    trapped, cut, _ = share_right(tiny_server, THINK, temperature=0, max_tokens=12)
    assert (trapped, cut) == (0.0, 1.0)
    unhurt, cut, _ = share_right(tiny_server, DIRECT, temperature=0, max_tokens=12)
    assert (unhurt, cut) == (greedy, 0.0)


@pytest.mark.slow
def test_the_server_honours_rejects_and_ignores_dials(tiny_server):
    def answer(**dials):
        return ask(tiny_server.base_url, tiny_server.model, "47+31", THINK, **dials)

    for rejected in ("top_k", "nonsense"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            answer(max_tokens=40, **{rejected: 3})
        assert refused.value.code == 422
        assert rejected in refused.value.read().decode()
    assert len(answer(max_tokens=40, n=3)["choices"]) == 1
    assert answer(max_tokens=3, temperature=0)["choices"][0]["finish_reason"] == "length"
    seeded = [answer(max_tokens=40, temperature=2.0, seed=5)["choices"][0]["message"]["content"] for _ in range(3)]
    assert len(set(seeded)) == 1  # asked one by one; asked at the same time they may differ


@pytest.mark.slow
def test_faults_stand_in_front_of_the_real_server(tiny_server):
    with faulty(tiny_server.base_url, Faults(schedule=(CUT,))) as proxy:
        with pytest.raises(Exception, match=r"IncompleteRead|closed") as broken:
            ask(proxy.base_url, tiny_server.model, "47+31", DIRECT, temperature=0, max_tokens=12)
        assert not isinstance(broken.value, urllib.error.HTTPError)
        whole = ask(proxy.base_url, tiny_server.model, "47+31", DIRECT, temperature=0, max_tokens=12)
    assert whole["choices"][0]["message"]["content"] == "78"
    assert proxy.served == 2


@pytest.mark.slow
def test_the_server_ends_with_its_starter(tiny_model):
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from trialist.testing.tiny_server import completion, serving\n"
            "with serving(Path(sys.argv[1])) as served: print(served.pid, flush=True); time.sleep(600)",
            str(tiny_model),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    server = psutil.Process(int(starter.stdout.readline()))
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    server.wait(timeout=60)
    assert not server.is_running()


@pytest.mark.slow
def test_a_folder_without_a_model_is_told_with_the_servers_own_words(tmp_path):
    with pytest.raises(ExecutionError, match="transformers serve ended"), serving(tmp_path):
        pass


@pytest.mark.slow
def test_processes_that_ask_at_once_train_once_and_a_changed_recipe_trains_anew(tmp_path):
    tiny = "Recipe(steps=2, width=8, layers=1, batch_direct=2, batch_think=2)"
    code = (
        "import sys; from pathlib import Path; from trialist.testing.tiny_lm import Recipe, cached\n"
        f"print(cached(Path(sys.argv[1]), {tiny}))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    places = {process.communicate()[0].strip() for process in both}
    assert len(places) == 1
    assert [folder.name for folder in tmp_path.iterdir() if folder.is_dir()] == [os.path.basename(*places)]
    started = time.time()
    again = cached(tmp_path, Recipe(steps=2, width=8, layers=1, batch_direct=2, batch_think=2))
    assert str(again) in places
    assert (again / "model.safetensors").stat().st_mtime < started
    assert cached(tmp_path, Recipe(steps=3, width=8, layers=1, batch_direct=2, batch_think=2)) != again


def test_items_are_different_additions_with_their_answers():
    suite = items(500, seed=2)
    assert len({question for question, _ in suite}) == 500
    assert all(sum(map(int, question.split("+"))) == int(answer) for question, answer in suite)
    assert items(500, seed=2) == suite
    assert items(500, seed=3) != suite
