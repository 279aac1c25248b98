"""Every row of the goals table, section by section."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

import nmflab
from benchmarks import data, original, peers
from benchmarks.measure import (
    LEAST,
    SETTLE,
    Contest,
    Ratio,
    busy_neighbour,
    compete,
    import_seconds,
    in_child,
    say,
)
from benchmarks.peers import (
    ACCELERATED,
    LIBROSA,
    ORIGINAL,
    OURS,
    PRODUCTS,
    SKLEARN_32,
    SKLEARN_BINS,
    SKLEARN_STFT,
    TEXTBOOK,
    TEXTBOOK_STFT,
)
from nmflab.core.wiener import gain_from_log_ratio, log_ratio

ENCODING_ITERATIONS = 30
TRAINING_ITERATIONS = 100
TUNED_BASES = 80  # those of speech and noise of `Settings.tuned`
EPSILON_COSTS = 1.05
EQUAL = 1e-3  # objectives within this, relatively, count as equal work
POWERS = (1.7, 2.0)  # a slider's p, and the default, for which NumPy squares in a moment
LEAST_V_HAT = 1e-6  # of V's mean, for librosa's default: zeros in WH make the divergence infinite
LINEAR = 0.1
MEGABYTE = 2**20


@dataclass(frozen=True)
class Sizes:
    """Seconds of audio, numbers of bases, and so on."""

    short: float = 3
    medium: float = 10
    long: float = 60
    training: float = 25
    training_iterations: int = 30
    long_training: float = 240
    long_training_iterations: int = 10
    growth: tuple[float, ...] = (3, 10, 30, 60, 180, 600)
    growth_bases: tuple[int, ...] = (32, 64, 128, 256, 512)
    growth_peer: float = 180  # the longest that scikit-learn is given in the growth plots
    memory: tuple[float, ...] = (10, 60, 600)
    encoding_bases: int = 256
    training_bases: int = 128
    scipy_rows: int = 6
    rounds: int = 7


QUICK = Sizes(
    short=1,
    medium=3,
    long=6,
    training=6,
    long_training=12,
    long_training_iterations=3,
    growth=(1, 3, 6),
    growth_bases=(32, 64),
    growth_peer=6,
    memory=(3, 10),
    scipy_rows=2,
    rounds=3,
)


@dataclass(frozen=True)
class Row:
    """A line of the goals table; `met` is None where there is no goal or no such peer."""

    work: str
    goal: str
    measured: str
    met: bool | None


@dataclass
class Section:
    """What a section of the suite found."""

    rows: list[Row] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)
    growth: dict[str, dict[str, dict[float, float]]] = field(default_factory=dict)

    def times(self, work: str, contest: Contest, peer: str, goal: float, ours: str = OURS) -> None:
        """Add a row: how many times as fast as a peer."""
        goal_text = f"≥ {goal:g} × {peer}"
        if peer not in contest.seconds:
            self.rows.append(Row(work, goal_text, "not installed", None))
            return
        ratio = contest.ratio(peer, ours)
        self.rows.append(Row(work, goal_text, f"{ratio} ×", ratio.median >= goal))

    def against(
        self,
        peer: str,
        work: str,
        goal: float | None,
        ours: Callable[[], object],
        theirs: Callable[[], object],
        rounds: int,
    ) -> None:
        """Hold a contest of two, and add a row."""
        contest = compete(work, {OURS: ours, peer: theirs}, rounds=rounds)
        self.contests.append(contest)
        if goal is not None:
            self.times(work, contest, peer, goal)
        else:
            self.rows.append(Row(work, "", f"{contest.ratio(peer, OURS)} × {peer}", None))

    def fraction(self, work: str, contest: Contest, goal: float) -> None:
        """Add a row: how much of the speed of the products alone."""
        ratio = contest.ratio(PRODUCTS, OURS)
        goal_text = f"≥ {goal:.0%} of the products alone"
        cpu = contest.ratio(PRODUCTS, OURS, cpu=True).median
        measured = f"{ratio.median:.0%} ({ratio.least:.0%} to {ratio.most:.0%}); of CPU {cpu:.0%}"
        self.rows.append(Row(work, goal_text, measured, ratio.median >= goal))

    def ahead(self, work: str, contest: Contest, ours: str = OURS) -> None:
        """Add a row: ahead of every peer in the contest, by the closest of them."""
        rivals = [name for name in contest.seconds if name not in peers.NOT_PEERS]
        closest = min(rivals, key=lambda name: contest.ratio(name, ours).median)
        ratio = contest.ratio(closest, ours)
        measured = f"{ratio} × the closest, {closest}"
        self.rows.append(Row(work, "ahead of every peer", measured, ratio.median > 1))


def encoding(sizes: Sizes) -> Section:
    section = Section()
    W = data.bases(sizes.encoding_bases, sizes.training)
    for seconds in (sizes.short, sizes.medium, sizes.long):
        V = data.mixture_spectrogram(seconds)
        reached = partial(_divergence_reached, V)
        goal = reached((W, nmflab.encode(V, W, n_iter=ENCODING_ITERATIONS).H))

        def after(n, V=V, reached=reached):
            return reached((W, nmflab.encode(V, W, n_iter=n, solver="accelerated").H))

        enough = _fewest(after, goal, ENCODING_ITERATIONS)
        runs = {name: make(V, W, ENCODING_ITERATIONS) for name, make in peers.ENCODERS.items()}
        runs[ACCELERATED] = peers.encode_ours(V, W, enough, solver="accelerated")
        contest = compete(
            f"encoding {seconds:g} s, K = {sizes.encoding_bases}, MU's objective after "
            f"{ENCODING_ITERATIONS} iterations",
            runs,
            rounds=sizes.rounds,
            score=reached,
        )
        section.contests.append(contest)
        exact, fewer = f"encoding {seconds:g} s, exact MU", f"encoding {seconds:g} s, accelerated"
        if seconds == sizes.short:
            section.ahead(exact, contest)
        else:
            section.fraction(exact, contest, 0.9)
        least = 1.5 if seconds == sizes.medium else 1.3
        section.times(exact, contest, SKLEARN_32, least)
        if seconds == sizes.long:
            section.times(exact, contest, TEXTBOOK, 4)
            section.times(exact, contest, TEXTBOOK_STFT, 4)
        goal_text = f"≤ 13 iterations to MU's {ENCODING_ITERATIONS}th objective"
        section.rows.append(Row(fewer, goal_text, f"{enough}", enough <= 13))
        section.times(fewer, contest, SKLEARN_32, 2.5, ACCELERATED)
        if seconds == sizes.medium:
            section.times(fewer, contest, TEXTBOOK, 6, ACCELERATED)
            section.times(fewer, contest, TEXTBOOK_STFT, 6, ACCELERATED)
        if seconds == sizes.long:
            section.times(fewer, contest, ORIGINAL, 12, ACCELERATED)
        section.rows.append(_equal_work(fewer, contest, ACCELERATED))
    return section


def trace(sizes: Sizes) -> Section:
    """Compare a call as it is with those that look at the objective."""
    section = Section()
    V = data.mixture_spectrogram(sizes.medium)
    for K, goal in ((sizes.encoding_bases, 1.35), (TUNED_BASES, None)):
        W = data.bases(K, sizes.training)
        encode = partial(nmflab.encode, V, W, n_iter=ENCODING_ITERATIONS)
        epsilon = nmflab.Settings().epsilon * float(V.sum(axis=0).mean()) / K
        work = f"encoding {sizes.medium:g} s, K = {K}"
        runs = {
            OURS: encode,
            "traced along the way": partial(encode, trace=True),
            "objective read afterwards": lambda encode=encode: encode().objective,
            "with the settings' ε": partial(encode, epsilon=epsilon),
        }
        contest = compete(f"{work}, the objective", runs, rounds=sizes.rounds)
        section.contests.append(contest)
        for name, most in zip(list(runs)[1:], (goal, None, EPSILON_COSTS), strict=True):
            ratio = contest.ratio(name, OURS)
            cpu = contest.ratio(name, OURS, cpu=True).median
            goal_text, met = "", None
            if most is not None:
                goal_text, met = f"≤ {most:g} × without", ratio.median <= most
            measured = f"{ratio} ×; of CPU {cpu:.2f} ×"
            section.rows.append(Row(f"{work}, {name}", goal_text, measured, met))
    return section


def training(sizes: Sizes) -> Section:
    section = Section()
    for seconds, n_iter, goal in (
        (sizes.training, sizes.training_iterations, 1.7),
        (sizes.long_training, sizes.long_training_iterations, 3),
    ):
        V, W, H = _training_problem(seconds, sizes.training_bases)
        contest = compete(
            f"training {seconds:g} s, K = {sizes.training_bases}, {n_iter} iterations",
            {name: make(V, W, H, n_iter) for name, make in peers.TRAINERS.items()},
            rounds=sizes.rounds,
            score=partial(_divergence_reached, V),
        )
        section.contests.append(contest)
        work = f"training {seconds:g} s, exact MU"
        section.fraction(work, contest, 0.75)
        section.times(work, contest, SKLEARN_32, goal)
        section.times(work, contest, SKLEARN_BINS, goal)
        section.times(work, contest, SKLEARN_STFT, goal)
        section.ahead(work, contest)
        section.rows.append(_equal_work(work, contest))
    return section


def fewer(sizes: Sizes) -> Section:
    """Train to the objective that MU has after its hundredth iteration."""
    section = Section()
    V, W, H = _training_problem(sizes.training, sizes.training_bases)
    reached = partial(_divergence_reached, V)
    goal = reached(peers.train_ours(V, W, H, TRAINING_ITERATIONS)())

    def after(n):
        return reached(peers.train_ours(V, W, H, n, solver="accelerated")())

    enough = _fewest(after, goal, TRAINING_ITERATIONS)
    runs = {
        OURS: peers.train_ours(V, W, H, TRAINING_ITERATIONS),
        ACCELERATED: peers.train_ours(V, W, H, enough, solver="accelerated"),
    }
    for name in (SKLEARN_32, SKLEARN_BINS, SKLEARN_STFT, peers.TORCHNMF):
        if name in peers.TRAINERS:
            runs[name] = peers.TRAINERS[name](V, W, H, TRAINING_ITERATIONS)
    title = (
        f"training {sizes.training:g} s, K = {sizes.training_bases}, MU's objective after "
        f"{TRAINING_ITERATIONS} iterations"
    )
    contest = compete(title, runs, rounds=sizes.rounds, score=reached)
    section.contests.append(contest)
    work = f"training {sizes.training:g} s, accelerated ({enough} iterations)"
    section.times(work, contest, SKLEARN_32, 4, ACCELERATED)
    section.times(work, contest, SKLEARN_BINS, 4, ACCELERATED)
    section.times(work, contest, SKLEARN_STFT, 4, ACCELERATED)
    section.rows.append(_equal_work(work, contest, ACCELERATED))
    if peers.installed("librosa", "sklearn"):
        runs = {ACCELERATED: runs[ACCELERATED], LIBROSA: peers.train_librosa(V, W)}
        title = (
            f"training {sizes.training:g} s, K = {sizes.training_bases}, librosa's default "
            f"(reached: with WH at least {LEAST_V_HAT:g} of V's mean, as librosa's has zeros)"
        )
        reached = partial(_divergence_reached, V, floor=LEAST_V_HAT * float(V.mean()))
        contest = compete(title, runs, rounds=3, score=reached)
        section.contests.append(contest)
    section.times(work, contest, LIBROSA, 10, ACCELERATED)
    return section


def variants(sizes: Sizes) -> Section:
    """Compare all variants and both rules with plain NMF."""
    section = Section()
    V = data.mixture_spectrogram(sizes.medium)
    W = data.bases(sizes.encoding_bases, sizes.training)
    H = data.activations(sizes.encoding_bases, sizes.training)
    penalty = 0.1 * float(H.mean())
    runs = {"plain": peers.encode_ours(V, W, ENCODING_ITERATIONS)}
    for name, prior in (("exponential", nmflab.ExponentialPrior), ("gamma", nmflab.GammaPrior)):
        for update in ("mu", "mm"):
            options = {"prior": prior.fit(H), "penalty": penalty, "update": update}
            runs[f"{name}, {update}"] = peers.encode_ours(V, W, ENCODING_ITERATIONS, **options)
    title = f"variants and rules, encoding {sizes.medium:g} s"
    contest = compete(title, runs, rounds=sizes.rounds)
    section.contests.append(contest)
    for name in list(runs)[1:]:
        ratio = contest.ratio(name, "plain")
        met = ratio.median <= 1.15
        section.rows.append(Row(f"encoding, {name}", "≤ 1.15 × plain", f"{ratio} ×", met))
    return section


def gain(sizes: Sizes) -> Section:
    """Compare the gamma fit, the Wiener gain and a move of p with the original's way."""
    section = Section()
    H = data.activations(sizes.encoding_bases, sizes.training)
    rows = np.linspace(0, len(H) - 1, sizes.scipy_rows).astype(int)
    contest = compete(
        f"gamma fit, {H.shape[0]} × {H.shape[1]} (scipy: {len(rows)} rows, scaled)",
        {OURS: lambda: nmflab.GammaPrior.fit(H), ORIGINAL: lambda: original.fit_gamma(H[rows])},
        rounds=sizes.rounds,
    )
    for taken in (contest.seconds, contest.cpu):
        taken[ORIGINAL] = [seconds * len(H) / len(rows) for seconds in taken[ORIGINAL]]
    section.contests.append(contest)
    section.times(f"gamma fit, {H.shape[0]} rows", contest, ORIGINAL, 1000)

    import librosa

    x = data.mixture(sizes.short)
    W = data.bases(sizes.encoding_bases, sizes.training)
    X = data.STFT.analyse(x)
    H = nmflab.encode(np.abs(X), W).H
    half = sizes.encoding_bases // 2
    factors = [(W[:, :half], H[:half]), (W[:, half:], H[half:])]
    factors_64 = [(A.astype(np.float64), B.astype(np.float64)) for A, B in factors]
    L = _kept(factors)
    S, N = (A @ B for A, B in factors_64)
    shape = {"n_fft": data.STFT.fft, "hop_length": data.STFT.hop, "win_length": data.STFT.win_size}
    theirs = librosa.stft(x, window="hamming", **shape)
    n_frames = min(theirs.shape[1], S.shape[1])
    magnitude, phase = np.abs(theirs[:, :n_frames]), np.angle(theirs[:, :n_frames])
    shape |= {"window": "hamming", "length": len(x)}
    for p in POWERS:
        row = partial(section.against, ORIGINAL, rounds=sizes.rounds)
        row(
            f"gain, p = {p:g}, from L against from Ŝ and N̂",
            8,
            lambda p=p: gain_from_log_ratio(L, p=p),
            lambda p=p: original.gain(S, N, p),
        )
        row(
            f"gain, p = {p:g}, from L against from W and H",
            8,
            lambda p=p: gain_from_log_ratio(L, p=p),
            lambda p=p: original.gain(*(A @ B for A, B in factors_64), p),
        )
        row(
            f"gain, p = {p:g}, both from W and H",
            None,
            lambda p=p: gain_from_log_ratio(_kept(factors), p=p),
            lambda p=p: original.gain(*(A @ B for A, B in factors_64), p),
        )
        row(
            f"slider move of p = {p:g}: gain, product and inverse STFT, from L against Ŝ and N̂",
            5,
            lambda p=p: data.STFT.synthesise(gain_from_log_ratio(L, p=p) * X, len(x)),
            lambda p=p: original.move_p(
                S[:, :n_frames], N[:, :n_frames], p, magnitude, phase, **shape
            ),
        )
    return section


