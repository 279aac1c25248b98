"""A sweep on Dask: the rows of one process, a bounded number of tasks out, each dictionary once."""

from itertools import product

import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.evaluation.sweeps import dask as sweep_dask
from nmflab.evaluation.sweeps.dask import OnDask
from nmflab.evaluation.sweeps.jobs import Here, Recordings
from nmflab.evaluation.sweeps.plan import plan
from nmflab.evaluation.sweeps.work import Job, chunks

distributed = pytest.importorskip("distributed")
METRICS = ("si_sdr",)


@pytest.fixture(scope="module")
def client():
    """Give a cluster of threads."""
    options = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    with distributed.Client(processes=False, **options) as connected:
        yield connected


@pytest.fixture(scope="module")
def recordings():
    return Recordings({"test": make_corpus()})


def jobs_on(recordings, grid, repeats=1):
    corpus = recordings.corpora["test"]
    points = list(plan(SETTINGS, grid).points.items())
    mixtures = product(corpus.test_noise.names, corpus.test_speech.names)
    jobs = [Job("test", *m, (one,)) for m in mixtures for some in chunks(points) for one in some]
    return jobs * repeats


def in_order(outcomes):
    """Give the scores without times, in an order that doesn't depend on when they came."""
    return sorted(
        (found.condition, row.combination, row.reason, *found.noisy, *row.enhanced, *row.ceiling)
        for found in outcomes
        for row in found.rows
    )


@pytest.mark.slow
def test_the_rows_are_those_of_one_process(client, recordings):
    jobs = jobs_on(recordings, {"num_basis_noise": (2, 9999), "nmf_mode": ("NMF_e", "NMF_g")})
    here = Here(recordings, cache=False).outcomes(jobs, METRICS)
    there = OnDask(client, recordings, cache=False).outcomes(jobs, METRICS)
    assert in_order(there) == in_order(here)


@pytest.mark.slow
def test_no_more_than_a_bounded_number_of_tasks_is_out(client, recordings):
    asked, most = 0, 0

    def watched():
        nonlocal asked
        for job in jobs_on(recordings, {"penalty": (0.0, 1.0)}, repeats=12):
            asked += 1
            yield job

    for done, _ in enumerate(OnDask(client, recordings).outcomes(watched(), METRICS)):
        most = max(most, asked - done)
    assert asked == 96
    assert most <= sweep_dask.LEAST_TASKS + 1


@pytest.mark.slow
def test_each_dictionary_is_trained_once(client, recordings, monkeypatch):
    trained, train = [], sweep_dask.dictionary_or_reason

    def counted(clips, source, settings, *, cache):
        trained.append((source, settings.num_basis_noise if source == "noise" else 0))
        return train(clips, source, settings, cache=cache)

    monkeypatch.setattr(sweep_dask, "dictionary_or_reason", counted)
    jobs = jobs_on(recordings, {"num_basis_noise": (2, 3), "penalty": (0.0, 1.0)})
    assert len(list(OnDask(client, recordings, cache=False).outcomes(jobs, METRICS))) == 16
    assert sorted(trained) == [*[("noise", 2)] * 2, *[("noise", 3)] * 2, ("speech", 0)]


@pytest.mark.slow
def test_a_task_that_fails_is_told_and_costs_no_other(client, recordings, monkeypatch):
    work = sweep_dask.work

    def some_fail(job, *rest):
        if job.speech == "bob":
            raise MemoryError("no room")
        return work(job, *rest)

    monkeypatch.setattr(sweep_dask, "work", some_fail)
    dask = OnDask(client, recordings)
    found = list(dask.outcomes(jobs_on(recordings, {"p": (1, 2)}), METRICS))
    assert {one.condition[2] for one in found} == {"alice"}
    assert len(found) == 4
    assert dask.failures == ["MemoryError: no room"] * 4


def test_workers_of_another_nmflab_are_refused():
    class Other:
        def wait_for_workers(self, *_, **__):
            pass

        def run(self, *_, **__):
            return {"tcp://10.0.0.9:1": "0.0.1 (abc)"}

    with pytest.raises(nl.NmflabError, match=r"10\.0\.0\.9.* has nmflab 0\.0\.1 \(abc\)"):
        sweep_dask._refuse_others(Other(), "tcp://10.0.0.1:8786")
