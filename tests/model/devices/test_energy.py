"""Joules of cards by a stand-in for NVIDIA's management library: none is needed here."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from ichreport.model import backend
from ichreport.model.devices import energy
from ichreport.model.devices.energy import EnergyMeter, added
from ichreport.params.machine import Machine


class NVMLError(Exception):
    pass


class Driver:
    """Three cards of 100, 200 and 300 W, whose energy is counted in millijoules."""

    def __init__(self):
        self.milliseconds = 5_000
        self.asked, self.open = [], 0

    def energy(self, card):
        self.asked.append(card)
        return 100 * (card + 1) * self.milliseconds

    def library(self):
        module = ModuleType("pynvml")
        module.NVMLError = NVMLError
        module.nvmlInit = lambda: self.count(1)
        module.nvmlShutdown = lambda: self.count(-1)
        module.nvmlDeviceGetCount = lambda: 3
        module.nvmlDeviceGetHandleByIndex = lambda index: index
        module.nvmlDeviceGetHandleByUUID = {"GPU-b": 1, "GPU-c": 2}.__getitem__
        module.nvmlDeviceGetTotalEnergyConsumption = self.energy
        return module

    def count(self, opened):
        self.open += opened


@pytest.fixture
def driver(monkeypatch):
    driver = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", driver.library())
    monkeypatch.setattr(energy, "find_spec", lambda name: SimpleNamespace(name=name))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return driver


@pytest.fixture
def cards(monkeypatch):
    """Has a backend share batches over so many cards."""

    def share(count):
        monkeypatch.setattr(backend, "describe", lambda: {"gpu": count > 0})
        monkeypatch.setattr(backend, "group", lambda devices: range(count))

    return share


@pytest.mark.parametrize(
    ("visible", "count", "watts"),
    [
        (None, 1, 100), (None, 2, 300), ("1", 1, 200), ("2,0", 1, 300), ("2,0", 2, 400),
        ("GPU-b", 1, 200), ("GPU-c, GPU-b", 2, 500),
    ],
)  # fmt: skip
def test_joules_are_those_of_the_cards_that_share_the_batches(
    driver, cards, monkeypatch, visible, count, watts
):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    cards(count)
    meter = EnergyMeter(Machine())
    driver.milliseconds += 7_000
    assert meter.joules() == pytest.approx(7 * watts)
    driver.milliseconds += 1_000
    assert meter.joules() == pytest.approx(8 * watts)
    assert driver.open == 0, "the library is closed each time"


def test_a_training_on_the_cpu_asks_no_card(driver, cards):
    cards(0)
    assert EnergyMeter(Machine()).joules() is None
    assert driver.asked == []


@pytest.mark.parametrize("visible", ["MIG-1234", "-1", "", "0"])
def test_parts_of_cards_and_fewer_than_are_used_tell_nothing(driver, cards, monkeypatch, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    cards(2)
    assert EnergyMeter(Machine()).joules() is None


def test_a_driver_that_does_not_tell_or_was_loaded_anew_leaves_it_open(driver, cards, monkeypatch):
    cards(1)
    meter = EnergyMeter(Machine())
    driver.milliseconds = 10
    assert meter.joules() is None, "it counts from its loading"

    def refuse(card):
        raise NVMLError(card)

    monkeypatch.setattr(sys.modules["pynvml"], "nvmlDeviceGetTotalEnergyConsumption", refuse)
    assert EnergyMeter(Machine()).joules() is None
    monkeypatch.setattr(sys.modules["pynvml"], "nvmlInit", lambda: refuse(0))
    assert EnergyMeter(Machine()).joules() is None
    monkeypatch.setattr(energy, "find_spec", lambda name: None)
    assert EnergyMeter(Machine()).joules() is None


def test_parts_add_up_only_where_all_are_known():
    assert added(1.0, 2.0) == 3.0
    assert added(None, 2.0) is added(1.0, None) is None
