#!/usr/bin/env python3
"""Variables and their documents agree: nothing stands in a table of docs/settings.md, docs/aws.md or docs/lambda.md that the
sources do not read, and nothing is read that these documents do not name."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENTS = ["settings.md", "aws.md", "lambda.md"]
NAME = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"
# What a function of Lambda is told besides, and what programs of AWS's are.
OF_OTHERS = re.compile(r"(?:AWS_)?LAMBDA_\w+|AWS_DISABLE_HOST_PREFIX_INJECTION")
# Read as AWS_ENDPOINT_URL_ and a service's name.
OF_SERVICES = re.compile(r"AWS_ENDPOINT_URL_\w+")


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def names_read():
    """The names that stand in sources which read the environment."""
    names = set()
    for folder, _, files in os.walk(os.path.join(ROOT, "src")):
        for file in files:
            text = text_of(folder, file)
            if re.search(r"\benvironment\w*\(|Environment&", text):
                names.update(re.findall(rf'"({NAME})"', text))
    return names


def names_in_tables():
    lines = [line for document in DOCUMENTS for line in text_of("docs", document).splitlines()]
    first_cells = [line.split("|")[1] for line in lines if line.startswith("|")]
    return {name for cell in first_cells for name in re.findall(rf"\b{NAME}\b", cell)}


def main():
    documents = "\n".join(text_of("docs", document) for document in DOCUMENTS)
    read = names_read()
    unread = {name for name in names_in_tables() - read if not OF_SERVICES.fullmatch(name)}
    unsaid = {name for name in read if not OF_OTHERS.fullmatch(name) and not re.search(rf"\b{name}\b", documents)}
    for name in sorted(unread):
        print(f"{name} stands in a table of docs/, and nothing in src/ reads it")
    for name in sorted(unsaid):
        print(f"src/ reads {name}, and none of {', '.join(DOCUMENTS)} names it")
    return 1 if unread or unsaid else 0


if __name__ == "__main__":
    sys.exit(main())
