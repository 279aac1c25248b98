"""JavaScript modules put behind each other: in which order, and what is refused."""

from pathlib import Path

import pytest

import nmflab
from nmflab import NmflabError
from nmflab.explorer.widgets.modules import linked

WIDGETS = Path(nmflab.__file__).parent / "explorer" / "widgets"


@pytest.fixture
def write(tmp_path):
    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.js").write_text(text)
        return tmp_path / "main.js"

    return write


def test_each_module_stands_once_behind_what_it_imports(write):
    main = write(
        main='import {\n  a,\n  b,\n} from "./left.js";\nimport { c } from "./right.js";\n'
        "\nexport default a + b + c;\n",
        left='import { c } from "./right.js";\nexport const a = c;\nexport function b() {}\n',
        right="export const c = 1;\n",
    )
    lines = [line for line in linked(main).splitlines() if line]
    assert lines == [
        "const c = 1;",
        "const a = c;",
        "function b() {}",
        "export default a + b + c;",
    ]


def test_comments_may_speak_of_imports(write):
    text = '/** @import { T } from "./types.d.ts" */\n// export it\nexport default 1;\n'
    assert linked(write(main=text)) == text


@pytest.mark.parametrize(
    "text",
    [
        'import a from "./other.js";',
        'import * as other from "./other.js";',
        'import { a as b } from "./other.js";',
        'import { missing } from "./other.js";',
        'import { hidden } from "./other.js";',
        'import { a } from "https://example.org/other.js";',
        'import { a } from "../other.js";',
        'import "./other.js";',
        'const other = await import("./other.js");',
        "const here = import.meta.url;",
        "export { x };",
        'export * from "./other.js";',
        "export const { x } = {};",
        "export default 1;\nexport default 2;",
    ],
)
def test_other_forms_are_refused(write, text):
    main = write(main=f"{text}\n", other="export const a = 1;\nconst hidden = 2;\n")
    with pytest.raises(NmflabError, match=r"main\.js"):
        linked(main)


def test_only_the_first_module_has_a_default_export(write):
    main = write(main='import { a } from "./other.js";\n', other="export const a = 1;\n")
    linked(main)
    (main.parent / "other.js").write_text("export const a = 1;\nexport default a;\n")
    with pytest.raises(NmflabError, match=r"other\.js can't be linked"):
        linked(main)


@pytest.mark.parametrize("kind", ["const x = 1;", "function x() {}", "class x {}", "let x;"])
def test_two_modules_may_not_declare_one_name(write, kind):
    imports = 'import { a } from "./other.js";\n'
    main = write(main=f"{imports}export async function x() {{}}\n", other=f"export let a;\n{kind}")
    with pytest.raises(NmflabError, match=r"other\.js and main\.js both declare 'x'"):
        linked(main)


def test_circles_are_refused(write):
    main = write(
        main='import { a } from "./other.js";\nexport const b = 1;\n',
        other='import { b } from "./main.js";\nexport const a = 1;\n',
    )
    with pytest.raises(NmflabError, match=r"main\.js imports itself by way of other\.js"):
        linked(main)


@pytest.mark.parametrize(
    "name", ["auxiliary", "canvas", "player", "predict", "recorder", "page", "picture"]
)
def test_the_widgets_can_be_linked(name):
    text = linked(WIDGETS / f"{name}.js")
    assert text.count("\nexport ") == text.count("\nexport default ") == 1
    assert "\nimport " not in text
