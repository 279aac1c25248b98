"""The cores that a process may use: affinity, quotas of either version, JupyterHub's limit."""

import os

import pytest

from nmflab.system import cores, threads

V2 = "0::{group}\n"
V1 = "12:memory:/docker/abc\n4:cpu,cpuacct:{group}\n1:name=systemd:/docker/abc\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Give a function that makes up a machine of 32 cores with these files."""
    monkeypatch.setattr(cores, "ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(32)), raising=False)
    for name in ("CPU_LIMIT", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)

    def make(**files):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        cores._quota.cache_clear()
        return threads.num_workers()

    yield make
    cores._quota.cache_clear()


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 32), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1)],
)
@pytest.mark.parametrize("group", ["/", "/kubepods/pod1/abc"])
def test_a_quota_of_version_2(machine, quota, expected, group):
    files = {
        "proc/self/cgroup": V2.format(group=group),
        f"sys/fs/cgroup{group.rstrip('/')}/cpu.max": quota + "\n",
    }
    assert machine(**files) == expected


def test_the_least_quota_of_all_groups_above_counts(machine):
    files = {
        "proc/self/cgroup": V2.format(group="/a/b/c"),
        "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
        "sys/fs/cgroup/a/b/cpu.max": "800000 100000\n",
        "sys/fs/cgroup/a/b/c/cpu.max": "max 100000\n",
    }
    assert machine(**files) == 3


@pytest.mark.parametrize(("quota", "expected"), [("-1", 32), ("400000", 4), ("250000", 3)])
@pytest.mark.parametrize("folder", ["cpu,cpuacct", "cpu", "cpu/docker/abc"])
def test_a_quota_of_version_1(machine, quota, expected, folder):
    files = {
        "proc/self/cgroup": V1.format(group="/docker/abc"),
        f"sys/fs/cgroup/{folder}/cpu.cfs_quota_us": quota + "\n",
        f"sys/fs/cgroup/{folder}/cpu.cfs_period_us": "100000\n",
    }
    assert machine(**files) == expected


def test_version_1_and_2_beside_each_other(machine):
    files = {
        "proc/self/cgroup": V1.format(group="/") + V2.format(group="/x"),
        "sys/fs/cgroup/unified/x/cpu.max": "max 100000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "600000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    assert machine(**files) == 6


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("2", 2), ("-1", 32), ("0.5", 1), ("2.5", 3), ("", 32), ("None", 32), ("99", 32)],
)
def test_the_limit_of_jupyterhub(machine, monkeypatch, limit, expected):
    monkeypatch.setenv("CPU_LIMIT", limit)
    assert machine() == expected


def test_affinity_counts_as_well(machine, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 7})
    assert machine() == 2


@pytest.mark.parametrize("content", ["", "nonsense", "max", "1 0", "nan inf"])
def test_a_file_that_says_nothing_limits_nothing(machine, content):
    files = {"proc/self/cgroup": V2.format(group="/"), "sys/fs/cgroup/cpu.max": content}
    assert machine(**files) == 32