def _kept(factors):
    """Compute what `separate` keeps for the gain at any p, with its frames in rows as there."""
    S, N = (B.T @ A.T for A, B in factors)
    return log_ratio(S, N).T


def stft(sizes: Sizes) -> Section:
    section = Section()
    import librosa
    from scipy.signal import ShortTimeFFT, get_window

    x = data.mixture(sizes.medium)
    ours = data.STFT
    options = {"hop_length": ours.hop, "win_length": ours.win_size, "window": "hamming"}
    window = get_window("hamming", ours.win_size).astype(np.float32)
    scipys = ShortTimeFFT(window, ours.hop, ours.sampling_rate, mfft=ours.fft)
    forward = {
        OURS: lambda: ours.analyse(x),
        "librosa": lambda: librosa.stft(x, n_fft=ours.fft, **options),
        "scipy ShortTimeFFT": lambda: scipys.stft(x),
    }
    X, X_librosa, X_scipy = (run() for run in forward.values())
    backward = {
        OURS: lambda: ours.synthesise(X, len(x)),
        "librosa": lambda: librosa.istft(X_librosa, n_fft=ours.fft, length=len(x), **options),
        "scipy ShortTimeFFT": lambda: scipys.istft(X_scipy, k1=len(x)),
    }
    for name, runs, score in (
        ("STFT", forward, None),
        ("inverse STFT", backward, lambda y: float(np.abs(y - x).max())),
    ):
        title = f"{name}, {sizes.medium:g} s" + (" (reached: greatest error)" if score else "")
        contest = compete(title, runs, rounds=sizes.rounds, score=score)
        section.contests.append(contest)
        section.ahead(name, contest)
    return section


