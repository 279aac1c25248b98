"""The project as a whole: what is installed, pinned, imported, documented and promised."""

import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import typing
import warnings
import zipfile
from pathlib import Path

import pytest
import yaml
from numpydoc.docscrape import ClassDoc, FunctionDoc
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from playwright.sync_api import sync_playwright

import nmflab
from nmflab.settings import parameters

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()

# fmt: off
PUBLIC = [
    "Settings", "Stft", "kl_divergence", "train_nmf", "encode", "ExponentialPrior", "GammaPrior",
    "wiener_gain", "train_model", "separate", "SeparationModel", "Separation", "load_model",
    "read_audio", "write_audio", "mix_at_snr", "load_corpus",
]
# fmt: on


def requirements(*extras):
    """Give the direct dependencies, those of the extras included, by canonical name."""
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][e] for e in extras)]
    found = [Requirement(line) for lines in lists for line in lines]
    return {canonicalize_name(r.name): r.specifier for r in found}


# What is installed and pinned


def test_environment_yml_is_in_step_with_pyproject():
    conda_names = {
        "soundfile": "pysoundfile",
        "soxr": "soxr-python",
        "matplotlib": "matplotlib-base",
        "dask": "dask-core",
    }
    conda = {}
    for line in yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]:
        if isinstance(line, str):
            name, _, bounds = line.partition(" ")
            conda[canonicalize_name(name)] = bounds
    python = conda.pop("python").removeprefix("=")
    assert conda.pop("pip") == ""
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    assert conda == {conda_names.get(n, n): str(bounds) for n, bounds in requirements().items()}


def test_constraints_pin_every_direct_dependency_and_hold_no_address():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [p for p in pins if not re.fullmatch(r"[a-z0-9.-]+==[0-9][a-z0-9.]*", p)] == []
    assert pins == sorted(pins, key=lambda pin: pin.encode())
    pinned = dict(pin.split("==") for pin in pins)
    for name, bounds in requirements("test", "site", "lite", "pesq").items():
        assert bounds.contains(pinned[name]), f"{name} {pinned[name]} is not {bounds}"


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == nmflab.__version__
    assert PROJECT["dynamic"] == ["version"], "it stands in nmflab/__init__.py"
    assert "version" not in PROJECT
    assert citation["license"] == PROJECT["license"]
    assert Version(nmflab.__version__)


def test_every_python_that_is_named_is_tested_and_actions_are_named_by_their_commits():
    files = list((ROOT / ".github" / "workflows").glob("*.yml"))
    steps = re.findall(
        r"uses: (\S+)(?: # v([\d.]+))?$", "\n".join(f.read_text() for f in files), re.M
    )
    assert steps
    assert [
        step for step, version in steps if not (version and re.search("@[0-9a-f]{40}$", step))
    ] == []
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    tested = set(jobs["check"]["strategy"]["matrix"]["python"])
    named = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: 3." in line}
    assert named <= tested
    assert min(tested, key=Version) == str(SpecifierSet(PROJECT["requires-python"])).strip(">=")


