"""The site's Sphinx configuration; tools/build_site.py lays out the sources and runs it."""

from importlib import metadata

from docutils import nodes

import nmflab

project = "nmflab"
author = "The nmflab authors"
copyright = "the nmflab authors, BSD 3-Clause licence; the recordings have licences of their own"
version = release = metadata.version("nmflab")
language = "en-GB"

extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx.ext.autodoc", "numpydoc"]
nb_execution_mode = "off"  # the pages show what is stored
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 3
myst_url_schemes = ["http", "https", "mailto"]
mathjax_path = "tex-svg-full.js"  # a copy in _static, one file with all letters in it

default_role = "py:obj"  # `Settings` in a docstring
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say more: shapes and units
numpydoc_show_class_members = False

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "nmflab"
html_static_path = ["static"]
html_css_files = ["nmflab.css", "recorded/widgets.css"]
html_show_sphinx = False
html_copy_source = html_use_index = False
html_show_search_summary = False  # a page from the disk may not read another
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}


def describe_pictures(app, doctree):
    """Give each stored picture a description, and say of a stored explorer that it is one."""
    for image in list(doctree.findall(nodes.image)):
        output = image.parent.parent  # picture and text of one output
        if image.get("alt") or output.get("nb_element") != "mime_bundle":
            continue
        section = output
        while not isinstance(section, nodes.section):
            section = section.parent
        said = next((text.astext() for text in output.findall(nodes.literal_block)), "<")
        if said.startswith("<"):  # <Figure size ...>
            image["alt"] = f"Figure of “{section[0].astext()}”, which the text describes."
        else:
            image["alt"] = said
            note = "A picture of the live explorer: open the notebook in JupyterLab to move it."
            output.parent.append(nodes.paragraph("", note, classes=["live"]))


def keep_punctuation(app, doctree):
    """Let no line begin with the comma that follows a formula."""
    for formula in list(doctree.findall(nodes.math)):
        place = formula.parent.index(formula) + 1
        text = formula.parent[place] if place < len(formula.parent) else None
        if isinstance(text, nodes.Text) and text[0] in ",.;:)?’":
            mark = len(text) - len(text.lstrip(",.;:)?’"))
            together = nodes.inline("", "", formula.deepcopy(), nodes.Text(text[:mark]))
            together["classes"].append("nobreak")
            formula.parent[place - 1 : place + 1] = [together, nodes.Text(text[mark:])]


def find_name(app, env, node, shown):
    """Lead from a name as docstrings write it to its place; what has none stays plain."""
    name = node.get("reftarget", "")
    public = getattr(nmflab, name.removeprefix("nmflab."), None)
    if node.get("reftype") != "obj":
        return None
    python = env.get_domain("py")
    if hasattr(public, "__qualname__"):
        name = f"{public.__module__}.{public.__qualname__}"
    found = [at for at in python.objects if at == name or at.endswith(f".{name}")]
    if len(found) != 1:
        return shown
    place = node.get("refdoc")
    return python.resolve_xref(env, place, app.builder, "obj", found[0], node, shown) or shown


def keep_bars(app, what, name, thing, options, lines):
    """Let |X| in a docstring be a magnitude, which it always is, and no substitution."""
    for i, line in enumerate(lines):
        if "``" not in line:
            lines[i] = line.replace("|", "\\|")


def setup(app):
    """Connect them."""
    app.connect("doctree-read", describe_pictures)
    app.connect("doctree-read", keep_punctuation)
    app.connect("missing-reference", find_name)
    app.connect("autodoc-process-docstring", keep_bars)
