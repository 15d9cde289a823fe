# SPDX-License-Identifier: Apache-2.0
"""The clocks that boards are set up to, computed from their registers' fields as the manuals say."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tinygen.hardware.boards import Board, all_boards, board

_HSI = 16e6
_STM32_BAUD_DIVIDES_BY = {0: 1, 1: 256}
"""By ``lpuart``: RM0432, LPUART, BRR = 256 x clock / baud; RM0432, USART, BRR = clock / baud."""


def _written(place: Board, address: int) -> int:
    """What a register holds of what the steps write to it, one after the other."""
    value = 0
    for step in place.setup:
        if step.at == address and step.do != "wait":
            value = (value & ~step.bits) | step.value
    return value


def _field(value: int, high: int, low: int) -> int:
    return (value >> low) & ((1 << (high - low + 1)) - 1)


def _f4(place: Board) -> float:
    """RM0390 6.3.2: HSI / PLLM x PLLN / PLLP; F411 and F746 alike."""
    pll = _written(place, 0x4002_3804)
    return _HSI / _field(pll, 5, 0) * _field(pll, 14, 6) / (2 * _field(pll, 17, 16) + 2)


def _l4(place: Board) -> float:
    """RM0432 6.4.4: HSI16 / (PLLM + 1) x PLLN / (2 PLLR + 2); L476 and G474 alike."""
    pll = _written(place, 0x4002_100C)
    return _HSI / (_field(pll, 7, 4) + 1) * _field(pll, 14, 8) / (2 * _field(pll, 26, 25) + 2)


def _h7(place: Board) -> float:
    """RM0433 8.7.11 to 8.7.13: HSI / DIVM1 x (DIVN1 + 1) / (DIVP1 + 1)."""
    divider = _field(_written(place, 0x5802_4428), 9, 4)
    pll = _written(place, 0x5802_4430)
    return 64e6 / divider * (_field(pll, 8, 0) + 1) / (_field(pll, 15, 9) + 1)


def _u5(place: Board) -> float:
    """RM0456 11.8.10, 11.8.13: HSI16 / (PLL1M + 1) x (PLL1N + 1) / (PLL1R + 1)."""
    divider = _field(_written(place, 0x4602_0C28), 11, 8) + 1
    pll = _written(place, 0x4602_0C34)
    return _HSI / divider * (_field(pll, 8, 0) + 1) / (_field(pll, 30, 24) + 1)


def _rp(pll_sys: int) -> Callable[[Board], float]:
    """RP2040 Datasheet 2.18: the crystal x FBDIV / POSTDIV1 / POSTDIV2; RP2350 alike."""

    def clock(place: Board) -> float:
        dividers = _written(place, pll_sys + 0xC)
        by = _field(dividers, 18, 16) * _field(dividers, 14, 12)
        return 12e6 * _written(place, pll_sys + 8) / by

    return clock


CLOCKS: Mapping[str, Callable[[Board], float]] = {
    "nucleo-f411re": _f4,
    "nucleo-f446re": _f4,
    "nucleo-f746zg": _f4,
    "nucleo-g474re": _l4,
    "nucleo-h743zi2": _h7,
    "nucleo-l476rg": _l4,
    "nucleo-l4r5zi": _l4,
    "nucleo-l4r5zi-single-bank": _l4,
    "nucleo-u575zi-q": _u5,
    "rpi-pico": _rp(0x4002_8000),
    "rpi-pico2": _rp(0x4005_0000),
}


@pytest.mark.parametrize("name", sorted(CLOCKS))
def test_the_pll_gives_the_clock(name: str) -> None:
    place = board(name)
    assert CLOCKS[name](place) == place.clock_hz


def test_no_board_with_a_pll_is_left_out() -> None:
    real = {one.name for one in all_boards() if one.flashing is not None}
    assert {name for name in real if name.startswith(("nucleo", "rpi"))} == set(CLOCKS)


@pytest.mark.parametrize(
    "place",
    [one for one in all_boards() if one.uart.kind in ("stm32v1", "stm32v2")],
    ids=lambda one: one.name,
)
def test_baud_rates_are_near_enough(place: Board) -> None:
    clock = place.uart.clock_hz or place.clock_hz
    times = _STM32_BAUD_DIVIDES_BY[place.uart.lpuart or 0]
    for baud in {place.uart.baud, place.uart.max_baud or place.uart.baud}:
        divider = round(times * clock / baud)
        assert abs(times * clock / divider / baud - 1) < 0.02
        assert 16 <= divider < 1 << (20 if times > 1 else 16)


def test_wait_states_come_before_the_clock() -> None:
    """A step that switches to the PLL is after the one that sets FLASH_ACR."""
    for name in CLOCKS:
        whys = [step.why for step in board(name).setup]
        switch = next(
            i for i, why in enumerate(whys) if "drives the system" in why or "from PLL" in why
        )
        flash = [i for i, why in enumerate(whys) if why.startswith("FLASH_ACR")]
        assert all(i < switch for i in flash), name
        assert flash or name.startswith("rpi"), name
