"""Suites from JSONL, JSON, CSV, chats, Inspect's logs and OpenAI's exports: the same items; what is wrong is told."""

from __future__ import annotations

import csv
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import SuiteError
from trialist.llm.formats.reading import MAX_LINE_CHARS
from trialist.llm.item import Item, Message
from trialist.llm.suite import Suite, read_suite


@pytest.fixture
def write(tmp_path):
    def write(name: str, content) -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else lines(content), encoding="utf-8")
        return path

    return write


def lines(rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def asked(suite: Suite) -> list[tuple]:
    return [(item.id, item.question, item.target) for item in suite.items]


@pytest.mark.parametrize("asks", ["input", "question", "prompt", "Question "])
@pytest.mark.parametrize("right", ["target", "expected", "answer", "ideal"])
def test_a_row_is_read_whatever_its_keys_are_called(write, asks, right):
    suite = read_suite(write("s.jsonl", [{asks: "1+1", right: 2}, {asks: "2+2", right: "4", "id": "x", "group": 7}]))
    assert asked(suite) == [("1", "1+1", 2), ("x", "2+2", "4")]
    assert suite.name == "s.jsonl" and suite.groups == ("item 1", "group 7") and suite.notes == ()


def test_messages_are_a_chat_and_unknown_keys_are_metadata(write):
    chat = [{"role": "system", "content": "Be short."}, {"role": "user", "content": [{"type": "text", "text": "Why?"}]}]
    row = {"messages": chat, "target": ["So.", "Thus."], "metadata": {"level": 1}, "source": "here", "n": None}
    (item,) = read_suite(write("s.jsonl", [row])).items
    assert item.messages == (Message("system", "Be short."), Message("user", "Why?"))
    assert item.question == "Why?" and item.targets == ("So.", "Thus.")
    assert item.metadata == {"level": 1, "source": "here", "n": None}


def test_a_table_says_the_same_as_json_lines(write):
    rows = [
        {"id": "a", "question": 'Say "hi",\nplease', "answer": "hi", "group": "g", "topic": "x" * 200_000},
        {"id": "b", "question": "é?", "answer": "ü", "group": "g", "topic": "y"},
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    as_csv, as_lines = read_suite(write("s.csv", text.getvalue())), read_suite(write("s.jsonl", rows))
    assert as_csv.items == as_lines.items and as_csv.fingerprint == as_lines.fingerprint
    assert as_csv.items[0].place.endswith("s.csv line 2") and as_csv.items[1].place.endswith("s.csv line 4")
    assert csv.field_size_limit() == 131072


@pytest.mark.parametrize(("name", "mark"), [("s.tsv", "\t"), ("s.csv", "\t"), ("s.csv", ";")])
def test_tabs_and_semicolons_separate_too_and_are_told(write, name, mark):
    text = '\ufeffquestion|answer|messages_of|metadata\r\n1,1|2||{"a": 1}\r\n\r\n'.replace("|", mark).replace(
        '{"a": 1}', '"{""a"": 1}"'
    )
    suite = read_suite(write(name, text))
    assert asked(suite) == [("1", "1,1", "2")] and suite.items[0].metadata == {"a": 1}
    assert ("tabs" if mark == "\t" else "semicolons") in suite.notes[0]


def test_an_empty_cell_is_no_target_and_messages_in_a_cell_are_json(write):
    text = 'messages,target\n"[{""role"": ""user"", ""content"": ""Hi""}]",\n'
    (item,) = read_suite(write("s.csv", text)).items
    assert item.question == "Hi" and item.target is None and item.targets == ()


def test_a_json_list_is_a_suite(write):
    suite = read_suite(write("s.json", json.dumps([{"input": "a", "target": {"type": "object"}}])))
    assert asked(suite) == [("1", "a", {"type": "object"})]


def test_a_chat_for_fine_tuning_asks_for_its_last_answer(write):
    rows = [
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 1}], "id": 5},
        {
            "messages": [
                {"role": r, "content": c}
                for r, c in (("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))
            ]
        },
    ]
    suite = read_suite(write("s.jsonl", rows))
    assert asked(suite) == [("5", "a", "b"), ("2", "c", "d")]
    assert len(suite.items[1].messages) == 3 and "several answers" in suite.notes[0]


def test_messages_with_a_target_beside_them_are_no_fine_tuning(write):
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    row = {"messages": [*chat], "target": "x"}
    (item,) = read_suite(write("s.jsonl", [row])).items
    assert item.target == "x" and len(item.messages) == 2


SAMPLES = [
    {"id": 1, "epoch": 1, "input": "attachment://" + "a" * 32, "target": "4", "attachments": {"a" * 32: "2+2?"}},
    {"id": "b", "epoch": 1, "input": [{"role": "user", "content": "x", "id": "m"}], "target": ["y", "z"],
     "choices": ["y", "n"], "metadata": {"k": 1}},
    {"id": 1, "epoch": 2, "input": "2+2?", "target": "4"},
]  # fmt: skip


def inspect_json(write):
    return write("log.json", json.dumps({"version": 2, "eval": {"task": "t"}, "samples": SAMPLES}))


def inspect_archive(write):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", "{}")
        for sample in reversed(SAMPLES):
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
    return write("log.eval", data.getvalue())


def inspect_archive_of_today(write):
    """As Inspect 0.3.285 writes it: members in Zstandard, which Python's zipfile knows from 3.14 on."""
    path = inspect_archive(write)
    packed, names, directory = io.BytesIO(), [], []
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            names.append((info.filename.encode(), archive.read(info)))
    for name, data in names:
        body = zstandard.ZstdCompressor().compress(data)
        head = struct.pack("<HHHHHLLLH", 63, 0, 93, 0, 33, zlib.crc32(data), len(body), len(data), len(name))
        directory.append(b"PK\x01\x02" + struct.pack("<H", 63) + head[:-2])
        directory[-1] += struct.pack("<HHHHHLL", len(name), 0, 0, 0, 0, 0, packed.tell()) + name
        packed.write(b"PK\x03\x04" + head + struct.pack("<H", 0) + name + body)
    start, listed = packed.tell(), b"".join(directory)
    packed.write(listed + b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, len(names), len(names), len(listed), start, 0))
    return write("log.eval", packed.getvalue())


