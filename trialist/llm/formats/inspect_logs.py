"""Logs of Inspect (`inspect-ai`), as JSON or as .eval archives: their samples become items.

Shape: {"eval": {...}, "samples": [{"id", "epoch", "input", "choices", "target", "metadata", ...}]}; an archive holds
the same as header.json and samples/ID_epoch_N.json. Texts of 100 characters and more may stand aside, as "attachment://HASH".
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trialist.errors import MissingExtraError, SuiteError, shown
from trialist.llm.formats.reading import (
    MAX_FILE_BYTES,
    Reading,
    id_of,
    messages_of,
    named,
    parse_json,
    read_bytes,
    read_text,
)
from trialist.llm.formats.rows import target_of
from trialist.llm.item import Item

_ATTACHMENT = re.compile(r"attachment://([a-f0-9]{32})")
_ZSTANDARD = 93  # the number of that compression in archives
_REMEDY = "Write it again with `inspect log convert --to json`."


def read_inspect(path: Path) -> Reading:
    """The samples of a log; of several epochs of one sample, the first."""
    samples = _archived(path) if path.suffix.lower() == ".eval" else _listed(path)
    items: dict[str, Item] = {}
    repeated = with_choices = 0
    for number, (place, sample) in enumerate(samples, 1):
        item = _item(place, sample, number)
        epoch = sample.get("epoch", 1)
        if item.id in items and epoch != 1:
            repeated += 1
            continue
        if item.id in items:
            raise SuiteError(place, f"the id {shown(item.id)} comes twice in one epoch", "Give each sample its own.")
        items[item.id] = item
        with_choices += "choices" in item.metadata
    notes = []
    if repeated:
        notes.append(f"{repeated} samples of further epochs are left out: replicates are the study's own.")
    if with_choices:
        notes.append(f"{with_choices} samples have choices, in metadata: a template has to put them into the question.")
    return Reading(tuple(items.values()), tuple(notes))


def is_inspect(content: Any) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get("eval"), Mapping)


def _listed(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    content = parse_json(named(path), read_text(path))
    if not is_inspect(content):
        raise SuiteError(named(path), "no log of Inspect: it has no `eval`", "Give a log, or name another format.")
    samples = content.get("samples")
    if not isinstance(samples, list):
        raise SuiteError(named(path), "the log has no samples", "Write it with samples (not `--no-log-samples`).")
    return [
        (f"{named(path)} sample {n}", _object(f"{named(path)} sample {n}", sample))
        for n, sample in enumerate(samples, 1)
    ]


def _archived(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    read_bytes(path)  # missing, too large, unreadable: told as for every file
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info for info in archive.infolist() if info.filename.startswith("samples/")]
            if sum(info.file_size for info in names) > MAX_FILE_BYTES:
                raise SuiteError(named(path), "its samples are too much for a suite", "Split the log.")
            samples = [(f"{named(path)} {info.filename}", _member(path, archive, info)) for info in names]
    except zipfile.BadZipFile as error:
        raise SuiteError(named(path), f"this is no .eval archive ({error})", _REMEDY) from None
    except NotImplementedError as error:
        raise SuiteError(named(path), f"its compression cannot be read ({error})", _REMEDY) from None
    if not samples:
        raise SuiteError(named(path), "the log has no samples", "Write it with samples (not `--no-log-samples`).")
    return sorted(samples, key=lambda pair: pair[1].get("epoch", 1) if isinstance(pair[1].get("epoch", 1), int) else 1)


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Mapping[str, Any]:
    place = f"{named(path)} {info.filename}"
    if info.compress_type == _ZSTANDARD:
        data = _zstandard(path, info)
    else:
        with archive.open(info) as file:
            data = file.read(info.file_size + 1)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SuiteError(place, f"byte {error.start} is no UTF-8", _REMEDY) from None
    return _object(place, parse_json(place, text))


def _zstandard(path: Path, info: zipfile.ZipInfo) -> bytes:
    """A member that Python's own zipfile does not read before 3.14: Inspect has written such since 2026."""
    try:
        import zstandard
    except ImportError:
        raise MissingExtraError("logs of Inspect that end in .eval need", "llm") from None
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(30)  # of the member itself; its last four bytes: the lengths of the name and of the extras
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile(f"no header for {info.filename}")
        file.seek(sum(struct.unpack("<HH", header[26:30])), 1)
        packed = file.read(info.compress_size)
    try:
        with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
            return reader.read(info.file_size + 1)
    except zstandard.ZstdError as error:
        raise zipfile.BadZipFile(f"{info.filename}: {error}") from None


def _item(place: str, sample: Mapping[str, Any], number: int) -> Item:
    attached = sample.get("attachments") or {}
    metadata = dict(_resolved(place, sample.get("metadata") or {}, attached))
    if sample.get("choices"):
        metadata["choices"] = _resolved(place, sample["choices"], attached)
    return Item(
        id=id_of(place, sample.get("id", number)),
        messages=messages_of(place, _resolved(place, sample.get("input"), attached)),
        target=_target(place, _resolved(place, sample.get("target"), attached)),
        metadata=metadata,
        place=place,
    )


def _target(place: str, value: Any) -> Any:
    return None if value == "" else target_of(place, value)  # Inspect writes "" where a sample has no target


def _resolved(place: str, value: Any, attached: Mapping[str, Any]) -> Any:
    """The value with the texts that stand aside put back."""
    if isinstance(value, str):
        return _ATTACHMENT.sub(lambda found: _attachment(place, found, attached), value)
    if isinstance(value, list):
        return [_resolved(place, each, attached) for each in value]
    if isinstance(value, Mapping):
        return {name: _resolved(place, each, attached) for name, each in value.items()}
    return value


def _attachment(place: str, found: re.Match[str], attached: Mapping[str, Any]) -> str:
    text = attached.get(found[1])
    if not isinstance(text, str):
        raise SuiteError(place, f"{found[0]} is not in the log", _REMEDY)
    return text


def _object(place: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise SuiteError(place, f"{shown(value)} is no sample", _REMEDY)
    return value
