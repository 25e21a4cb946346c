"""Scan ``job_stats`` text at the speed of memory: one pass over the bytes, compiled.

The scan knows four kinds of lines (block header, ``- job_id:``, times, operations) and reports
where they are and what numbers they hold; words stay in the buffer. Text of every version fits:
counts with or without min, max, sum, sumsq and hist, integer or fractional times, names that touch
their colon. What fits no kind is counted, except that a line after an unfinished job id belongs to
it. Importing this module imports numba.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from separatrix.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NAME = 32
"""Longest operation name [bytes]; longer ones are cut."""

SNAPSHOT, START = 0, 1
"""Rows of `Scan.times`."""


@dataclass(frozen=True, eq=False)
class Scan:
    """What a scan found; positions are byte offsets into the buffer.

    Attributes
    ----------
    ids : (n_jobs, 2) begin and end of each job id.
    times : (2, n_jobs) snapshot and start time [s], NaN where absent.
    headers : (n_headers, 3) begin and end of each ``mdt.NAME.job_stats=`` line, and the number of
        jobs before it.
    job, operation : (n_counts,) job number and row of `names` of each operation that happened.
    samples, total : (n_counts,) count, and sum [us] or NaN.
    unknown : (n_unknown, 2) begin and end of operation names not in `names`.
    broken : number of lines that fit nothing; first_broken : where the first one begins, or -1.
    """

    ids: Ints
    times: Floats
    headers: Ints
    job: Ints
    operation: Ints
    samples: Floats
    total: Floats
    unknown: Ints
    broken: int
    first_broken: int


def scan(text: bytes, names: list[bytes]) -> Scan:
    """Scan a buffer of whole job records, appending operation names that it meets to `names`."""
    buffer = np.frombuffer(text, dtype=np.uint8)
    # no more than these can be found; numpy compares bytes faster than `bytes.count` searches words
    lines = int(np.count_nonzero(buffer == 10)) + 1
    jobs = int(np.count_nonzero((buffer[:-2] == 45) & (buffer[2:] == 106)))
    headers = int(np.count_nonzero((buffer[:-1] == 61) & (buffer[1:] <= 13))) + 1
    while True:
        ids = np.empty((jobs, 2), dtype=np.int64)
        times = np.full((2, jobs), np.nan)
        heads = np.empty((headers, 3), dtype=np.int64)
        job = np.empty(lines, dtype=np.int64)
        operation = np.empty(lines, dtype=np.int64)
        samples, total = np.empty(lines), np.empty(lines)
        unknown = np.empty((64, 2), dtype=np.int64)
        found = scan_bytes(
            buffer, *_table(names), ids, times, heads, job, operation, samples, total, unknown
        )
        n_jobs, n_heads, n_counts, n_unknown, broken, first_broken = (int(i) for i in found)
        if n_unknown == 0:
            break
        for begin, end in unknown[:n_unknown].tolist():
            name = text[begin:end][:NAME]
            if name not in names:
                names.append(name)
    return Scan(
        ids[:n_jobs],
        times[:, :n_jobs],
        heads[:n_heads],
        job[:n_counts],
        operation[:n_counts],
        samples[:n_counts],
        total[:n_counts],
        unknown[:0],
        broken,
        first_broken,
    )


def _table(names: list[bytes]) -> tuple[Bytes, Ints]:
    letters = np.zeros((len(names), NAME), dtype=np.uint8)
    for row, name in zip(letters, names, strict=True):
        row[: len(name)] = np.frombuffer(name, dtype=np.uint8)
    return letters, np.array([len(name) for name in names], dtype=np.int64)


def _digits(text: Bytes, i: int, end: int) -> tuple[float, int]:
    """Read a whole number at `i`; return it and the position after it."""
    number = 0.0
    while i < end and 48 <= text[i] <= 57:
        number = 10.0 * number + (text[i] - 48)
        i += 1
    return number, i


def _blanks(text: Bytes, i: int, end: int) -> int:
    """Return the position of the first byte that is no space."""
    while i < end and text[i] == 32:
        i += 1
    return i


def _letters(text: Bytes, i: int, end: int) -> int:
    """Return the position of the first byte that is no small letter."""
    while i < end and 97 <= text[i] <= 122:
        i += 1
    return i


digits = compiled(_digits)
blanks = compiled(_blanks)
small = compiled(_letters)


def _seconds(text: Bytes, i: int, end: int) -> float:
    """Read ``1724139743.626349332``."""
    number, i = digits(text, i, end)
    if i < end and text[i] == 46:
        fraction, after = digits(text, i + 1, end)
        number += fraction / 10.0 ** (after - i - 1)
    return number


def _statistics(text: Bytes, i: int, end: int) -> tuple[bool, float, float, int]:
    """Read ``{ samples: 4, unit: usecs, ..., sum: 1712, ...``: found, samples, sum, unit letter.

    The sum is NaN where there is none; reading stops there, or at once where samples are 0.
    """
    found, count, total, unit = False, 0.0, np.nan, 0
    while i < end:
        while i < end and not 97 <= text[i] <= 122:
            i += 1
        key = i
        i = small(text, i, end)
        size = i - key
        if i >= end or text[i] != 58 or (size == 4 and text[key] == 104):  # hist ends the numbers
            break
        i = blanks(text, i + 1, end)
        if size == 4 and text[key] == 117:  # unit
            unit = text[i] if i < end else 0
            i = small(text, i, end)
            continue
        number, after = digits(text, i, end)
        if after == i:
            break
        i = after
        if size == 7 and text[key] == 115:  # samples
            found, count = True, number
            if number == 0.0:
                break
        elif size == 3 and text[key] == 115:  # sum
            total = number
            break
    return found, count, total, unit


def _row_of(text: Bytes, begin: int, size: int, letters: Bytes, lengths: Ints, guess: int) -> int:
    """Return which known name stands at `begin`, trying `guess` first, or -1."""
    for attempt in range(len(lengths)):
        row = (guess + attempt) % len(lengths)
        if lengths[row] != size:
            continue
        same = True
        for j in range(size):
            if letters[row, j] != text[begin + j]:
                same = False
                break
        if same:
            return row
    return -1


seconds = compiled(_seconds)
statistics = compiled(_statistics)
row_of = compiled(_row_of)


def _scan(
    text: Bytes,
    letters: Bytes,
    lengths: Ints,
    ids: Ints,
    times: Floats,
    heads: Ints,
    job: Ints,
    operation: Ints,
    samples: Floats,
    total: Floats,
    unknown: Ints,
) -> tuple[int, int, int, int, int, int]:
    jobs, headers, counts, news, broken, first_broken = 0, 0, 0, 0, 0, -1
    open_id = False  # the lines since a job id are part of it until a known line comes
    guess, at, n = 0, 0, len(text)
    while at < n:
        begin = at
        while at < n and text[at] != 10:
            at += 1
        end = at
        at += 1
        if end > begin and text[end - 1] == 13:
            end -= 1
        i = blanks(text, begin, end)
        if i == end:
            continue
        dashed = text[i] == 45 and i + 8 < end and text[i + 2] == 106 and text[i + 8] == 58
        if dashed and jobs < len(ids):
            ids[jobs, 0], ids[jobs, 1] = blanks(text, i + 9, end), end  # "- job_id:"
            jobs += 1
            open_id = True
            continue
        word = i
        while i < end and (97 <= text[i] <= 122 or text[i] == 95 or 48 <= text[i] <= 57):
            i += 1
        size = i - word
        known = False
        if size > 0 and i < end and text[i] == 58 and begin < word and jobs > 0:
            i = blanks(text, i + 1, end)
            if i < end and text[i] == 123:  # "  name: { samples: ..."
                known, count, value, unit = statistics(text, i, end)
                if known and unit != 98:  # "bytes" are data and no operations
                    size = min(size, letters.shape[1])
                    row = row_of(text, word, size, letters, lengths, guess)
                    if row < 0 and news < len(unknown):
                        unknown[news, 0], unknown[news, 1] = word, word + size
                        news += 1
                    guess = row + 1
                    if row >= 0 and count > 0.0:
                        job[counts], operation[counts] = jobs - 1, row
                        samples[counts] = count
                        total[counts] = value if unit == 117 else np.nan  # "usecs"
                        counts += 1
            elif i < end and 48 <= text[i] <= 57 and size > 5 and text[word + size - 1] == 101:
                known = True  # "  some_time: 1.5 secs.nsecs"
                if text[word + 1] == 110:  # snapshot_time
                    times[0, jobs - 1] = seconds(text, i, end)
                elif text[word + 1] == 116:  # start_time
                    times[1, jobs - 1] = seconds(text, i, end)
        elif size == 9 and i < end and text[i] == 58 and begin == word and text[word] == 106:
            known = True  # "job_stats:"
        elif text[end - 1] == 61 and begin == word and headers < len(heads):
            known = True  # "mdt.NAME.job_stats="
            heads[headers, 0], heads[headers, 1], heads[headers, 2] = begin, end, jobs
            headers += 1
        if known:
            open_id = False
        elif open_id:
            ids[jobs - 1, 1] = end
        else:
            broken += 1
            if first_broken < 0:
                first_broken = begin
    return jobs, headers, counts, news, broken, first_broken


scan_bytes = compiled(_scan)
