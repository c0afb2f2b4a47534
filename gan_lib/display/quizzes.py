"""Self-check questions as plain HTML forms: native inputs, reasons after the answer, no kernel."""

import html

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from gan_lib.display.page import attribute, digest, script, style
from gan_lib.rich import MATH_CLASSES, show

KINDS = ("single", "multiple", "numeric", "text", "essay")
ASK = {
    "single": "Choose one option.",
    "multiple": "Choose every option that belongs to the answer.",
    "numeric": "Your answer, a number such as 0.25, 1/4, 25 % or 1e-3",
    "text": "Your answer, a few words",
    "essay": "Your answer, for yourself: write it down before you compare",
}
SCORE = (
    '<p class="gan-score" hidden><span></span> '
    '<button type="button" hidden>Clear all answers of this page</button></p>'
)


def quiz(questions):
    """Show questions that a reader answers and checks on the page; only the browser keeps the answers.

    Args:
        questions: dicts with the keys id, title, text, kind, explanation and, as the kind has them, code,
            options (dicts with letter, text, correct, reason), answer, tolerance. Texts are Markdown
            with $mathematics$. Kinds: "single", "multiple"; "numeric", right when |given - answer| is at most
            tolerance, or rounding where that is None (readers may write 0.5, 0,5, 1/2, 50 % or 5e-1); "text",
            right when equal but for case, spaces and hyphens; "essay", compared by the reader. A question and
            its options may have links (dicts with text, url, title), shown as evidence with what explains
            them.

    Raises: ValueError for no questions, a repeated id, an unknown kind, or a kind without what it needs.
    """
    questions = list(questions)
    show(quiz_html(questions), "\n\n".join(_plain(question) for question in questions))


def quiz_html(questions):
    """The HTML that `quiz` shows, for pages that are not notebooks; arguments and errors as there."""
    questions = list(questions)
    if not questions:
        raise ValueError("a quiz needs at least one question")
    ids = [question["id"] for question in questions]
    if len(set(ids)) < len(ids):
        raise ValueError(f"a question can stand only once in a quiz: {ids}")
    for question in questions:
        _check(question)
    forms = "".join(_form(question, f"quiz-{question['id']}-{digest(*ids)}") for question in questions)
    quiz = f'<div class="gan-quiz {MATH_CLASSES}">{forms}{SCORE}</div>'
    return f"{style('quiz.css')}{quiz}{script('quiz.js')}"


def _check(question):
    kind, where = question["kind"], f"question {question['id']!r}"
    if kind not in KINDS:
        raise ValueError(f"{where} is of the unknown kind {kind!r}; known are {', '.join(KINDS)}")
    right = sum(bool(option["correct"]) for option in question.get("options") or ())
    if (kind == "single" and right != 1) or (kind == "multiple" and right < 1):
        raise ValueError(f"{where} is of the kind {kind!r} but has {right} right options")
    if kind in ("numeric", "text") and question.get("answer") is None:
        raise ValueError(f"{where} is of the kind {kind!r} but has no answer")


def _math(delimiters, element):
    def render(self, tokens, index, options, env):
        body = html.escape(tokens[index].content.strip(), quote=False)
        return f'<{element} class="math {MATH_CLASSES}">{delimiters[0]}{body}{delimiters[1]}</{element}>'

    return render


def _markdown():
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.use(dollarmath_plugin, allow_labels=False, allow_space=False, double_inline=True)
    parser.add_render_rule("math_inline", _math((r"\(", r"\)"), "span"))
    parser.add_render_rule("math_inline_double", _math((r"\[", r"\]"), "span"))
    parser.add_render_rule("math_block", _math((r"\[", r"\]"), "div"))
    return parser


MARKDOWN = _markdown()


def _block(text):
    # A code block that scrolls must be reachable by keyboard.
    return MARKDOWN.render(text).replace("<pre>", '<pre tabindex="0">')


