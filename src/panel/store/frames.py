"""Frames to Parquet and back, and to JSON for the views."""

from __future__ import annotations

import io
from collections.abc import Sequence

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from panel.schema import reason_column


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Return a frame as Parquet bytes, the same bytes for the same rows."""
    sink = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def from_parquet(content: bytes, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the frame of Parquet bytes, its dtypes as they were; only `columns` where given and there."""
    file = pq.ParquetFile(io.BytesIO(content))
    wanted = None if columns is None else [name for name in file.schema_arrow.names if name in set(columns)]
    return file.read(columns=wanted, use_threads=True).to_pandas()


def core_json(frame: pd.DataFrame, core: Sequence[str]) -> list[str]:
    """Return each row's core variables as a JSON object of {variable: [value, missing reason]}."""
    names = [name for name in core if name in frame]
    columns = [list(zip(_plain(frame[name]), frame[reason_column(name)].astype("str"), strict=True)) for name in names]
    if not names:
        return ["{}"] * len(frame)
    return [orjson.dumps(dict(zip(names, row, strict=True))).decode() for row in zip(*columns, strict=True)]


def _plain(series: pd.Series) -> list[object]:
    return series.astype("object").where(series.notna(), None).tolist()
