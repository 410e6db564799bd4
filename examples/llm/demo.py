"""A language model's dials, tuned for real: a tiny model is trained here, served, and asked within a budget of calls.

    make demo-llm                # or: python examples/llm/demo.py, with the extra llm-test

The model adds two numbers, at once ("direct") or thinking aloud ("think"). What it is asked with by default is bad on
purpose: temperature 1.3, and the direct prompt. The limit of 12 tokens is a trap, since it cuts every thought short.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from trialist.testing.tiny_lm import PROMPTS, cached, items
from trialist.testing.tiny_server import serving

HERE = Path("_demo")


def main() -> int:
    HERE.mkdir(exist_ok=True)
    suite, store = HERE / "sums.jsonl", HERE / "llm.db"
    # The server has another port each time, and what another endpoint answers is another study.
    for earlier in (*HERE.glob("llm.db*"), *HERE.glob("llm.answers.db*")):
        shutil.rmtree(earlier) if earlier.is_dir() else earlier.unlink()
    rows = [{"id": question, "question": question, "answer": answer} for question, answer in items(200)]
    suite.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    for prompt in PROMPTS:
        (HERE / f"{prompt}.txt").write_text(prompt, encoding="utf-8")
    print("training the tiny model, unless it is there already ...", flush=True)
    with serving(cached(Path("build"), tell=print)) as served:
        tune = [
            *("tune-llm", "--base-url", served.base_url, "--model", served.model),
            *("--suite", str(suite), "--scorer", "number", "--holdout", "40%"),
            *("--dial", f"system=@{HERE}/direct.txt,@{HERE}/think.txt", "--dial", "temperature=0..1.3"),
            *("--dial", "top_p=0.3..1", "--dial", "max_tokens=12,24,48"),
            *("--default", "system=direct", "--default", "temperature=1.3", "--default", "top_p=1"),
            *("--default", "max_tokens=48", "--budget", "2000 calls", "--concurrency", "4", "--yes"),
            *("--name", "sums", "--store", str(store)),
        ]
        report = ["report", "--study", "sums", "--store", str(store), "--file", str(HERE / "llm_report.html")]
        for words in (tune, report):
            print(f"\ntrialist {shlex.join(words)}", flush=True)
            done = subprocess.run([str(Path(sys.executable).with_name("trialist")), *words], check=False)
            if done.returncode:
                return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
