"""Build the embedded corpus: ``python data/build.py`` (maintainers only, not users).

Speech comes from Debian packages, noise from the recipes below. Install first::

    apt-get install flite ffmpeg asterisk-core-sounds-en-g722 asterisk-core-sounds-es-g722 \
        asterisk-core-sounds-fr-g722 asterisk-core-sounds-it-g722 asterisk-core-sounds-ru-g722

Everything is seeded: the same packages give the same bytes. The script writes
``data/{train,test}/{speech,noise}/*.flac``, ``data/LICENSES/`` and the tables of
``data/README.md`` (between its two markers), and refuses to leave anything that breaks the
corpus's own rules (levels, lengths, sizes).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import fftconvolve, resample_poly

Signal = NDArray[np.float64]

RATE = 16000
DATA = Path(__file__).resolve().parent
SOUNDS = Path("/usr/share/asterisk/sounds")
PACKAGE_DOCS = Path("/usr/share/doc")
LANGUAGES = ("en", "es", "fr", "it", "ru")

LEVEL = 10 ** (-26 / 20)  # active level of speech and RMS of noise: -26 dB re full scale
TRAIN_SECONDS, PAUSE_SECONDS, TEST_SECONDS = 30.0, 0.5, 12.0
MAX_BYTES, MAX_FILE_BYTES = 12_000_000, 1_400_000

BY_SA = "CC BY-SA 3.0"
BY = "CC BY 3.0"
CMU = "CMU (free, BSD-like)"
OWN = "BSD-3-Clause (nmflab)"


# ---------------------------------------------------------------------------------------------
# What is in the corpus
# ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Voice:
    """One speaker: where the sound comes from and under which licence."""

    speaker: str
    source: str
    licence: str

    @property
    def is_flite(self) -> bool:
        """Whether flite speaks, rather than a recorded prompt."""
        return self.source.startswith("flite:")


ALLISON_EN = Voice("Allison Smith, English, woman", "en_US_f_Allison", BY_SA)
ALLISON_ES = Voice("Allison Smith, Spanish, woman", "es_MX_f_Allison", BY_SA)
JUNE = Voice("June Wallack, French, woman", "fr_CA_f_June", BY_SA)
IVRVOICE = Voice("IvrvoiceRU (Maxim Topal), Russian, woman", "ru_RU_f_IvrvoiceRU", BY)
CARLO = Voice("Carlo Flora, Italian, man", "it_IT_m_Carlo", BY)
AWB = Voice("flite voice awb, Scottish English, man (synthetic)", "flite:awb", CMU)
KAL = Voice("flite voice kal16, US English, man (synthetic)", "flite:kal16", CMU)
RMS = Voice("flite voice rms, US English, man (synthetic)", "flite:rms", CMU)
SLT = Voice("flite voice slt, US English, woman (synthetic)", "flite:slt", CMU)


@dataclass(frozen=True)
class Clip:
    """One file of speech: a voice and the prompts (or sentences) it says one after another."""

    name: str
    voice: Voice
    texts: tuple[str, ...]


def _clips(prefix: str, voice: Voice, *texts: str | tuple[str, ...], first: int = 1) -> list[Clip]:
    """Give the clips of one speaker their names: ``june_01``, ``june_02`` and so on."""
    joined = [(t,) if isinstance(t, str) else t for t in texts]
    return [Clip(f"{prefix}_{i:02d}", voice, t) for i, t in enumerate(joined, first)]


TRAIN_SPEECH = [
    *_clips(
        "june",
        JUNE,
        "vm-tmpexists",
        "priv-introsaved",
        "agent-incorrect",
        "demo-enterkeywords",
        "followme/options",
        "vm-nobox",
        "vm-saveoper",
        "vm-invalid-password",
    ),
    *_clips(
        "ivrvoice",
        IVRVOICE,
        "vm-intro",
        "agent-user",
        "vm-tmpexists",
        "vm-newuser",
        "vm-rec-busy",
        "vm-nobox",
        "vm-tempgreeting2",
        "priv-introsaved",
    ),
    *_clips(
        "carlo",
        CARLO,
        "vm-rec-name",
        "vm-tmpexists",
        "agent-user",
        "demo-enterkeywords",
        "vm-invalid-password",
        "dir-instr",
        "vm-saveoper",
        "conf-invalid",
    ),
    *_clips(
        "awb",
        AWB,
        "The ferry leaves the harbour twice a day, and the last one is always full of sheep.",
        "Nobody could remember who had planted the apple trees behind the old school.",
        "Please put the blue cups on the upper shelf, where the children cannot reach them.",
        "A good map shows what you need and quietly leaves out everything else.",
        "We walked for three hours along the river before the fog began to lift.",
        "The choir practised in the kitchen because the hall was far too cold in January.",
        "Her bicycle has five gears, a broken bell, and a basket made of willow.",
        "If the kettle whistles before I come back, pour the water over the tea.",
        "Most of the bridge was built by hand, with stone from a quarry upstream.",
    ),
    *_clips(
        "kal",
        KAL,
        "The museum opens late on Thursday, so we have time for a quiet breakfast.",
        "Every window on the north side of the house looks out over the valley.",
        "My uncle repairs clocks, and he says that patience is half of the work.",
        "Two young engineers measured the tunnel again and found the same small error.",
        "Take the second road on the left and drive until you see a yellow barn.",
        "Fresh bread, a piece of cheese, and some pears were all they carried.",
        "The weather changed so quickly that the market closed before noon.",
        "She keeps a notebook of unusual words and reads from it on long journeys.",
        "There is a small workshop under the station where violins are varnished.",
    ),
]
TEST_SPEECH = [
    *_clips(
        "allison_en",
        ALLISON_EN,
        ("something-terribly-wrong", "tt-weasels"),
        "queue-youarenext",
        "ss-noservice",
        "privacy-unident",
        "demo-thanks",
    ),
    *_clips("allison_es", ALLISON_ES, "vm-nobodyavail"),
    *_clips("carlo", CARLO, "pbx-invalidpark", "demo-thanks", "followme/sorry", first=9),
    *_clips(
        "rms",
        RMS,
        "Half of the orchestra arrived by train, and the other half did not arrive at all.",
        "Check the engine oil, close the garage, and leave the keys under the flower pot.",
    ),
]

# Babble: who talks how often, and which families of prompts belong to its test part.
BABBLE_STREAMS = ((JUNE, 8), (IVRVOICE, 7), (CARLO, 7), (SLT, 2))
BABBLE_TEST_FAMILIES = {"basic", "demo", "dictate", "dir", "followme", "priv", "screen"}
# Not speech, or not one voice alone: tones, jokes with animal sounds, the echo test.
BABBLE_LEFT_OUT = (
    "ascending",
    "beep",
    "confbridge-begin-leader_PRESIDENTE",
    "demo-echotest",
    "digits/",
    "letters/",
    "phonetic/",
    "silence/",
    "tt-",
)
BABBLE_SPEEDS = ((8, 9), (10, 11), (14, 15), (1, 1), (16, 15), (11, 10), (9, 8), (20, 21))
BABBLE_TRAIN_SENTENCES = (
    "I told her that the soup was already salted, but she did not believe me.",
    "They are moving to the coast in spring, as soon as the roof is mended.",
    "Did you see the size of that parcel on the stairs this morning?",
    "It is not the price that bothers me, it is the noise it makes.",
    "My brother plays the trombone, mostly when other people want to sleep.",
    "Wait until you hear what happened to the neighbours with the goat.",
    "The last time we ate here the waiter forgot us for almost an hour.",
    "Pass me the bread, please, and tell me again about your new office.",
    "You can never find a taxi here when the theatre closes.",
    "He has written three letters, and nobody has answered any of them.",
    "We should visit them before the baby comes, perhaps in the second week.",
    "The doctor said that walking is fine, so now I walk everywhere.",
    "Honestly, I would rather paint the fence than go to another meeting.",
    "Her sister lives above the bakery, which explains a great deal.",
    "Nobody told me that the party was supposed to be a surprise.",
    "That lamp belonged to my grandmother, and it never worked for her either.",
    "Shall we share a dessert, or would you like one of your own?",
    "They painted the whole hallway orange while we were on holiday.",
)
BABBLE_TEST_SENTENCES = (
    "The second half of the film was better, although I slept through some of it.",
    "Ask Peter, he knows somebody who can fix it over the weekend.",
    "I have never seen so much snow in a town with so few shovels.",
    "Our train was late again, so we talked to a man who breeds pigeons.",
    "Sometimes I think that the cat understands every word we say.",
    "Next year I am going to learn Portuguese, or at least how to swim.",
    "She ordered the fish, he ordered the fish, and then there was no fish.",
    "Turn the music down a little, I can hardly hear my own opinion.",
)


# ---------------------------------------------------------------------------------------------
# Speech
# ---------------------------------------------------------------------------------------------
def run(command: list[str]) -> bytes:
    """Run a program and give what it writes.

    Parameters
    ----------
    command : list of str
        Program and arguments.

    Returns
    -------
    bytes
        Its standard output.
    """
    return subprocess.run(command, check=True, capture_output=True).stdout


def decode_prompt(path: Path) -> Signal:
    """Decode one G.722 prompt to samples at 16 kHz.

    Parameters
    ----------
    path : Path
        The ``.g722`` file.

    Returns
    -------
    np.ndarray, shape (n_samples,)
        Samples within [-1, 1].
    """
    pcm = run(["ffmpeg", "-v", "error", "-f", "g722", "-i", str(path), "-f", "s16le", "-"])
    return np.asarray(np.frombuffer(pcm, "<i2") / 32768.0)


def speak(voice: str, sentence: str) -> Signal:
    """Let flite say one sentence at 16 kHz.

    Parameters
    ----------
    voice : str
        Name of a flite voice.
    sentence : str
        What to say.

    Returns
    -------
    np.ndarray, shape (n_samples,)
        Samples within [-1, 1].
    """
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        run(["flite", "-voice", voice, "-t", sentence, "-o", str(wav)])
        samples, rate = soundfile.read(wav)
    if rate != RATE:
        raise SystemExit(f"flite's voice {voice} speaks at {rate} Hz, not {RATE}.")
    return np.asarray(samples, dtype=np.float64)


def utter(voice: Voice, text: str) -> Signal:
    """Give one prompt or sentence of a voice, without the silence at its ends."""
    if voice.is_flite:
        return trim(speak(voice.source.removeprefix("flite:"), text))
    return trim(decode_prompt(SOUNDS / voice.source / f"{text}.g722"))


def frame_levels(x: Signal, frame: int = 320) -> Signal:
    """Give the level of each 20 ms frame in dB re full scale."""
    frames = x[: x.size // frame * frame].reshape(-1, frame)
    levels: Signal = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return levels


def active_frames(x: Signal, below: float = 35.0) -> NDArray[np.bool_]:
    """Say which 20 ms frames hold speech: those at most `below` dB under the loud ones."""
    levels = frame_levels(x)
    active: NDArray[np.bool_] = levels > np.percentile(levels, 95) - below
    return active


def trim(x: Signal, pad: int = 640) -> Signal:
    """Cut the silence at both ends, keep 40 ms, and fade in and out over 5 ms."""
    active = np.flatnonzero(active_frames(x, 40.0)) * 320
    x = x[max(0, active[0] - pad) : active[-1] + 320 + pad].copy()
    ramp = np.linspace(0, 1, 80)
    x[:80] *= ramp
    x[-80:] *= ramp[::-1]
    return x


def at_active_level(x: Signal, level: float = LEVEL) -> Signal:
    """Scale speech so that the RMS of its active frames is `level`."""
    active = np.repeat(active_frames(x), 320)
    scale: float = level / np.sqrt(np.mean(x[: active.size][active] ** 2))
    return x * scale


def build_clip(clip: Clip) -> Signal:
    """Say, trim, level and join the prompts of one clip, 0.15 s apart."""
    pause = np.zeros(int(0.15 * RATE))
    pieces = [at_active_level(utter(clip.voice, text)) for text in clip.texts]
    joined = [part for piece in pieces for part in (piece, pause)][:-1]
    return at_active_level(np.concatenate(joined))


# ---------------------------------------------------------------------------------------------
# Building blocks of noise
# ---------------------------------------------------------------------------------------------
def shaped_noise(
    rng: np.random.Generator, n: int, gain: Callable[[Signal], Signal], low: float = 15.0
) -> Signal:
    """Make Gaussian noise with a given magnitude spectrum.

    Parameters
    ----------
    rng : np.random.Generator
        The source of randomness.
    n : int
        Number of samples.
    gain : callable
        Magnitude at frequencies in Hz.
    low : float
        Nothing below this frequency in Hz.

    Returns
    -------
    np.ndarray, shape (n,)
        Noise of unit RMS.
    """
    freqs = np.fft.rfftfreq(n, 1 / RATE)
    magnitude = np.where(freqs >= low, gain(np.maximum(freqs, 1e-3)), 0.0)
    return unit(np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * magnitude, n))


def unit(x: Signal) -> Signal:
    """Scale to unit RMS."""
    rms: float = np.sqrt(np.mean(x**2))
    return x / rms


def slow(rng: np.random.Generator, n: int, rate: float) -> Signal:
    """Make a smooth random curve of unit variance that moves about `rate` times a second."""
    return shaped_noise(rng, n, lambda f: np.exp(-((f / rate) ** 2)), low=1e-2)


def band(low: float, high: float, slope: float = 4.0) -> Callable[[Signal], Signal]:
    """Give the magnitude of a smooth band-pass between two frequencies in Hz."""
    return lambda f: 1 / np.sqrt((1 + (low / f) ** slope) * (1 + (f / high) ** slope))


def phase(freq: Signal) -> Signal:
    """Integrate a frequency curve in Hz to a phase in radians."""
    total: Signal = 2 * np.pi * np.cumsum(freq) / RATE
    return total


def ring(modes: Signal, decays: Signal, weights: Signal, seconds: float) -> Signal:
    """Strike a body once: its modes in Hz die away with the given times in s."""
    t = np.arange(int(seconds * RATE))[:, None] / RATE
    partials = weights * np.exp(-t / decays) * np.sin(2 * np.pi * modes * t)
    return np.asarray(partials.sum(axis=1))


def strike(n: int, times: Signal, sounds: list[Signal], levels: Signal) -> Signal:
    """Add sounds to a silent track, each at its time in s and with its own level."""
    track = np.zeros(n)
    for i, (time, level) in enumerate(zip(times, levels, strict=True)):
        start, sound = int(time * RATE), sounds[i % len(sounds)]
        track[start : start + sound.size] += level * sound[: n - start]
    return track


def poisson_times(rng: np.random.Generator, seconds: float, every: float) -> Signal:
    """Draw random moments, on average `every` seconds, and never closer than a third of it."""
    gaps = every / 3 + rng.exponential(every * 2 / 3, size=int(3 * seconds / every) + 4)
    times: Signal = np.cumsum(gaps)
    return times[times < seconds - 0.01]


def reverberate(rng: np.random.Generator, x: Signal, t60: float, direct: float) -> Signal:
    """Put a sound in a room: exponentially decaying noise plus the direct sound."""
    t = np.arange(int(t60 * RATE)) / RATE
    tail = rng.standard_normal(t.size) * 10 ** (-3 * t / t60)
    tail = np.convolve(tail, [0.5, 0.5], mode="same")  # walls take the highest frequencies
    tail /= np.sqrt(np.sum(tail**2))
    tail[0] += direct
    return np.asarray(fftconvolve(x, tail)[: x.size])


# ---------------------------------------------------------------------------------------------
# The noises. Each gives train and test part in one piece, cut apart later.
# ---------------------------------------------------------------------------------------------
def pink(rng: np.random.Generator, n: int) -> Signal:
    """Make pink noise: the same power in every octave from 20 Hz up."""
    return shaped_noise(rng, n, lambda f: f**-0.5, low=20.0)


def car(rng: np.random.Generator, n: int) -> Signal:
    """Sit inside a car at some 90 km/h: engine orders, road rumble, tyres, joints of the road."""
    speed = 1 + 0.05 * slow(rng, n, 0.08)
    half_order = phase(20.5 * speed + 0.05 * slow(rng, n, 6.0))
    engine = np.zeros(n)
    for k in range(1, 65):
        weight = (1.6 if k % 4 == 0 else 0.35 if k % 2 == 0 else 0.15) * np.exp(-k / 9) / k**0.5
        wobble = 1 + 0.25 * slow(rng, n, 3.0)
        engine += weight * wobble * np.sin(k * half_order + rng.uniform(0, 2 * np.pi))
    road = shaped_noise(rng, n, lambda f: 1 / (1 + (f / 70) ** 2.2))
    tyres = shaped_noise(rng, n, band(350, 1100)) * (1 + 0.25 * slow(rng, n, 2.0))
    air = shaped_noise(rng, n, band(600, 2500, 3.0)) * (1 + 0.15 * slow(rng, n, 0.7))
    return (
        road * speed
        + 0.6 * unit(engine)
        + 0.25 * tyres * speed**2
        + 0.08 * air * speed**3
        + 0.8 * _road_joints(rng, n)
    )


def _road_joints(rng: np.random.Generator, n: int) -> Signal:
    """Drive front and rear wheels over the joints of a road: a pair of dull thumps each."""
    front = poisson_times(rng, n / RATE - 0.2, 2.2)
    times = np.sort(np.concatenate([front, front + 0.105]))
    sounds = [
        ring(np.array([38.0, 61.0, 97.0, 210.0]) * s, np.array([0.09, 0.06, 0.04, 0.02]),
             np.array([1.0, 0.9, 0.5, 0.35]), 0.4)
        for s in (1.0, 1.13, 0.95)
    ]  # fmt: skip
    return strike(n, times, sounds, rng.uniform(0.5, 1.6, times.size))


def fan(rng: np.random.Generator, n: int) -> Signal:
    """Run a desk fan that turns its head: blade tones, mains hum and the rush of air."""
    wobble = 1 + 0.002 * slow(rng, n, 1.0)
    shaft = phase(23.6 * wobble)
    blades = np.zeros(n)
    for k in range(1, 13):
        swell = 1 + 0.3 * slow(rng, n, 1.5)
        blades += swell * np.sin(5 * k * shaft + rng.uniform(0, 2 * np.pi)) / k**1.2
    hum = sum(np.sin(phase(np.full(n, 100.0 * k))) / k**1.5 for k in range(1, 6))
    rush = shaped_noise(
        rng, n, lambda f: (f / 150) / (1 + (f / 150) ** 1.9) + 0.25 * band(900, 1700)(f)
    )
    head = np.sin(phase(np.full(n, 0.11)))
    return (
        rush * (1 + 0.1 * np.sin(shaft)) * 10 ** (0.12 * head)
        + 0.55 * unit(blades) * 10 ** (0.05 * head)
        + 0.2 * np.asarray(hum)
    )


def wind(rng: np.random.Generator, n: int) -> Signal:
    """Blow into a microphone and around a house: gusts that get brighter as they get stronger."""
    gust = np.exp(np.clip(0.3 * slow(rng, n, 0.3) + 0.15 * slow(rng, n, 1.5), -0.6, 0.8))
    rumble = shaped_noise(rng, n, band(25, 70, 3.0))
    body = shaped_noise(rng, n, lambda f: (1 + (f / 120) ** 2) ** -0.8, low=40.0)
    rustle = shaped_noise(rng, n, band(500, 2500, 3.0))
    flutter = np.exp(0.35 * slow(rng, n, 9.0))
    narrow = shaped_noise(rng, n, lambda f: np.exp(-((f / 14) ** 2)), low=0.1)
    howl = narrow * np.sin(phase(430 * gust**0.6 + 12 * slow(rng, n, 2.0)))
    return (
        0.7 * gust**1.6 * flutter * rumble
        + 1.2 * gust**2 * body
        + 0.22 * gust**2.4 * rustle
        + 0.15 * gust**2 * howl
        + 0.01 * shaped_noise(rng, n, lambda f: f**-0.5)
    )


def siren(rng: np.random.Generator, n: int) -> Signal:
    """Drive a siren down a street: wail, yelp and two-tone in turn, with echoes and traffic."""
    angle = phase(_siren_pitch(n) * (1 + 0.004 * slow(rng, n, 0.3)))
    horn = np.tanh(1.8 * np.sin(angle) + 0.5 * np.sin(2 * angle) + 0.3 * np.sin(3 * angle))
    freqs = np.fft.rfftfreq(n, 1 / RATE)
    horn = np.fft.irfft(np.fft.rfft(horn) * band(450, 2800)(np.maximum(freqs, 1e-3)), n)
    echoes = horn.copy()
    for delay, level in ((0.043, 0.5), (0.117, 0.4), (0.231, 0.3), (0.389, 0.2)):
        shift = int(delay * RATE)
        echoes[shift:] += level * horn[:-shift]
    distance = 10 ** (np.clip(0.2 * slow(rng, n, 0.12), -0.35, 0.3))
    traffic = shaped_noise(rng, n, lambda f: (1 + (f / 200) ** 2) ** -0.6, low=30.0)
    street = reverberate(rng, echoes, 0.6, 1.5)
    return distance * unit(street) + 0.2 * traffic * (1 + 0.2 * slow(rng, n, 0.5))


def _siren_pitch(n: int, turn: float = 3.5) -> Signal:
    """Give the pitch in Hz: every `turn` seconds another of the three signals, in a fixed order."""
    t = np.arange(n) / RATE
    local = t % turn
    wail = 620 + 760 * np.sin(np.pi * local / turn) ** 1.3
    yelp = 620 + 760 * (0.5 - 0.5 * np.cos(2 * np.pi * 3.4 * local))
    two_tone = np.where((local * 1.9).astype(int) % 2 == 0, 588.0, 440.0)
    which = (t // turn).astype(int) % 3
    pitch = np.choose(which, [wail, yelp, two_tone])
    smooth = np.hanning(161)
    return np.asarray(np.convolve(np.pad(pitch, 80, "edge"), smooth / smooth.sum(), "valid"))


def factory(rng: np.random.Generator, n: int) -> Signal:
    """Enter a workshop hall: a press, a riveter, compressed air, motor and gear tones, a rattle."""
    bed = shaped_noise(rng, n, lambda f: (1 + (f / 180) ** 2) ** -0.55, low=25.0)
    air = shaped_noise(rng, n, band(2500, 7000)) * _puffs(rng, n)
    dry = (
        1.0 * _press(rng, n)
        + 0.55 * _riveter(rng, n)
        + 0.5 * air
        + 0.25 * _machine_tones(rng, n)
        + 0.2 * _rattle(rng, n)
    )
    return reverberate(rng, dry, 0.9, 1.2) + 0.45 * bed * (1 + 0.1 * slow(rng, n, 0.5))


def _press(rng: np.random.Generator, n: int) -> Signal:
    """Work a press: a heavy blow of metal on metal every 1.3 s or so."""
    times = np.cumsum(rng.normal(1.3, 0.05, int(n / RATE / 1.3)))
    times = times[times < n / RATE - 0.1]
    modes = np.array([92.0, 187.0, 433.0, 911.0, 1634.0, 2870.0, 4120.0])
    decays = np.array([0.07, 0.12, 0.15, 0.12, 0.09, 0.05, 0.03])
    sounds = []
    for _ in range(5):
        body = ring(modes * rng.normal(1, 0.01, 7), decays, rng.uniform(0.4, 1, 7), 1.0)
        click = rng.standard_normal(body.size) * np.exp(-np.arange(body.size) / (0.008 * RATE))
        sounds.append(body + 1.2 * click)
    return strike(n, times, sounds, rng.uniform(0.8, 1.3, times.size))


def _riveter(rng: np.random.Generator, n: int) -> Signal:
    """Rivet with a pneumatic hammer for a second or two at a time, 14 blows a second."""
    times: list[float] = []
    for start in poisson_times(rng, n / RATE - 3, 4.5):
        blows = int(rng.uniform(1.0, 2.2) * 14)
        times.extend(start + np.arange(blows) / 14 + rng.normal(0, 0.002, blows))
    modes, decays = np.array([640.0, 1270.0, 2210.0, 3560.0, 5200.0]), np.full(5, 0.018)
    sounds = [ring(modes * rng.normal(1, 0.02, 5), decays, rng.uniform(0.3, 1, 5), 0.12)
              for _ in range(9)]  # fmt: skip
    return strike(n, np.sort(np.array(times)), sounds, rng.uniform(0.7, 1.2, len(times)))


def _puffs(rng: np.random.Generator, n: int) -> Signal:
    """Let compressed air off (its envelope) for half a second now and then."""
    shape = np.minimum(np.linspace(0, 12, 8000), 1) * np.exp(-np.linspace(0, 3, 8000))
    times = poisson_times(rng, n / RATE - 1, 3.2)
    return 0.03 + strike(n, times, [shape], rng.uniform(0.3, 1.0, times.size))


def _machine_tones(rng: np.random.Generator, n: int) -> Signal:
    """Run a motor (slightly below 50 Hz and its harmonics) and the whine of its gears."""
    motor = phase(49.1 + 0.15 * slow(rng, n, 0.2))
    tones = sum(np.sin(k * motor) / k for k in (1, 2, 3, 4, 6, 8))
    for k, weight in ((13, 0.8), (26, 0.5), (39, 0.25)):
        tones = tones + weight * (1 + 0.3 * np.sin(motor / 4)) * np.sin(k * motor)
    return unit(np.asarray(tones)) * (1 + 0.15 * slow(rng, n, 0.4))


def _rattle(rng: np.random.Generator, n: int) -> Signal:
    """Shake a conveyor: many small clicks of loose metal."""
    times = np.sort(rng.uniform(0, n / RATE - 0.05, int(30 * n / RATE)))
    modes, decays = np.array([1850.0, 2740.0, 3980.0]), np.array([0.006, 0.004, 0.003])
    sounds = [ring(modes * rng.uniform(0.8, 1.2, 3), decays, rng.uniform(0.3, 1, 3), 0.04)
              for _ in range(12)]  # fmt: skip
    return strike(n, times, sounds, rng.exponential(0.6, times.size))


SYNTHESISED: dict[str, Callable[[np.random.Generator, int], Signal]] = {
    "car": car,
    "factory": factory,
    "fan": fan,
    "pink": pink,
    "siren": siren,
    "wind": wind,
}


# ---------------------------------------------------------------------------------------------
# Babble
# ---------------------------------------------------------------------------------------------
def babble(part: str, seconds: float) -> Signal:
    """Let two dozen voices talk at once in one room.

    Parameters
    ----------
    part : {"train", "test"}
        Which prompts may be used; the two parts share none.
    seconds : float
        Length.

    Returns
    -------
    np.ndarray, shape (n_samples,)
        The mixture, each voice with its own level, speed, start and distance.
    """
    rng = np.random.default_rng([7, part == "test"])
    n = int(seconds * RATE)
    mixture = 0.01 * shaped_noise(rng, n, lambda f: f**-0.5)
    for voice, count in BABBLE_STREAMS:
        texts = list(rng.permutation(babble_texts(voice, part)))
        for i in range(count):
            stream = _talk(rng, voice, texts, n, BABBLE_SPEEDS[i])
            level = 10 ** (rng.uniform(-9, 0) / 20)
            mixture += level * reverberate(rng, stream, 0.5, rng.uniform(0.5, 2.0))
    return mixture


def babble_texts(voice: Voice, part: str) -> list[str]:
    """List what a voice may say in one part of the babble and nowhere else in the corpus."""
    if voice.is_flite:
        return list(BABBLE_TEST_SENTENCES if part == "test" else BABBLE_TRAIN_SENTENCES)
    taken = {text for clip in (*TRAIN_SPEECH, *TEST_SPEECH) for text in clip.texts}
    folder = SOUNDS / voice.source
    names = sorted(
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.rglob("*.g722")
        if path.stat().st_size > 2.5 * 8000
    )
    return [
        name
        for name in names
        if name not in taken
        and not name.startswith(BABBLE_LEFT_OUT)
        and (name.replace("/", "-").split("-")[0] in BABBLE_TEST_FAMILIES) == (part == "test")
    ]


def _talk(
    rng: np.random.Generator, voice: Voice, texts: list[str], n: int, speed: tuple[int, int]
) -> Signal:
    """Say prompt after prompt (used up from `texts`) at a changed speed until n samples are full.

    Another speed moves pitch and formants too, so that one speaker passes for several people.
    """
    start = int(rng.uniform(0, 2) * RATE)
    pieces, total = [], 0
    while total < n + start:
        if not texts:
            raise SystemExit(f"The babble needs more prompts of {voice.speaker}.")
        piece = resample_poly(at_active_level(utter(voice, texts.pop())), *speed)
        pause = np.zeros(int(rng.uniform(0.05, 0.5) * RATE))
        pieces += [piece, pause]
        total += piece.size + pause.size
    return np.concatenate(pieces)[start : start + n]


# ---------------------------------------------------------------------------------------------
# Writing and checking
# ---------------------------------------------------------------------------------------------
def quantise(x: Signal, seed: int) -> NDArray[np.int16]:
    """Round to 16 bits with triangular dither, so that no stretch is digital silence."""
    rng = np.random.default_rng(seed)
    dither = rng.random(x.size) - rng.random(x.size)
    if np.max(np.abs(x)) > 0.98:
        raise SystemExit(f"The peak is {np.max(np.abs(x)):.2f}: lower LEVEL.")
    return np.round(x * 32768 + dither).astype(np.int16)


@dataclass(frozen=True)
class Row:
    """One line of the table in the README."""

    path: str
    seconds: float
    origin: str
    licence: str


def write(relative: str, x: Signal, origin: str, licence: str) -> Row:
    """Write one FLAC file and give its line in the table."""
    path = DATA / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, quantise(x, seed=len(relative)), RATE, subtype="PCM_16")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise SystemExit(f"{relative} has {path.stat().st_size} bytes, at most {MAX_FILE_BYTES}.")
    return Row(relative, x.size / RATE, origin, licence)


def write_speech() -> Iterator[Row]:
    """Write every clip of speech."""
    for part, clips in (("train", TRAIN_SPEECH), ("test", TEST_SPEECH)):
        for clip in clips:
            x = build_clip(clip)
            if not 2 <= x.size / RATE <= 6.2:
                raise SystemExit(f"{clip.name} lasts {x.size / RATE:.1f} s, not 2 to 6.")
            origin = f"{clip.voice.speaker}; {_said(clip)}"
            yield write(f"{part}/speech/{clip.name}.flac", x, origin, clip.voice.licence)


def _said(clip: Clip) -> str:
    """Name the source of a clip: prompts of a package, or a sentence spoken by flite."""
    if clip.voice.is_flite:
        return " ".join(f'"{text}"' for text in clip.texts)
    return f"`{clip.voice.source}`: " + " + ".join(f"`{text}`" for text in clip.texts)


def write_noises() -> Iterator[Row]:
    """Write the training and the test part of every noise."""
    origin = "24 voices: June Wallack 8, IvrvoiceRU 7, Carlo Flora 7, flite slt 2"
    for part, seconds in (("train", TRAIN_SECONDS), ("test", TEST_SECONDS)):
        x = LEVEL * unit(babble(part, seconds))
        yield write(f"{part}/noise/babble.flac", x, origin, BY_SA)
    train, pause, test = (int(s * RATE) for s in (TRAIN_SECONDS, PAUSE_SECONDS, TEST_SECONDS))
    for seed, (name, recipe) in enumerate(SYNTHESISED.items(), 100):
        x = recipe(np.random.default_rng(seed), train + pause + test)
        about = f"synthesised: `{name}` in `build.py`"
        yield write(f"train/noise/{name}.flac", LEVEL * unit(x[:train]), about, OWN)
        yield write(f"test/noise/{name}.flac", LEVEL * unit(x[-test:]), about, OWN)


def write_table(rows: list[Row]) -> None:
    """Put the table of files between the two markers of the README."""
    readme = DATA / "README.md"
    start, end = "<!-- table: written by build.py -->\n", "<!-- end of table -->"
    before, rest = readme.read_text(encoding="utf-8").split(start)
    lines = ["| file | seconds | who or what | licence |", "|---|---|---|---|"]
    for row in sorted(rows, key=lambda r: r.path):
        lines.append(f"| `{row.path}` | {row.seconds:.1f} | {row.origin} | {row.licence} |")
    after = rest[rest.index(end) :]
    readme.write_text(before + start + "\n".join(lines) + "\n" + after, encoding="utf-8")


def write_licences() -> None:
    """Keep the packages' copyright files, word for word."""
    folder = DATA / "LICENSES"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(
        PACKAGE_DOCS / "asterisk-core-sounds-en-g722" / "copyright",
        folder / "asterisk-core-sounds.txt",
    )
    shutil.copyfile(PACKAGE_DOCS / "flite" / "copyright", folder / "flite.txt")