def test_changelog_is_ready_for_the_next_version():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    heads = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", changelog, re.MULTILINE)
    assert heads[0] == ("Unreleased", ""), "what comes next is written at the top"
    assert all(Version(name) and date for name, date in heads[1:])
    released = [Version(name) for name, _ in heads[1:]]
    assert released == sorted(released, reverse=True)
    assert all(version <= Version(nmflab.__version__) for version in released)
    kinds = re.findall(r"^### (.+)$", changelog, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def built(folder):
    """Build what is published; give wheel and sdist."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel"]
    subprocess.run([*build, "-d", str(folder)], cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.mark.slow
def test_two_builds_are_the_same_bytes_and_sources_are_whole(tmp_path):
    one, other = built(tmp_path / "one"), built(tmp_path / "other")
    assert [path.name for path in one] == [path.name for path in other]
    assert one[0].name == f"nmflab-{nmflab.__version__}-py3-none-any.whl"
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
    with tarfile.open(one[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "Makefile", "PKG-INFO"} <= names
    for folder in ("nmflab", "tests", "tools", "notebooks", "data"):
        wanted = [p for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".js", ".flac"}]
        assert {p.relative_to(ROOT).as_posix() for p in wanted} <= names
    assert not [n for n in names if "node_modules" in n or "__pycache__" in n or n[:5] == "site/"]


@pytest.mark.slow
def test_wheel_holds_code_corpus_and_notebooks(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("data/train", "data/test", "notebooks"):
        files = [p for p in (ROOT / folder).rglob("*") if p.suffix in {".flac", ".ipynb", ".md"}]
        wanted = {f"nmflab/embedded/{p.relative_to(ROOT).as_posix()}" for p in files}
        assert wanted, f"{folder} is empty"
        assert wanted <= set(names)
    assert "nmflab/py.typed" in names
    scripts = [path for path in (ROOT / "nmflab").rglob("*") if path.suffix in {".js", ".css"}]
    assert scripts
    assert {path.relative_to(ROOT).as_posix() for path in scripts} <= set(names)


def test_no_registry_host_and_no_machine_path_in_tracked_files():
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("Not in a git checkout.")
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("anaconda", "org")]
    patterns = [r"\.".join(host) for host in hosts]
    patterns.append(r"(^|[^A-Za-z0-9_.])/(work|root|home)/[A-Za-z.]")
    grep = ["git", "-c", "safe.directory=*", "grep", "-nIE", "|".join(patterns)]
    found = subprocess.run(grep, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode in (0, 1), found.stderr
    assert found.stdout == ""


# What is imported


def test_public_names():
    assert set(PUBLIC) <= set(nmflab.__all__)
    assert [name for name in nmflab.__all__ if not hasattr(nmflab, name)] == []


def test_import_is_light():
    heavy = [
        "librosa",
        "scipy.signal",
        "scipy.stats",
        "matplotlib",
        "ipywidgets",
        "sklearn",
        "numba",
        "soundfile",
        "pandas",
    ]
    command = [sys.executable, "-X", "importtime", "-c", "import nmflab"]
    trace = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    loaded = [line.rsplit("|", 1)[1].strip() for line in trace.splitlines() if "|" in line]
    assert "nmflab" in loaded
    assert [m for m in loaded if any(f"{m}.".startswith(f"{h}.") for h in heavy)] == []


# What is documented

EQUATIONS = (
    "core.nmf",
    "priors.distributions",
    "core.wiener",
    "core.stft",
    "evaluation.ratios",
    "evaluation.listeners",
)
CITATION = re.compile(r"[A-Z]\w+[^\n]{0,60}?\b(19\d\d|20[0-2]\d)\b")  # Lee and Seung (2001)
ARRAY = re.compile(r"NDArray|ndarray|ArrayLike")
SHAPE = re.compile(r"shape|\([^()]*,[^()]*\)")  # ndarray of shape (F, T), or ndarray (F, T)


def modules():
    """Import every module of the package; what is public stands in a module's ``__all__``."""
    found = pkgutil.walk_packages(nmflab.__path__, "nmflab.")
    return [importlib.import_module(m.name) for m in found if "._" not in m.name]


def documented():
    """List (qualified name, object) of all public functions, classes and methods."""
    found = {}
    for module in modules():
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if getattr(thing, "__module__", "") != module.__name__:
                continue
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found[f"{module.__name__}.{name}"] = thing
            if inspect.isclass(thing):
                for method, raw in vars(thing).items():
                    raw = getattr(raw, "__func__", raw)  # of a class or static method
                    if not method.startswith("_") and isinstance(raw, property):
                        found[f"{module.__name__}.{name}.{method}"] = raw.fget
                    elif not method.startswith("_") and inspect.isfunction(raw):
                        found[f"{module.__name__}.{name}.{method}"] = raw
    return found


def annotations(thing):
    """Map the names of the arguments, and "return", to their types, as written and as meant."""
    signature = inspect.signature(thing)
    written = {p.name: p.annotation for p in signature.parameters.values()}
    written["return"] = signature.return_annotation
    try:
        meant = typing.get_type_hints(thing.__init__ if inspect.isclass(thing) else thing)
    except NameError:  # a type that only the type checker imports
        meant = {}
    public = {n: a for n, a in written.items() if n not in {"self", "cls"} and n[0] != "_"}
    return {n: f"{a} {meant.get(n, '')}" for n, a in public.items()}


def described(doc, *sections):
    """Map the names in sections of a numpydoc docstring to the types given there."""
    entries = [entry for section in sections for entry in doc[section]]
    return {n.strip(" *"): e.type for e in entries for n in e.name.split(",")}


def missing_in(thing, owner):
    """List what the docstring of a function or class lacks."""
    if not inspect.getdoc(thing):
        return ["a docstring"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an unknown or repeated section
        own = {"show_class_members": False}  # a widget's inherited members are not ours
        doc = ClassDoc(thing, config=own) if inspect.isclass(thing) else FunctionDoc(thing)
    lacks = [] if doc["Summary"] and doc["Summary"][-1].endswith(".") else ["a summary sentence"]
    if isinstance(owner, property) or (inspect.isclass(thing) and issubclass(thing, Exception)):
        return lacks
    entries = described(doc, "Parameters", "Other Parameters", "Attributes")
    types = annotations(thing)
    returned = types.pop("return")
    for name, annotation in types.items():
        if name not in entries:
            lacks.append(f"argument {name}")
        elif ARRAY.search(annotation) and not SHAPE.search(entries[name]):
            lacks.append(f"the shape of {name}")
    if inspect.isclass(thing):
        return lacks
    lacks += [f"{name}, which is no argument," for name in entries if name not in types]
    return lacks + missing_returns(doc, returned)


def missing_returns(doc, annotation):
    """List what a function's docstring lacks on what it returns."""
    if annotation.split()[0] in {"None", "NoReturn", "Iterator[None]", "<class"}:
        return []
    returns = doc["Returns"] or doc["Yields"]
    if not returns:
        return ["what it returns"]
    shapes = [SHAPE.search(f"{r.name} {r.type}") for r in returns]
    return ["the shape it returns"] if ARRAY.search(annotation) and not any(shapes) else []


def owner_of(name):
    """Give the raw attribute behind a dotted name, so that properties can be told apart."""
    parts = name.split(".")
    depth = max(n for n in range(len(parts)) if ".".join(parts[:n]) in sys.modules)
    holder = sys.modules[".".join(parts[:depth])]
    *path, last = parts[depth:]
    for part in path:
        holder = getattr(holder, part)
    return vars(holder).get(last)


def test_every_public_name_is_documented_with_shapes():
    lacking = {n: missing_in(thing, owner_of(n)) for n, thing in documented().items()}
    lacking = {name: what for name, what in lacking.items() if what}
    assert len(documented()) >= len(PUBLIC)
    assert lacking == {}


@pytest.mark.parametrize("name", EQUATIONS)
def test_every_equation_has_a_source(name):
    module = importlib.import_module(f"nmflab.{name}")
    texts = {n: inspect.getdoc(t) or "" for n, t in documented().items() if f".{name}." in n}
    assert re.search(r"^References$", "\n".join([module.__doc__, *texts.values()]), re.MULTILINE)
    if not CITATION.search(module.__doc__):
        classes = {n for n, thing in documented().items() if inspect.isclass(thing)}
        cited = {n for n, text in texts.items() if CITATION.search(text)}
        of_class = {n for n in texts if n.rpartition(".")[0] in classes & cited}
        assert sorted(set(texts) - cited - of_class) == []


def test_citation_pattern():
    assert CITATION.search("the rule of Lee and Seung (2001)")
    assert CITATION.search("Le Roux et al. 2019")
    assert not CITATION.search("Window of 2048 samples at 16000 Hz")


# What the README promises


def test_readme_names_real_targets():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE))
    assert {"lab", "test", "check", "enhance"} <= named <= targets
    assert {"lab", "test", "check", "style", "coverage", "enhance", "help"} <= targets