@pytest.mark.parametrize("log", [inspect_json, inspect_archive, inspect_archive_of_today])
def test_a_log_of_inspect_is_a_suite_of_its_samples(write, log):
    suite = read_suite(log(write))
    assert sorted(asked(suite)) == [("1", "2+2?", "4"), ("b", "x", ("y", "z"))]
    by_id = {item.id: item for item in suite.items}
    assert by_id["b"].metadata == {"k": 1, "choices": ["y", "n"]}
    assert "1 samples of further epochs" in suite.notes[0] and "choices" in suite.notes[1]


def test_an_export_of_openai_evals_brings_its_graders(write):
    grader = {"type": "string_check", "input": "{{ sample.output_text }}"}
    export = {
        "testing_criteria": [
            {**grader, "reference": "{{ item.label }}", "operation": "eq"},
            {**grader, "reference": "sorry", "operation": "ilike"},
        ],
        "input_messages": {"type": "template", "template": [{"role": "developer", "content": "Label it."},
                                                            {"role": "user", "content": "{{ item.text }}"}]},
        "data": [{"item": {"text": "good", "label": "pos"}}, {"item": {"text": "bad", "label": "neg"}, "sample": {}}],
    }  # fmt: skip
    suite = read_suite(write("e.json", json.dumps(export)))
    assert [item.messages for item in suite.items] == [
        (Message("developer", "Label it."), Message("user", text)) for text in ("good", "bad")
    ]
    first, second = suite.items[1].checks
    assert (first.kind, first.options["value"]) == ("exact", "neg")
    assert (second.kind, second.options) == ("contains", {"value": "sorry", "case": False})
    assert "not read" in suite.notes[0]


