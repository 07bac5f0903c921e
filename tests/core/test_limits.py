"""Memory and cores are those that a container or a batch job grants, not the machine's."""

import os

import psutil
import pytest

from napari_n2s.core import limits, system
from napari_n2s.core.errors import DeviceError

GB = 10**9
VERSION_1 = "12:cpu,cpuacct:/job/step\n4:memory:/job/step\n1:name=systemd:/other\n"
VERSION_2 = "0::/job/step\n"
UNLIMITED_1 = {
    "memory/memory.limit_in_bytes": 9223372036854771712,
    "memory/memory.usage_in_bytes": 5 * GB,
    "cpu,cpuacct/cpu.cfs_quota_us": -1,
    "cpu,cpuacct/cpu.cfs_period_us": 100000,
}
UNLIMITED_2 = {"memory.max": "max", "memory.current": 5 * GB, "cpu.max": "max 100000"}


@pytest.fixture
def group(tmp_path, monkeypatch):
    """Give a function that sets up control groups, on a machine of 64 cores and 500 GB."""
    monkeypatch.setattr(limits, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(limits, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.delenv(limits.SLURM, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    memory = psutil.virtual_memory()._replace(available=500 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)

    def make(membership, files):
        (tmp_path / "membership").write_text(membership)
        for name, value in files.items():
            file = tmp_path / "groups" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")

    limits.cores_within_limits.cache_clear()
    yield make
    limits.cores_within_limits.cache_clear()


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        (VERSION_1, UNLIMITED_1),
        (VERSION_2, UNLIMITED_2),
        ("", {}),
        ("nonsense", {}),
        (VERSION_2, {"memory.max": "nonsense", "memory.current": "", "cpu.max": "1 0"}),
    ],
)
def test_without_limits_all_that_the_machine_has_is_used(group, membership, files):
    group(membership, files)
    assert system.free_memory() == 500 * GB
    assert system.threads() == 63


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        (
            VERSION_1,
            UNLIMITED_1
            | {
                "memory/job/memory.limit_in_bytes": 8 * GB,
                "memory/job/memory.usage_in_bytes": 6 * GB,
                "memory/job/memory.stat": f"cache 1\ntotal_inactive_file {GB}",
                "cpu,cpuacct/job/step/cpu.cfs_quota_us": 450000,
                "cpu,cpuacct/job/step/cpu.cfs_period_us": 100000,
            },
        ),
        (
            VERSION_2,
            {
                "job/memory.max": 8 * GB,
                "job/memory.current": 6 * GB,
                "job/memory.stat": f"anon 1\ninactive_file {GB}",
                "job/step/memory.max": "max",
                "job/step/memory.current": GB,
                "job/step/cpu.max": "450000 100000",
            },
        ),
        (  # as a container sees its own group
            "0::/\n",
            {
                "memory.max": 4 * GB,
                "memory.current": GB,
                "memory.stat": "inactive_file 0",
                "cpu.max": "400000 100000",
            },
        ),
    ],
)
def test_the_limits_of_a_container_are_kept_whichever_level_sets_them(group, membership, files):
    group(membership, files)
    assert system.free_memory() == 3 * GB
    assert system.threads() == 3
    system.require_memory(2.9 * GB)
    with pytest.raises(DeviceError, match=r"3\.0 GB are free"):
        system.require_memory(3.1 * GB)


def test_a_quota_below_one_core_leaves_one(group):
    group(VERSION_2, {"cpu.max": "50000 100000"})
    assert system.threads() == 1


@pytest.mark.parametrize(("value", "threads"), [("4", 3), ("1", 1), ("200", 63), ("many", 63)])
def test_a_slurm_task_computes_on_the_cores_granted_to_it(group, monkeypatch, value, threads):
    group("", {})
    monkeypatch.setenv(limits.SLURM, value)
    assert system.threads() == threads


def test_affinity_is_kept(group, monkeypatch):
    group("", {})
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 7}, raising=False)
    assert system.threads() == 2