def growth(sizes: Sizes) -> Section:
    """Time against T and K: linear means the same time for each frame."""
    section = Section()
    W = data.bases(sizes.encoding_bases, sizes.training)
    runs = {}
    for seconds in sizes.growth:
        runs[f"{seconds:g} s"] = peers.encode_ours(data.mixture_spectrogram(seconds), W, 30)
    contest = compete("growth in T", runs, rounds=sizes.rounds)
    frames = {f"{s:g} s": data.STFT.num_frames(round(s * 16000)) for s in sizes.growth}
    reference = f"{min(sizes.growth, key=lambda s: abs(s - sizes.long)):g} s"

    def per_frame(*, cpu):
        """Give the time of a frame relative to the reference's, less 1: the least, the greatest."""
        off = [
            contest.ratio(name, reference, cpu=cpu).median * frames[reference] / frames[name] - 1
            for name in runs
        ]
        return min(off), max(off)

    low, high = per_frame(cpu=False)
    cpu_low, cpu_high = per_frame(cpu=True)
    section.rows.append(
        Row(
            f"time for each frame, {sizes.growth[0]:g} s to {sizes.growth[-1]:g} s",
            f"within {LINEAR:.0%} of that at {reference}",
            f"{low:+.0%} to {high:+.0%}; of CPU {cpu_low:+.0%} to {cpu_high:+.0%}",
            low >= -LINEAR and high <= LINEAR,
        )
    )
    in_T = {OURS: {s: contest.median(f"{s:g} s") for s in sizes.growth}}
    if SKLEARN_32 in peers.ENCODERS:
        in_T[SKLEARN_32] = {}
        for seconds in sizes.growth:
            if seconds <= sizes.growth_peer:
                V = data.mixture_spectrogram(seconds)
                run = peers.ENCODERS[SKLEARN_32](V, W, 30)
                in_T[SKLEARN_32][seconds] = _least_seconds(run)
    V = data.mixture_spectrogram(sizes.medium)
    in_K: dict[str, dict[float, float]] = {}
    for name in (OURS, PRODUCTS, SKLEARN_32):
        if name in peers.ENCODERS:
            in_K[name] = {}
            for K in sizes.growth_bases:
                run = peers.ENCODERS[name](V, _random_bases(K), 30)
                in_K[name][K] = _least_seconds(run)
    section.contests.append(contest)
    section.growth = {"T": in_T, "K": in_K}
    return section


