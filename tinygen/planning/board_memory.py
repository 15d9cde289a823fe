# SPDX-License-Identifier: Apache-2.0
"""What a board's memories, or those of the command line, leave for the arena."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tinygen.errors import InputError
from tinygen.hardware.boards import Board
from tinygen.hardware.memories import Cache
from tinygen.kernels.waits import Reads, Waits
from tinygen.planning.options import Bank, Budget, Options

STACK_RESERVE_BYTES = 1024
"""RAM that a board of one region is assumed to need beside the arena and the model's state."""

_VARIABLE_BYTES = 2048
"""RAM that the test main's variables need, in a board's first region."""

_WORD_BYTES = 4
"""What a load brings if no cache keeps the rest of the line."""

_BANK = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=([0-9]+)(,fast)?")


def on_board(board: Board, options: Options | None = None) -> Options:
    """The options with a board's core, and its RAM as limits as far as they set none."""
    return with_memories(replace(options or Options(), core=board.core), board)


def with_memories(options: Options, board: Board | None, banks: Sequence[str] = ()) -> Options:
    """The options with what a board, or the texts of ``--bank``, leave for the arena."""
    chosen = chosen_banks(board, banks)
    waits = None if board is None else waits_of(board)
    ram = options.ram or ram_budget(board, chosen)
    return replace(options, ram=ram, banks=chosen, waits=waits)


def waits_of(board: Board) -> Waits | None:
    """How a board's first flash region is read, where code and constants are; None without waiting."""
    if not board.flash or not board.flash[0].stall:
        return None
    region = board.flash[0]
    caches = {cache.name: cache for cache in board.cache}
    of_data = region.stall if region.data_stall is None else region.data_stall
    return Waits(
        code=_reads(
            region.stall, region.read_bytes, caches.get(region.code_cache), region.prefetch
        ),
        data=_reads(of_data, _WORD_BYTES, caches.get(region.data_cache)),
        shared=region.code_cache == region.data_cache != "",
    )


def _reads(stall: int, nbytes: int, cache: Cache | None, prefetch: bool = False) -> Reads:
    if cache is None:
        return Reads(stall, nbytes, prefetches=prefetch)
    size = cache.line_bytes * cache.lines
    return Reads(stall, cache.line_bytes, size, cache.ways or cache.lines, prefetch)


def banks_of(board: Board) -> tuple[Bank, ...]:
    """Every RAM region of a board, less the stack and the test main's variables."""
    return tuple(
        Bank(
            region.name,
            max(
                0,
                region.length
                - (board.stack_bytes if region.name == board.stack_in else 0)
                - (0 if number else _VARIABLE_BYTES),
            ),
            region.fast,
            f".{region.name}" if number else "",
        )
        for number, region in enumerate(board.ram)
    )


def chosen_banks(board: Board | None, texts: Sequence[str]) -> tuple[Bank, ...]:
    """The banks that the arena may be spread over; none if it is to be one array.

    ``texts`` are those of ``--bank``: NAME=BYTES or NAME=BYTES,fast. They change what the board leaves;
    without a board they are the banks, and variables lie in the first one that is not fast. Raises
    InputError where a text is none, or names no bank of the board.
    """
    known = {bank.name: bank for bank in banks_of(board)} if board else {}
    given = [_bank(text) for text in texts]
    # The arrays' names are in lower case, those of their sizes in upper.
    names = [bank.name.lower() for bank in given]
    for bank in given:
        if names.count(bank.name.lower()) > 1:
            raise InputError(
                f"--bank: two banks are called {bank.name}.", "Case does not tell them."
            )
        if board is not None and bank.name not in known:
            raise InputError(
                f"--bank: {board.name} has no RAM region {bank.name!r}.",
                f"It has {', '.join(known) or 'none'}.",
            )
        section = known[bank.name].section if bank.name in known else f".{bank.name}"
        known[bank.name] = replace(bank, section=section)
    if board is None:
        home = next((bank.name for bank in given if not bank.fast), "")
        return tuple(
            replace(b, section="" if b.name == home else b.section) for b in known.values()
        )
    return tuple(known.values()) if len(known) > 1 or given else ()


def _bank(text: str) -> Bank:
    found = _BANK.fullmatch(text)
    if found is None:
        raise InputError(
            f"--bank {text!r} is not NAME=BYTES or NAME=BYTES,fast.", "Try --bank dtcm=65536,fast."
        )
    return Bank(found[1], int(found[2]), found[3] is not None)


def ram_budget(board: Board | None, banks: Sequence[Bank]) -> Budget | None:
    """What the banks have, or a board of one region leaves; None for a machine without limits."""
    if banks:
        each = " + ".join(f"{bank.name} {bank.nbytes:,}" for bank in banks)
        where = "the banks" if board is None else f"the RAM of {board.name}"
        return Budget(sum(bank.nbytes for bank in banks), f"{where} ({each})")
    if board is None or not board.ram:
        return None
    whole = board.ram[0].length
    source = f"the RAM of {board.name} ({whole:,}, less {STACK_RESERVE_BYTES:,} for the stack)"
    return Budget(whole - STACK_RESERVE_BYTES, source)