def test_rows_of_openai_evals_are_rows(write):
    suite = read_suite(write("r.jsonl", [{"item": {"question": "a", "answer": "b", "more": 1}}]))
    assert asked(suite) == [("1", "a", "b")] and suite.items[0].metadata["more"] == 1


@pytest.mark.parametrize(
    ("grader", "problem"),
    [
        ({"type": "text_similarity"}, "the grader 'text_similarity' is not supported"),
        ({"type": "score_model"}, "has a prompt of its own"),
        ({"type": "string_check", "operation": "eq", "input": "{{ item.text }}"}, "its input is"),
        ({"type": "string_check", "operation": "is", "input": "{{ sample.output_text }}"}, "operation 'is' is unknown"),
    ],
)
def test_graders_that_are_not_supported_are_named(write, grader, problem):
    export = {"testing_criteria": [{}, grader][1:], "data": [{"item": {"input": "x"}}]}
    with pytest.raises(SuiteError, match=problem):
        read_suite(write("e.json", json.dumps(export)))


def test_items_that_ask_the_same_are_one_group(write):
    rows = [{"input": "a", "target": "1"}, {"input": "b"}, {"input": "a", "target": "2"}]
    suite = read_suite(write("s.jsonl", rows))
    assert suite.groups == ("group same as 1", "item 2", "group same as 1") and "2 items ask" in suite.notes[0]
    grouped = read_suite(write("t.jsonl", [{**row, "group": n} for n, row in enumerate(rows)]))
    assert grouped.groups == ("group 0", "group 1", "group 2") and "stay as they are given" in grouped.notes[1]


def test_choices_that_the_question_does_not_show_are_told(write):
    rows = [{"question": "Which?", "choices": ["red", "blue"], "answer": "A"}]
    assert "template" in read_suite(write("s.jsonl", rows)).notes[0]
    rows[0]["question"] = "Which? A) red B) blue"
    assert read_suite(write("s.jsonl", rows)).notes == ()


def test_the_fingerprint_is_of_what_is_asked_and_right_and_of_nothing_else(write):
    row = {"input": "a", "target": "b", "group": "g", "id": "1", "x": 1}
    prints = {
        read_suite(write(f"{n}.jsonl", [{**row, **change}])).fingerprint
        for n, change in enumerate(({}, {"input": "c"}, {"target": "c"}, {"group": "h"}, {"id": "2"}, {"x": 2}))
    }
    assert len(prints) == 6
    same = write("other.jsonl", "\n\n" + json.dumps(dict(reversed(row.items()))))
    assert read_suite(same).fingerprint in prints


