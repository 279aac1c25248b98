"""Make the speech dictionary that comes with the package, of the embedded corpus.

    python -m tools.speech_dictionary

It trains with `Settings.own()` and writes nmflab/recordings/speech.npz. The same machine gives the
same bytes.
"""

from nmflab.core.model import train_dictionary
from nmflab.corpus.folders import load_corpus
from nmflab.corpus.shipped_dictionaries import write
from nmflab.recordings.voice import FILE
from nmflab.settings import Settings

if __name__ == "__main__":
    settings = Settings.own()
    signals = load_corpus().train_speech
    path = write(train_dictionary(signals, settings.num_basis_speech, settings), settings, FILE)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
