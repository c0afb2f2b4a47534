"""What students may put into a notebook for whoever opens its page: a table, made of places and contents.

What runs says `steal(…)`, and what loads goes to `steal.example` or to the server that shows the page.
"""

from nbformat import from_dict

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
STEAL = "<script>steal('html')</script>"

# Addresses that no link and no picture may have. The prefix `files/` is what nbgrader's templates take away.
ADDRESSES = [
    "javascript:steal(1)",
    "JaVaScRiPt:steal(1)",
    "java&#9;script:steal(1)",
    "java&NewLine;script:steal(1)",
    "javas\tcript:steal(1)",
    "&#106;avascript:steal(1)",
    "&#x6A;avascript&colon;steal(1)",
    "&#14; javascript:steal(1)",
    "%6Aavascript:steal(1)",
    "\x01javascript:steal(1)",
    "files/javascript:steal(1)",
    "/files/javascript:steal(1)",
    "files/files/javascript:steal(1)",
    "files/files/files/javascript:steal(1)",
    "/files//files/javascript:steal(1)",
    "files/java&#10;script:steal(1)",
    "files/JAVASCRIPT:steal(1)",
    "files/&#106;avascript:steal(1)",
    "&#102;iles/javascript:steal(1)",
    "files/data:text/html,<script>steal(1)</script>",
    "data:text/html,<script>steal(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5zdGVhbCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='steal(1)'/>",
    "data:image/png,<script>steal(1)</script>",
    "vbscript:steal(1)",
    "view-source:javascript:steal(1)",
    "blob:steal",
    "//steal.example/x.png",
    "\\\\steal.example\\x.png",
    "/\\steal.example/x.png",
    "http:x.png",
    "figure3.html",
    "files/figure3.svg",
    "../../api/terminals",
    "/api/contents/gradebook.db",
    "?token=x",
    "file:///etc/passwd",
    "attachment:none.png",
    "attachment:svg.svg",
    "attachment:quote.png",
]
LINKS = [
    "[a]({})",
    "[a](<{}>)",
    "[a][r]\n\n[r]: {}",
    "<{}>",
    "![a]({})",
    '<a href="{}">a</a>',
    "<a href='{}' >a</a>",
    "<a\nhref={}>a</a>",
    '<img alt="a" src="{}">',
    '<p title="[b]({})">[a]({} "t")</p>',
]
PLACES = [
    '<svg width="9" height="9"><a xlink:href="{}"><text y="9">a</text></a></svg>',
    '<svg><image href="{}"></image><use href="{}"></use></svg>',
    '<math href="{}"><mtext>a</mtext></math>',
    '<map name="m"><area href="{}" shape="default"></map><img usemap="#m">',
    '<form action="{}"><button>a</button></form>',
    '<button formaction="{}">a</button>',
    '<input type="image" src="{}">',
    '<iframe src="{}"></iframe>',
    '<object data="{}"></object>',
    '<embed src="{}">',
    '<link rel="stylesheet" href="{}">',
    '<link rel="prefetch" href="{}">',
    '<base href="{}">',
    '<meta http-equiv="refresh" content="0;url={}">',
    '<video poster="{}" src="{}" autoplay></video>',
    '<audio src="{}" autoplay></audio>',
    '<picture><source srcset="{}"><img alt="a"></picture>',
    '<img alt="a" srcset="{}">',
    '<img alt="a" lowsrc="{}" dynsrc="{}">',
    '<table background="{}"><tr><td background="{}">a</td></tr></table>',
    "<p style=\"background: url('{}')\">a</p>",
    "<p style=\"list-style-image: url('{}'); content: url('{}')\">a</p>",
    "<style>@import '{}'; p {{ background: url('{}') }}</style>",
    '<q cite="{}">a</q><blockquote cite="{}">a</blockquote>',
    '<a ping="{}" href="https://example.org">a</a>',
    '<script src="{}"></script>',
    '<body background="{}">a',
    '<applet code="{}"></applet>',
    '<frameset><frame src="{}"></frameset>',
    '<portal src="{}"></portal>',
]
OUTSIDE = ["javascript:steal(1)", "https://steal.example/x.png", "/api/contents/gradebook.db", "figure3.html"]
HTML = [
    STEAL,
    "<ScRiPt >steal(1)</sCrIpT>",
    "<script\n>steal(1)",
    "<script type=module>steal(1)</script>",
    "<script type='text/x-mathjax-config'>steal(1)</script>",
    "<script type='math/tex'>\\href{javascript:steal(1)}{a}</script>",
    "<svg><script>steal(1)</script></svg>",
    "<svg><animate onbegin='steal(1)' attributeName='x' dur='1s'></svg>",
    "<svg><set attributeName='href' to='javascript:steal(1)'></svg>",
    "<svg><style><img src=x onerror=steal(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=steal(1)&gt;'>",
    "<math><mi><mglyph><svg><mtext><style><path id='</style><img onerror=steal(1) src>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=steal(1)>",
    "<noscript><p title='</noscript><img src=x onerror=steal(1)>'>",
    "<svg></p><style><a id='</style><img src=1 onerror=steal(1)>'>",
    "<textarea><p title='</textarea><img src=x onerror=steal(1)>'>",
    "<xmp><p title='</xmp><img src=x onerror=steal(1)>'>",
    "<title><p title='</title><img src=x onerror=steal(1)>'>",
    "<!--><img src=x onerror=steal(1)>-->",
    "<!-- --!><img src=x onerror=steal(1)> -->",
    "<![CDATA[<img src=x onerror=steal(1)>]]>",
    "<?xml <img src=x onerror=steal(1)> ?>",
    "<template><img src=x onerror=steal(1)></template>",
    "<template shadowrootmode=open><img src=x onerror=steal(1)></template>",
    "<<script>steal(1)//<</script>",
    "<img/src=x/onerror=steal(1)>",
    "<img src='x'onerror='steal(1)'>",
    "<img src=x onerror\x00=steal(1)>",
    "<im\x00g src=x onerror=steal(1)>",
    "<b title='`' onmouseover=steal(1)>a</b>",
    "<p title='\"><img src=x onerror=steal(1)>'>a</p>",
    "<p title='&quot;&gt;&lt;img src=x onerror=steal(1)&gt;'>a</p>",
    "&lt;img src=x onerror=steal(1)&gt;",
    "&amp;lt;script&amp;gt;steal(1)&amp;lt;/script&amp;gt;",
    "\ud800<img src=x onerror=steal(1)>",
    "\u202e<b>a</b>",
    "`<img src=x onerror=steal(1)>`",
    "```\n<img src=x onerror=steal(1)>\n```",
    '```python"><img/src=x/onerror=steal(1)>\na\n```',
    "```mermaid\n<img src=x onerror=steal(1)>\nclick A call steal()\n```",
    "| a |\n|---|\n| <img src=x onerror=steal(1)> |",
    "# <img src=x onerror=steal(1)>",
    "- [ ] <img src=x onerror=steal(1)>",
    "![<img src=x onerror=steal(1)>](x)",
    '[a](https://example.org "\'><img src=x onerror=steal(1)>")',
    "[<img src=x onerror=steal(1)>](https://example.org)",
    "<https://example.org/'onmouseover='steal(1)>",
    "https://example.org/'onmouseover='steal(1)",
    "$<img src=x onerror=steal(1)>$",
    "$$</p><script>steal(1)</script>$$",
    "\\begin{align}<script>steal(1)</script>\\end{align}",
    "{{ ''.__class__ }}{% include '/etc/passwd' %}",
]
# What one parser takes for a text and another for a tag: in other languages, in quotes, in comments, or when
# what was made of it is read a second time.
PARSED_TWICE = [
    "<svg><![CDATA[><img src=x onerror=steal(1)>]]></svg>",
    "<svg><annotation-xml><foreignobject><style><!--</style><p id='--><img src=x onerror=steal(1)>'>",
    "<math><annotation-xml encoding='text/html'><style><a title='</style><img src=x onerror=steal(1)>'>",
    "<svg><title><style><!--</style><img title='--&gt;&lt;img src=x onerror=steal(1)&gt;'>",
    "<svg><desc><p><style><a title='</style></svg><img src=x onerror=steal(1)>'>",
    "<table><tr><td><svg><style><td title='</style><img src=x onerror=steal(1)>'>",
    "<table><caption><svg><title></caption></svg></title><img src=x onerror=steal(1)>",
    "<math></p><style><!--</style><img src=x onerror=steal(1)>--></style></math>",
    "<select><template><style><!--</style><a rel='--></style></template><img src=x onerror=steal(1)>'>",
    "<noscript><style></noscript><img src=x onerror=steal(1)>",
    "<template><style></template><img src=x onerror=steal(1)>",
    *(
        f"<{name}><p title='</{name}><img src=x onerror=steal(1)>'>"
        for name in ("iframe", "listing", "noembed", "noframes", "script", "select", "style", "template")
    ),
    "<plaintext><img src=x onerror=steal(1)>",
    f"{'<div>' * 520}<svg><style><a title='</style><img src=x onerror=steal(1)>'>",
    f"{'<b title=1>' * 80}<math><mtext><p><style><a title='</style><img src=x onerror=steal(1)>'>",
    "<style>a{}</style><img src=x onerror=steal(1)>",
    "<style><p title='</style><img src=x onerror=steal(1)>'>",
    "<style a='>'><img src=x onerror=steal(1)></style>",
    "<!-- <p title='--><img src=x onerror=steal(1)>'> -->",
    "<p title='<!--'><img src=x onerror=steal(1)><p title='-->'>",
    "<!---><img src=x onerror=steal(1)>-->",
    "<!--x--!><img src=x onerror=steal(1)>-->",
    "<!-<p title='-->'><img src=x onerror=steal(1)>",
    "<!doctype '<p title='><img src=x onerror=steal(1)>'>",
    "</><img src=x onerror=steal(1)></ ><img src=x onerror=steal(1)>",
    "</p title='><img src=x onerror=steal(1)>'>",
    "<p title=a'b><img src=x onerror=steal(1)>'>",
    "<p title = 'a'onclick='steal(1)'>a</p>",
    "<p/title='a'/onclick='steal(1)'/>a</p>",
    "<p =title='><img src=x onerror=steal(1)>'>",
    "<p\x0bonclick='steal(1)'>a</p>",
    "<p\xa0title='><img src=x onerror=steal(1)>'>a</p>",
    "<p title='a' title='b' onclick='steal(1)' ONCLICK='steal(2)'>a</p>",
    f"<p {' '.join(f'a{number}' for number in range(40))} onclick='steal(1)'>a</p>",
    "<ſvg onload=steal(1)>",
    "<ſpan title='><img src=x onerror=steal(1)>'>a",
    "<Kbd title='><img src=x onerror=steal(1)>'>a",
    "<a href='httpſ://steal.example'>a</a><a href='maılto:a'>a</a>",
    "<a href='https://example.org'><a href='javascript:steal(1)'><p><a onclick='steal(1)'>a",
    "<table><a href='javascript:steal(1)'><tr><a onclick='steal(1)'><img src=x onerror=steal(1)>",
    "<x-a href='javascript:steal(1)' onclick='steal(1)'>a</x-a><x-b onclick='steal(1)'>a</x-b>",
    "<b title='<x-b onclick=steal(1)>'>a</b><x-x-b>a</x-x-b></x-<img src=x onerror=steal(1)>",
    "<p title='&quot; onmouseover=&quot;steal(1)'>a</p><p title='&NewLine;&#0;&#x1F;&#xD800;`'>a</p>",
    "<p style='text-align:left&#125;*&#123;position:fixed'>a</p>",
    "<a id=MathJax></a><a id=MathJax name=startup href='https://example.org'>a</a>",
    "<form id=toc><input name=attributes><input name=parentNode></form><img name=getElementById>",
    "$\\hr<!-- -->ef{javascript:steal(1)}{a}$",
    "$\\hr<!---->ef{javascript:steal(1)}{a}$ $\\hr</b>ef{javascript:steal(1)}{a}$",
    "<p title='<pre>'>$\\href{javascript:steal(1)}{a}$</p><pre></pre>",
    "<p title='&lt;code'>$\\href{javascript:steal(1)}{a}$</p><code></code>",
    "<code><code>a</code>$\\href{javascript:steal(1)}{a}$</code>",
    "$\\&#104;ref{javascript:steal(1)}{a}$ &#36;&#92;href{javascript:steal(1)}{a}&#36;",
]
HANDLERS = [
    *(
        "onclick",
        "onmouseover",
        "onmouseenter",
        "onfocus autofocus tabindex=1",
        "onpointerover",
        "ontoggle open",
    ),
    *(
        "onanimationstart style='animation: a 1s'",
        "ontransitionend",
        "onwheel",
        "oncopy",
        "onload",
        "onerror",
    ),
    *(
        "onbeforematch",
        "onscrollend",
        "onauxclick",
        "oncontentvisibilityautostatechange",
        "ONCLICK",
        "onclick\n",
    ),
]
ELEMENTS = [
    *("a", "b", "details", "div", "img src=x", "table", "td", "h1", "input", "button", "select", "marquee"),
    *("video", "audio", "svg", "math", "body", "dialog open", "x-unknown", "iframe", "style", "keygen"),
]
# What stands over the page, or is taken for a part of it: the score says otherwise, a button is another one.
CLASSES = [
    *("modal show", "modal in", "navbar-fixed-top", "navbar navbar-default navbar-fixed-bottom", "affix"),
    *(
        "full-credit",
        "no-credit",
        "mark-graded",
        "score tabbable",
        "extra-credit",
        "comment",
        "help",
        "panel-heading",
    ),
    *("modal-backdrop in", "dropdown-backdrop", "sr-only", "tooltip in", "popover show", "carousel-caption"),
    *(
        "nbgrader_cell",
        "name-hidden",
        "btn btn-success full-credit",
        "pull-right",
        "container-fluid",
        "highlight x",
    ),
]
STYLES = [
    "position: fixed; top: 0; left: 0; width: 100vw; height: 100vh; background: white; z-index: 9999",
    "position: absolute; top: -9999px; left: -9999px; width: 99999px; height: 99999px; background: red",
    "margin-top: -400px; height: 400px; background: white; position: relative",
    "transform: translateY(-300px) scale(50); background: red",
    "height: 2000000px",
    "width: 2000000px",
    "box-shadow: 0 0 0 9999px red",
    "outline: 9999px solid red",
    "font-size: 9999px",
    "text-indent: -9999px; line-height: 99999",
    "color: expression(steal(1)); behavior: url(https://steal.example/x); -moz-binding: url(x)",
    "text-align: left; position: fixed; inset: 0",
    "text-align: center; background: u\\72l(https://steal.example/x)",
    "/**/position:/**/fixed;inset:0",
]
BROKEN = [
    "</div></div></div></div></div></div><h4>ps (Score: 100.0 / 100.0)</h4>",
    "</p></td></tr></table></body></html><h4>ps (Score: 100.0 / 100.0)</h4>",
    "<table><tr><td>",
    "<!--",
    "<style>",
    "<script>",
    "<textarea>",
    "<title>",
    "<plaintext>",
    "<select><option>",
    "<b><i><u>" * 50,
    "<b><i><u>" * 30,
    "<div>" * 200,
    "<div>" * 90,
    "<details><summary>" * 45,
    "> " * 60 + "a",
    "<a href='https://example.org'>",
    "<img title='",
    "```",
    "[" * 400,
]
FORMULAS = [
    r"\href{javascript:steal(1)}{a}",
    r"\href{files/javascript:steal(1)}{a}",
    r"\href{/api/terminals}{a}",
    r"\href {data:text/html,<script>steal(1)</script>}{a}",
    r"\let\go\href \go{javascript:steal(1)}{a}",
    r"\def\go{\href}\go{javascript:steal(1)}{a}",
    r"\newcommand{\go}[1]{\href{#1}{a}}\go{javascript:steal(1)}",
    r"\csname href\endcsname{javascript:steal(1)}{a}",
    r"\style{position: fixed; inset: 0; background: white; z-index: 9999}{a}",
    r"\style{background: url(https://steal.example/x)}{a}",
    r"\class{full-credit}{a}",
    r"\class{modal show}{a}",
    r"\cssId{toc}{a}",
    r"\data{toggle=modal}{a}",
    r"\bbox[border: 1px solid; position: fixed; inset: 0]{a}",
    r"\bbox[red, 9999px]{a}",
    r"\require{html}\href{javascript:steal(1)}{a}",
    r"\require{[https://steal.example]/x}",
    r"\unicode[https://steal.example]{x41}",
    r"\mmlToken{mi}[href='javascript:steal(1)']{a}",
    r"\mmlToken{mi}[class='full-credit' style='position:fixed;inset:0']{a}",
    r"\mmlToken{mi}[onclick='steal(1)']{a}",
    r"\smash{\rlap{\rule[-9000em]{9000em}{18000em}}}",
    r"\rule{100000em}{100000em}",
    r"\Rule{100000em}{100000em}{100000em}",
    r"\raise 500em {\rule{50em}{50em}}",
    r"\hspace{-500em}\rule{500em}{500em}",
    r"\kern-500em\lower-500em\hbox{\rule{500em}{500em}}",
    r"\Huge{\Huge{a}}",
    r"\color{red;position:fixed}{a}",
    r"\colorbox{url(https://steal.example/x)}{a}",
    r"\fcolorbox{red;inset:0}{white}{a}",
    r"\texttip{a}{b}",
    r"\toggle{a}{b}\endtoggle",
    r"\includegraphics{https://steal.example/x.png}",
    r"\text{<img src=x onerror=steal(1)>}",
    r"\label{toc}\tag{a}\ref{toc}",
    r"\setOptions{x}",
    r"\def\a{\a\a}\a",
    r"\begin{matrix}" + r"a\\" * 200 + r"\end{matrix}",
]
MIMES = [
    *("text/html", "text/markdown", "text/latex", "text/plain", "image/svg+xml", "image/png", "image/jpeg"),
    *("application/javascript", "application/json", "text/vnd.mermaid", "application/pdf", "text/x-unknown"),
    *("application/vnd.jupyter.widget-view+json", "application/vnd.plotly.v1+json", "application/xhtml+xml"),
]