@given(st.lists(st.tuples(st.text(min_size=1).filter(str.strip), st.text()), min_size=1, max_size=5))
def test_whatever_text_is_written_is_read(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("any") / "s.jsonl"
    path.write_text(lines([{"input": q, "target": t} for q, t in pairs]), encoding="utf-8")
    assert [(item.question, item.target) for item in read_suite(path).items] == pairs


CHAT = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
ROW = '{"input": "a", "target": "b"}\n'


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("s.jsonl", "", "empty"),
        ("s.jsonl", "\n \n", "empty"),
        ("s.csv", "", "no items"),
        ("s.csv", "question,answer\n", "no items"),
        ("s.json", "[]", "no items"),
        ("s.jsonl", "é\n".encode("latin-1"), "line 1: byte 0xe9 is no UTF-8"),
        ("s.jsonl", ROW.encode("utf-16"), "written in UTF-16"),
        ("s.jsonl", ROW.encode() + b'{"input": "\xff"}', "line 2: byte 0xff is no UTF-8"),
        ("s.csv", "question,answer\na\0,b\n", "line 2: a NUL character"),
        ("s.jsonl", ROW + '{"input": "a" "target"}', "line 2, column 15: this is no JSON"),
        ("s.jsonl", ROW + "[1]", r"line 2: \[1\] is no JSON object"),
        ("s.jsonl", "[\n" + ROW + "]", "this is no JSON"),
        ("s.jsonl", json.dumps([{"input": "a"}]), "this is a JSON list"),
        ("s.jsonl", ROW + '{"input": "a", "target": NaN}', "line 2: NaN is no JSON"),
        ("s.jsonl", ROW + '{"input": "a", "target": -Infinity}', "line 2: -Infinity is no JSON"),
        ("s.jsonl", ROW + '{"input": "a", "input": "b"}', "line 2: the key 'input' comes twice"),
        ("s.jsonl", ROW + '{"input": "' + "x" * MAX_LINE_CHARS + '"}', "line 2 has 8,388,6.. characters"),
        ("s.jsonl", '{"input": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ("s.jsonl", '{"input": ' + "9" * 5000 + "}", "line 1: Exceeds the limit"),
        ("s.jsonl", '{"input": "a", "question": "b"}', "line 1: input and question mean the same"),
        ("s.jsonl", '{"input": "a", "Target": "b", "target": "c"}', "line 1: 'Target' and 'target' are the same key"),
        ("s.jsonl", '{"text": "a"}', "line 1: nothing is asked.*there are: 'text'"),
        ("s.jsonl", '{"input": " "}', "line 1: input is empty"),
        ("s.jsonl", '{"input": null}', "line 1: the input None is no text"),
        ("s.jsonl", '{"input": [{"role": "user"}]}', "line 1: the message's content None is no text"),
        ("s.jsonl", '{"messages": [{"role": "tool", "content": "x"}]}', "line 1: a message of role 'tool' is not supp"),
        ("s.jsonl", '{"messages": [{"role": "system", "content": "x"}]}', "line 1: no user message"),
        ("s.jsonl", '{"input": [{"role": "user", "content": [{"type": "image_url"}]}]}', "part of type 'image_url'"),
        ("s.jsonl", '{"input": "a", "target": [["b"]]}', "line 1: the target"),
        ("s.jsonl", '{"input": "a", "id": 1.5}', "line 1: the id 1.5"),
        ("s.jsonl", '{"input": "a", "group": ["g"]}', "line 1: the group"),
        ("s.jsonl", '{"input": "a", "metadata": 3}', "line 1: metadata 3 is no mapping"),
        ("s.jsonl", '{"input": "a", "metadata": {"k": 1}, "k": 2}', "line 1: 'k' stands in metadata and beside it"),
        ("s.jsonl", '{"input": "a", "id": 1}\n{"input": "b", "id": "1"}', r"line 2: the id '1' is taken \(.*line 1\)"),
        ("s.jsonl", '{"input": "a", "id": 2}\n{"input": "b"}', "line 2: the id '2' is taken"),
        ("s.csv", "question,answer\na,b,c\n", "line 2 has 3 values, the header has 2 columns"),
        ("s.csv", "question,answer\na\n", "line 2 has 1 values, the header has 2 columns"),
        ("s.csv", "question,\na,b\n", "line 1: column 2 has no name"),
        ("s.csv", "question,question\na,b\n", "line 1: the column 'question' comes twice"),
        ("s.csv", 'question,answer\n"a,b\n', "line 2: unexpected end of data"),
        ("s.csv", "question,answer\na,NaN\n", "line 2: answer is 'NaN', as programs write a missing value"),
        ("s.csv", "question,answer\n,b\n", "line 2: question is empty"),
        ("s.csv", "messages\n[1\n", "line 2, messages: line 1: this is no JSON"),
        ("s.json", '{"a": 1}', "dict where a list of items is expected"),
        ("s.json", '[{"input": "a"}, 3]', "item 2: 3 is no JSON object"),
        ("s.eval", "no archive", "this is no .eval archive"),
        ("s.json", '{"eval": {}, "status": "error"}', "the log has no samples"),
        ("s.json", '{"eval": {}, "samples": [{"id": 1, "input": "a"}, {"id": 1, "input": 2}]}', "sample 2: the id"),
        ("s.json", '{"eval": {}, "samples": [{"input": "attachment://%s"}]}' % ("a" * 32), "sample 1: attachment"),
        ("s.json", '{"testing_criteria": []}', "the export has no rows"),
        ("s.xlsx", "x", "the ending '.xlsx' is none of"),
        ("s", "x", "the ending '' is none of"),
        ("c.jsonl", CHAT[:-1] + ', "tools": [1]}', "line 1: tools are not supported"),
        ("c.jsonl", CHAT + '\n{"messages": [{"role": "user", "content": "c"}]}',
         "line 2: the last message is no answer"),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, bytes) else "bytes",
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_file_and_line(write, name, content, problem):
    path = write(name, content)
    with pytest.raises(SuiteError, match=f"(?s){problem}") as caught:
        read_suite(path)
    assert path.name in str(caught.value) and caught.value.remedy and len(str(caught.value)) < 1000


def test_a_damaged_log_is_told(write):
    data = inspect_archive_of_today(write).read_bytes()
    mark = data.index(b"\x28\xb5\x2f\xfd", data.index(b"samples/"))  # of the first sample's Zstandard frame
    path = write("log.eval", data[: mark + 6] + b"\xff" * 8 + data[mark + 14 :])
    with pytest.raises(SuiteError, match=r"log\.eval"):
        read_suite(path)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".json", ".yaml", ".eval", ""])
