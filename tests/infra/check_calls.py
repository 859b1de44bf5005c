#!/usr/bin/env python3
"""Compares the calls that steps made with those that workflows/permissions.json grants them.

usage: check_calls.py CALLS [--all-rights]

CALLS has a JSON object a line, one for each call that a step made of a service:
    {"step": "line_polling", "service": "s3", "operation": "PutObject", "resource": "vectors"}
`step` is a HANDLER_TYPE or a function's name. `resource` is a kind of permissions.json; without it the call must be granted on
some resource of the service. `actions` are those that the call needs if its operation does not say it, with spaces between.
A call that is not granted ends the program with status 1: the function would be refused by AWS. Rights that no call used are
listed, as far as the step was seen at all, but for those that uncalled_rights.json gives a reason for. With --all-rights the
recording is one of everything that steps do: such a right is a failure, too, and a step without any call.
"""

import json
import os
import sys

SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(name):
    with open(os.path.join(SOURCES, "workflows", name), encoding="utf-8") as file:
        return json.load(file)


class Grants:
    def __init__(self):
        self.permissions = read("permissions.json")
        self.step_of = {}
        for step in read("steps.json")["steps"]:
            self.step_of[step["handler_type"]] = self.step_of[step["function_name"]] = step["handler_type"]

    def actions(self, service, operation):
        """What a call needs; nothing for one that the file does not know."""
        return self.permissions["operations"].get(service, {}).get(operation)

    def needed(self, call):
        known = self.actions(call["service"], call["operation"])
        return call["actions"].split() if known and "actions" in call else known

    def granted(self, step):
        """(resource, action) of a step, as its role has them."""
        kinds = self.permissions["resources"]
        calls = [self.permissions["steps"][step]["calls"], self.permissions["event_source"].get(step, {})]
        return {(kind, action) for part in calls for kind, operations in part.items() for operation in operations
                for action in self.actions(kinds[kind], operation)}

    def kinds_of(self, call):
        return [kind for kind, service in self.permissions["resources"].items() if service == call["service"]
                and call.get("resource", kind) == kind]

    def refusal(self, call):
        """Why AWS would refuse a call, or nothing."""
        step = self.step_of.get(call["step"])
        if step is None:
            return f"there is no step {call['step']}"
        needed = self.needed(call)
        if needed is None:
            return f"permissions.json does not know {call['service']} {call['operation']}"
        kinds = self.kinds_of(call)
        granted = self.granted(step)
        for action in needed:
            if not any((kind, action) in granted for kind in kinds):
                return f"{step} may not do {call['service']}:{action} on {' or '.join(kinds) or call['resource']}"
        return None

    def unused(self, calls):
        """Rights of the steps that were seen which none of the calls needs."""
        used = {}
        for call in calls:
            rights = used.setdefault(self.step_of.get(call["step"]), set())
            rights.update((kind, action) for kind in self.kinds_of(call) for action in self.needed(call) or ())
        for step, rights in sorted((step, rights) for step, rights in used.items() if step):
            for kind, action in sorted(self.granted(step) - rights):
                right = {"step": step, "action": f"{self.permissions['resources'][kind]}:{action}", "on": kind}
                if not any(excuses(reason, right) for reason in uncalled_rights()):
                    yield f"{step}: {right['action']} on {kind}"

    def silent(self, calls):
        """Steps that made no call at all, whose rights nobody can judge."""
        return sorted(set(self.permissions["steps"]) - {self.step_of.get(call["step"]) for call in calls})

    def pointless_reasons(self):
        """Reasons for rights that no step has, or not each of those that they name."""
        kinds = self.permissions["resources"]
        rights = [{"step": step, "action": f"{kinds[kind]}:{action}", "on": kind}
                  for step in self.permissions["steps"] for kind, action in self.granted(step)]
        for reason in uncalled_rights():
            excused = {right["step"] for right in rights if excuses(reason, right)}
            if not excused or not excused.issuperset(reason.get("steps", [])):
                yield reason["because"]


def uncalled_rights():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "uncalled_rights.json"), encoding="utf-8") as file:
        return json.load(file)["rights"]


def excuses(reason, right):
    return right["action"] == reason["action"] and right["on"] in reason["on"] and right["step"] in reason.get(
        "steps", [right["step"]])


def main():
    arguments = sys.argv[1:]
    if not arguments or arguments[1:] not in ([], ["--all-rights"]):
        sys.exit(__doc__)
    with open(arguments[0], encoding="utf-8") as file:
        calls = [json.loads(line) for line in file if line.strip()]
    grants = Grants()
    refused = sorted({refusal for refusal in map(grants.refusal, calls) if refusal})
    unused = list(grants.unused(calls)) + [f"{step}: anything" for step in grants.silent(calls)]
    for line in refused:
        print(f"refused: {line}")
    for line in unused:
        print(f"never called: {line}")
    print(f"{len(calls)} calls, {len(refused)} kinds of them refused")
    sys.exit(1 if refused or (unused and "--all-rights" in arguments) else 0)


if __name__ == "__main__":
    main()
