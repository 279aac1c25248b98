"""What the separation explorer hands out: a line for the terminal, and files."""

from __future__ import annotations

import tempfile
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmflab.explorer.opening import Opening
from nmflab.explorer.pinned import Pins
from nmflab.explorer.saving import (
    command_line,
    denoise_line,
    in_dashboard,
    save_result,
    scores_as_json,
    separate_line,
    zipped,
)
from nmflab.names import file_name, showable
from nmflab.system.shipped import is_embedded

if TYPE_CHECKING:
    from nmflab.core.pipeline import Separation
    from nmflab.evaluation.metrics import Scores


class HandingOut(Opening):
    """An explorer whose result can be computed in a terminal, and saved."""

    command: Any
    pins: Pins

    @property
    def result(self) -> Separation:
        """The separation that is shown."""
        raise NotImplementedError

    @property
    def scores(self) -> Scores | None:
        """All scores of what is shown; None for an own recording."""
        raise NotImplementedError

    def command_line(self) -> str:
        """Give the line that computes what is shown in a terminal.

        Returns
        -------
        str
            For a mixture ``nmflab enhance``, which runs the experiment with these settings; for an
            own recording ``nmflab denoise`` if the noise is learnt from it, or else ``nmflab
            train`` and ``nmflab separate``. One that is in no file must be
            saved first, under the name that is given there.
        """
        corpus, own = self.chain.corpus, self.store.shown.recording
        data = None if is_embedded(corpus.root) else corpus.root
        if own is None:
            return command_line(self.settings, data)
        file = own.path or f"{file_name(own.name)}.wav"
        if self.settings.num_basis_noise == 0:
            return denoise_line(self.settings, file, self.store.shown.marks)
        noise = self.store.shown.noise
        is_one_of_many = noise in corpus.train_noise.names and len(corpus.train_noise) > 1
        return separate_line(self.settings, file, data, noise if is_one_of_many else None)

    def copy_command(self) -> None:
        """Show that line, put it on the clipboard, and say what it takes."""
        self.command.value = self.command_line()
        self.command.layout.display = ""
        self.page.copy(self.command.value)
        own, marks = self.store.shown.recording, self.store.shown.marks
        if marks and (own is None or self.settings.num_basis_noise):
            self._tell("ready", "The line learns the noise from all of it: it takes no marks.")
        elif own is not None and own.path is None:
            name = f"{file_name(own.name)}.wav"
            self._tell("ready", f"The line is for a file: put this recording into {name} first.")
        elif own is not None and own.path is not None and not own.path.is_absolute():
            self._tell("ready", f"The line is for the folder that {showable(own.path)} is in.")
        elif own is not None and own.cut:
            self._tell("ready", "The line separates the whole file, not only what is shown here.")

    def save(self, folder: str | PathLike[str] = "output/explorer") -> list[Path]:
        """Write enhanced speech and removed noise (WAV), picture (PNG) and settings (JSON).

        Parameters
        ----------
        folder : path-like, default "output/explorer"
            Where to; made where it is missing.

        Returns
        -------
        list of Path
            The four files, in that order, and the sound (WAV) of each pin.

        Raises
        ------
        NmflabError
            If the folder can't be written.
        """
        state = self.store.shown
        source = state.recording.name if state.recording else f"{state.clip}_{state.noise}"
        facts = {
            "speech": None if state.recording else state.clip,
            "recording": state.recording.name if state.recording else None,
            "noise": state.noise,
            "noise_known": self._noise_words(state),
            "marks": [list(mark) for mark in state.marks],
            "settings": state.settings.to_dict(),
            "command": self.command_line(),
            "scores": scores_as_json(self.scores),
        }
        if self.pins:
            facts["pinned"] = self.pins.facts()
        name = f"{source}_{state.settings.nmf_mode}"
        files = save_result(folder, name, self.result, self.png(), facts)
        files += self.pins.save(folder, name)
        names = ", ".join(file.name for file in files)
        self._tell("ready", showable(f"Saved {names} in {folder}."))
        return files

    def hand_out(self) -> None:
        """Save in a folder beside the notebook, or as a download where there is no such folder."""
        if not in_dashboard():
            self.save()
            return
        with tempfile.TemporaryDirectory() as folder:
            files = self.save(folder)
            name = f"{files[0].stem}.zip"
            self.page.download(name, zipped(files))
        self._tell("ready", f"Saved {name}, with your other downloads.")
