"""Draw the picture of the README, docs/enhanced.png: `python tools/readme_figure.py`."""

import io
from pathlib import Path

from store_notebooks import pack_png

import nmflab as nl
from nmflab.figures.spectrograms import spectrogram_figure
from nmflab.system.files import replacing

corpus = nl.load_corpus()
noisy = nl.mix_at_snr(corpus.test_speech["allison_en_01"], corpus.test_noise["factory"], 0)
found = nl.denoise(noisy.mixture, corpus.sampling_rate)

figure = spectrogram_figure(noisy.mixture, noisy.speech, found.speech, found.settings)
drawn = io.BytesIO()
figure.savefig(drawn, format="png", dpi=100)
with replacing(Path(__file__).parents[1] / "docs" / "enhanced.png") as temporary:
    temporary.write_bytes(pack_png(drawn.getvalue(), colours=256))