def memory(sizes: Sizes) -> Section:
    section = Section()
    from benchmarks.memory import JOBS

    found: dict[str, dict[float, float]] = {}
    for job in JOBS:
        if job.startswith("scikit-learn") and SKLEARN_32 not in peers.ENCODERS:
            continue
        peaks = {}
        for seconds in sizes.memory:
            say(f"  memory: {job}, {seconds:g} s")
            peaks[seconds] = json.loads(in_child("-m", "benchmarks.memory", job, str(seconds)))
        most = max(peak["system"] for peak in peaks.values()) / MEGABYTE
        measured = ", ".join(
            f"{peak['system'] / MEGABYTE:.0f} ({peak['traced'] / MEGABYTE:.0f} in arrays) "
            f"at {seconds:g} s"
            for seconds, peak in peaks.items()
        )
        is_peer = job.startswith("scikit-learn")
        goal, met = ("", None) if is_peer else ("≤ 64 MB, whatever T", most <= 64)
        section.rows.append(Row(f"memory beyond input and output: {job}", goal, measured, met))
        found[job] = {seconds: peak["system"] / MEGABYTE for seconds, peak in peaks.items()}
    section.growth = {"memory": found}
    return section


def neighbour(sizes: Sizes) -> Section:
    """CPU time beside a process that keeps one core busy, against an idle machine."""
    section = Section()
    V = data.mixture_spectrogram(sizes.medium)
    W = data.bases(sizes.encoding_bases, sizes.training)
    rivals = [name for name in (OURS, SKLEARN_32) if name in peers.ENCODERS]
    runs = {name: peers.ENCODERS[name](V, W, ENCODING_ITERATIONS) for name in rivals}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    wall: dict[str, list[float]] = {name: [] for name in runs}
    for done in range(sizes.rounds + 1):
        idle = {name: _wall_and_cpu(run) for name, run in runs.items()}
        with busy_neighbour():
            busy = {name: _wall_and_cpu(run) for name, run in runs.items()}
        for name in runs:
            wall[name].append(busy[name][0] / idle[name][0])
            cpu[name].append(busy[name][1] / idle[name][1])
        say(f"  one busy neighbour: round {done}")
    for name in runs:
        ratio = Ratio.of(cpu[name][1:])  # the first round warms up
        measured = f"{ratio} × (by the clock on the wall {Ratio.of(wall[name][1:])} ×)"
        goal, met = ("≤ 1.3 × idle", ratio.median <= 1.3) if name == OURS else ("", None)
        section.rows.append(Row(f"CPU time with one busy neighbour: {name}", goal, measured, met))
    return section


