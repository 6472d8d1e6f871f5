"""What rows hold, as a hash that neither their order nor their files change.

A compaction moves rows and must change none: the content of what it reads and of what it has
written are compared before it is committed. Each row gets two 64-bit hashes of all its columns, bit
for bit, nulls told apart from every value; the content is the number of rows and the two sums.
Sums, because parts may be hashed apart and added up, and because a row that is there twice counts
twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import pyarrow as pa
import pyarrow.compute as pc

_MASK = (1 << 64) - 1
# Odd, and far apart in their bits: those of SplitMix64 and of xxHash64.
_SEEDS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_NULL = 0xD6E8FEB86659FD93
_SHIFTS = (30, 27)


@dataclass(frozen=True, slots=True)
class Content:
    """Number of rows, and the sums of their two hashes; contents of two parts are added."""

    rows: int = 0
    first: int = 0
    second: int = 0

    def __add__(self, other: "Content") -> "Content":
        return Content(
            self.rows + other.rows,
            (self.first + other.first) & _MASK,
            (self.second + other.second) & _MASK,
        )

    def __str__(self) -> str:
        return f"{self.rows}:{self.first:016x}{self.second:016x}"

    @classmethod
    def of(cls, rows: pa.Table | pa.RecordBatch) -> "Content":
        """Of some rows. Columns go by their place, so that all parts must have the same ones."""
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        return sum((_of_batch(batch) for batch in table.to_batches()), cls())


def total(parts: Iterable[Content]) -> Content:
    """The content of all parts together."""
    return sum(parts, Content())


def _of_batch(batch: pa.RecordBatch) -> Content:
    if not batch.num_rows:
        return Content()
    words = [_words(column) for column in batch.columns]
    first, second = (_sum_of_hashes(words, seed) for seed in _SEEDS)
    return Content(batch.num_rows, first, second)


def _sum_of_hashes(words: list[pa.Array], seed: int) -> int:
    """Each column's word is mixed into the row's hash, the columns before it deciding how."""
    hashes = pa.repeat(_scalar(seed), len(words[0]))
    for word in words:
        hashes = pc.bit_wise_xor(hashes, word)
        for factor, shift in zip(_FACTORS, _SHIFTS, strict=True):
            # Unchecked: both wrap around at 64 bits.
            hashes = pc.multiply(hashes, _scalar(factor))
            hashes = pc.bit_wise_xor(hashes, pc.shift_right(hashes, _scalar(shift)))
        hashes = pc.add(hashes, _scalar(seed))
    return int(pc.sum(hashes).as_py())


def _words(column: pa.Array) -> pa.Array:
    """A 64-bit word for each value: its own bits where it has no more, else a hash of them."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_floating(kind) or pa.types.is_timestamp(kind):
        # As they are: a double's -0.0 is not its 0.0, and each NaN is itself.
        words = column.view(pa.uint64())
    elif pa.types.is_integer(kind):
        words = column.cast(pa.int64()).view(pa.uint64())
    else:
        words = _hashed(column)
    return pc.fill_null(words, _scalar(_NULL))


def _hashed(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type) and pa.types.is_integer(column.type.value_type):
        column = _as_texts(column)
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        encoded = column.dictionary_encode()
        hashes = pa.array([_hash(repr(v)) for v in encoded.dictionary.to_pylist()], pa.uint64())
        return hashes.take(encoded.indices)
    values = column.to_pylist()
    return pa.array([None if v is None else _hash(repr(v)) for v in values], pa.uint64())


def _as_texts(lists: pa.Array) -> pa.Array:
    """Lists of integers as `1,null,2`: there are few different ones, and Arrow counts them."""
    elements = pc.fill_null(lists.values.cast(pa.string()), "null")
    texts = pc.binary_join(pa.ListArray.from_arrays(lists.offsets, elements), ",")
    return pc.if_else(lists.is_valid(), texts, pa.scalar(None, pa.string()))


@lru_cache(4096)
def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _scalar(value: int) -> pa.Scalar:
    return pa.scalar(value, pa.uint64())