def check_installed() -> None:
    """Stop with the command to type when a program or a package is missing."""
    missing = [program for program in ("flite", "ffmpeg") if shutil.which(program) is None]
    folders = {"en": ALLISON_EN, "es": ALLISON_ES, "fr": JUNE, "it": CARLO, "ru": IVRVOICE}
    missing += [
        f"asterisk-core-sounds-{language}-g722"
        for language in LANGUAGES
        if not (SOUNDS / folders[language].source).is_dir()
    ]
    if missing:
        raise SystemExit("Install what is missing: apt-get install " + " ".join(missing))


def check_disjoint() -> None:
    """Stop when training and test share a prompt or a sentence, whoever says it."""
    train, test = ({t for c in clips for t in c.texts} for clips in (TRAIN_SPEECH, TEST_SPEECH))
    if train & test:
        raise SystemExit(f"In train and in test: {sorted(train & test)}.")


def main() -> int:
    """Build everything.

    Returns
    -------
    int
        Exit status.
    """
    check_installed()
    check_disjoint()
    for old in DATA.glob("t*/*/*.flac"):
        old.unlink()
    rows = [*write_speech(), *write_noises()]
    write_table(rows)
    write_licences()
    total = sum((DATA / row.path).stat().st_size for row in rows)
    if total > MAX_BYTES:
        raise SystemExit(f"The corpus has {total} bytes, at most {MAX_BYTES} are allowed.")
    print(f"{len(rows)} files, {sum(r.seconds for r in rows):.0f} s, {total / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
