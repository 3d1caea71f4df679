"""Markup that would run, load or submit something in a page, in every place that can hold it.

Each calls ``pwn`` if it runs. What honest students show is beside it.
"""

from nbformat import NotebookNode, from_dict, v4

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Erk"
    "Jggg=="
)
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='pwn()'><script>pwn()</script></svg>"

HTML = [
    "<script>pwn()</script>",
    "<script src='https://elsewhere.test/x.js'></script>",
    "<img src=x onerror=pwn()>",
    "<img src='https://elsewhere.test/pixel.png'><img src=/logout>",
    "<iframe srcdoc='<script>parent.pwn()</script>'></iframe>",
    "<iframe src='javascript:parent.pwn()'></iframe><embed src='javascript:parent.pwn()'>",
    "<object data='https://elsewhere.test/x'></object><video src='https://elsewhere.test/v'></video>",
    SVG,
    "<svg><animate onbegin=pwn() attributeName=x dur=1s></svg><svg/onload=pwn()>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=pwn()>#x'></use></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=pwn()></style></mglyph></table></math>",
    "<style>@import url('https://elsewhere.test/x.css'); body {display: none}</style>",
    "<link rel=stylesheet href='https://elsewhere.test/y.css'><base href='https://elsewhere.test'>",
    "<div style=\"background: url('https://elsewhere.test/b.png'); position: fixed; inset: 0\">",
    "<meta http-equiv=refresh content='0;url=https://elsewhere.test/moved'>",
    "<form id=f action='https://elsewhere.test/f'><button class=full-credit>b</button></form>",
    "<details open ontoggle=pwn()><summary>s</summary></details><body onload=pwn()>",
    "<input autofocus onfocus=pwn()><select autofocus onfocus=pwn()><a id=x tabindex=1 autofocus",
    "<a class=live href='javascript:pwn()'>x</a><a class=live href=' jav&#x09;ascript:pwn()'>y</a>",
    "<a class=live href='data:text/html,<script>pwn()</script>'>z</a>",
    "<p data-toggle=tooltip data-html=true title='<img src=x onerror=pwn()>'>t</p>",
    "<noscript><p title='</noscript><img src=x onerror=pwn()>'></noscript>",
    "<textarea><p title='</textarea><img src=x onerror=pwn()>'></textarea>",
    "<!--><img src=x onerror=pwn()>--><![CDATA[<img src=x onerror=pwn()>]]>",
    "<template><script>pwn()</script></template><xmp><img src=x onerror=pwn()></xmp>",
    "</pre></div></div><script>pwn()</script>",
]
MARKDOWN = [
    *HTML,
    "[x](javascript:pwn()) [y](&#106;avascript:pwn()) [z](<javascript:pwn()>)",
    "[x](\njavascript:pwn()) [y](java\tscript:pwn()) <javascript:pwn()>",
    "[x][r] ![p][r] ![q]\n\n[r]: javascript:pwn()\n[q]: https://elsewhere.test/q.png",
    "> [x][s]\n>\n> [s]:\n>   javascript:pwn()",
    "![x](https://elsewhere.test/i.png) ![y](/logout) ![z](x.png' onerror='pwn())",
    "![a](attachment:a.svg) ![b](attachment:b.png) ![c](attachment:missing.png)",
    "```mermaid\n<img src=x onerror=pwn()>\n```",
    '```"><img src=x onerror=pwn()>\n```',
    '`<b title="`<img src=x onerror=pwn()>">',
    '<div title="a\n\n" onclick=pwn()>b</div>\n\n[x](<onmouseover=pwn()>)',
    "<b title='&#93;(javascript:pwn())'>[x</b>",
    "$\\href{javascript:pwn()}{x}$ $$\\text{<img src=x onerror=pwn()>}$$ $<b onclick=pwn()>$",
    "\\begin{a}<script>pwn()</script>\\end{a} $\\style{background:url(//elsewhere.test)}{x}$",
    "<\x00script>pwn()</script><\x0cimg src=x onerror=pwn()>",
    "# score-of-a-cell\n\n<h1 id=score>x</h1>",
]
BUNDLES: list[dict[str, object]] = [
    *({"text/html": html} for html in HTML),
    {"text/html": ["<scr", "ipt>pwn()</script>"]},
    {"application/javascript": "pwn()", "text/plain": "x"},
    {"image/svg+xml": SVG},
    {"text/markdown": "\n\n".join(MARKDOWN)},
    {"text/latex": "</script><script>pwn()</script>$\\href{javascript:pwn()}{x}$"},
    {"text/vnd.mermaid": "<img src=x onerror=pwn()>"},
    {"image/png": '"><script>pwn()</script>', "text/plain": "x"},
    {"image/jpeg": ['" onerror="', 'pwn()"'], "text/plain": "x"},
    {"application/vnd.jupyter.widget-view+json": {"model_id": "</script><script>pwn()</script>"}},
    {"application/json": {"a": [float("nan"), "</script><script>pwn()</script>"]}},
    {"text/plain": "<script>pwn()</script>\x1b]8;;javascript:pwn()\x07x\x1b[31m<b onclick=pwn()>"},
]
METADATA = {
    "image/png": {"width": '1"><script>pwn()</script>', "alt": '"><script>pwn()</script>'},
    "text/html": {"isolated": True},
    "filenames": {"image/png": "../../../escaped.png"},
}


