"""The folder of a sweep: right rows, none lost, none twice, whatever ends the work."""

import dataclasses
import json
from itertools import product

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.corpus.folders import validation
from nmflab.evaluation import metrics
from nmflab.evaluation.sweeps.jobs import Here, Recordings, Work, jobs_of, num_rows
from nmflab.evaluation.sweeps.plan import plan
from nmflab.evaluation.sweeps.run import Runner, halve, results_of, spread
from nmflab.evaluation.sweeps.store import JOURNAL, SweepFolder, manifest, read_rows

SCORED = ("si_sdr", "stoi")
GRID = {"penalty": (0.0, 1.0), "num_basis_noise": (2, 4), "p": (1, 2), "snr": (0, 6)}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def made(corpus):
    return manifest(corpus, None, SCORED)


def work_on(corpus, part="test", grid=GRID):
    laid = plan(SETTINGS, grid)
    mixtures = list(product(corpus.test_noise.names, corpus.test_speech.names))
    return Work(part, laid.points, mixtures, laid.snrs, laid.seeds)


def silent(*_):
    """Report to nobody."""


def runner_in(folder, corpus, part="test", progress=silent, shard=(1, 1)):
    here = Here(Recordings({part: corpus}), cache=False)
    return Runner(folder, here, SCORED, {}, progress, shard)


def rows_in(path):
    return read_rows(path).drop_columns(["seconds"]).sort_by("row")


@pytest.fixture(scope="module")
def whole(corpus, made, tmp_path_factory):
    """Give the folder of a sweep that nothing disturbed."""
    path = tmp_path_factory.mktemp("sweep")
    with SweepFolder(path, made, {}) as folder:
        runner_in(folder, corpus).run(work_on(corpus))
    return path


def test_every_row_is_what_separate_and_the_metrics_give(corpus, whole):
    rows = read_rows(whole).to_pylist()
    assert len(rows) == 2 * 2 * 2 * 2 * 4
    for row in rows[::7]:
        settings = SETTINGS.replace(**{name: row[name] for name in GRID})
        model = nl.train_model(corpus.train_speech, [corpus.train_noise[row["noise"]]], settings)
        signals = corpus.test_speech[row["speech"]], corpus.test_noise[row["noise"]]
        mix = nl.mix_at_snr(*signals, snr=row["snr"])
        speech = nl.separate(model, mix.mixture, settings).speech
        assert row["si_sdr_enhanced"] == pytest.approx(metrics.si_sdr(mix.speech, speech), abs=1e-3)
        noisy = metrics.si_sdr(mix.speech, mix.mixture)
        assert row["si_sdr_noisy"] == pytest.approx(noisy, abs=1e-6)
        assert row["si_sdr_gain"] == row["si_sdr_enhanced"] - row["si_sdr_noisy"]
        assert row["si_sdr_ceiling"] > row["si_sdr_enhanced"]
        assert row["stoi_enhanced"] == pytest.approx(metrics.stoi(mix.speech, speech), abs=1e-3)
        assert row["sdr_enhanced"] is None  # nobody asked for it
        assert row["seconds"] > 0


class Killed(Exception):
    """Nobody catches it."""