def new_cell(kind, source, **fields):
    """A cell as a file may hold it, valid or not."""
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return from_dict({"cell_type": kind, "source": source, "metadata": {}} | code | fields)


def new_output(kind, data=None, **fields):
    shown = {} if data is None else {"data": data, "metadata": {}}
    return {"output_type": kind} | shown | fields


def cells():
    """Cells of a student: list of (what it is, cell)."""
    texts = [(f"{link!r} to {to!r}", link.replace("{}", to)) for link in LINKS for to in ADDRESSES]
    texts += [(f"{place!r} to {to!r}", place.format(to, to)) for place in PLACES for to in OUTSIDE]
    texts += [(text[:80], text) for text in HTML + PARSED_TWICE + BROKEN]
    texts += [(f"{on} on {one}", f"<{one} {on}='steal(1)'>a") for on in HANDLERS[:3] for one in ELEMENTS]
    texts += [(f"{on} on <b>", f"<b {on}='steal(1)'>a</b>") for on in HANDLERS]
    texts += [
        (f"class {name}", f'<div class="{name}" id="toc" name="top">100 / 100</div>') for name in CLASSES
    ]
    texts += [(f"link of class {name}", f'<a class="{name}" href="#x">100 / 100</a>') for name in CLASSES]
    texts += [(f"style {style}", f'<div style="{style}">100 / 100</div>') for style in STYLES]
    texts += [(f"formula {text[:60]}", f"A ${text}$ b") for text in FORMULAS]
    texts += [(f"display {text[:60]}", f"$${text}$$") for text in FORMULAS]
    attachments = {
        "svg.svg": {"image/svg+xml": "PHN2ZyBvbmxvYWQ9J3N0ZWFsKDEpJy8+"},
        "quote.png": {'image/png" onerror="steal(1)': 'x" onerror="steal(1)'},
    }
    made = [(what, new_cell("markdown", text, attachments=attachments)) for what, text in texts]
    return made + code_cells()


