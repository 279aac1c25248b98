"""The JavaScript of a widget: small modules on disk, one text for anywidget.

A browser can't resolve a relative import in the one text that anywidget sends it, so the modules
are put behind each other. They keep to a form that needs no parser: `import { a, b } from "./x.js"`
and `export` before a declaration, at the beginning of a line. All else is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from nmflab.errors import NmflabError

DECLARED = r"(?:async )?(?:function\*?|class|const|let|var) (\w+)"
IMPORT = re.compile(r'^import \{([^{}]*)\} from "\./(\w+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(rf"^export (?={DECLARED})", re.MULTILINE)
TOP_LEVEL = re.compile(rf"^(?:export (?:default )?)?{DECLARED}", re.MULTILINE)
REFUSED = re.compile(
    r"^(?:import|export)\b.*|^(?:const|let|var) [\[{].*|\bimport\s*[.(].*", re.MULTILINE
)


def linked(path: Path) -> str:
    """Put a module behind all that it imports; only its own `export default` is left.

    Raises
    ------
    NmflabError
        If a module has an import or export of another form, a name isn't exported where it is
        imported from, imports go round in a circle, or two modules declare one name.
    """
    exports: dict[Path, set[str]] = {}
    owners: dict[str, Path] = {}
    texts: list[str] = []

    def link(module: Path, importers: tuple[Path, ...]) -> None:
        if module in importers:
            raise NmflabError(f"{module.name} imports itself by way of {importers[-1].name}.")
        if module in exports:
            return
        text = module.read_text("utf-8")
        for names, file in IMPORT.findall(text):
            other = module.with_name(file)
            link(other, (*importers, module))
            if unknown := {name.strip() for name in names.split(",")} - exports[other] - {""}:
                raise NmflabError(f"{module.name}: {file} exports no {sorted(unknown)}.")
        for name in TOP_LEVEL.findall(text):
            if owners.setdefault(name, module) != module:
                raise NmflabError(f"{owners[name].name} and {module.name} both declare {name!r}.")
        exports[module] = set(EXPORT.findall(text))
        text = EXPORT.sub("", IMPORT.sub("", text))
        checked = text if importers else text.replace("\nexport default ", "\n", 1)
        if refused := REFUSED.search(checked):
            raise NmflabError(f"{module.name} can't be linked: {refused.group()!r}.")
        texts.append(text)

    link(path, ())
    return "\n".join(texts)
