"""Sounds that many tests use."""

import io
from fractions import Fraction

import av
import numpy as np
import soundfile

RATE = 16000


def tone(rate=RATE, seconds=0.5, frequency=440.0, level=0.5):
    """Give a sine."""
    t = np.arange(int(rate * seconds)) / rate
    return (level * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def heard(player, label):
    """Give the sound of a player's version as it comes out of the loudspeaker."""
    at = player.labels.index(label)
    pcm = np.frombuffer(getattr(player, f"_sound_{at}"), "<i2")
    return pcm / 32767 * player._meta["scales"][at]


def alike(one, other):
    """Say how alike two sounds are, whatever their level: 1 is the same."""
    return float(np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


def write(path, samples, rate=RATE, **options):
    """Write a file of any format that libsndfile knows, and the folders it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)


def write_film(path, samples, rate=RATE, codec="aac", form=None, pictures=0, **options):
    """Write a file of any format that FFmpeg knows; one column a channel, and black pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(film(samples, rate, codec, form or FORMS[path.suffix], pictures, **options))


FORMS = {".m4a": "ipod", ".webm": "webm", ".mp4": "mp4", ".mkv": "matroska", ".3gp": "3gp"}


def film(samples, rate, codec, form, pictures=0, late=0.0, pause=(0, 0)):
    """Give what `write_film` writes.

    The sound begins `late` seconds after the pictures, and its times leave a pause after so many
    seconds, of so many.
    """
    if codec is None:
        return _written(form, pictures)
    channels = np.reshape(samples, (len(samples), -1)).T
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    return _written(form, pictures, channels, rate, codec, layout, late, pause)


def _written(form, pictures, channels=None, rate=0, codec="", layout="", late=0.0, pause=(0, 0)):
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        if pictures:
            screen = container.add_stream("mpeg4", rate=25)
            screen.width, screen.height, screen.pix_fmt = 32, 32, "yuv420p"
        if codec:
            sound = container.add_stream(codec, rate=rate, layout=layout)
            sound.bit_rate = {"libopencore_amrnb": 12200}.get(codec, 64000 * len(channels))
        for number in range(pictures):
            picture = av.VideoFrame(32, 32, "yuv420p")
            picture.pts = number
            container.mux(screen.encode(picture))
        if pictures:
            container.mux(screen.encode(None))
        if codec:
            frames = _frames(sound, np.ascontiguousarray(channels, np.float32), layout, rate)
            packets = [packet for frame in frames for packet in sound.encode(frame)]
            for packet in packets + sound.encode(None):
                time = float(packet.pts * packet.time_base)
                shift = late + (pause[1] if time >= pause[0] else 0)
                packet.pts += round(shift / packet.time_base)
                packet.dts = packet.pts
                container.mux(packet)
    return file.getvalue()


def _frames(sound, channels, layout, rate):
    whole = av.AudioFrame.from_ndarray(channels, "fltp", layout)
    whole.sample_rate, whole.pts, whole.time_base = rate, 0, Fraction(1, rate)
    if not sound.codec_context.is_open:
        sound.codec_context.open()
    size = sound.codec_context.frame_size or 1024
    resampler = av.AudioResampler(sound.format.name, layout, rate, size)
    return resampler.resample(whole) + resampler.resample(None)