@pytest.mark.parametrize("after", [1, 9, 30])
def test_a_sweep_that_dies_goes_on_where_it_was(corpus, made, whole, tmp_path, after):
    path = tmp_path / "sweep"

    def die(_stage, done, _total):
        if done >= after:
            raise Killed

    folder = SweepFolder(path, made, {})
    with pytest.raises(Killed):
        runner_in(folder, corpus, progress=die).run(work_on(corpus))
    folder._journal.close()  # as the end of the process does
    folder._lock.release()
    assert rows_in(path).num_rows == 0  # nothing was made a part
    with (path / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.write('{"row": 12, "noi')  # a line cut off
    with SweepFolder(path, made, {}) as folder:
        kept = len(folder)
        assert kept >= after
        done, total = num_rows(work_on(corpus), folder)
        assert (done, total) == (kept, 64)
        runner_in(folder, corpus).run(work_on(corpus))
    assert rows_in(path).equals(rows_in(whole))


def test_a_journal_whose_rows_are_in_a_part_already_adds_none(corpus, made, whole, tmp_path):
    path = tmp_path / "sweep"
    with SweepFolder(path, made, {}) as folder:
        runner_in(folder, corpus).run(work_on(corpus))
    lines = [json.dumps(row) for row in read_rows(path).to_pylist()]
    (path / JOURNAL).write_text("\n".join(lines) + "\n")  # killed between the two
    with SweepFolder(path, made, {}) as folder:
        assert len(folder) == 64
    assert rows_in(path).equals(rows_in(whole))


def test_the_same_line_again_does_nothing_and_another_grid_adds(corpus, made, whole, tmp_path):
    path = tmp_path / "sweep"
    with SweepFolder(path, made, {"line": 1}) as folder:
        runner_in(folder, corpus).run(work_on(corpus, grid={**GRID, "p": (1,)}))
    with SweepFolder(path, made, {"line": 2}) as folder:
        assert list(jobs_of(work_on(corpus, grid={**GRID, "p": (1,)}), folder)) == []
        assert len(list(jobs_of(work_on(corpus), folder))) > 0
        runner_in(folder, corpus).run(work_on(corpus))
    assert rows_in(path).equals(rows_in(whole))
    runs = json.loads((path / "manifest.json").read_text())["runs"]
    assert runs == [{"line": 1}, {"line": 2}]


def test_shards_share_no_row_and_merge_to_the_whole(corpus, made, whole, tmp_path):
    for number in (1, 2, 3):
        with SweepFolder(tmp_path / str(number), made, {}) as folder:
            runner_in(folder, corpus, shard=(number, 3)).run(work_on(corpus))
            assert 0 < len(folder) < 64
    with SweepFolder(tmp_path / "all", made, {}) as folder:
        added = [folder.merge(tmp_path / str(number)) for number in (1, 2, 3)]
        assert sum(added) == len(folder) == 64
        assert folder.merge(tmp_path / "1") == 0
    assert rows_in(tmp_path / "all").equals(rows_in(whole))


def test_shards_train_dictionaries_of_their_own_where_there_are_enough(corpus, made, tmp_path):
    many = work_on(corpus, grid={"num_basis_noise": (2, 3, 4, 5)})
    with SweepFolder(tmp_path / "sweep", made, {}) as folder:
        counts = [
            {job.settings.num_basis_noise for job in jobs_of(many, folder, (i, 2))} for i in (1, 2)
        ]
    assert [len(some) for some in counts] == [2, 2]
    assert not counts[0] & counts[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"corpus": "abc"}, "of another corpus"),
        ({"version": "0.0"}, "of another version of nmflab"),
        ({"metrics": ["sdr"]}, "of other scores"),
    ],
)
def test_rows_of_something_else_never_share_a_folder(made, whole, tmp_path, change, words):
    before = rows_in(whole)
    with pytest.raises(nl.NmflabError, match=words):
        SweepFolder(whole, {**made, **change}, {})
    other = SweepFolder(tmp_path / "other", {**made, **change}, {})
    with other, pytest.raises(nl.NmflabError, match=words):
        other.merge(whole)
    assert rows_in(whole).equals(before)


def test_two_sweeps_don_t_write_to_one_folder(made, tmp_path):
    first = SweepFolder(tmp_path / "sweep", made, {})
    with first, pytest.raises(nl.NmflabError, match="Another sweep is writing"):
        SweepFolder(tmp_path / "sweep", made, {})
    SweepFolder(tmp_path / "sweep", made, {}).__exit__()