def test_a_file_that_is_not_there_is_told(tmp_path, suffix):
    with pytest.raises(SuiteError, match="no such file"):
        read_suite(tmp_path / f"none{suffix}")
    (tmp_path / f"folder{suffix or '.jsonl'}").mkdir()
    with pytest.raises(SuiteError, match="this is a folder"):
        read_suite(tmp_path / f"folder{suffix or '.jsonl'}")


def test_a_long_path_hides_no_line(tmp_path):
    path = tmp_path / ("folder" * 20) / ("name" * 20 + ".jsonl")
    path.parent.mkdir()
    path.write_text(ROW + ROW.replace("input", "text"))
    with pytest.raises(SuiteError, match=r"^\.\.\.[name]+\.jsonl line 2: nothing is asked"):
        read_suite(path)


def test_a_format_can_be_named(write):
    path = write("s.txt", ROW)
    assert asked(read_suite(path, format="jsonl")) == [("1", "a", "b")]
    with pytest.raises(SuiteError, match="format: 'xml' is unknown"):
        read_suite(path, format="xml")


def test_a_suite_needs_items_with_ids_of_their_own():
    item = Item("1", (Message("user", "a"),))
    with pytest.raises(SuiteError, match="no items"):
        Suite("s", ())
    with pytest.raises(SuiteError, match="is taken"):
        Suite("s", (item, item))


def test_an_input_of_system_messages_alone_asks_by_the_last_of_them(write):
    """As in many files of OpenAI's registry of evals; messages that a file calls a chat need a user."""
    rule, asks = {"role": "system", "content": "Answer with a letter."}, {"role": "system", "content": "2+2?"}
    rows = [{"input": [rule, asks], "ideal": "4"}, {"input": [rule, {"role": "user", "content": "3+3"}], "ideal": "6"}]
    suite = read_suite(write("samples.jsonl", rows))
    assert suite.items[0].messages == (Message("system", "Answer with a letter."), Message("user", "2+2?"))
    assert suite.items[1].question == "3+3"
    assert any(note.startswith("1 items are asked by system messages alone") for note in suite.notes)