def _form(question, prefix):
    kind = question["kind"]
    body = _options(question, prefix) if kind in ("single", "multiple") else _field(question, prefix)
    code = question.get("code")
    listing = f'<pre tabindex="0"><code>{html.escape(code.rstrip())}</code></pre>' if code else ""
    buttons = "" if kind == "essay" else '<button type="submit">Check</button>'
    hidden = "" if kind == "essay" else " hidden"
    label = "Show an answer" if kind == "essay" else "Show the answer"
    return (
        f'<form class="gan-question" data-kind="{kind}" data-id="{attribute(question["id"])}" '
        f'data-version="{_version(question)}"{_key(question)} novalidate>'
        f'<fieldset aria-describedby="{prefix}-text"><legend>{attribute(question["id"])} · '
        f"{MARKDOWN.renderInline(question['title'])}</legend>"
        f'<div class="gan-text" id="{prefix}-text">{_block(question["text"])}{listing}</div>{body}'
        f'<div>{buttons}<button type="button" class="gan-reveal"{hidden}>{label}</button>'
        '<button type="button" class="gan-reset" hidden>Start over</button></div>'
        '<div class="gan-status" role="status" aria-live="polite"></div>'
        f'<div class="gan-explanation" hidden>{_answer(question)}{_block(question["explanation"])}'
        f"{_links(question)}</div>"
        "</fieldset></form>"
    )


def _version(question):
    """Changes with what is asked, so that an answer to other words is not taken for one to these."""
    return digest(question["text"], *(option["text"] for option in question.get("options") or ()))


def _key(question):
    if question["kind"] == "numeric":
        tolerance = float(question.get("tolerance") or 0)
        return f' data-answer="{float(question["answer"])!r}" data-tolerance="{tolerance!r}"'
    return f' data-answer="{attribute(question["answer"])}"' if question["kind"] == "text" else ""


def _answer(question):
    if question["kind"] not in ("numeric", "text"):
        return ""
    answer = f"{question['answer']:.6g}" if question["kind"] == "numeric" else attribute(question["answer"])
    return f"<p>Answer: <strong>{answer}</strong></p>"


def _options(question, prefix):
    kind = "radio" if question["kind"] == "single" else "checkbox"
    rows = "".join(
        f'<div class="gan-option" data-correct="{"yes" if option["correct"] else "no"}">'
        f'<input type="{kind}" name="{prefix}" id="{prefix}-{option["letter"]}" value="{option["letter"]}">'
        f'<label for="{prefix}-{option["letter"]}"><strong>{option["letter"]}.</strong> '
        f"{MARKDOWN.renderInline(option['text'])}</label>"
        f'<div class="gan-reason" hidden><strong>{_mark(option["correct"])}</strong> '
        f"{_block(option['reason'])}{_links(option)}</div></div>"
        for option in question["options"]
    )
    return f'<p class="gan-ask">{ASK[question["kind"]]}</p>{rows}'


def _links(entry):
    links = ", ".join(
        f'<a href="{attribute(link["url"])}" title="{attribute(link["title"])}">{attribute(link["text"])}</a>'
        for link in entry.get("links") or ()
    )
    return f'<p class="gan-links">Evidence: {links}.</p>' if links else ""


def _mark(correct):
    return "✓ Part of the answer." if correct else "✗ Not part of the answer."


def _field(question, prefix):
    kind = question["kind"]
    label = f'<label class="gan-ask" for="{prefix}-field">{ASK[kind]}</label>'
    if kind == "essay":
        return f'{label}<textarea id="{prefix}-field" rows="5"></textarea>'
    mode = ' inputmode="decimal"' if kind == "numeric" else ""
    return f'{label}<input type="text" id="{prefix}-field" autocomplete="off" spellcheck="false"{mode}>'


def _plain(question):
    lines = [f"{question['id']} · {question['title']}", question["text"]]
    lines += [question["code"]] if question.get("code") else []
    lines += [f"  {option['letter']}. {option['text']}" for option in question.get("options") or ()]
    return "\n".join(lines)