def hostile() -> NotebookNode:
    """Return a notebook with all of it."""
    cells = [v4.new_markdown_cell(text) for text in MARKDOWN]
    for cell in cells:
        cell.attachments = from_dict(
            {
                "a.svg": {"image/svg+xml": SVG},
                "b.png": {"image/png": '" onerror="pwn()', "text/html": "<script>pwn()</script>"},
            }
        )
    outputs = [v4.new_output("display_data", data, metadata=METADATA) for data in BUNDLES]
    name = "<img src=x onerror=pwn()>"
    outputs.append(v4.new_output("stream", text="<script>pwn()</script>"))
    outputs.append(v4.new_output("error", ename=name, evalue=name, traceback=[name]))
    code = v4.new_code_cell("'</pre><script>pwn()</script>'", outputs=outputs)
    code.metadata |= {
        "tags": ["<script>pwn()</script>"],
        "nbgrader": {"grade_id": '"><script>pwn()'},
    }
    cells += [code, v4.new_raw_cell("<script>pwn()</script><div id=score class=score>x</div>")]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    state = {
        "application/vnd.jupyter.widget-state+json": {"state": "</script><script>pwn()</script>"}
    }
    metadata = {"title": "</title><script>pwn()</script>", "widgets": state}
    return v4.new_notebook(cells=cells, metadata=metadata)


TABLE = (
    '<table border="1" class="dataframe"><tr style="text-align: right;"><td>7.5</td></tr></table>'
)
TRACEBACK = "\x1b[0;31mValueError\x1b[0m: shapes (3,) and (4,)"


def honest() -> NotebookNode:
    """Return a notebook with what students show: a picture, a table, colours, formulas."""
    outputs = [
        v4.new_output("display_data", {"image/png": PIXEL, "text/plain": "<Figure>"}),
        v4.new_output("execute_result", {"text/html": TABLE, "text/plain": "7.5"}),
        v4.new_output("stream", name="stderr", text="100%|██████████| 10/10"),
        v4.new_output("display_data", {"text/latex": "$\\displaystyle \\frac{1}{2}$"}),
        v4.new_output("error", ename="ValueError", evalue="shapes", traceback=[TRACEBACK]),
    ]
    text = "Because **$a < b$** and `x[0](y)`:\n\n$$\\sum_i x_i$$\n\n![p](attachment:p.png)"
    text += f"![q](data:image/png;base64,{PIXEL})"
    written = v4.new_markdown_cell(text, attachments={"p.png": {"image/png": PIXEL}})
    cells = [v4.new_code_cell("show()", outputs=outputs), written]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return v4.new_notebook(cells=cells)
