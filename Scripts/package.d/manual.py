"""manual.py HELP.JSON CONFIGURATION.MD VERSION DIRECTORY: the manual, from what the program tells of itself (--experimental-dump-help): slipway(1), a
page for each verb, and slipway.yaml(5) from the page of keys."""

import datetime
import json
import os
import re
import sys

source, keys, version, place = sys.argv[1:]
date = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc).strftime("%Y-%m-%d")


def plain(text):
    """Text as roff takes it."""
    text = (text or "").replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def page(name, section, abstract, body):
    title = name.upper().replace(" ", "-")
    head = [f'.TH "{plain(title)}" {section} {date} "slipway {plain(version)}" "Slipway"', ".SH NAME",
            f'{plain(name.replace(" ", "-"))} \\- {plain(abstract.rstrip("."))}']
    with open(f"{place}/man{section}/{name.replace(' ', '-')}.{section}", "w") as file:
        file.write("\n".join(head + body) + "\n")


def words(argument):
    """What is written for an argument: its names, and its value in italics."""
    value = f"\\fI{plain(argument.get('valueName', 'value'))}\\fR"
    if argument["kind"] == "positional":
        return value
    names = [("--" if name["kind"] == "long" else "-") + name["name"] for name in argument["names"]]
    text = ", ".join(f"\\fB{plain(name)}\\fR" for name in names)
    return f"{text} {value}" if argument["kind"] == "option" else text


def synopsis(path, arguments):
    parts = [f"\\fB{plain(path)}\\fR"]
    for argument in arguments:
        if argument["kind"] == "positional":
            part = words(argument) + ("..." if argument["isRepeating"] else "")
            parts.append(f"[{part}]" if argument["isOptional"] else part)
        elif not argument["isOptional"]:
            parts.append(words(argument))
    return " ".join(parts) + " [\\fIoptions\\fR]"


def visit(command, above):
    path = " ".join(above + [command["commandName"]])
    inner = [sub for sub in command.get("subcommands", []) if sub["commandName"] != "help"]
    arguments = [argument for argument in command.get("arguments", []) if argument.get("shouldDisplay", True)]
    body = [".SH SYNOPSIS", synopsis(path, arguments) if not inner else f"\\fB{plain(path)}\\fR \\fIverb\\fR [\\fIoptions\\fR]"]
    if command.get("discussion"):
        body += [".SH DESCRIPTION", ".nf", plain(command["discussion"]), ".fi"]
    if inner:
        body.append(".SH VERBS")
        for sub in inner:
            name = plain(f"{path} {sub['commandName']}".replace(" ", "-"))
            body += [".TP", f"\\fB{name}\\fR(1)", plain(sub.get("abstract"))]
    else:
        body.append(".SH OPTIONS")
        for argument in arguments:
            body += [".TP", words(argument), plain(argument.get("abstract", ""))]
            if argument.get("allValues"):
                body.append(plain("One of: " + ", ".join(argument["allValues"]) + "."))
            if argument.get("defaultValue"):
                body.append(plain(f"Default: {argument['defaultValue']}."))
    others = ["\\fBslipway.yaml\\fR(5)"] + ([f"\\fB{plain('-'.join(above))}\\fR(1)"] if above else [])
    body += [".SH FILES", ".TP", "\\fI/etc/slipway/slipway.yaml\\fR", "The configuration; without it, the defaults of a user's own.",
             ".SH SEE ALSO", ", ".join(others), ".br", plain("/usr/share/doc/slipway/docs/reference has every document, error, route and reason.")]
    page(path, 1, command.get("abstract", ""), body)
    return 1 + sum(visit(sub, above + [command["commandName"]]) for sub in inner)


def configuration():
    body = [".SH DESCRIPTION", plain("One YAML file. Every key has a default but clusters; 'slipway config check' tells what is wrong with it.")]
    count = 0
    for line in open(keys):
        cells = [cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if line.startswith("## "):
            body.append(f'.SH "{plain(line[3:].strip().upper())}"')
        elif len(cells) == 5 and cells[0] not in ("Key", "---"):
            count += 1
            key, value, default, variable, meaning = cells
            body += [".TP", f"\\fB{plain(key)}\\fR ({plain(value)})", plain(meaning), ".br", plain(f"Default: {default}." if "must" not in default else "Must be given.")]
            if variable:
                body.append(plain(f"Variable: {variable}."))
    page("slipway.yaml", 5, "configuration of Slipway", body)
    return count


with open(source) as file:
    pages = visit(json.load(file)["command"], [])
if pages < 10 or configuration() < 30:
    sys.exit("manual.py: the help or the page of keys is not what it was")
