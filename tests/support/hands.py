"""What a browser does to an explorer, done from Python."""

import threading

from nmflab.corpus import dictionaries


def drag(control, value):
    """Do to a widget what a message from the browser does."""
    key = "index" if hasattr(control, "options") else "value"
    if key == "index":
        value = [v for _, v in control._options_full].index(value)
    message = {"content": {"data": {"method": "update", "state": {key: value}}}}
    control._handle_msg(message)


def state_of(explorer):
    return explorer.status.value.split('data-state="')[1].split('"')[0]


def held_up(monkeypatch, module=dictionaries, name="train_dictionary"):
    """Make a function, by default training, wait at its first report until it is let go."""
    started, go_on, work = threading.Event(), threading.Event(), getattr(module, name)

    def slow(*arguments, progress=None, **options):
        def report(*step):
            started.set()
            assert go_on.wait(20)
            progress(*step)

        return work(*arguments, progress=report, **options)

    monkeypatch.setattr(module, name, slow)
    return started, go_on
