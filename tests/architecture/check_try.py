#!/usr/bin/env python3
"""No TRY inside braces, or among a lambda's captures, behind a member that is built already: where the TRY returns,
g++ 12 never destroys that member. (Nor where an aggregate is built in parentheses, which this cannot tell from a call.)

The sources are read as tokens. A brace opens a block or an initializer, which is told by what stands before it; a TRY
belongs to the initializers around it up to the next block (a lambda's body, say).
"""
import pathlib
import re
import sys

TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | ^[ ]*\#(?:[^\n]|\\\n)*"""  # comments and directives: no tokens
    r"""|(?P<token> R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)" | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+'"""
    r"""| [0-9](?:'?[0-9A-Za-z_.])* | [A-Za-z_]\w* | :: | -> | \S )""",
    re.S | re.M | re.X,
)
HEADS = {"namespace", "struct", "class", "union", "enum"}
BEFORE_A_BLOCK = {")", "]", ";", "}", "&", "else", "do", "try", "const", "noexcept", "override", "final", "mutable"}
BEFORE_AN_INITIALIZER = {",", "(", "[", "=", "return"}


def opens_block(tokens, opened):
    """Whether the brace behind these tokens opens a block; `opened`: the brackets around it."""
    before = tokens[-1] if tokens else ";"
    if before in BEFORE_A_BLOCK:
        return True
    if before in BEFORE_AN_INITIALIZER:
        return False
    parent = opened[-1]["bracket"] if opened else "block"
    if before in ("{", ":"):
        return parent == "block"
    for token in reversed(tokens):  # a name: of what is built, of a lambda's result, or of what is declared
        if token in ("->", *HEADS):
            return True
        if token in (";", "{", "}", "(", ")", "=", "return"):
            break
    return False


def tries_behind_a_member(source):
    tokens, opened = [], []
    for match in TOKEN.finditer(source):
        token = match["token"]
        if token is None:
            continue
        if token in "([{":
            bracket = ("block" if opens_block(tokens, opened) else "initializer") if token == "{" else token
            opened.append({"bracket": bracket, "members": 0})
        elif token in ")]}":
            opened.pop()
        elif token == "," and opened:
            opened[-1]["members"] += 1
        elif token == "TRY":
            for around in reversed(opened):
                if around["bracket"] == "block":
                    break
                if around["bracket"] in ("initializer", "[") and around["members"] > 0:
                    yield source.count("\n", 0, match.start()) + 1
                    break
        tokens.append(token)


SAMPLES = {
    "return File{.name = name, .size = TRY(size())};": True,
    "files.push_back({name, TRY(open(name))});": True,
    'Json json = {{"size", TRY(size())}};': True,
    "call(Outer{1, std::vector<Inner>{TRY(inner())}});": True,
    "return [name = name, size = TRY(size())] { return size; };": True,
    "return File{TRY(name()), 0};": False,
    "return sizes[TRY(place())] + add(one, sizes[TRY(place())]);": False,
    "Result<int> sum() { return add(one, TRY(two())); }": False,
    "auto two() -> Result<int> { call(a, b); return TRY(two()); }": False,
    "call({name, [&](int a, int b) -> Result<int> { return TRY(sum(a, b)); }});": False,
    "struct A : B<int, int> { Result<void> f(int a, int b) const { TRY(g()); } };": False,
}
for sample, is_wrong in SAMPLES.items():
    assert bool(list(tries_behind_a_member(sample))) == is_wrong, f"this check is wrong about {sample}"

# How many a file may have, and why.
ALLOWED = {
    "src/steps/generations/generation.cpp": 2,  # behind numbers: there is nothing to destroy
}

root = pathlib.Path(__file__).resolve().parents[2]
is_wrong = False
for path in sorted([*root.glob("src/**/*.cpp"), *root.glob("src/**/*.h")]):
    name = str(path.relative_to(root))
    if name == "src/base/result.h":  # where TRY itself is made
        continue
    lines = list(tries_behind_a_member(path.read_text()))
    if len(lines) > ALLOWED.get(name, 0):
        is_wrong = True
        for line in lines:
            print(f"{name}:{line}: TRY behind a member that is built already: name its value first")
if not is_wrong:
    print("no TRY stands behind a member that is built already")
sys.exit(is_wrong)