def code_cells():
    outputs = []
    for mime in MIMES:
        for text in (STEAL, "<img src=x onerror=steal(1)>", '"><img src=x onerror=steal(1)>'):
            outputs.append((mime, new_output("display_data", {mime: text})))
        outputs.append((f"{mime} of no text", new_output("display_data", {mime: {"steal": [STEAL]}})))
    outputs += [(text[:60], new_output("display_data", {"text/html": text})) for text in HTML + PARSED_TWICE]
    texts = [*BROKEN, FORMULAS[0], FORMULAS[22], "[a](files/javascript:steal(1))"]
    for text in [*texts, f'<div style="{STYLES[0]}">1</div>']:
        for mime in ("text/html", "text/markdown", "text/latex"):
            outputs.append(
                (f"{mime} {text[:40]}", new_output("execute_result", {mime: text}, execution_count=1))
            )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" onload="steal(1)">{STEAL}</svg>'
    outputs.append(("svg", new_output("display_data", {"image/svg+xml": svg, "text/plain": "a"})))
    isolated = {"text/html": {"isolated": True}}
    outputs.append(("a frame", new_output("display_data", {"text/html": STEAL}, metadata=isolated)))
    for name, value in (
        ("width", "1 onerror=steal(1) x"),
        ("height", "1 onload=steal(1)"),
        ("width", 99999999),
        ("alt", '"><img src=x onerror=steal(1)>'),
        ("unconfined", True),
    ):
        for data in (PIXEL, "broken"):
            told = {"image/png": {name: value}}
            outputs.append((f"size {value}", new_output("display_data", {"image/png": data}, metadata=told)))
    elsewhere = {"filenames": {"image/png": "https://steal.example/x.png"}}
    outputs.append(("a file", new_output("display_data", {"image/png": PIXEL}, metadata=elsewhere)))
    texts = [
        STEAL,
        f"\x1b[31m{STEAL}\x1b[0m",
        "\x1b]8;;javascript:steal(1)\x07a\x1b]8;;\x07",
        "\x1b[38;2;1;2;3m<b>",
        "\ud800",
    ]
    texts += [
        "\x1b[1;31;40m<img src=x onerror=steal(1)>",
        "a\x00b\x08\x7f",
        "$\\href{javascript:steal(1)}{a}$",
    ]
    for text in texts:
        outputs.append((f"stream {text!r}", new_output("stream", name="stdout", text=text)))
        outputs.append((f"stderr {text!r}", new_output("stream", name="stderr", text=text)))
        error = new_output("error", ename=text, evalue=text, traceback=[text])
        outputs.append((f"error {text!r}", error))
    made = [(f"output {what}", new_cell("code", "show()", outputs=[output])) for what, output in outputs]
    for text in [
        STEAL,
        "</pre></div><img src=x onerror=steal(1)>",
        "%%html\n" + STEAL,
        "# \ud800",
        "a" * 30_000,
    ]:
        made.append((f"code {text[:40]!r}", new_cell("code", text)))
        made.append((f"raw {text[:40]!r}", new_cell("raw", text)))
        made.append(
            (f"raw html {text[:40]!r}", new_cell("raw", text, metadata={"raw_mimetype": "text/html"}))
        )
    for metadata in (
        {"tags": ["x modal show", '"><img src=x onerror=steal(1)>']},
        {"tags": "modal"},
        {"magics_language": '"><img src=x onerror=steal(1)>'},
        {"collapsed": STEAL, "scrolled": STEAL, "title": STEAL, "name": STEAL},
    ):
        made.append((f"metadata {metadata}", new_cell("code", "a", metadata=metadata)))
        made.append((f"metadata {metadata}", new_cell("markdown", "a", metadata=metadata)))
    attack = '"><img src=x onerror=steal(1)>'
    outputs = [new_output("execute_result", {"text/plain": "a"}, execution_count=attack)]
    made.append(("a counter", new_cell("code", "a", outputs=outputs, execution_count=attack)))
    made.append(("an id", new_cell("code", "a", id=attack)))
    return made