def test_a_folder_of_something_else_is_left_alone(made, tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(nl.NmflabError, match="something else than a sweep"):
        SweepFolder(tmp_path, made, {})


def test_a_full_disk_is_a_sentence_and_costs_nothing_done(corpus, made, whole, tmp_path):
    path = tmp_path / "sweep"

    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

        def truncate(self, _):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    folder = SweepFolder(path, made, {})
    runner = runner_in(folder, corpus)
    jobs = jobs_of(work_on(corpus), folder)
    first = next(runner.executor.outcomes(jobs, SCORED))
    folder.add(first)
    folder._journal.flush()
    folder._journal, before = Full(), folder._journal
    with pytest.raises(nl.NmflabError, match=r"No space left on device.*goes on"):
        runner.run(work_on(corpus))
    before.close()
    folder._lock.release()
    with SweepFolder(path, made, {}) as folder:
        assert len(folder) == len(first.rows)
        runner_in(folder, corpus).run(work_on(corpus))
    assert rows_in(path).equals(rows_in(whole))


def test_a_damaged_part_is_named(corpus, made, tmp_path):
    path = tmp_path / "sweep"
    with SweepFolder(path, made, {}) as folder:
        runner_in(folder, corpus).run(work_on(corpus, grid={"p": [1]}))
    (part,) = (path / "parts").glob("*.parquet")
    part.write_bytes(part.read_bytes()[:99])
    with pytest.raises(nl.NmflabError, match=r"00001\.parquet.*can't be read.*remove it"):
        SweepFolder(path, made, {})


def test_what_can_t_be_scored_is_a_row_with_a_reason_and_isn_t_tried_again(corpus, made, tmp_path):
    work = work_on(corpus, grid={"num_basis_noise": (2, 9999)})
    with SweepFolder(tmp_path / "sweep", made, {}) as folder:
        runner_in(folder, corpus).run(work)
        assert list(jobs_of(work, folder)) == []
    rows = read_rows(tmp_path / "sweep").to_pylist()
    assert len(rows) == 8
    for row in rows:
        assert ("frames" in row["reason"]) == (row["num_basis_noise"] == 9999)
        assert np.isnan(row["si_sdr_enhanced"]) == (row["num_basis_noise"] == 9999)


# Successive halving


def test_the_first_mixtures_hear_every_noise_and_every_speech():
    mixtures = list(product("abc", "xyz"))
    ordered = spread(mixtures)
    assert sorted(ordered) == mixtures
    assert {noise for noise, _ in ordered[:3]} == set("abc")
    assert {speech for _, speech in ordered[:3]} == set("xyz")


def test_halving_tries_many_on_few_and_the_better_half_on_more(corpus, made, tmp_path):
    clips = [dataclasses.replace(clip, name=f"{clip.name}{i}")
             for i in range(2) for clip in corpus.test_speech.clips]  # fmt: skip
    more = dataclasses.replace(corpus, test_speech=type(corpus.test_speech)(clips))
    grid = {"penalty": (0.0, 0.1, 1.0, 30.0)}
    told = []
    with SweepFolder(tmp_path / "sweep", made, {}) as folder:
        runner = runner_in(folder, more, progress=lambda *what: told.append(what))
        work = work_on(more, grid=grid)
        left = halve(runner, work)
        assert [len(left.points), len(left.mixtures)] == [2, 8]
        assert len(folder) == 4 * 4 + 2 * 4
        before = len(told)
        again = halve(runner, work)
        assert again.points == left.points
        assert len(told) == before + 2  # it only looked
        rows = read_rows(folder.path).to_pylist()
        kept = results_of(runner, left)
    assert kept.complete.all()
    means = {
        name: np.mean([row["si_sdr_enhanced"] for row in rows
                       if row["combination"] == name and (row["noise"], row["speech"])
                       in spread(work.mixtures)[:4]])
        for name in work.points
    }  # fmt: skip
    assert set(left.points) == set(sorted(means, key=means.get)[2:])


def test_validation_and_test_rows_lie_side_by_side(corpus, made, tmp_path):
    part = validation(corpus)
    with SweepFolder(tmp_path / "sweep", made, {}) as folder:
        runner_in(folder, part, "validation").run(work_on(part, "validation", {"p": [1]}))
        runner_in(folder, corpus).run(work_on(corpus, grid={"p": [1]}))
    parts = read_rows(tmp_path / "sweep")["part"].to_pylist()
    assert (parts.count("validation"), parts.count("test")) == (2, 4)