def imports(sizes: Sizes) -> Section:
    section = Section()
    seconds: dict[str, list[float]] = {"numpy": [], "nmflab": []}
    for done in range(sizes.rounds + 1):
        for module, taken in seconds.items():
            taken.append(import_seconds(module))
        say(f"  imports: round {done + 1}")
    contest = Contest("imports, CPU time", {name: taken[1:] for name, taken in seconds.items()})
    section.contests.append(contest)
    ours = contest.median("nmflab")
    ratio = contest.ratio("nmflab", "numpy")
    section.rows += [
        Row("import nmflab", "≤ 0.5 s CPU", f"{ours:.2f} s", ours <= 0.5),
        Row("import nmflab", "≤ 4 × import numpy", f"{ratio} ×", ratio.median <= 4),
    ]
    return section


SECTIONS: dict[str, Callable[[Sizes], Section]] = {
    "encoding": encoding,
    "trace": trace,
    "training": training,
    "fewer": fewer,
    "variants": variants,
    "gain": gain,
    "stft": stft,
    "growth": growth,
    "memory": memory,
    "neighbour": neighbour,
    "imports": imports,
}


def _divergence_reached(V, result, floor=0.0) -> float:
    W, H = result
    return data.divergence(V, W, H, floor=floor)


def _equal_work(work: str, contest: Contest, ours: str = OURS) -> Row:
    """Say how our objective compares with those of the others: nobody may have worked more.

    Who takes another path, bases first, is left out: the table of the contest has it.
    """
    others = set(contest.reached) - {ours, *peers.BASES_FIRST}
    above = [contest.reached[ours] / contest.reached[name] - 1 for name in others]
    measured = f"{min(above):+.3%} to {max(above):+.3%}"
    goal = f"no more than {EQUAL:.1%} above anybody's"
    return Row(f"{work}: objective reached", goal, measured, max(above) <= EQUAL)


def _fewest(after: Callable[[int], float], goal: float, most: int) -> int:
    """Find the fewest iterations that end at the goal or below."""
    low, high = 0, most  # after low not yet, after high for sure
    while high - low > 1:
        middle = (low + high) // 2
        if after(middle) <= goal:
            high = middle
        else:
            low = middle
    return high


def _training_problem(seconds: float, n_bases: int):
    V = data.training_spectrogram(seconds)
    return V, *data.random_start(V, n_bases)


def _random_bases(n_bases: int):
    W = np.random.default_rng(0).random((data.STFT.num_bins, n_bases), dtype=np.float32)
    return W / W.sum(axis=0)


def _wall_and_cpu(run: Callable[[], object], least: float = 0.5) -> tuple[float, float]:
    """Measure seconds a call, over calls that take half a second or more together."""
    time.sleep(SETTLE)
    calls, wall, cpu = 0, time.perf_counter(), time.process_time()
    while calls == 0 or time.perf_counter() - wall < least:
        run()
        calls += 1
    return (time.perf_counter() - wall) / calls, (time.process_time() - cpu) / calls


def _least_seconds(run: Callable[[], object], calls: int = 2) -> float:
    return min(_wall_and_cpu(run, least=LEAST)[0] for _ in range(calls))