def test_contributing_names_real_targets():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"check", "test", "check-js"} <= set(re.findall(r"`make ([a-z-]+)", text)) <= targets


def test_hooks_are_what_make_style_runs():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    hooks = {hook["entry"].replace(" --force-exclude", "") for hook in local["hooks"]}
    style = re.search(r"^style:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    lines = {line.strip().replace("$(BIN)", ".venv/bin") for line in style[1].splitlines()}
    assert hooks == {line.removesuffix(" .") for line in lines}
    assert {hook["language"] for hook in local["hooks"]} == {"system"}


def option_rows():
    """Map each option of the README's table to its default as written there."""
    rows = re.findall(r"^\| `([^|]*--[^|]*)` \| ([^|]*) \|", README, re.MULTILINE)
    return {spelling.split("--")[-1]: default.strip(" `") for spelling, default in rows}


def test_readme_table_of_options_holds_the_defaults():
    rows, defaults = option_rows(), nmflab.Settings().to_dict()
    shown = {
        n: v if isinstance(v, str) else str(int(v) if v == int(v) else v)
        for n, v in defaults.items()
    }
    assert {name: rows.get(name) for name in shown} == shown


def test_readme_table_of_options_says_what_is_declared():
    shown = re.findall(r"^\| `([^|]*)--(\w+)` \| [^|]* \| (.*) \|$", README, re.MULTILINE)
    rows = {name: (short.strip(), meaning.replace("`", "")) for short, name, meaning in shown}
    declared = {name: (p.short, p.in_words) for name, p in parameters().items()}
    assert {name: rows.get(name) for name in declared} == declared


def test_readme_table_of_options_matches_the_command():
    command = [sys.executable, "-m", "nmflab", "enhance", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    options = re.findall(r"^  (?:-\w[^-]*, )?--(\w+)", text, re.MULTILINE)
    assert set(options) - {"help"} == set(option_rows())


def test_readme_example_uses_public_names():
    examples = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(examples) >= 2
    for example in examples:
        assert len(example.splitlines()) <= 12
        compile(example, "README.md", "exec")
        assert set(re.findall(r"\bnl\.(\w+)", example)) <= set(nmflab.__all__)


# The browser


def run_browser_test(tmp_path, **environment):
    """Run a test marked ``browser`` in a process of its own, where there is no Chromium."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    test = "import pytest\n\n@pytest.mark.browser\ndef test_page():\n    pass\n"
    (tmp_path / "test_page.py").write_text(test)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = browser: drives a real Chromium\n")
    hidden = {"NMFLAB_CHROMIUM", "NMFLAB_REQUIRE_BROWSER"}
    clean = {k: v for k, v in os.environ.items() if k not in hidden}
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", "test_page.py"]
    return subprocess.run(
        command,
        cwd=tmp_path,
        env=clean | {"PATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_browser_tests_are_skipped_with_a_sentence_where_there_is_none(tmp_path):
    run = run_browser_test(tmp_path)
    assert run.returncode == 0
    assert "1 skipped" in run.stdout
    assert "No Chromium here" in run.stdout


@pytest.mark.slow
def test_browser_tests_fail_where_a_browser_is_required(tmp_path):
    run = run_browser_test(tmp_path, NMFLAB_REQUIRE_BROWSER="1")
    assert run.returncode == 1
    assert "No Chromium here" in run.stdout


@pytest.mark.browser
def test_chromium_runs_a_page(chromium_path):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content("<title>before</title><script>document.title = 6 * 7</script>")
        assert page.title() == "42"
        browser.close()
